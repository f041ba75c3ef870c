"""Administration of a running centre: what is changed on the page counts at once (issue 5 item 2, CE-04)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from center.administration.model import Kind, Wish
from center.errors import BadRequest, NotAllowed, WrongMoment
from center.live import EVERYONE
from center.settings import HoursSettings, PromiseSettings, Settings
from routing.model import AgentState
from store.tables import ConfigurationChangeRow
from telephony.effects import EndLeg
from tests.center.administration.office import Office, an_administration, an_office, tone
from tests.center.stage import ANA_K, ANNA, BEN, EVA, OLGA, SARA, a_stage
from vocabulary import DeskRole, PersonId, QueueId

MARINE = {
    "name": "Marine",
    "number": "5010",
    "skill": "claims",
    "least_level": 1,
    "ring_timeout_s": 12.0,
    "wrap_up_s": 0.0,
    "greeting": "greeting",
    "specialist_skills": ["claims"],
    "deputy": None,
    "template": "marine",
    "target_s": 12.0,
    "ceiling_s": 18.0,
    "specialist_ring_s": 5.0,
    "hours": None,
}
CHRISTMAS = date(2026, 12, 25)
NIGHTS = {"weekdays": [6, 7], "open": ["20:00-24:00"], "holidays": ["2026-12-25"]}
BOAT = {"key": "boat", "label": "Boat", "required": True, "kind": "line", "choices": []}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with an_office(tmp_path) as running:
        yield running


async def with_marine(office: Office) -> None:
    await office.make(Kind.TEMPLATES, "marine", {"name": "Marine", "fields": [BOAT]})
    await office.make(Kind.QUEUES, "marine", MARINE)
    await office.make(Kind.NUMBERS, "5011", {"queue": "marine", "note": "Yacht club"})


@pytest.mark.parametrize("number", ["5010", "5011"])
async def test_a_call_to_a_number_made_on_the_page_waits_in_its_new_queue(office: Office, number: str) -> None:
    """Queue, number and template count without a restart: the case has the new fields, the switch the new numbers."""
    told: list[frozenset[str]] = []
    office.stage.directory.on_sip_change = lambda directory: told.append(directory.service_numbers)
    await with_marine(office)
    assert {"5010", "5011"} <= told[-1]
    await office.stage.at_work(ANNA)
    await office.stage.customer_calls(ANA_K, called=number)
    await office.stage.until(lambda: office.stage.sees(ANNA, "case"))
    assert office.stage.doc(ANNA, "interaction")["queue"] == "marine"
    assert [field["key"] for field in office.stage.doc(ANNA, "case")["fields"]] == ["boat"]
    assert office.stage.docs(SARA)["queue/marine"]["name"] == "Marine"


async def test_each_queue_has_its_own_limits_for_escalations(office: Office) -> None:
    """CE-04: target and ceiling are configurable per queue; where a queue has none, the settings count."""
    await with_marine(office)
    await office.change(Kind.SETTINGS, "escalation.ceiling_s", value=45)
    await office.stage.at_work(ANNA, BEN, EVA)
    await office.stage.customer_calls(ANA_K, called="5011")
    await office.stage.until(lambda: office.stage.sees(ANNA, "case") or office.stage.sees(BEN, "case"))
    (work,) = office.stage.center.engine.works.values()
    timing = office.stage.center.running.timing
    own, general = timing.for_queue(work.call.queue), timing.for_queue(office.stage.directory.queues[0])
    assert (own.target_s, own.ceiling_s, own.ring_s) == (12.0, 18.0, 5.0)
    assert (general.target_s, general.ceiling_s) == (20.0, 45.0)
    (agent,) = [p.person for p in work.call.staff if p.person]
    await office.stage.until(lambda: office.stage.phase(work.call.id) == "talking")
    await office.stage.center.commands.escalate(agent, work.call.id, EVA, "")
    (escalation,) = office.stage.center.engine.escalations.values()
    assert escalation.state.timing.ceiling_s == 18.0


async def test_each_queue_may_have_business_hours_of_its_own(office: Office) -> None:
    """CE-04, N10: promises of a queue are due in its hours at once, the centre's count where it has none; undoable."""
    keeper = office.stage.center._promises.keeper
    marine, claims = QueueId("marine"), QueueId("claims")
    await with_marine(office)
    general = keeper._hours(claims)
    assert keeper._hours(marine) == general
    done = await office.change(Kind.QUEUES, "marine", hours=NIGHTS)
    own = keeper._hours(marine)
    assert (own.weekdays, own.spans, own.holidays) == (frozenset({5, 6}), ((1200, 1440),), frozenset({CHRISTMAS}))
    assert own.zone == general.zone
    assert keeper._hours(claims) == general
    await office.change(Kind.SETTINGS, "promises.hours.open", value=["06:00-07:00"])
    assert (keeper._hours(marine), keeper._hours(claims).spans) == (own, ((360, 420),))
    assert office.thing(Kind.QUEUES, "marine")["other_hours"]["open"] == ["06:00-07:00"]
    await office.undo(done["change"]["id"])
    assert keeper._hours(marine) == keeper._hours(claims)
    (first, *_) = await office.changes(kind="queues", subject="marine")
    assert (first["before"]["hours"], first["after"]["hours"]) == (NIGHTS, None)


