"""Measures browser phones in a process of its own, as PJSIP allows one switch per process: the figures as JSON.

Run as `python -m siplab.bench.browser_child`. Switch and robots share this process; the media worker, whose CPU is
measured, is another one.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from siplab.bench.browser_rows import CODECS, PEERS
from siplab.bench.measure import CpuMeter, Measured, percentile, resident_mib
from siplab.browser_peer import BrowserPage
from telephony.adapters.pjsip import PjsipSwitch
from telephony.admission import Directory
from telephony.browser import words
from telephony.browser.runner import BrowserPhones
from telephony.browser.workers import Codec, WorkerSettings
from telephony.effects import DialLeg, EndLeg, SetMix
from telephony.model import CallerIdentity, Destination, everyone_hears_everyone
from telephony.settings import SwitchSettings
from vocabulary import EndReason, LegId, PersonId, new_id

CALLS, TONES = 20, 12
WINDOW_S = 6.0
QUIET_S = 0.5
TONE_HZ = 600.0
SHOWN = CallerIdentity("Bench", "+385915550199")
DONE = EndReason.success("completed")


class Rig:
    """A switch with browser phones, and robots as pages, all in this process but the media worker."""

    def __init__(self, switch: PjsipSwitch, phones: BrowserPhones) -> None:
        self._switch = switch
        self._phones = phones
        self._pages: list[BrowserPage] = []

    @property
    def worker(self) -> int:
        """The process id of the one worker."""
        (pid,) = self._phones.workers.pids
        return pid

    async def page(self) -> tuple[PersonId, BrowserPage]:
        """A page of a person of its own, with its phone on."""
        person = PersonId(f"person.{len(self._pages)}")

        def say(message: Mapping[str, Any]) -> None:
            self._phones.said(number, words.parse(json.dumps(message)))

        page = BrowserPage(say)
        number = self._phones.opened(person, person, page)
        self._pages.append(page)
        page.register()
        await page.message("registered")
        return person, page

    async def call(self, person: PersonId, page: BrowserPage) -> tuple[LegId, float]:
        """Ring a page that answers at once; gives its leg and the time from the offer to connected audio."""
        leg = LegId(new_id("leg"))
        self._switch.perform(DialLeg(leg, Destination(person=person), SHOWN))
        await page.message("ring", lambda message: message["leg"] == leg)
        await page.answer(leg)
        at = time.monotonic()
        await page.message("connected", lambda message: message["leg"] == leg)
        return leg, time.monotonic() - at

    def join(self, *legs: LegId) -> None:
        together = frozenset(legs)
        self._switch.perform(SetMix(together, everyone_hears_everyone(together)))

    async def end(self, leg: LegId, page: BrowserPage) -> None:
        self._switch.perform(EndLeg(leg, DONE))
        await page.message("ended", lambda message: message["leg"] == leg)
        await page.leave()

    async def close(self) -> None:
        for page in self._pages:
            await page.leave()


@asynccontextmanager
async def given_rig(codec: Codec) -> AsyncIterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="ringside-bench-") as folder:
        settings = SwitchSettings(
            Path(folder), bind_address="127.0.0.1", udp_port=0, tcp_port=None, tls_port=None, rtp_port_first=41_000
        )
        switch = PjsipSwitch(settings, Directory(), lambda event: None)
        await switch.start()
        phones = BrowserPhones(WorkerSettings(codecs=(codec,), peers_per_worker=2 * PEERS), switch)
        rig = Rig(switch, phones)
        try:
            yield rig
        finally:
            await rig.close()
            await phones.stop()
            await switch.stop()


async def measure() -> Measured:
    """Connect calls one after the other, let two pages hear each other, then ten talk in pairs, per codec."""
    figures: Measured = {}
    for codec in CODECS:
        async with given_rig(codec) as rig:
            pages = [await rig.page() for _ in range(PEERS)]
            if codec == CODECS[0]:
                figures |= await _delays(rig, pages[0], pages[1])
            legs = [(await rig.call(*each))[0] for each in pages]
            for left, right in zip(legs[::2], legs[1::2], strict=True):
                rig.join(left, right)
            for _, page in pages:
                assert page.microphone is not None
                page.microphone.tone_hz = TONE_HZ
            await asyncio.sleep(1.0)
            meter = CpuMeter(rig.worker)
            await asyncio.sleep(WINDOW_S)
            figures[f"CPU of a media worker per page, {codec}, {PEERS} pages"] = meter.percent() / PEERS
            figures["memory of a media worker"] = resident_mib(rig.worker)
    return figures


async def _delays(rig: Rig, one: tuple[PersonId, BrowserPage], other: tuple[PersonId, BrowserPage]) -> Measured:
    """Offer to connected over several calls; then how long after the one's tone the other hears it."""
    connected = []
    for _ in range(CALLS):
        leg, took_s = await rig.call(*one)
        connected.append(1_000 * took_s)
        await rig.end(leg, one[1])
    legs = [(await rig.call(*each))[0] for each in (one, other)]
    rig.join(*legs)
    heard = []
    for number in range(TONES):
        speaker, listener = (one[1], other[1]) if number % 2 else (other[1], one[1])
        heard.append(1_000 * await _tone_to_tone(speaker, listener))
    for leg, (_, page) in zip(legs, (one, other), strict=True):
        await rig.end(leg, page)
    return {
        "offer to connected p50": percentile(connected, 0.5),
        "offer to connected p95": percentile(connected, 0.95),
        "page to page, tone to tone, p50": percentile(heard, 0.5),
        "page to page, tone to tone, p95": percentile(heard, 0.95),
    }


async def _tone_to_tone(speaker: BrowserPage, listener: BrowserPage) -> float:
    """Seconds from the first frame of a tone leaving the microphone to the first frame in which it is heard."""
    assert speaker.microphone is not None
    await asyncio.sleep(QUIET_S)
    listener.heard_since.clear()
    listener.listen_for = (TONE_HZ,)
    speaker.microphone.tone_hz = TONE_HZ
    await listener.until_hears(TONE_HZ)
    began = speaker.microphone.switched_at
    speaker.microphone.tone_hz = 0.0
    assert began is not None
    return listener.heard_since[TONE_HZ] - began


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure())))
