"""What can go wrong in the lab.

LabError
├── BadInput         the caller asked for something that does not exist or cannot be
├── WaitTimeout      something awaited did not happen in time; says what, how long, and what was seen instead
├── RobotFailed      a robot process died or reported a fault of its own
├── NodeFailed       the node did not start, or stopped by itself
├── DeskRefused      the desk API answered with an error
└── DeskLost         the live connection to the desk broke
"""

from __future__ import annotations


class LabError(Exception):
    """Base of everything expected to go wrong in the lab."""


class BadInput(LabError):
    """The caller asked for something that does not exist or cannot be."""


class WaitTimeout(LabError):
    """Something awaited did not happen in time."""

    def __init__(self, awaited: str, timeout_s: float, seen: str = "") -> None:
        tail = f"; {seen}" if seen else ""
        super().__init__(f"waited {timeout_s:g} s for {awaited}{tail}")
        self.awaited = awaited


class RobotFailed(LabError):
    """A robot process died or reported a fault of its own."""


class NodeFailed(LabError):
    """The node did not start, or stopped by itself."""


class DeskLost(LabError):
    """The live connection to the desk broke."""


class DeskRefused(LabError):
    """The desk API answered with an error."""

    def __init__(self, request: str, status: int, code: str, message: str) -> None:
        super().__init__(f"{request} was refused: {status} {code}: {message}")
        self.status = status
        self.code = code
