"""Steps that many tests of real calls share."""

from __future__ import annotations

import asyncio
from pathlib import Path

from telephony.effects import AnswerLeg, DialLeg, EndLeg
from telephony.events import LegAnswered, LegArrived, LegEnded
from telephony.model import CallerIdentity, Destination
from tests.telephony.conftest import SERVICE_NUMBER, Exchange
from tests.telephony.phone import Phone
from vocabulary import EndReason, LegId, PersonId, new_id

SHOWN = CallerIdentity("Ana K.", "+385911111")
DONE = EndReason.success("done")
PROGRAM_TIMEOUT_S = 60.0


async def arrived(exchange: Exchange, customer: Phone) -> LegId:
    """Have the customer call the service number and answer him."""
    calling = asyncio.ensure_future(customer.call(SERVICE_NUMBER))
    leg = (await exchange.seen.first(LegArrived)).leg
    exchange.switch.perform(AnswerLeg(leg))
    assert (await calling).status == 200
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    return leg


def dial(exchange: Exchange, person: str, headers: tuple[tuple[str, str], ...] = ()) -> LegId:
    """Ring a person's phones."""
    leg = LegId(new_id("leg"))
    exchange.switch.perform(DialLeg(leg, Destination(person=PersonId(person)), SHOWN, headers))
    return leg


async def answered(exchange: Exchange, person: str) -> LegId:
    """Ring a person's phones and wait for the answer."""
    leg = dial(exchange, person)
    await exchange.seen.first(LegAnswered, lambda event: event.leg == leg)
    return leg


async def ended(exchange: Exchange, leg: LegId) -> LegEnded:
    """Wait until a leg is over."""
    return await exchange.seen.first(LegEnded, lambda event: event.leg == leg)


async def finish(exchange: Exchange, *legs: LegId) -> None:
    """End legs and wait until they are over."""
    for leg in legs:
        exchange.switch.perform(EndLeg(leg, DONE))
        await ended(exchange, leg)


async def run(directory: Path, *command: str) -> int:
    """Run a program to its end, at most for PROGRAM_TIMEOUT_S."""
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        return await asyncio.wait_for(child.wait(), PROGRAM_TIMEOUT_S)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
