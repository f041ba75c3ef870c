"""Wrong requests for a specialist, from every door: a clear answer to the sender, the call untouched (issue 3).

One conversation serves the whole module; after each test customer and agent still hear each other, on the same legs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest
from siplab.child import ChildEvent
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import DeskRefused
from siplab.remote import RemoteRobot

from telephony.effects import DialLeg, EndLeg
from telephony.model import CallerIdentity, Destination
from tests.center.stage import ANNA, EVA, MARCUS, Stage, a_stage
from tests.fakes.switch import Manner
from tests.scenarios.company import AGENT, SPECIALIST, Company, TalkingCall, company_of, until
from tests.scenarios.conftest import RunningNode
from vocabulary import EndReason, LegId

pytestmark = [pytest.mark.loopback, pytest.mark.native]

OTHER_AGENT, SUPERVISOR = "ben.carter", "sara.quinn"
BY_KEYS, BRING_IN = "*71", "bring-in+claims"
ANSWER_TIMEOUT_S = 20.0


@dataclass
class Talk:
    """The conversation that nothing may touch, and the company around it."""

    company: Company
    running: RunningNode
    call: TalkingCall

    @property
    def path(self) -> str:
        return f"interactions/{self.call.interaction}/escalations"

    async def requests(self) -> list[Document]:
        """Every escalation that was begun, as the event log has it."""
        events = await self.call.desk.read(f"interactions/{self.call.interaction}/events")
        return [event["data"] for event in events if event["name"] == "escalation.requested"]

    async def is_untouched(self, begun: int) -> None:
        """Still two who hear each other on their first legs, and no escalation more than there were."""
        document = self.call.desk.docs[f"interaction/{self.call.interaction}"]
        assert (document["phase"], document["escalation"]) == ("talking", None)
        assert len(await self.requests()) == begun
        await self.call.still_heard()
        assert self.call.customer.count("reinvite") == 0
        assert self.call.customer.count("ended") == 0

    async def take_back(self) -> None:
        """End the running escalation."""
        running = await self.call.desk.wait_for(_running, ANSWER_TIMEOUT_S, "a running escalation")
        await self.call.desk.command(f"escalations/{running.value['id']}/cancel")
        await self.call.desk.wait_for(lambda docs: _two(docs, self.call), ANSWER_TIMEOUT_S, "two who talk")

    async def by_mqtt(self, person: str, *in_the_name_of: str, **body: str) -> Document:
        """Send a person's escalation command, before it the same in other people's names; his client's answer."""
        mqtt = self.call.desk.docs["me"]["mqtt"]
        login, prefix = self.company.login(person), self.company.access.mqtt_prefix
        async with aiomqtt.Client(
            str(mqtt["host"]), int(mqtt["port"]), username=person, password=login.phone_password
        ) as client:
            await client.subscribe(f"{prefix}/answer/{person}", qos=1)
            for name in (*in_the_name_of, person):
                await client.publish(f"{prefix}/command/{name}/escalate", json.dumps(body), qos=1)
            message = await asyncio.wait_for(anext(aiter(client.messages)), ANSWER_TIMEOUT_S)
        assert isinstance(message.payload, bytes)
        answer: Document = json.loads(message.payload)
        return answer


@pytest.fixture(scope="module")
async def talk(running: RunningNode) -> AsyncIterator[Talk]:
    async with company_of(running.access) as company:
        yield Talk(company, running, await company.talking())


def _running(docs: Documents) -> Document | None:
    found = (doc for key, doc in docs.items() if key.startswith("escalation/") and doc["state"] != "closed")
    return next(found, None)


def _two(docs: Documents, call: TalkingCall) -> bool:
    document = docs[f"interaction/{call.interaction}"]
    return document["phase"] == "talking" and document["escalation"] is None


async def refused(desk: DeskClient, path: str, **body: str) -> tuple[int, str]:
    with pytest.raises(DeskRefused) as error:
        await desk.command(path, dict(body))
    return error.value.status, error.value.code


async def told_by_notify(phone: RemoteRobot, to: str) -> list[int]:
    """Send a REFER; every status the phone was told, up to the final one; the robot shows a 202 as another 100."""
    before = phone.count("refer_status")
    phone.send("refer", to=to)

    def codes() -> list[int]:
        told = [int(e.data["code"]) for e in phone.events if e.name == "refer_status"][before:]
        return list(dict.fromkeys(told))

    async def is_over() -> bool:
        return any(code >= 200 for code in codes())

    await until(is_over, f"the REFER to {to} to be answered")
    return codes()


# -- the wrong thing asked for --------------------------------------------------------------------------------------


