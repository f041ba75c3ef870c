"""A running centre with its administration: the demo company, scripted telephones, a store on a file."""

from __future__ import annotations

import io
import math
import struct
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from center.administration.model import Kind, Wish
from center.administration.recordings import PromptFolder
from center.administration.service import Administration
from center.live import Document
from center.settings import Settings
from telephony.settings import SHIPPED_PROMPTS
from tests.center.stage import OLGA, Stage, a_stage
from vocabulary import PersonId


@dataclass
class Office:
    """The stage, and an administrator who changes things on it."""

    stage: Stage
    administration: Administration
    prompts: Path

    def thing(self, kind: Kind, subject: str, *, by: PersonId = OLGA) -> Document:
        return self.administration.thing(self.stage.directory.people[by], kind, subject)

    async def make(self, kind: Kind, subject: str, content: Mapping[str, Any]) -> Document:
        wish = Wish(kind, subject, content, make=True)
        return await self.administration.change(self.stage.directory.people[OLGA], wish)

    async def change(self, kind: Kind, subject: str, **changes: Any) -> Document:
        """Change some fields of a thing, having seen its newest version."""
        seen = self.thing(kind, subject)
        content = {**seen["content"], **changes}
        wish = Wish(kind, subject, content, seen["version"])
        return await self.administration.change(self.stage.directory.people[OLGA], wish)

    async def remove(self, kind: Kind, subject: str) -> Document:
        wish = Wish(kind, subject, None, self.thing(kind, subject)["version"])
        return await self.administration.change(self.stage.directory.people[OLGA], wish)

    async def undo(self, number: int) -> Document:
        return await self.administration.undo(self.stage.directory.people[OLGA], number, "")

    async def changes(self, **wanted: Any) -> list[Document]:
        olga = self.stage.directory.people[OLGA]
        return list(await self.administration.changes(olga, limit=50, **wanted))


@asynccontextmanager
async def an_administration(stage: Stage, folder: Path, settings: Settings | None = None) -> AsyncIterator[Office]:
    """An administration of this stage's store, as a node has one."""
    prompts = PromptFolder(folder / "prompts", SHIPPED_PROMPTS, stage.store.configuration)
    administration = Administration(
        store=stage.store,
        running=stage.center.running,
        enrolment=stage.center.enrolment,
        settings=settings or Settings(),
        prompts=prompts,
    )
    await administration.start()
    try:
        yield Office(stage, administration, folder / "prompts")
    finally:
        await administration.stop()


@asynccontextmanager
async def an_office(folder: Path) -> AsyncIterator[Office]:
    async with a_stage(folder) as stage, an_administration(stage, folder) as office:
        yield office


def tone(seconds: float = 0.5, rate_hz: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    """A WAV of a 440 Hz tone."""
    result = io.BytesIO()
    peak = {1: 100, 2: 20_000, 3: 5_000_000, 4: 1_500_000_000}[width]
    samples = [round(peak * math.sin(2 * math.pi * 440 * n / rate_hz)) for n in range(round(seconds * rate_hz))]
    with wave.open(result, "wb") as target:
        target.setnchannels(channels)
        target.setsampwidth(width)
        target.setframerate(rate_hz)
        if width == 1:
            frames = bytes(sample + 128 for sample in samples for _ in range(channels))
        else:
            packed = (struct.pack("<i", sample)[:width] for sample in samples for _ in range(channels))
            frames = b"".join(packed)
        target.writeframes(frames)
    return result.getvalue()
