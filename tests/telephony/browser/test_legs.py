"""A browser leg is a leg like any other: real softswitch, real media workers, robots as browsers, tones as proof."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from siplab.browser_peer import BrowserPage

from telephony.adapters.browser_branch import remove_leftovers
from telephony.effects import AnswerLeg, EndLeg, SetMix
from telephony.events import (
    DtmfReceived,
    LegAnswered,
    LegArrived,
    LegDialled,
    LegEnded,
    LegRinging,
    PhoneRegistered,
    PhoneUnregistered,
)
from telephony.model import DtmfMethod, HoldMusic, PersonOrigin, everyone_hears_everyone
from tests.telephony.browser.pages import Pages
from tests.telephony.calls import DONE, answered, arrived, dial, ended, finish
from tests.telephony.conftest import SERVICE_NUMBER, Exchange, Phones
from tests.telephony.phone import Manner
from vocabulary import EndReason, LegId

pytestmark = [pytest.mark.loopback, pytest.mark.native]

C_HZ, EVA_HZ, BEN_HZ = 440, 600, 880


def test_rings_of_dead_nodes_are_removed_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    ours, foreign = f"ringside-pcm-{os.getpid()}-ab", "another-program"
    for name in (ours, foreign, f"ringside-pcm-{2**22 + 1}-cd"):  # above the highest process id there can be
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {ours, foreign}


async def rung(exchange: Exchange, person: str, *pages: BrowserPage) -> LegId:
    """Ring a person and wait until all these pages ring."""
    leg = dial(exchange, person)
    for page in pages:
        await page.message("ring", lambda message: message["leg"] == leg)
        page.ringing(leg)
    return leg


async def talking(exchange: Exchange, person: str, page: BrowserPage) -> LegId:
    """Ring a person who answers in his page."""
    leg = await rung(exchange, person, page)
    await page.answer(leg)
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    return leg


def join(exchange: Exchange, *legs: LegId) -> None:
    """Let all of them hear each other."""
    together = frozenset(legs)
    exchange.switch.perform(SetMix(together, everyone_hears_everyone(together)))


async def test_customer_on_a_telephone_and_specialist_in_a_page_hear_each_other(
    exchange: Exchange, phones: Phones, pages: Pages
) -> None:
    """Issue 5: audio proven by tones in both directions; N8: the click in the page is told."""
    customer, page = await phones.customer(C_HZ), await pages.on("eva", EVA_HZ)
    assert exchange.switch.registered("eva")  # type: ignore[arg-type]
    caller = await arrived(exchange, customer)
    eva = await talking(exchange, "eva", page)
    join(exchange, caller, eva)
    await page.until_hears(C_HZ, deaf_to=(EVA_HZ,))
    await customer.until_hears(EVA_HZ, deaf_to=(C_HZ,))

    page.press(eva, "5")
    key = await exchange.seen.first(DtmfReceived)
    assert key == DtmfReceived(eva, "5", DtmfMethod.PAGE)
    page.hang_up(eva)
    assert await ended(exchange, eva) == LegEnded(eva, EndReason.success("hung_up"))
    assert [type(event) for event in exchange.seen.of(eva)] == [
        LegDialled,
        LegRinging,
        LegAnswered,
        DtmfReceived,
        LegEnded,
    ]
    assert LegAnswered(eva, by_person=True) in exchange.seen.events
    assert (await page.message("ended"))["reason"] == "hung_up"
    await finish(exchange, caller)


async def test_telephone_and_pages_ring_together_and_the_first_answer_wins(
    exchange: Exchange, phones: Phones, pages: Pages
) -> None:
    """As RFC 3261 §16.7 forks: in turn a page, then the telephone, answers first; everybody else stops ringing."""
    telephone = await phones.registered("eva", tone_hz=EVA_HZ)
    telephone.manner = Manner.RING
    here, there = await pages.on("eva"), await pages.on("eva")
    leg = await rung(exchange, "eva", here, there)
    await telephone.until(lambda: len(telephone.invites) == 1)
    await here.answer(leg)
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    assert (await there.message("ended"))["reason"] == "completed_elsewhere"
    await telephone.until(lambda: any(request.method == "CANCEL" for request in telephone.requests))
    await finish(exchange, leg)
    assert (await here.message("ended"))["reason"] == "done"

    second = await rung(exchange, "eva", here, there)
    await telephone.until(lambda: len(telephone.invites) == 2)
    telephone.answer()
    await exchange.seen.first(LegAnswered, lambda event: event.leg == second)
    for page in (here, there):
        over = await page.message("ended", lambda message: message["leg"] == second)
        assert over["reason"] == "completed_elsewhere"
    assert LegAnswered(second) in exchange.seen.events
    await finish(exchange, second)


@pytest.mark.usefixtures("impatient")
async def test_a_person_is_registered_while_a_telephone_or_a_page_is_on(
    exchange: Exchange, phones: Phones, pages: Pages
) -> None:
    telephone, page = await phones.registered("ben"), await pages.on("ben")
    assert await exchange.switch.probe("ben")  # type: ignore[arg-type]
    await telephone.register("s3cret", expires=0)
    assert exchange.switch.registered("ben")  # type: ignore[arg-type]
    pages.lose(page)  # its grace ends
    await exchange.seen.first(PhoneUnregistered, lambda event: event.person == "ben")
    assert not exchange.switch.registered("ben")  # type: ignore[arg-type]
    told = [event for event in exchange.seen.events if isinstance(event, PhoneRegistered | PhoneUnregistered)]
    assert [event for event in told if event.person == "ben"] == [PhoneRegistered("ben"), PhoneUnregistered("ben")]


@pytest.mark.parametrize(("reason", "slug", "status"), [("busy", "busy", 486), ("declined", "declined", 603)])
async def test_a_page_that_declines_is_told_like_a_telephone(
    exchange: Exchange, pages: Pages, reason: str, slug: str, status: int
) -> None:
    page = await pages.on("eva")
    leg = await rung(exchange, "eva", page)
    page.decline(leg, reason)
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.upstream_error(slug), status)


async def test_a_ring_that_is_given_up_stops_the_page(exchange: Exchange, pages: Pages) -> None:
    page = await pages.on("eva")
    leg = await rung(exchange, "eva", page)
    exchange.switch.perform(EndLeg(leg, EndReason.client_error("no_answer")))
    assert (await page.message("ended"))["reason"] == "no_answer"
    assert (await ended(exchange, leg)).end.reason == "no_answer"
    await page.answer(leg)  # too late
    assert (await page.message("error"))["code"] == "no_such_leg"


async def test_a_page_calls_a_service_number_and_hears_the_music(exchange: Exchange, pages: Pages) -> None:
    """LegArrived with the person the log-in proved; numbers nobody serves are refused."""
    page = await pages.on("eva")
    await page.call("+385911111")
    refused = await page.message("ended")
    assert refused["reason"] == "unknown_number"
    await page.call(SERVICE_NUMBER)
    arrival = await exchange.seen.first(LegArrived)
    assert (arrival.origin, arrival.called, arrival.caller.display) == (PersonOrigin("eva"), SERVICE_NUMBER, "Eva")  # type: ignore[arg-type]
    assert (await page.message("calling", lambda message: message["leg"] == arrival.leg))["leg"] == arrival.leg
    exchange.switch.perform(AnswerLeg(arrival.leg))
    await exchange.seen.first(LegAnswered)
    exchange.switch.perform(SetMix(frozenset({arrival.leg}), frozenset({(HoldMusic(), arrival.leg)})))
    await page.until_sounds()
    await finish(exchange, arrival.leg)
    assert (await page.message("ended", lambda message: message["leg"] == arrival.leg))["reason"] == "done"


async def test_hold_lets_neither_hear_the_other_and_ends_no_leg(
    exchange: Exchange, phones: Phones, pages: Pages
) -> None:
    telephone, page = await phones.registered("ben", tone_hz=BEN_HZ), await pages.on("eva", EVA_HZ)
    ben, eva = await answered(exchange, "ben"), await talking(exchange, "eva", page)
    join(exchange, ben, eva)
    await page.until_hears(BEN_HZ)
    page.hold(eva, True)
    await page.until_silent()
    await telephone.until(lambda: telephone.audio.level() < 0.001)
    page.hold(eva, False)
    await page.until_hears(BEN_HZ)
    await telephone.until_hears(EVA_HZ)
    await finish(exchange, ben, eva)


async def test_a_page_that_lost_its_socket_and_its_media_takes_its_call_back(
    exchange: Exchange, phones: Phones, pages: Pages
) -> None:
    """A reload or a network change: a new peer on the same leg; nobody else notices but a short silence."""
    telephone, page = await phones.registered("ben", tone_hz=BEN_HZ), await pages.on("eva", EVA_HZ)
    ben, eva = await answered(exchange, "ben"), await talking(exchange, "eva", page)
    join(exchange, ben, eva)
    await page.until_hears(BEN_HZ)
    own_id = str((await page.message("registered"))["phone"])
    pages.lose(page)
    await page.leave()

    again = pages.connect("eva", EVA_HZ + 200)
    again.register(phone=own_id)
    assert (await again.message("registered"))["resumed"] == eva
    await again.reconnect(eva)
    await again.until_hears(BEN_HZ, deaf_to=(EVA_HZ + 200,))
    await telephone.until_hears(EVA_HZ + 200)
    assert [type(event) for event in exchange.seen.of(eva)] == [LegDialled, LegRinging, LegAnswered]
    await finish(exchange, ben, eva)


@pytest.mark.usefixtures("impatient")
async def test_a_page_that_never_comes_back_loses_its_call(exchange: Exchange, pages: Pages) -> None:
    page = await pages.on("eva")
    leg = await talking(exchange, "eva", page)
    pages.lose(page)
    assert await ended(exchange, leg) == LegEnded(leg, EndReason.upstream_error("media_lost"))


async def test_a_media_worker_that_dies_ends_its_own_legs_and_nothing_else(
    exchange: Exchange, phones: Phones, pages: Pages
) -> None:
    """Issue 5, item 1: two pages on one worker, a third on the next; the first worker is killed."""
    customer = await phones.customer(C_HZ)
    eva, ben, ana = await pages.on("eva"), await pages.on("ben"), await pages.on("ana")
    caller = await arrived(exchange, customer)
    legs = [await talking(exchange, name, page) for name, page in (("eva", eva), ("ben", ben), ("ana", ana))]
    workers = pages.phones.workers
    first = next(pid for pid in workers.pids if legs[0] in {line.leg for line in workers.lines_of(pid)})
    died_with = [leg for leg in legs if leg in {line.leg for line in workers.lines_of(first)}]
    assert 1 <= len(died_with) < len(legs)
    leg, survivor = next((leg, page) for leg, page in zip(legs, (eva, ben, ana), strict=True) if leg not in died_with)
    join(exchange, caller, leg)
    os.kill(first, signal.SIGKILL)
    lost = EndReason.server_error("media_worker_lost")
    for leg in died_with:
        assert await ended(exchange, leg) == LegEnded(leg, lost)
    over = await eva.message("ended")
    assert over["reason"] == "media_worker_lost"
    assert "media worker" in over["message"]
    await survivor.until_hears(C_HZ)
    ends = [event for event in exchange.seen.events if isinstance(event, LegEnded)]
    assert {event.leg for event in ends} == set(died_with)

    again = await talking(exchange, "eva", eva)  # on another worker, or on the one that took its place
    join(exchange, caller, again)
    await eva.until_hears(C_HZ)
    await finish(exchange, caller, again, *(leg for leg in legs if leg not in died_with))


async def test_past_the_most_workers_a_call_is_refused_and_the_others_go_on(exchange: Exchange, pages: Pages) -> None:
    names = ["eva", "ben", "ana"]
    made = [await pages.on(name) for name in names] + [await pages.on("eva"), await pages.on("ben")]
    legs = [await talking(exchange, name, page) for name, page in zip(names, made, strict=False)]
    # Eva and Ben have a second page each; their first one is busy.
    fourth = await talking(exchange, "eva", made[3])
    fifth = await rung(exchange, "ben", made[4])
    await made[4].answer(fifth)
    assert (await ended(exchange, fifth)).end.reason == "overloaded"
    for leg in (*legs, fourth):
        exchange.switch.perform(EndLeg(leg, DONE))
    await asyncio.gather(*(ended(exchange, leg) for leg in (*legs, fourth)))