async def test_an_unknown_skill_or_person_is_refused_at_the_desk(talk: Talk) -> None:
    begun = len(await talk.requests())
    assert await refused(talk.call.desk, talk.path, skill="alchemy") == (404, "unknown_skill")
    assert await refused(talk.call.desk, talk.path, specialist="no.body") == (404, "unknown_specialist")
    assert await refused(talk.call.desk, talk.path, specialist=OTHER_AGENT) == (404, "unknown_specialist")
    await talk.is_untouched(begun)


async def test_an_unknown_skill_asked_for_over_mqtt_is_answered(talk: Talk) -> None:
    begun = len(await talk.requests())
    answer = await talk.by_mqtt(AGENT, skill="alchemy")
    assert answer == {"error": {"code": "unknown_skill", "message": "Nobody in the company has that skill."}}
    await talk.is_untouched(begun)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("somebody-else", [603]),
        ("sip:stranger@192.0.2.7", [603]),
        ("+442079460999", [603]),
        ("bring-in+", [603]),
        ("bring-in+alchemy", [100, 404]),
    ],
    ids=["a stranger", "a stranger elsewhere", "an outside number", "no skill", "an unknown skill"],
)
async def test_a_refer_to_whom_we_do_not_bring_in_is_refused(talk: Talk, target: str, told: list[int]) -> None:
    begun = len(await talk.requests())
    codes = await told_by_notify(talk.call.agent, target)
    assert codes == told
    await talk.is_untouched(begun)


async def test_a_customers_phone_brings_nobody_in(talk: Talk) -> None:
    """Neither by REFER nor by keys, whose sequence is the agent's own."""
    begun = len(await talk.requests())
    codes = await told_by_notify(talk.call.customer, BRING_IN)
    assert codes[-1] >= 400
    await type_keys(talk.call.customer)
    await talk.is_untouched(begun)


async def type_keys(phone: RemoteRobot) -> None:
    """Press `*71` one key after the other; INFO requests are answered in order."""
    for digit in BY_KEYS:
        phone.send("dtmf", digits=digit, method="info")
        await asyncio.sleep(0.15)  # a person's own pace between keys


# -- by somebody who is not in the call -----------------------------------------------------------------------------


async def test_who_is_not_in_the_call_asks_in_vain_at_the_desk(talk: Talk) -> None:
    """Who may not see it learns nothing; who may see it is told that he has no part."""
    begun = len(await talk.requests())
    other, supervisor = await talk.company.desk(OTHER_AGENT), await talk.company.desk(SUPERVISOR)
    assert await refused(other, talk.path, skill="claims") == (404, "unknown_interaction")
    assert await refused(supervisor, talk.path, skill="claims") == (403, "not_in_the_call")
    await talk.is_untouched(begun)


async def test_who_is_not_in_the_call_asks_in_vain_over_mqtt(talk: Talk) -> None:
    """And nobody can ask in the name of somebody else: the broker lets nobody write his topic."""
    begun = len(await talk.requests())
    answer = await talk.by_mqtt(OTHER_AGENT, AGENT, skill="claims")
    assert answer["error"]["code"] == "not_in_a_call"
    await talk.is_untouched(begun)


async def test_a_supervisor_who_looks_on_brings_nobody_in_by_keys(talk: Talk) -> None:
    """His keys are heard, and answered to him alone; the agent's own request right after is the only one."""
    begun = len(await talk.requests())
    desk = await talk.company.desk(SUPERVISOR)
    phone = await talk.company.phone("E2", SUPERVISOR, desk.docs["me"])
    await desk.command(f"interactions/{talk.call.interaction}/supervise", {"mode": "join"})
    await phone.wait_for("confirmed")
    await desk.wait_for(_is_in_call(talk), ANSWER_TIMEOUT_S, "the supervisor in the call")
    await type_keys(phone)
    assert await refused(desk, talk.path, skill="claims") == (403, "not_in_the_call")
    assert await told_by_notify(phone, BRING_IN) == [100, 403]
    await desk.command(f"interactions/{talk.call.interaction}/supervise/leave")
    await phone.wait_for("ended")
    await talk.is_untouched(begun)


def _is_in_call(talk: Talk) -> Callable[[Documents], bool]:
    key = f"supervision/{talk.call.interaction}"
    return lambda docs: key in docs and docs[key]["supervisors"][0]["state"] == "in_call"


async def test_a_speed_dial_key_outside_of_a_call_is_refused(talk: Talk) -> None:
    other = await talk.company.desk(OTHER_AGENT)
    phone = await talk.company.phone("E3", OTHER_AGENT, other.docs["me"])
    begun = len(await talk.requests())
    assert (await speed_dialled(phone, BRING_IN)).data["code"] == 480
    await talk.is_untouched(begun)


async def test_a_speed_dial_key_for_an_unknown_skill_is_refused_and_the_own_call_goes_on(talk: Talk) -> None:
    begun = len(await talk.requests())
    assert (await speed_dialled(talk.call.agent, "bring-in+alchemy")).data["code"] == 480
    await talk.is_untouched(begun)


