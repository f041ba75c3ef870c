"""The environment of the lab's child processes."""

from __future__ import annotations

import os
from pathlib import Path


def child_environment() -> dict[str, str]:
    """Give our environment, with compiled bytecode kept in the user's cache folder.

    Where the shell forbids bytecode beside the source (containers often do), each child would compile everything anew:
    several seconds for the node, and most of a robot's start.
    """
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    environment.setdefault("PYTHONPYCACHEPREFIX", str(cache / "ringside" / "bytecode"))
    return environment
