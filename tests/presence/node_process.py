"""A node's presence in its own process, so that a test can kill it: it has one person in a call, then it waits.

Usage: python -m tests.presence.node_process PORT USER NODE PERSON PREFIX, password on standard input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from presence.runner import PresenceService
from presence.settings import PresenceSettings
from vocabulary import PersonId


async def main(port: int, user: str, node: str, person: PersonId, prefix: str, password: str) -> None:
    settings = PresenceSettings(
        Path(), host="127.0.0.1", port=port, username=user, password=password, prefix=prefix, node=node, shared=True
    )
    service = PresenceService(
        settings,
        on_change=lambda _: None,
        on_command=lambda *_: None,
        on_rendered=lambda *_: None,
        people=(person,),
    )
    await service.start()
    service.line_state(person, in_call=True)
    await asyncio.Event().wait()


_, *arguments = sys.argv
asyncio.run(main(int(arguments[0]), arguments[1], arguments[2], PersonId(arguments[3]), arguments[4], input()))
