"""What phones ask beside calls: how a REFER is answered, what PUBLISH does, what lamps show (N5, DC-02; RFC 3515)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from center.escalation.model import Choice
from center.interaction.model import SupervisionMode
from center.lamps import Lamps
from center.phone_requests import watched_documents
from presence.model import AvailabilityState
from telephony.effects import ReportRefer
from telephony.events import PresencePublished, PresenceWithdrawn, ReferReceived
from telephony.model import ReferId
from tests.center.stage import ANNA, EVA, MARCUS, SARA, Stage
from tests.fakes.switch import Manner
from vocabulary import EscalationId, InteractionId, LegId, PersonId

BRING_IN = "bring-in+claims"
PIDF = (
    '<presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="1"><status><basic>{}</basic></status></tuple></presence>'
)
_refers = count(1)


def refer(stage: Stage, leg: LegId, target: str = BRING_IN) -> ReferId:
    """A phone asks in the call of `leg`."""
    asked = ReferId(f"ref_{next(_refers)}")
    stage.center.phone_requests.take(ReferReceived(leg, asked, target))
    return asked


def told(stage: Stage, asked: ReferId) -> list[tuple[int, bool]]:
    """What the phone was told after the first 100: status, and whether it was the last."""
    reports = [e for e in stage.switch.effects if isinstance(e, ReportRefer) and e.refer == asked]
    return [(report.status, report.final) for report in reports]


def running(stage: Stage) -> EscalationId:
    return next(esc.state.id for esc in stage.center.engine.escalations.values() if esc.state.is_live)


# -- REFER --------------------------------------------------------------------------------------------------------


async def test_a_refer_that_brings_somebody_in_is_told_ringing_once_and_success(stage: Stage) -> None:
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    asked = refer(stage, stage.leg_of(ANNA))
    await stage.until(lambda: told(stage, asked) == [(180, False)])
    await stage.joins(EVA, running(stage))
    await stage.until(lambda: told(stage, asked) == [(180, False), (200, True)])
    await stage.center.commands.leave(EVA, interaction)
    await stage.settled()
    assert told(stage, asked) == [(180, False), (200, True)]


@pytest.mark.parametrize(
    ("manner", "ring_s", "status"),
    [(Manner.BUSY, 8.0, 486), (Manner.DECLINE, 8.0, 603), (Manner.RING, 0.1, 408), (Manner.MOVED, 8.0, 480)],
)
async def test_a_refer_in_vain_is_told_why_when_the_search_is_over(
    stage: Stage, manner: Manner, ring_s: float, status: int
) -> None:
    """Not before: another might still come."""
    stage.center.running.timing = replace(stage.center.running.timing, ring_s=ring_s, least_ring_s=0.01)
    interaction = await stage.talking()
    await stage.at_work(EVA, manner=manner)
    asked = refer(stage, stage.leg_of(ANNA))
    await stage.until(lambda: stage.escalation(running(stage))["state"] == "choosing")
    assert all(not final for _status, final in told(stage, asked))
    await stage.center.commands.choose(ANNA, running(stage), Choice.CALLBACK)
    await stage.until(lambda: stage.phase(interaction) == "talking")
    assert told(stage, asked)[-1] == (status, True)


async def test_a_refer_when_nobody_is_there_is_told_unavailable(stage: Stage) -> None:
    await stage.talking()
    asked = refer(stage, stage.leg_of(ANNA))
    await stage.until(lambda: stage.escalation(running(stage))["state"] == "choosing")
    await stage.center.commands.choose(ANNA, running(stage), Choice.TASK)
    await stage.until(lambda: told(stage, asked) == [(480, True)])


async def test_a_refer_that_is_taken_back_is_told_so(stage: Stage) -> None:
    await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    asked = refer(stage, stage.leg_of(ANNA))
    await stage.until(lambda: told(stage, asked) == [(180, False)])
    await stage.center.commands.cancel(ANNA, running(stage))
    await stage.until(lambda: told(stage, asked)[-1] == (487, True))


@pytest.mark.parametrize(("target", "status"), [("bring-in+alchemy", 404), ("eva.horvat", 403), ("bring-in+", 403)])
async def test_a_refer_to_what_is_not_served_begins_nothing(stage: Stage, target: str, status: int) -> None:
    interaction = await stage.talking()
    asked = refer(stage, stage.leg_of(ANNA), target)
    assert told(stage, asked) == [(status, True)]
    assert stage.phase(interaction) == "talking"
    assert stage.center.engine.escalations == {}


async def test_a_refer_from_a_leg_without_a_part_in_the_call_begins_nothing(stage: Stage) -> None:
    """The customer, a supervisor who looks on, and a leg that nobody knows."""
    interaction = await stage.talking()
    customer = stage.center.engine.works[interaction].call.customer_leg
    assert told(stage, refer(stage, customer)) == [(403, True)]
    assert told(stage, refer(stage, LegId("leg_unknown"))) == [(403, True)]
    await supervises(stage, interaction)
    assert told(stage, refer(stage, stage.leg_of(SARA))) == [(403, True)]
    assert stage.center.engine.escalations == {}


async def test_a_second_refer_while_the_first_runs_is_told_to_wait(stage: Stage) -> None:
    await stage.talking()
    await stage.at_work(EVA, manner=Manner.RING)
    first = refer(stage, stage.leg_of(ANNA))
    second = refer(stage, stage.leg_of(ANNA))
    assert told(stage, second) == [(491, True)]
    await stage.joins(EVA, await ringing(stage))
    await stage.until(lambda: told(stage, first)[-1] == (200, True))
    assert len(told(stage, second)) == 1


async def ringing(stage: Stage) -> EscalationId:
    await stage.until(lambda: stage.escalation(running(stage))["state"] == "ringing")
    return running(stage)


async def supervises(stage: Stage, interaction: InteractionId) -> None:
    """Sara looks on with her phone."""
    await stage.at_work(SARA)
    await stage.center.commands.supervise(SARA, interaction, SupervisionMode.JOIN)
    await stage.until(lambda: stage.center.engine.works[interaction].call.supervisors[0].talking)


# -- keys of those who look on --------------------------------------------------------------------------------------


async def test_keys_of_the_customer_ask_for_nobody_and_those_of_a_supervisor_are_answered_to_him_alone(
    stage: Stage,
) -> None:
    interaction = await stage.talking()
    await supervises(stage, interaction)
    stage.switch.prompts_end_by_themselves = False
    customer, sara = stage.center.engine.works[interaction].call.customer_leg, stage.leg_of(SARA)
    for leg in (customer, sara):
        for digit in "*71":
            stage.switch.press(leg, digit)
    await stage.until(lambda: stage.switch.playing(sara) is not None)
    assert stage.switch.playing(customer) is None
    assert stage.switch.playing(stage.leg_of(ANNA)) is None
    assert stage.center.engine.escalations == {}


# -- PUBLISH ------------------------------------------------------------------------------------------------------


def published(stage: Stage, body: str, expires_s: int = 600) -> None:
    kind = "application/pidf+xml"
    stage.center.phone_requests.take(PresencePublished(EVA, "pub_1", body.encode(), kind, expires_s))


async def test_a_published_document_counts_until_it_is_withdrawn(stage: Stage) -> None:
    stage.switch.register(EVA)
    await stage.until(lambda: stage.directory.registered.get(EVA))
    published(stage, PIDF.format("open"))
    assert stage.availability(EVA) is AvailabilityState.FREE
    stage.center.phone_requests.take(PresenceWithdrawn(EVA, "pub_1"))
    assert stage.availability(EVA) is AvailabilityState.UNKNOWN


@pytest.mark.parametrize("body", ["", "<presence/>", "no xml", PIDF.format("perhaps"), "<a>" * 50])
async def test_a_document_that_cannot_be_read_changes_nothing(stage: Stage, body: str) -> None:
    stage.switch.register(EVA)
    await stage.until(lambda: stage.directory.registered.get(EVA))
    before = stage.presence.availability(EVA).because
    published(stage, body)
    assert stage.presence.availability(EVA).because == before


# -- lamps --------------------------------------------------------------------------------------------------------


async def test_lamps_show_a_ringing_phone_early_and_a_talking_one_confirmed(stage: Stage) -> None:
    """RFC 4235."""
    bodies = watched_documents(stage.presence, stage.center.engine, "ringside")
    interaction = await stage.talking()
    assert b"confirmed" in bodies.dialog(ANNA, 0)
    assert b"<dialog " not in bodies.dialog(EVA, 0)
    escalation = await stage.escalating(interaction)
    assert b"early" in bodies.dialog(EVA, 1)
    await stage.joins(EVA, escalation)
    assert b"confirmed" in bodies.dialog(EVA, 2)
    assert b'version="2"' in bodies.dialog(EVA, 2)


async def test_a_lamp_is_told_when_a_line_rings_talks_and_ends_and_not_otherwise(stage: Stage) -> None:
    told_of: list[PersonId] = []
    lamps = Lamps(told_of.append)
    interaction = await stage.talking()
    work = stage.center.engine.works[interaction]
    lamps.call_changed(work.call)
    lamps.call_changed(replace(work.call, outcome="solved"))
    assert told_of == [ANNA]
    await stage.at_work(MARCUS)
    escalation = await stage.escalating(interaction)
    lamps.escalation_changed(stage.center.engine.escalations[escalation].state)
    assert told_of == [ANNA, EVA]
    await stage.joins(EVA, escalation)
    lamps.escalation_changed(stage.center.engine.escalations[escalation].state)
    lamps.call_changed(work.call)
    assert told_of == [ANNA, EVA, EVA, EVA]
    lamps.call_changed(replace(work.call, participants=()))
    assert told_of[4:] == [ANNA, EVA]
