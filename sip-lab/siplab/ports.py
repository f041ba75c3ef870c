"""Ports for whoever must know his port long before he opens it, or open it again later."""

from __future__ import annotations

import os
import random
import socket

FIRST, LAST = 10_000, 19_999
"""Below what Linux gives to sockets that ask for any port (32768 and above), and below the nodes' sound (20000)."""
_DRAWN = random.Random(os.getpid())
_GIVEN: set[int] = set()


def lasting_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Give a port of the loopback address that is free now, and that nobody is given who asks for any."""
    for _ in range(1_000):
        port = _DRAWN.randint(FIRST, LAST)
        if port not in _GIVEN and _is_free(port, kind):
            _GIVEN.add(port)
            return port
    raise OSError(f"no free port between {FIRST} and {LAST}")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
