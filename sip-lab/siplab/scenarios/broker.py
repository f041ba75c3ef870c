"""What a scenario does to a private node's broker: the Mosquitto that is its child."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from siplab.errors import LabError


def broker_pid(node_pid: int) -> int:
    """Find the node's Mosquitto.

    Raises:
        LabError: It has none.
    """
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = stat.read_text().partition(" (")
        except OSError:
            continue  # it has just ended
        name, _, fields = rest.rpartition(") ")
        if name == "mosquitto" and int(fields.split()[1]) == node_pid:
            return int(pid)
    raise LabError("the node has no broker of its own")


def save_memory(node_pid: int) -> None:
    """Let the broker write what it retains to disk, as it does by itself now and then."""
    os.kill(broker_pid(node_pid), signal.SIGUSR1)


def kill_broker(node_pid: int) -> None:
    """End the broker without warning; the node starts it anew by itself."""
    os.kill(broker_pid(node_pid), signal.SIGKILL)
