"""Keeps Python exceptions out of PJSIP: a callback that raises would end the process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import structlog

P = ParamSpec("P")
log = structlog.get_logger(__name__)


def guarded(callback: Callable[P, None]) -> Callable[P, None]:
    """Wrap a PJSIP callback so that a bug in it is logged with its stack and ends nothing else."""

    @functools.wraps(callback)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:
            log.exception("pjsip_callback_failed", callback=callback.__qualname__)

    return run
