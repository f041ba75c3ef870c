"""Supervising and consulting on a real node, proved by tones: who hears whom, and who must not (issue 3 item 6)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from siplab import prover
from siplab.desk import DeskClient, Document, Documents
from siplab.errors import DeskRefused
from siplab.patience import Patience
from siplab.prover import Direction
from siplab.remote import RemoteRobot

from tests.scenarios.company import AGENT, BOTH_WAYS, SPECIALIST, Company, TalkingCall, availability_of, until
from tests.scenarios.hearing import exactly

pytestmark = [pytest.mark.loopback, pytest.mark.native]

SUPERVISOR, OTHER_AGENT = "sara.quinn", "ben.carter"
LISTENS = frozenset({*BOTH_WAYS, ("C", "E2"), ("A", "E2")})
"""The supervisor's phone is party E2: he hears both, nobody hears him."""
WHISPERS = LISTENS | {("E2", "A")}
JOINS = prover.all_directions(("C", "A", "E2"))
STEP_TIMEOUT_S = 20.0


class Supervised:
    """A conversation, and a supervisor with a phone that he answers himself."""

    def __init__(self, call: TalkingCall, desk: DeskClient, phone: RemoteRobot, patience: Patience) -> None:
        self.call = call
        self.desk = desk
        self.phone = phone
        self.patience = patience

    @property
    def robots(self) -> tuple[RemoteRobot, ...]:
        return self.call.customer, self.call.agent, self.phone

    async def heard(self, wanted: frozenset[Direction]) -> None:
        """These and no others hear each other; customer and agent did so all the time."""
        await exactly(self.robots, wanted, BOTH_WAYS, self.patience)

    async def acts(self, mode: str) -> None:
        await self.desk.command(f"interactions/{self.call.interaction}/supervise", {"mode": mode})

    async def is_shown(self, mode: str, state: str) -> None:
        """Wait until the supervisors' document says how he takes part."""
        await self.desk.wait_for(
            lambda docs: self.shown(docs) == (mode, state), STEP_TIMEOUT_S, f"supervision {mode}, {state}"
        )

    def shown(self, docs: Documents) -> tuple[str, str] | None:
        document = docs.get(f"supervision/{self.call.interaction}")
        return None if document is None else (document["supervisors"][0]["mode"], document["supervisors"][0]["state"])

    async def acts_logged(self) -> list[str]:
        events = await self.desk.read(f"interactions/{self.call.interaction}/events")
        ours = [event for event in events if event["name"].startswith("supervision.")]
        assert {event["data"]["person"] for event in ours} <= {SUPERVISOR}
        return [event["name"] for event in ours]


async def supervised(company: Company, patience: Patience) -> Supervised:
    call = await company.talking()
    desk = await company.desk(SUPERVISOR)
    phone = await company.phone("E2", SUPERVISOR, desk.docs["me"], "command")
    await two_talk(call, patience)
    return Supervised(call, desk, phone, patience)


async def two_talk(call: TalkingCall, patience: Patience, talk_on: Sequence[Direction] = ()) -> None:
    """Customer and agent hear each other and nobody else; `talk_on`: as before, without a gap."""
    await exactly((call.customer, call.agent), frozenset(BOTH_WAYS), talk_on, patience)


async def test_a_supervisor_listens_whispers_joins_and_leaves_and_each_act_is_logged(
    company: Company, patience: Patience
) -> None:
    """Three separate acts. His robot sends its tone all the time: listening cannot open the microphone."""
    scene = await supervised(company, patience)
    await scene.acts("listen")
    await scene.phone.wait_for("rang")
    await scene.is_shown("listen", "ringing")
    scene.phone.send("answer")
    await scene.is_shown("listen", "in_call")
    await scene.heard(LISTENS)
    assert roles_in(scene.call.desk.docs, scene.call) == ["customer", "agent"]
    assert not any(key.startswith("supervision/") for key in scene.call.desk.docs)
    await scene.acts("whisper")
    await scene.heard(WHISPERS)
    await scene.acts("join")
    await scene.heard(JOINS)
    await scene.call.desk.wait_for(
        lambda docs: roles_in(docs, scene.call) == ["customer", "agent", "supervisor"],
        STEP_TIMEOUT_S,
        "three to be shown",
    )
    await scene.acts("listen")
    await scene.heard(LISTENS)
    await scene.desk.command(f"interactions/{scene.call.interaction}/supervise/leave")
    ended = await scene.phone.wait_for("ended")
    assert ended.data["by"] == "them"
    await two_talk(scene.call, patience, BOTH_WAYS)
    assert scene.phone.count("incoming") == 1
    names = [f"supervision.{act}" for act in ("listen", "whisper", "join", "listen", "ended")]
    assert await scene.acts_logged() == names
    await scene.call.close()


