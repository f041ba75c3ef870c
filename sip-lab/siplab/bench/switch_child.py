"""A switch by itself, run as `python -m siplab.bench.switch_child`: answers callers and mixes them three by three.

Start command: `{"do": "start", "state_dir": folder, "people": {user: password}, "connections": also TCP and TLS}`. Then
`dial` (person), `fetch` (dial a person into the call of the waiting two), `end_fetched`, `end_all`, `stats`
and `quit`. Events: `ready` (port, tcp, tls), `dialled` (t is just before the switch gets the effect), `dial_ended`
(reason), `stats` (legs, conferences, lost).
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from siplab.command_input import EventOutput
from telephony.adapters.pjsip import PjsipSwitch
from telephony.admission import Directory, SipCredential, Trunk
from telephony.digest import Algorithm, ha1
from telephony.effects import AnswerLeg, DialLeg, EndLeg, SetMix
from telephony.events import LegAnswered, LegArrived, LegEnded, SwitchEvent
from telephony.model import CallerIdentity, Destination, everyone_hears_everyone
from telephony.settings import SwitchSettings
from vocabulary import EndReason, LegId, PersonId, new_id

SERVICE_NUMBER = "5001"
CONFERENCE = 3
DONE = EndReason.success("completed")


class ConferenceSwitch:
    """Joins callers in conferences of three, in the order they are answered."""

    def __init__(self, settings: SwitchSettings, directory: Directory, output: EventOutput) -> None:
        self._switch = PjsipSwitch(settings, directory, self._on_event)
        self._output = output
        self._arrived: set[LegId] = set()
        self._legs: set[LegId] = set()
        self._lonely: list[LegId] = []
        self._fetched: set[LegId] = set()
        self._conferences = 0

    async def start(self) -> None:
        """Serve on a free port."""
        await self._switch.start()
        ports = self._switch.ports
        self._output.emit("ready", port=ports.udp, tcp=ports.tcp, tls=ports.tls)

    async def stop(self) -> None:
        """Leave."""
        await self._switch.stop()

    def obey(self, command: dict[str, Any]) -> None:
        """Perform one command."""
        match command["do"]:
            case "dial" | "fetch":
                leg = LegId(new_id("leg"))
                self._legs.add(leg)
                if command["do"] == "fetch":
                    self._fetched.add(leg)
                shown = CallerIdentity("Bench", "+385915550199")
                self._output.emit("dialled", leg=leg)
                self._switch.perform(DialLeg(leg, Destination(person=PersonId(command["person"])), shown))
            case "end_fetched":
                for leg in tuple(self._fetched):
                    self._switch.perform(EndLeg(leg, DONE))
            case "end_all":
                for leg in tuple(self._legs):
                    self._switch.perform(EndLeg(leg, DONE))
            case "stats":
                stats = self._switch.stats()
                self._output.emit("stats", legs=len(self._legs), conferences=self._conferences, lost=stats.packets_lost)
            case unknown:
                raise ValueError(f"unknown command {unknown!r}")

    def _on_event(self, event: SwitchEvent) -> None:
        match event:
            case LegArrived(leg):
                self._arrived.add(leg)
                self._legs.add(leg)
                self._switch.perform(AnswerLeg(leg))
            case LegAnswered(leg) if leg in self._arrived:
                self._lonely.append(leg)
                if len(self._lonely) == CONFERENCE:
                    three = frozenset(self._lonely)
                    self._lonely.clear()
                    self._conferences += 1
                    self._switch.perform(SetMix(three, everyone_hears_everyone(three)))
            case LegAnswered(leg) if leg in self._fetched:
                together = frozenset((*self._lonely, leg))
                self._switch.perform(SetMix(together, everyone_hears_everyone(together)))
            case LegEnded(leg, end):
                if leg not in self._arrived:
                    self._output.emit("dial_ended", reason=end.reason)
                self._legs.discard(leg)
                self._fetched.discard(leg)
                self._arrived.discard(leg)
                if leg in self._lonely:
                    self._lonely.remove(leg)
            case _:
                pass  # ringing, digits and registrations do not matter here


def settings_of(command: dict[str, Any]) -> tuple[SwitchSettings, Directory]:
    """Read the start command."""
    connections = 0 if command.get("connections") else None
    settings = SwitchSettings(
        state_dir=Path(command["state_dir"]),
        bind_address="127.0.0.1",
        udp_port=0,
        tcp_port=connections,
        tls_port=connections,
    )
    people: dict[str, str] = command.get("people", {})
    credentials = {
        user: SipCredential(
            user,
            PersonId(user),
            ha1(user, settings.realm, password, Algorithm.MD5),
            ha1(user, settings.realm, password, Algorithm.SHA_256),
        )
        for user, password in people.items()
    }
    trunk = Trunk("load", ("127.0.0.1/32",))
    return settings, Directory(credentials, (trunk,), frozenset({SERVICE_NUMBER}))


async def serve() -> None:
    """Obey commands until `quit` or the end of input."""
    output = EventOutput.take_stdout()
    reader = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    settings, directory = settings_of(json.loads(await reader.readline()))
    switch = ConferenceSwitch(settings, directory, output)
    await switch.start()
    try:
        while (raw := await reader.readline()) and (command := json.loads(raw))["do"] != "quit":
            switch.obey(command)
    finally:
        await switch.stop()


if __name__ == "__main__":
    asyncio.run(serve())