async def speed_dialled(phone: RemoteRobot, to: str) -> ChildEvent:
    before = phone.count("ended")
    phone.send("call", to=to)

    async def is_over() -> bool:
        return phone.count("ended") > before

    await until(is_over, f"the call to {to} to be over")
    return [event for event in phone.events if event.name == "ended"][before]


# -- two at once, and too late --------------------------------------------------------------------------------------


async def test_the_desk_and_the_keys_at_the_same_moment_make_exactly_one_escalation(talk: Talk) -> None:
    """Whichever comes first wins; the other is told, and the agent's phone is not the worse for it."""
    begun = len(await talk.requests())
    for digit in BY_KEYS[:-1]:
        talk.call.agent.send("dtmf", digits=digit, method="info")
        await asyncio.sleep(0.15)  # a person's own pace between keys
    talk.call.agent.send("dtmf", digits=BY_KEYS[-1], method="info")
    assert await asked_at_desk(talk) in ("taken", "already_escalating")
    assert await refused(talk.call.desk, talk.path, skill="claims") == (409, "already_escalating")
    assert len(await talk.requests()) == begun + 1
    await talk.take_back()
    await talk.is_untouched(begun + 1)


async def asked_at_desk(talk: Talk) -> str:
    try:
        await talk.call.desk.command(talk.path, {"skill": "claims"})
    except DeskRefused as error:  # the keys were faster
        return error.code
    return "taken"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A staged centre, where moments can be chosen."""
    async with a_stage(tmp_path) as opened:
        yield opened


def requested(names: Sequence[str]) -> int:
    return sum(name == "escalation.requested" for name in names)


@pytest.mark.parametrize("first", ["desk", "keys"])
async def test_of_two_triggers_in_the_same_turn_of_the_loop_one_counts(stage: Stage, first: str) -> None:
    interaction = await stage.talking()
    leg = stage.leg_of(ANNA)

    def press() -> None:
        for digit in BY_KEYS:
            stage.switch.press(leg, digit)

    if first == "keys":
        press()
        stage.switch.settle()
    asked = asyncio.gather(
        stage.center.commands.escalate(ANNA, interaction, None, "", "claims"), return_exceptions=True
    )
    if first == "desk":
        press()
    (outcome,) = await asked
    await stage.settled()
    assert requested(await stage.event_names(interaction)) == 1
    trigger = next(iter(stage.center.engine.escalations.values())).state.trigger
    assert trigger == ("desk" if first == "desk" else "dtmf")
    assert isinstance(outcome, Exception) is (first == "keys")


async def test_a_stale_reservation_does_not_ring_and_the_agent_is_told(stage: Stage) -> None:
    """N4: somebody with a newer token rang Eva meanwhile; the next specialist is asked, the call goes on."""
    interaction = await stage.talking()
    legs = stage.switch.legs
    await stage.at_work(EVA, MARCUS, manner=Manner.RING)
    newer = LegId("leg_of_another_node")
    stage.switch.perform(DialLeg(newer, Destination(person=EVA), CallerIdentity("", ""), (), 1_000_000))
    stage.switch.perform(EndLeg(newer, EndReason.success("cancelled")))
    await stage.settled()
    asked = await stage.center.commands.escalate(ANNA, interaction, EVA, "")
    await stage.until(lambda: stage.doc(ANNA, "escalation")["specialist"] == MARCUS)
    first = stage.doc(ANNA, "escalation")["invitations"][0]
    assert (first["specialist"], first["cause"]) == (EVA, "stale_reservation")
    assert first["cause_text"] == "was just taken by a colleague"
    assert stage.switch.dialled(EVA) is None
    await stage.until(lambda: stage.escalation(asked["id"])["state"] == "ringing")
    assert legs <= stage.switch.legs
    assert stage.phase(interaction) == "escalating"


# -- and then -------------------------------------------------------------------------------------------------------


async def test_after_all_this_the_same_call_still_brings_somebody_in(talk: Talk) -> None:
    eva, client = await talk.company.free_specialist(talk.call.desk.docs["me"], "command")
    await talk.call.desk.wait_for(
        lambda docs: docs[f"person/{SPECIALIST}"]["availability"]["state"] == "free", ANSWER_TIMEOUT_S, "Eva free"
    )
    codes = asyncio.create_task(told_by_notify(talk.call.agent, BRING_IN))
    await eva.wait_for("rang")
    eva.send("answer")
    await eva.wait_for("confirmed")
    eva.send("dtmf", digits="1")
    assert await codes == [100, 180, 200]
    await client.say("away")
    await talk.call.close()
    assert talk.running.node.log_text().count('"level": "error"') == 0