async def test_nobody_but_a_supervisor_listens_in_and_a_supervisor_without_a_phone_is_told(company: Company) -> None:
    call = await company.talking()
    asked = f"interactions/{call.interaction}/supervise"
    other, supervisor = await company.desk(OTHER_AGENT), await company.desk(SUPERVISOR)
    for desk in (call.desk, other):
        with pytest.raises(DeskRefused) as refused:
            await desk.command(asked, {"mode": "listen"})
        assert (refused.value.status, refused.value.code) == (403, "not_a_supervisor")
    with pytest.raises(DeskRefused) as no_phone:
        await supervisor.command(asked, {"mode": "listen"})
    assert (no_phone.value.status, no_phone.value.code) == (409, "no_phone")
    with pytest.raises(DeskRefused) as not_there:
        await supervisor.command(f"{asked}/leave")
    assert (not_there.value.status, not_there.value.code) == (409, "not_supervising")
    await call.still_heard()
    await call.close()


async def test_a_supervisor_who_hangs_up_leaves_the_others_alone(company: Company, patience: Patience) -> None:
    """Joined or not, a call never ends with its supervisor, and goes on being one."""
    scene = await supervised(company, patience)
    scene.phone.send("policy", answer="auto", answer_after_ms=0)
    await scene.acts("join")
    await scene.heard(JOINS)
    scene.phone.send("hang_up")
    await scene.desk.wait_for(
        lambda docs: f"supervision/{scene.call.interaction}" not in docs, STEP_TIMEOUT_S, "nobody to supervise"
    )
    await two_talk(scene.call, patience, BOTH_WAYS)
    assert await scene.acts_logged() == ["supervision.join", "supervision.ended"]
    await scene.call.close()


async def test_a_supervisor_sees_a_running_escalation_with_its_clock_and_ends_it(company: Company) -> None:
    call = await company.talking()
    supervisor = await company.desk(SUPERVISOR)
    eva, client = await company.free_specialist(call.desk.docs["me"])
    await call.desk.wait_for(lambda docs: availability_of(docs, SPECIALIST) == "free", STEP_TIMEOUT_S, "Eva free")
    await call.desk.command(f"interactions/{call.interaction}/escalations", {"specialist": SPECIALIST})
    await eva.wait_for("rang")
    ringing = await supervisor.wait_for(_ringing, STEP_TIMEOUT_S, "the escalation ringing")
    assert ringing.value["requested_at"] < ringing.value["target_at"] < ringing.value["ceiling_at"]
    await supervisor.command(f"escalations/{ringing.value['id']}/cancel")
    ended = await eva.wait_for("ended")
    assert ended.data["code"] == 487
    key = f"escalation/{ringing.value['id']}"
    closed = await call.desk.wait_for(
        lambda docs: docs[key] if docs[key]["state"] == "closed" else None, STEP_TIMEOUT_S, "the escalation closed"
    )
    assert closed.value["cause"] == "cancelled"
    await call.still_heard()
    await client.say("away")
    await call.close()


async def test_consulting_takes_the_customer_out_with_music_and_merging_brings_three_together(
    company: Company, patience: Patience
) -> None:
    """Agent and specialist talk on without a gap through both changes; the customer hears none of them meanwhile."""
    call = await company.talking()
    eva, client = await company.free_specialist(call.desk.docs["me"], "auto")
    screen = await company.desk(SPECIALIST)
    await call.desk.wait_for(lambda docs: availability_of(docs, SPECIALIST) == "free", STEP_TIMEOUT_S, "Eva free")
    await two_talk(call, patience)
    path = f"interactions/{call.interaction}/escalations"
    asked = (await call.desk.command(path, {"specialist": SPECIALIST}))["id"]
    await screen.wait_for(lambda docs: f"escalation/{asked}" in docs, STEP_TIMEOUT_S, "the case on Eva's screen")
    await screen.command(f"escalations/{asked}/accept")
    robots = (call.customer, call.agent, eva)
    three = prover.all_directions(("C", "A", "E1"))
    private = (("A", "E1"), ("E1", "A"))
    await exactly(robots, three, BOTH_WAYS, patience)
    await call.desk.command(f"interactions/{call.interaction}/consult", {"on": True})
    await exactly(robots, frozenset(private), private, patience)
    key = f"interaction/{call.interaction}"
    await call.desk.wait_for(lambda docs: docs[key]["consulting"] is True, STEP_TIMEOUT_S, "consulting to be shown")
    await until(lambda: _is_music(call.customer), "the customer to hear music")
    await screen.command(f"interactions/{call.interaction}/consult", {"on": False})
    await exactly(robots, three, private, patience)
    details = (await call.customer.raw_report()).data
    assert (details["reinvites"], details["hold_s"]) == (0, 0.0)
    events = await call.desk.read(f"interactions/{call.interaction}/events")
    consults = [(event["name"], event["data"]["by"]) for event in events if event["name"].startswith("consult.")]
    assert consults == [("consult.began", AGENT), ("consult.ended", SPECIALIST)]
    await client.say("away")
    await call.close()


async def music_ms(robot: RemoteRobot) -> float:
    """How long a robot heard something that is nobody's tone, since it was told to listen anew."""
    return float((await robot.raw_report()).data["sound_ms"])


async def _is_music(robot: RemoteRobot) -> bool:
    return await music_ms(robot) > 300


def roles_in(docs: Documents, call: TalkingCall) -> list[str]:
    return [each["role"] for each in docs[f"interaction/{call.interaction}"]["participants"]]


def _ringing(docs: Documents) -> Document | None:
    found = (doc for key, doc in docs.items() if key.startswith("escalation/") and doc["state"] == "ringing")
    return next(found, None)
