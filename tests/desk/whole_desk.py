"""The whole desk over the real centre: every route there is, one person of each role, and a company at work.

Customer, agent (Anna) and an invited specialist (Priya) are in the middle of an escalation, a supervisor listens, and a
promise waits. The people of `ROLES` have no part in any of it, but for the supervisor who listens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from center.administration.model import Kind
from center.escalation.model import Choice, Timing
from center.interaction.model import SupervisionMode
from desk.access import COOKIE
from desk.app import create_app
from desk.logins import Logins
from desk.oidc import OidcLogin
from desk.server import DeskServer
from desk.settings import DeskSettings, OidcSettings
from store.records import WebSession
from tests.center.administration.office import Office, an_administration
from tests.center.stage import ANNA, BEN, MARCUS, OLGA, SARA, STRANGER, Stage, a_stage
from tests.desk.conftest import QUICK_HASHER
from tests.fakes.browser_phones import FakeBrowserPhones
from tests.fakes.switch import Manner
from vocabulary import EscalationId, PersonId

TOM = PersonId("tom.fischer")
PRIYA = PersonId("priya.shah")
PERSON, PASSWORD = MARCUS, "right"
"""Somebody to whom things are done."""
NO_PROVIDER = "http://127.0.0.1:9"
"""An identity provider that is not there: who goes to it comes back with that word."""
PATIENT = Timing(target_s=1_000.0, ceiling_s=2_000.0, ring_s=900.0)
"""Nothing of the situation ends by itself while it is looked at."""
ROLES = {"agent": BEN, "specialist": TOM, "supervisor": SARA, "administrator": OLGA}
"""Each has this role only."""


class Lab:
    """Implements `desk.ports.LabApi`."""

    def escalate(self, sip_call_id: str, to: PersonId) -> EscalationId:
        return EscalationId(f"esc_{len(sip_call_id) + len(to)}")


@dataclass
class WholeDesk:
    """A desk that serves, the company behind it, and the ids of what goes on."""

    stage: Stage
    office: Office
    app: FastAPI
    logins: Logins
    phones: FakeBrowserPhones
    client: httpx2.AsyncClient
    """Without cookies of its own: making a client is what takes longest."""
    url: str
    exits: AsyncExitStack
    ids: dict[str, str] = field(default_factory=dict)
    """Parameter of a path -> something that exists."""

    async def session(self, person: PersonId) -> tuple[str, WebSession]:
        """A fresh log-in; the cookie's value and the session."""
        return await self.logins.open(person, address="127.0.0.1", user_agent="a test")

    async def logged_in(self, person: PersonId | None) -> dict[str, str]:
        """The headers of a fresh log-in of this person; None: nobody."""
        return {"Cookie": f"{COOKIE}={(await self.session(person))[0]}"} if person is not None else {}

    def thing(self, kind: Kind) -> dict[str, Any]:
        """One thing of the company's set-up, with its content and version."""
        olga = self.stage.directory.people[OLGA]
        things = [dict(each) for each in self.office.administration.things(olga, kind)]
        wanted = {Kind.PEOPLE: PERSON, Kind.NUMBERS: "5098", Kind.SKILLS: "spare"}.get(kind)
        return next(each for each in things if wanted in (None, each["id"]))


@asynccontextmanager
async def a_whole_desk(folder: Path, settings: DeskSettings) -> AsyncIterator[WholeDesk]:
    async with AsyncExitStack() as exits:
        stage = await exits.enter_async_context(a_stage(folder, timing=PATIENT, wrap_up_s=3_600.0))
        await stage.store.directory.set_password_hash(PERSON, QUICK_HASHER.hash(PASSWORD))
        office = await exits.enter_async_context(an_administration(stage, folder))
        store = stage.store
        logins = Logins(store.web_sessions, store.directory.password_hash, settings.logins, hasher=QUICK_HASHER)
        exits.callback(logins.close)
        phones = FakeBrowserPhones()
        oidc = OidcLogin(OidcSettings(NO_PROVIDER, "desk"), store.pending_logins)
        administration = office.administration
        app = create_app(
            stage.center.commands,
            logins,
            settings,
            None,
            oidc=oidc,
            phones=phones,
            administration=administration,
            lab=Lab(),
        )
        server = DeskServer(app, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{await server.start()}"
        exits.push_async_callback(server.stop)
        client = await exits.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=20))
        desk = WholeDesk(stage, office, app, logins, phones, client, url, exits)
        await _go_to_work(desk)
        yield desk


async def _go_to_work(desk: WholeDesk) -> None:
    stage, center = desk.stage, desk.stage.center.commands
    promised = await stage.talking(number=STRANGER)
    asked = await center.escalate(ANNA, promised, None, "", "fraud")
    await stage.until(lambda: stage.escalation(asked["id"])["state"] in ("choosing", "waiting"))
    await center.choose(ANNA, asked["id"], Choice.TASK)
    await stage.until(lambda: center.tasks(SARA))
    await center.close(ANNA, promised, "Promised", False, "")
    await center.finish_wrap_up(ANNA, "", "")
    interaction = await stage.talking()
    await stage.at_work(SARA)
    await center.supervise(SARA, interaction, SupervisionMode.LISTEN)
    await stage.until(lambda: stage.sees(SARA, "supervision"))
    escalation = await stage.escalating(interaction, PRIYA, Manner.RING)
    await desk.office.make(Kind.NUMBERS, "5098", {"queue": "claims", "note": ""})
    await desk.office.make(Kind.SKILLS, "spare", {"name": "Spare", "description": ""})
    await desk.office.make(Kind.NUMBERS, "5099", {"queue": "claims", "note": ""})
    desk.ids = {
        "interaction": interaction,
        "escalation": escalation,
        "case": stage.case_of(interaction),
        "task": center.tasks(SARA)[0]["id"],
        "person": PERSON,
        "change": "3",
    }
