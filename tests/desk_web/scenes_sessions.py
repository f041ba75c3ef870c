"""Log-ins for the pages: this browser, a telephone, and a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1"


def three_sessions(ago: Callable[[float], str]) -> list[dict[str, Any]]:
    return [
        _session("0" * 16, ago(90_000), ago(4_000), "curl/8.0", "192.0.2.9"),
        _session("1" * 16, ago(9_000), ago(500), IPHONE, "2001:db8::7"),
        _session("2" * 16, ago(600), ago(0), FIREFOX, "127.0.0.1", current=True),
    ]


def _session(id_: str, since: str, used: str, agent: str, address: str, *, current: bool = False) -> dict[str, Any]:
    return {
        "id": id_,
        "since": since,
        "last_used": used,
        "user_agent": agent,
        "address": address,
        "current": current,
    }