async def test_a_queues_hours_of_the_file_count_until_it_has_its_own(tmp_path: Path) -> None:
    """What stood in the settings file goes on counting; after a restart the page's hours are the same."""
    file = Settings(promises=PromiseSettings(queue_hours={"claims": HoursSettings(open=("09:00-10:00",))}))
    claims = QueueId("claims")
    for expected in ((540, 600), (1200, 1440)):
        async with a_stage(tmp_path) as stage, an_administration(stage, tmp_path, file) as office:
            keeper = stage.center._promises.keeper
            assert keeper._hours(claims).spans == (expected,)
            await office.change(Kind.QUEUES, "claims", hours=NIGHTS)
            assert keeper._hours(claims).spans == ((1200, 1440),)


async def test_a_change_of_a_queue_from_before_it_could_have_hours_can_be_undone(
    office: Office, tmp_path: Path
) -> None:
    await with_marine(office)
    done = await office.change(Kind.QUEUES, "marine", name="Boats")
    old = await office.stage.store.configuration.change(done["change"]["id"])
    assert old is not None
    assert old.after is not None
    async with office.stage.store.configuration._database.writing() as session:
        row = await session.get(ConfigurationChangeRow, old.id)
        assert row is not None
        row.after = {key: value for key, value in old.after.items() if key != "hours"}
    await office.undo(old.id)
    assert office.thing(Kind.QUEUES, "marine")["content"]["name"] == "Marine"


async def test_somebody_who_is_removed_loses_everything_at_once(office: Office) -> None:
    """His phone's account, log-in, sessions, lists and screens; undoing takes him in again with new passwords."""
    gone: list[PersonId] = []

    async def note(person: PersonId) -> None:
        gone.append(person)

    async def fail(person: PersonId) -> None:
        raise OSError(person)

    office.stage.center.running.when_gone[:] = [fail, note]
    await office.stage.at_work(BEN)
    screen = office.stage.screen(BEN)
    office.stage.center.live.put("probe", {"x": 1}, EVERYONE)
    await screen.changes()
    removed = await office.remove(Kind.PEOPLE, BEN)
    assert gone == [BEN], "one failure does not keep the others"
    assert office.stage.center.commands.person(BEN) is None
    assert BEN not in office.stage.directory.sip().credentials
    assert await office.stage.store.directory.password_hash(BEN) is None
    assert f"person/{BEN}" not in office.stage.docs(SARA)
    assert await screen.changes() == []
    assert not any(key.startswith(("person/", "me")) and key.endswith(BEN) for key in screen.snapshot())
    assert BEN not in office.stage.center.engine.routing.agents

    back = await office.undo(removed["change"]["id"])
    assert set(back["access"]) >= {"web_password", "phone_password"}
    assert "password" not in str(await office.changes())
    assert office.stage.center.commands.person(BEN) == await office.stage.store.directory.person(BEN)
    assert BEN in office.stage.center.engine.routing.agents


async def test_a_customer_who_talks_to_somebody_removed_is_not_cut_off(office: Office) -> None:
    await office.change(Kind.QUEUES, "claims", wrap_up_s=30.0)
    call = await office.stage.talking(ANNA)
    await office.remove(Kind.PEOPLE, ANNA)
    await office.stage.settled()
    work = office.stage.center.engine.works[call]
    assert work.call.phase == "talking"
    assert not [e for e in office.stage.switch.effects if isinstance(e, EndLeg)]
    office.stage.switch.hang_up(work.call.customer_leg)
    await office.stage.until(lambda: call not in office.stage.center.engine.works)


async def test_a_role_taken_away_counts_on_open_pages_and_in_the_queue(office: Office) -> None:
    await office.stage.at_work(ANNA)
    await office.change(Kind.PEOPLE, ANNA, roles=["specialist"])
    assert ANNA not in office.stage.center.engine.routing.agents
    await office.change(Kind.PEOPLE, SARA, roles=["agent"])
    assert office.stage.center.engine.routing.agents[SARA].state is AgentState.IDLE
    screen = office.stage.screen(OLGA)
    await office.make(Kind.SKILLS, "boats", {"name": "Boats", "description": ""})
    await office.change(Kind.PEOPLE, SARA, roles=["administrator"], skills={"boats": 3})
    with pytest.raises(BadRequest):
        await office.change(Kind.PEOPLE, SARA, skills={"boat": 3})
    await office.change(Kind.PEOPLE, OLGA, roles=["supervisor"])
    assert screen.roles == frozenset({DeskRole.SUPERVISOR})
    with pytest.raises(NotAllowed):
        office.thing(Kind.PEOPLE, SARA)
    assert office.thing(Kind.PEOPLE, SARA, by=SARA)["content"]["roles"] == ["administrator"]


