"""Real nodes for the scenarios: one per module, on free ports of the loopback interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from siplab.node import NodeAccess
from siplab.patience import Patience, patient

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


@pytest.fixture(scope="module")
def patience() -> Iterator[Patience]:
    """What this machine withholds while the module's tests run."""
    with patient() as measured:
        yield measured


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
