"""Enrolling a colleague while the centre is open (CE-24, N14)."""

from __future__ import annotations

from pathlib import Path

import pytest

from center.enrolment import NewPerson
from center.errors import BadRequest, CenterError, NotAllowed, WrongMoment
from routing.model import AgentStatus
from tests.center.stage import ANNA, EVA, OLGA, a_stage
from vocabulary import DeskRole, PersonId

NORA = PersonId("nora.new")


def form(**changes: object) -> NewPerson:
    given: dict[str, object] = {
        "id": "nora.new",
        "name": "Nora New",
        "title": "Surveyor",
        "roles": frozenset({DeskRole.SPECIALIST}),
        "skills": {"claims": 3},
    }
    return NewPerson(**(given | changes))  # type: ignore[arg-type]


async def test_an_enrolled_specialist_is_on_every_list_at_once_and_may_register(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        made = await stage.center.commands.enrol(OLGA, form())
        assert {"web_password", "phone_password", "server", "user"} <= set(made)
        row = stage.center.live.visible_to(ANNA, frozenset({DeskRole.AGENT}))["person/nora.new"]
        assert (row["name"], row["skills"], row["availability"]["state"]) == ("Nora New", {"claims": 3}, "unknown")
        assert "nora.new" in stage.directory.sip().credentials
        assert made["phone_password"] not in str(await stage.store.directory.sip_credentials())
    async with a_stage(tmp_path) as later:
        assert later.center.commands.person(NORA) is not None


async def test_an_enrolled_agent_can_take_calls(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        await stage.center.commands.enrol(OLGA, form(roles=frozenset({DeskRole.AGENT})))
        await stage.center.commands.choose_agent_status(NORA, AgentStatus.READY, "")
        assert stage.center.engine.routing.agents[NORA].status is AgentStatus.READY


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"id": "eva.horvat"}, WrongMoment, "id"),
        ({"id": "Nora New"}, BadRequest, "id"),
        ({"id": "../../etc"}, BadRequest, "id"),
        ({"name": "  "}, BadRequest, "name"),
        ({"roles": frozenset()}, BadRequest, "roles"),
        ({"skills": {"claims": 9}}, BadRequest, "skills"),
        ({"skills": {"<b>": 1}}, BadRequest, "skills"),
    ],
)
async def test_an_impossible_form_is_refused_at_its_field(
    tmp_path: Path, changes: dict[str, object], error: type[CenterError], field: str
) -> None:
    async with a_stage(tmp_path) as stage:
        people = await stage.store.directory.people()
        with pytest.raises(error) as refused:
            await stage.center.commands.enrol(OLGA, form(**changes))
        assert refused.value.field == field
        assert await stage.store.directory.people() == people


async def test_only_administrators_enrol(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        for actor in (ANNA, EVA):
            with pytest.raises(NotAllowed):
                await stage.center.commands.enrol(actor, form())