async def test_two_who_change_the_same_thing_are_told_of_each_other(office: Office) -> None:
    """The second one, who saw the old version, hears who was first and when; nothing is overwritten."""
    olga = office.stage.directory.people[OLGA]
    seen = office.thing(Kind.QUEUES, "claims")
    await office.change(Kind.QUEUES, "claims", name="Damage")
    wish = Wish(Kind.QUEUES, "claims", {**seen["content"], "name": "Harm"}, seen["version"])
    with pytest.raises(WrongMoment) as refused:
        await office.administration.change(olga, wish)
    assert refused.value.code == "stale"
    assert refused.value.details is not None
    assert refused.value.details["values"]["by"] == OLGA
    assert office.thing(Kind.QUEUES, "claims")["content"]["name"] == "Damage"
    assert (await office.changes())[0]["before"]["name"] == "Claims"


async def test_an_enrolment_by_the_short_form_is_in_the_log_too(office: Office) -> None:
    from center.enrolment import NewPerson

    new = NewPerson("nora.new", "Nora New", "", frozenset({DeskRole.SPECIALIST}), {"sails": 4})
    access = await office.stage.center.commands.enrol(OLGA, new)
    (change,) = await office.changes()
    assert (change["kind"], change["subject"], change["by"], change["before"]) == ("people", "nora.new", OLGA, None)
    assert access["web_password"] not in str(change)
    skills = office.administration.things(office.stage.directory.people[OLGA], Kind.SKILLS)
    assert next(each for each in skills if each["id"] == "sails")["people"] == ["nora.new"]


async def test_an_uploaded_prompt_is_played_and_the_shipped_one_comes_back(office: Office) -> None:
    """Versions are kept: undoing puts the earlier recording under the name again."""
    olga = office.stage.directory.people[OLGA]
    file = office.prompts / "greeting.wav"
    await office.administration.upload(olga, "greeting", tone(0.5), 0, "")
    first = file.read_bytes()
    second = await office.administration.upload(olga, "greeting", tone(1.0, 44_100, 2), 1, "")
    assert file.read_bytes() != first
    assert office.thing(Kind.PROMPTS, "greeting")["content"]["seconds"] == 1.0
    await office.undo(second["change"]["id"])
    assert file.read_bytes() == first
    await office.remove(Kind.PROMPTS, "greeting")
    assert not file.exists()
    shipped = await office.administration.audio(olga, "greeting", None)
    assert shipped == await office.administration.audio(olga, "greeting", "shipped")
    assert await office.administration.audio(olga, "greeting", second["change"]["after"]["recording"]) != shipped


async def test_settings_count_at_once_or_say_that_they_wait_for_a_restart(office: Office) -> None:
    await office.change(Kind.SETTINGS, "escalation.target_s", value=15)
    await office.change(Kind.SETTINGS, "escalation.misses", value=4)
    await office.change(Kind.SETTINGS, "promises.hours.open", value=["09:00-12:00"])
    await office.change(Kind.SETTINGS, "company", value="Lighthouse")
    assert office.stage.center.running.timing.target_s == 15
    assert office.thing(Kind.SETTINGS, "company")["waits_for_restart"]
    assert not office.thing(Kind.SETTINGS, "escalation.misses")["waits_for_restart"]
    await office.remove(Kind.SETTINGS, "escalation.target_s")
    assert office.stage.center.running.timing.target_s == 20
    with pytest.raises(BadRequest):
        await office.change(Kind.SETTINGS, "promises.hours.open", value=["12:00-09:00"])


async def test_what_one_node_changes_the_other_takes_up(office: Office, tmp_path: Path) -> None:
    """Both write at the same time: the numbers of changes have no gap, and both books are the same in the end."""
    async with an_administration(office.stage, tmp_path / "other") as other:
        await with_marine(office)
        await other.change(Kind.QUEUES, "billing", name="Money")
        await office.change(Kind.QUEUES, "marine", name="Boats")
        numbers = [change["id"] for change in await other.changes()]
        assert numbers == [5, 4, 3, 2, 1]
        assert other.thing(Kind.QUEUES, "marine") == office.thing(Kind.QUEUES, "marine")
        assert office.stage.directory.template(QueueId("marine")).fields[0].key == "boat"
