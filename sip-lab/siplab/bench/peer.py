"""Another SIP server that answers 5001, to be measured in the same run."""

from __future__ import annotations

import os
from dataclasses import dataclass

from siplab.errors import BadInput


@dataclass(frozen=True, slots=True)
class Peer:
    """Where it is (`host:port`), and its process here; 0: not known, then its CPU cannot be told."""

    address: str
    pid: int = 0


def peer_of(address: str, pid: int) -> Peer | None:
    """Read the command line's two options.

    Raises:
        BadInput: A process without an address, or there is no such process.
    """
    if pid and not address:
        raise BadInput("--peer-pid needs --peer host:port")
    if pid and not os.path.exists(f"/proc/{pid}"):
        raise BadInput(f"--peer-pid: there is no process {pid} on this machine")
    return Peer(address, pid) if address else None
