"""Real nodes for the scenarios: one per module, on free ports of the loopback interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from siplab.node import NodeAccess
from siplab.report import Report
from siplab.scenarios.s02 import S02
from siplab.scenarios.s03 import S03
from siplab.scenarios.s04 import S04
from siplab.scenarios.s05_nodes import S05Nodes
from siplab.scenarios.s06 import S06
from siplab.scenarios.s07 import S07
from siplab.scenarios.scene import Pace, Scene, play_scene

from tests.scenarios.company import Company, NodeUnderTest, company_of


@dataclass
class RunningNode:
    """A node of its own and how to get at it."""

    node: NodeUnderTest
    access: NodeAccess


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """A node that serves during the module."""
    node = NodeUnderTest(tmp_path_factory.mktemp("node") / "state")
    async with node as access:
        yield RunningNode(node, access)


@pytest.fixture
async def company(running: RunningNode) -> AsyncIterator[Company]:
    """The demo company on the module's node; phones, desks and clients leave with the test."""
    async with company_of(running.access) as opened:
        yield opened


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    """Where foreign programs put their traces."""
    folder = tmp_path / "captures"
    folder.mkdir()
    return folder


TOGETHER = ((S02, S07), (S03, S04), (S06,), (S05Nodes,))
"""Plays that mostly wait run side by side, each on its own node, so that the whole set takes half the time."""


class Plays:
    """Plays each scenario once per test run, in its short form."""

    def __init__(self, wanted: frozenset[type[Scene]]) -> None:
        self._wanted = wanted
        self._running: dict[type[Scene], asyncio.Task[Report]] = {}

    async def report(self, kind: type[Scene]) -> Report:
        """Give how a scenario went; its neighbours are begun with it."""
        for each in next(group for group in TOGETHER if kind in group):
            if each is kind or each in self._wanted:
                self._running.setdefault(each, asyncio.create_task(play_scene(each, Pace(short=True))))
        return await self._running[kind]

    async def stop(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)


@pytest.fixture(scope="session")
async def plays(request: pytest.FixtureRequest) -> AsyncIterator[Plays]:
    """The scenarios as they went."""
    modules = {Path(str(item.path)).stem for item in request.session.items}
    asked = frozenset(kind for group in TOGETHER for kind in group if f"test_{kind.name.lower()}" in modules)
    opened = Plays(asked)
    yield opened
    await opened.stop()
