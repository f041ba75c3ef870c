"""What every Switch promises, run against the fake and against PJSIP with real phones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from telephony.effects import AnswerLeg, DialLeg, EndLeg, LegEffect, PlayPrompt, RingLeg, SetMix, StopPrompt
from telephony.events import (
    DtmfReceived,
    LegAnswered,
    LegArrived,
    LegDialled,
    LegEnded,
    LegRinging,
    PromptEnded,
)
from telephony.model import Destination, PromptName, everyone_hears_everyone
from telephony.switch import Switch
from tests.fakes.switch import FakeSwitch, Manner
from tests.telephony import phone as sip
from tests.telephony.calls import DONE, SHOWN
from tests.telephony.conftest import Exchange, Phones, Seen
from vocabulary import EndReason, LegId, PersonId, new_id

ANA = PersonId("ana")
GREETING = PromptName("greeting")
CUSTOMER_HZ, ANA_HZ = 440, 620


class Rig(Protocol):
    """A switch with people around it."""

    seen: Seen

    @property
    def switch(self) -> Switch: ...
    async def phone(self, manner: Manner) -> None:
        """Give Ana a phone."""

    async def customer_calls(self) -> None:
        """Have the customer call in; does not wait for an answer."""

    async def lift(self, leg: LegId) -> None:
        """Have Ana lift the handset."""

    async def customer_hangs_up(self, leg: LegId) -> None: ...
    async def customer_presses(self, leg: LegId, digit: str) -> None: ...
    async def hear_each_other(self, customer: LegId, ana: LegId) -> None:
        """Wait until customer and Ana hear each other."""


@dataclass
class FakeRig:
    seen: Seen = field(default_factory=Seen)

    def __post_init__(self) -> None:
        self.switch = FakeSwitch(self.seen.add)

    async def phone(self, manner: Manner) -> None:
        self.switch.register(ANA, manner)

    async def customer_calls(self) -> None:
        self.switch.customer_calls("+385911111")

    async def lift(self, leg: LegId) -> None:
        self.switch.answer(leg)

    async def customer_hangs_up(self, leg: LegId) -> None:
        self.switch.hang_up(leg)

    async def customer_presses(self, leg: LegId, digit: str) -> None:
        self.switch.press(leg, digit)

    async def hear_each_other(self, customer: LegId, ana: LegId) -> None:
        self.switch.settle()
        assert self.switch.matrix == everyone_hears_everyone(frozenset({customer, ana}))


class RealRig:
    def __init__(self, exchange: Exchange, phones: Phones) -> None:
        self.seen = exchange.seen
        self.switch = exchange.switch
        self._phones = phones
        self._ana: sip.Phone | None = None
        self._customer: sip.Phone | None = None
        self._calling: asyncio.Task[sip.Message] | None = None

    async def phone(self, manner: Manner) -> None:
        self._ana = await self._phones.registered(ANA, tone_hz=ANA_HZ)
        self._ana.manner = sip.Manner(manner.value) if manner is not Manner.DEAD else sip.Manner.SILENT
        self._ana.redirect_to = "sip:mailbox@127.0.0.1:9"

    async def customer_calls(self) -> None:
        self._customer = await self._phones.customer(CUSTOMER_HZ)
        self._calling = asyncio.ensure_future(self._customer.call("100"))

    async def lift(self, leg: LegId) -> None:
        assert self._ana is not None
        await self._ana.until(lambda: self._ana is not None and bool(self._ana.invites))
        self._ana.answer()

    async def customer_hangs_up(self, leg: LegId) -> None:
        assert self._customer is not None
        await self._customer.hang_up()

    async def customer_presses(self, leg: LegId, digit: str) -> None:
        assert self._customer is not None
        self._customer.press(digit)

    async def hear_each_other(self, customer: LegId, ana: LegId) -> None:
        assert self._customer is not None
        assert self._ana is not None
        await self._customer.until_hears(ANA_HZ, deaf_to=(CUSTOMER_HZ,))
        await self._ana.until_hears(CUSTOMER_HZ, deaf_to=(ANA_HZ,))


@pytest.fixture(params=["fake", pytest.param("pjsip", marks=[pytest.mark.loopback, pytest.mark.native])])
def rig(request: pytest.FixtureRequest) -> Rig:
    if request.param == "fake":
        return FakeRig()
    return RealRig(request.getfixturevalue("exchange"), request.getfixturevalue("phones"))


def _dial(rig: Rig) -> LegId:

    leg = LegId(new_id("leg"))
    rig.switch.perform(DialLeg(leg, Destination(person=ANA), SHOWN))
    return leg


async def _ended(rig: Rig, leg: LegId) -> LegEnded:
    return await rig.seen.first(LegEnded, lambda event: event.leg == leg)


async def _customer(rig: Rig) -> LegId:
    await rig.customer_calls()
    leg = (await rig.seen.first(LegArrived)).leg
    rig.switch.perform(AnswerLeg(leg))
    await rig.seen.first(LegAnswered, lambda event: event.leg == leg)
    return leg


async def _finish(rig: Rig, *legs: LegId) -> None:
    for leg in legs:
        rig.switch.perform(EndLeg(leg, DONE))
        await _ended(rig, leg)


async def test_dialled_leg_is_told_dialled_ringing_answered_ended(rig: Rig) -> None:
    await rig.phone(Manner.RING)
    leg = _dial(rig)
    await rig.seen.first(LegRinging)
    await rig.lift(leg)
    await rig.seen.first(LegAnswered)
    await _finish(rig, leg)
    assert [type(event) for event in rig.seen.of(leg)] == [LegDialled, LegRinging, LegAnswered, LegEnded]


@pytest.mark.parametrize(
    ("manner", "slug", "status"),
    [(Manner.BUSY, "busy", 486), (Manner.DECLINE, "declined", 603), (Manner.MOVED, "moved", 302)],
)
async def test_refusal_is_told_with_its_reason_and_status(rig: Rig, manner: Manner, slug: str, status: int) -> None:
    await rig.phone(manner)
    leg = _dial(rig)
    assert await _ended(rig, leg) == LegEnded(leg, EndReason.upstream_error(slug), status)
    assert [type(event) for event in rig.seen.of(leg)] == [LegDialled, LegEnded]


async def test_person_without_a_phone_is_told_at_once(rig: Rig) -> None:
    leg = _dial(rig)
    assert await _ended(rig, leg) == LegEnded(leg, EndReason.upstream_error("not_registered"), 480)
    assert len(rig.seen.of(leg)) == 1


@pytest.mark.parametrize("manner", [Manner.RING, Manner.DEAD])
async def test_ring_can_be_given_up_and_the_first_reason_counts(rig: Rig, manner: Manner) -> None:
    await rig.phone(manner)
    leg = _dial(rig)
    await rig.seen.first(LegDialled)
    for end in (EndReason.client_error("no_answer"), EndReason.success("done")):
        rig.switch.perform(EndLeg(leg, end))
    assert (await _ended(rig, leg)).end == EndReason.client_error("no_answer")
    assert len([event for event in rig.seen.of(leg) if isinstance(event, LegEnded)]) == 1


async def test_arrived_leg_is_answered_and_ends_when_the_caller_hangs_up(rig: Rig) -> None:
    leg = await _customer(rig)
    await rig.customer_hangs_up(leg)
    assert await _ended(rig, leg) == LegEnded(leg, EndReason.success("hung_up"))
    assert [type(event) for event in rig.seen.of(leg)] == [LegArrived, LegAnswered, LegEnded]


async def test_mix_joins_two_legs_that_hear_each_other(rig: Rig) -> None:
    await rig.phone(Manner.ANSWER)
    customer, ana = await _customer(rig), _dial(rig)
    both = frozenset({customer, ana})
    rig.switch.perform(SetMix(both, everyone_hears_everyone(both)))
    await rig.seen.first(LegAnswered, lambda event: event.leg == ana)
    await rig.hear_each_other(customer, ana)
    await _finish(rig, customer, ana)


async def test_prompt_is_told_when_it_ends(rig: Rig) -> None:
    leg = await _customer(rig)
    rig.switch.perform(PlayPrompt(leg, GREETING))
    assert await rig.seen.first(PromptEnded) == PromptEnded(leg, GREETING)
    await _finish(rig, leg)


async def test_cut_prompt_and_missing_prompt_are_told_as_ended(rig: Rig) -> None:
    leg = await _customer(rig)
    missing = PromptName("no-such-prompt")
    rig.switch.perform(PlayPrompt(leg, missing))
    assert await rig.seen.first(PromptEnded) == PromptEnded(leg, missing)
    rig.switch.perform(PlayPrompt(leg, GREETING))
    rig.switch.perform(StopPrompt(leg))
    assert await rig.seen.first(PromptEnded, lambda event: event.prompt == GREETING)
    await _finish(rig, leg)


async def test_prompt_of_an_ended_leg_is_not_told_after_its_end(rig: Rig) -> None:
    leg = await _customer(rig)
    rig.switch.perform(PlayPrompt(leg, GREETING))
    await _finish(rig, leg)
    assert isinstance(rig.seen.of(leg)[-1], LegEnded)


async def test_key_is_told(rig: Rig) -> None:
    leg = await _customer(rig)
    await rig.customer_presses(leg, "1")
    told = await rig.seen.first(DtmfReceived)
    assert (told.leg, told.pii_digit) == (leg, "1")
    await _finish(rig, leg)


async def test_effects_on_a_leg_that_is_gone_change_nothing(rig: Rig) -> None:
    leg = await _customer(rig)
    await _finish(rig, leg)
    count = len(rig.seen.events)
    late: list[LegEffect] = [
        AnswerLeg(leg),
        RingLeg(leg),
        PlayPrompt(leg, GREETING),
        StopPrompt(leg),
        EndLeg(leg, DONE),
    ]
    for effect in [*late, SetMix(frozenset({leg}), frozenset())]:
        rig.switch.perform(effect)
    other = _dial(rig)  # ends at once: nobody is registered; by then the late effects are through
    await _ended(rig, other)
    assert rig.seen.events[count:] == rig.seen.of(other)


async def test_a_person_is_not_rung_with_an_older_reservation_than_the_newest_seen(rig: Rig) -> None:
    """N4: the switch refuses a stale token, and rings with the current one."""
    await rig.phone(Manner.RING)
    newer, older, again = (LegId(new_id("leg")) for _ in range(3))
    for leg, token in ((newer, 5), (older, 4)):
        rig.switch.perform(DialLeg(leg, Destination(person=ANA), SHOWN, fencing_token=token))
    refused = await rig.seen.first(LegEnded, lambda event: event.leg == older)
    assert refused.end == EndReason.server_error("stale_reservation")
    await rig.seen.first(LegRinging, lambda event: event.leg == newer)
    rig.switch.perform(EndLeg(newer, DONE))
    await rig.seen.first(LegEnded, lambda event: event.leg == newer)
    rig.switch.perform(DialLeg(again, Destination(person=ANA), SHOWN))
    await rig.seen.first(LegRinging, lambda event: event.leg == again)
    rig.switch.perform(EndLeg(again, DONE))
    await rig.seen.first(LegEnded, lambda event: event.leg == again)
