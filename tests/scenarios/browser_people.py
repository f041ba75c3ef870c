"""People who work with nothing but a page: a browser process each, whose microphone is that party's tone."""

from __future__ import annotations

import asyncio
import shutil
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from siplab import prover
from siplab.errors import WaitTimeout
from siplab.prover import Direction
from siplab.remote import RemoteRobot
from siplab.tones import tone_of

from tests.scenarios.company import Company, until

WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-fake-ui-for-media-stream --use-fake-device-for-media-stream "
    "--autoplay-policy=no-user-gesture-required --allow-loopback-in-peer-connection"
).split()
RATE_HZ, TONE_S, AMPLITUDE = 48_000, 10, 0.25

HEARING = """async (tones) => {
  const heard = document.querySelector("audio[data-testid=phone-heard]").srcObject;
  const counts = tones.map(() => 0);
  if (heard === null) return counts;
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(heard).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount);
  const width = context.sampleRate / analyser.fftSize;
  await new Promise((done) => setTimeout(done, 250));
  for (let look = 0; look < 10; look++) {
    await new Promise((done) => setTimeout(done, 40));
    analyser.getFloatFrequencyData(levels);
    tones.forEach((hz, n) => {
      const bin = Math.round(hz / width);
      if (Math.max(levels[bin - 1], levels[bin], levels[bin + 1]) > -55) counts[n]++;
    });
  }
  await context.close();
  return counts;
}"""
"""How often out of ten looks each tone was in what the page plays."""
OFTEN = 8


@dataclass(frozen=True, slots=True)
class Heard:
    """Directions that are heard all the time, and those heard at any time, during one look."""

    steadily: frozenset[Direction]
    ever: frozenset[Direction]


class BrowserPerson:
    """A person at a page whose phone is switched on; `party` names the tone."""

    def __init__(self, party: str, person: str, page: Page) -> None:
        self.party = party
        self.person = person
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(f"{person}: {error}"))
        # Whoever leaves a page in a call is asked whether he means it.
        page.on("dialog", lambda dialog: dialog.accept())

    @property
    def strip(self) -> Locator:
        return self.page.get_by_role("region", name="Browser phone")

    async def phone_is(self, phase: str, timeout_ms: int = WAIT_MS) -> None:
        await expect(self.strip).to_have_attribute("data-phase", phase, timeout=timeout_ms)

    async def log_in(self, company: Company) -> None:
        await self.page.goto(company.access.web)
        await self.page.get_by_label("Person id").fill(self.person)
        await self.page.get_by_label("Password").fill(company.login(self.person).web_password)
        await self.page.get_by_role("button", name="Log in").click()
        await expect(self.page.get_by_test_id("my-name")).to_be_visible(timeout=WAIT_MS)

    async def switch_phone_on(self) -> None:
        """On, and with the sound as the microphone gives it: noise suppression takes a steady tone for noise."""
        await self.page.get_by_test_id("phone-switch").click()
        await self.phone_is("idle")
        await self.page.get_by_role("button", name="Sound settings").click()
        await self.page.get_by_label("Reduce echo and noise").uncheck()
        await self.page.get_by_role("button", name="Sound settings").click()

    async def hears(self, parties: Sequence[str]) -> Heard:
        counts = await self.page.evaluate(HEARING, [tone_of(party) for party in parties])
        heard = dict(zip(parties, counts, strict=True))
        return Heard(
            frozenset((party, self.party) for party, count in heard.items() if count >= OFTEN),
            frozenset((party, self.party) for party, count in heard.items() if count > 0),
        )


class BrowserPeople:
    """Opens a browser for each person; leaving the context closes them all."""

    def __init__(self, company: Company, folder: Path) -> None:
        self._company = company
        self._folder = folder
        self._browsers: list[Browser] = []

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(browser.close() for browser in self._browsers))
        await self._playwright.stop()

    async def arrive(self, people: Iterable[tuple[str, str]]) -> list[BrowserPerson]:
        """Bring (party, person) to the desk with their phones on, all at once."""
        return list(await asyncio.gather(*(self._arrive(party, person) for party, person in people)))

    async def _arrive(self, party: str, person: str) -> BrowserPerson:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert program, "Chromium is missing: install the package chromium"
        microphone = f"--use-file-for-fake-audio-capture={write_tone(self._folder, party)}"
        browser = await self._playwright.chromium.launch(executable_path=program, args=[*FLAGS, microphone])
        self._browsers.append(browser)
        page = await browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(WAIT_MS)
        arrived = BrowserPerson(party, person, page)
        await arrived.log_in(self._company)
        await arrived.switch_phone_on()
        return arrived


def write_tone(folder: Path, party: str) -> Path:
    """Whole seconds of a whole number of Hz, so that the sound repeats without a click."""
    path = folder / f"{party}.wav"
    samples = AMPLITUDE * np.sin(2 * np.pi * tone_of(party) * np.arange(RATE_HZ * TONE_S) / RATE_HZ)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


async def exactly_heard(
    customer: RemoteRobot, pages: Sequence[BrowserPerson], wanted: frozenset[Direction], timeout_s: float = 40.0
) -> None:
    """Wait until these directions are heard steadily and no other at all, by the customer's phone and by the pages."""
    parties = (customer_party := "C", *(page.party for page in pages))
    seen = Heard(frozenset(), frozenset())

    async def settled() -> bool:
        nonlocal seen
        of_pages = await asyncio.gather(*(page.hears(parties) for page in pages))
        at_customer = frozenset(d for d in prover.who_hears_whom([await customer.report()]) if d[1] == customer_party)
        seen = Heard(
            at_customer.union(*(one.steadily for one in of_pages)), at_customer.union(*(one.ever for one in of_pages))
        )
        return seen.steadily == wanted == seen.ever

    try:
        await until(settled, f"exactly {sorted(wanted)} to be heard", timeout_s)
    except WaitTimeout as late:
        raise AssertionError(f"{late}; missing {wanted - seen.steadily}, too much {seen.ever - wanted}") from late
