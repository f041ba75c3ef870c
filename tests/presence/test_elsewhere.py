"""Who is busy on another node is busy here, and a node that dies keeps nobody busy (N4, N6)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from presence.contract import Arrival, IncomingMessage, engagement_payload, parse
from presence.elsewhere import Elsewhere, Hearing, NodeSeen, NodeWord, Standing, standing
from presence.errors import ContractError
from presence.model import AvailabilityState, Engagement, Kind, Source
from presence.runner import PresenceService
from presence.settings import PresenceSettings
from tests.presence.conftest import EVA, IVAN, PREFIX, TOPICS, Company, reconnecting_client

FREE, BUSY, UNKNOWN = AvailabilityState.FREE, AvailabilityState.BUSY, AvailabilityState.UNKNOWN
AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
CALL, RESERVED = Engagement(Kind.IN_CALL, AT), Engagement(Kind.RESERVED, AT)
DOUBTED_CALL = replace(CALL, in_doubt=True)
NOBODY = frozenset[str]()


def says(engagement: Engagement | None, node: str = "n1", *, retained: bool = False) -> NodeWord:
    return NodeWord(node, EVA, engagement, retained)


def online(node: str = "n1", *, retained: bool = False) -> NodeSeen:
    return NodeSeen(node, online=True, retained=retained)


GONE = NodeSeen("n1", online=False, retained=False)


@pytest.mark.parametrize(
    ("hearing", "lives", "worth"),
    [
        (Hearing.LIVE, True, Standing.COUNTS),
        (Hearing.LIVE, False, Standing.IN_DOUBT),
        (Hearing.MEMORY, True, Standing.COUNTS),
        (Hearing.MEMORY, False, Standing.VOID),
        (Hearing.SILENT, True, Standing.IN_DOUBT),
        (Hearing.SILENT, False, Standing.VOID),
    ],
)
def test_two_witnesses_decide_what_a_nodes_word_is_worth(hearing: Hearing, lives: bool, worth: Standing) -> None:
    """N6: nobody is free by a word that may still hold; docs/presence.md shows the table."""
    assert standing(hearing, lives=lives) is worth


def heard() -> Elsewhere:
    """Node n1 is online, lives by the store and has Eva in a call."""
    elsewhere = Elsewhere()
    elsewhere.seen(online())
    elsewhere.word(says(CALL))
    elsewhere.living(frozenset({"n1"}))
    assert elsewhere.of(EVA) == CALL
    return elsewhere


def test_a_word_counts_until_it_is_taken_back() -> None:
    elsewhere = heard()
    assert elsewhere.word(says(None)) == {EVA}
    assert elsewhere.of(EVA) is None


def test_a_killed_nodes_word_is_in_doubt_until_the_store_says_it_is_dead() -> None:
    """N4, N6: unknown at once, free when the store gives it up, too; a claim of its row revives nothing."""
    elsewhere = heard()
    assert elsewhere.seen(GONE) == {EVA}
    assert elsewhere.of(EVA) == DOUBTED_CALL
    assert elsewhere.living(NOBODY) == {EVA}
    assert elsewhere.of(EVA) is None
    elsewhere.living(frozenset({"n1"}))
    assert elsewhere.of(EVA) is None


def test_a_node_cut_off_from_the_store_only_keeps_its_people_from_being_free() -> None:
    """S05 step 3: its calls live on. When it is seen again its word counts again."""
    elsewhere = heard()
    assert elsewhere.living(NOBODY) == {EVA}
    assert elsewhere.of(EVA) == DOUBTED_CALL
    assert elsewhere.living(frozenset({"n1"})) == {EVA}
    assert elsewhere.of(EVA) == CALL


def test_what_the_broker_remembers_of_a_dead_node_is_void() -> None:
    elsewhere = Elsewhere()
    elsewhere.living(NOBODY)
    elsewhere.word(says(CALL, retained=True))
    elsewhere.seen(online(retained=True))
    assert elsewhere.of(EVA) is None


def test_before_the_store_was_read_the_brokers_memory_counts() -> None:
    elsewhere = Elsewhere()
    elsewhere.word(says(CALL, retained=True))
    assert elsewhere.of(EVA) == DOUBTED_CALL
    elsewhere.seen(online(retained=True))
    assert elsewhere.of(EVA) == CALL
    assert elsewhere.living(frozenset({"n1"})) == set()


def test_a_lost_broker_puts_every_word_in_doubt_until_its_node_has_spoken() -> None:
    """Issue 4, faults: a broker that comes back without a memory makes nobody free."""
    elsewhere = heard()
    assert elsewhere.broker_lost() == {EVA}
    assert elsewhere.of(EVA) == DOUBTED_CALL
    elsewhere.word(says(CALL))
    elsewhere.seen(online())
    assert elsewhere.of(EVA) == CALL


def test_a_word_that_is_not_said_again_after_a_lost_broker_is_over() -> None:
    elsewhere = heard()
    elsewhere.broker_lost()
    assert elsewhere.seen(online()) == {EVA}
    assert elsewhere.of(EVA) is None


def test_of_two_nodes_the_sure_word_and_the_call_go_first() -> None:
    elsewhere = heard()
    elsewhere.word(says(RESERVED, "n2"))
    elsewhere.living(frozenset({"n1", "n2"}))
    assert elsewhere.of(EVA) == CALL
    elsewhere.seen(GONE)
    assert elsewhere.of(EVA) == RESERVED


ARRIVAL = Arrival(100.0, AT + timedelta(minutes=5))


def read(payload: bytes, topic: str = TOPICS.engaged("n1", EVA)) -> object:
    return parse(IncomingMessage(topic, payload, retained=False), TOPICS, (), ARRIVAL)


@pytest.mark.parametrize("word", [CALL, Engagement(Kind.WRAP_UP, AT, AT + timedelta(minutes=9)), None])
def test_a_nodes_word_is_read_as_it_was_written(word: Engagement | None) -> None:
    """Of people we do not know yet, too: they may have been enrolled on the other node."""
    assert read(engagement_payload(word)) == says(word)


def test_nothing_began_in_the_future_on_another_node() -> None:
    ahead = Engagement(Kind.IN_CALL, ARRIVAL.at + timedelta(minutes=10))
    assert read(engagement_payload(ahead)) == says(replace(ahead, since=ARRIVAL.at))


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b'{"kind":"in_call"}', b'{"kind":"resting","since":"2026-11-21T14:02:00Z"}', b'{"kind":[]}'],
)
def test_a_bad_word_of_a_node_is_refused(payload: bytes) -> None:
    with pytest.raises(ContractError):
        read(payload)


def test_a_node_is_online_only_when_it_says_so() -> None:
    assert read(b'{"status":"online","connection":"x"}', TOPICS.node("n1")) == online()
    assert read(b'{"status":"offline"}', TOPICS.node("n1")) == GONE
    assert read(b"", TOPICS.node("n1")) == GONE


# -- on a real Mosquitto ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def at_work(company: Company) -> AsyncIterator[Company]:
    """A node whose phones are registered, connected to the broker."""
    await company.service.start()
    try:
        for person in (EVA, IVAN):
            company.service.line_state(person, registered=True)
        await company.until(lambda: company.service.connected)
        yield company
    finally:
        await company.service.stop()


class Pair:
    """Two nodes on one broker; Eva and Ivan are available."""

    def __init__(self, n1: Company, n2: Company, settings: PresenceSettings) -> None:
        self.n1, self.n2, self.settings = n1, n2, settings

    def another(self, name: str) -> Company:
        return Company(replace(self.settings, node=name))


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        n1 = Company(PresenceSettings(tmp_path / "broker", port=0, prefix=PREFIX, node="n1", shared=True))
        await stack.enter_async_context(at_work(n1))
        assert n1.service.broker is not None
        await n1.service.add_account(EVA, "eva-secret")
        address = n1.service.broker.address
        there = PresenceSettings(
            tmp_path,
            host=address.host,
            port=address.port,
            username=address.username,
            password=address.password,
            prefix=PREFIX,
            node="n2",
            shared=True,
        )
        n2 = await stack.enter_async_context(at_work(Company(there)))
        eva = await stack.enter_async_context(n1.client(EVA))
        await eva.publish(TOPICS.source(EVA, Source.UC), b'{"status":"available"}', qos=1, retain=True)
        for node in (n1, n2):
            await node.until_shown(EVA, FREE)
        yield Pair(n1, n2, there)


async def kill_broker(company: Company) -> None:
    broker = company.service.broker
    assert broker is not None
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)


@asynccontextmanager
async def dying_node(nodes: Pair) -> AsyncIterator[asyncio.subprocess.Process]:
    """Node n3, a process of its own, has Eva in a call and is known to live; killed in the end if it was not before."""
    settings = nodes.settings
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.presence.node_process"),
        *(str(settings.port), settings.username or "", "n3", EVA, PREFIX),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    process.stdin.write(f"{settings.password}\n".encode())
    try:
        nodes.n2.service.nodes_living(frozenset({"n1", "n3"}))
        await nodes.n2.until_shown(EVA, BUSY, "in a call since")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.loopback
async def test_who_is_busy_on_one_node_is_busy_on_the_other_and_free_again_after(nodes: Pair) -> None:
    """N6: in a call, reserved, after-call work, each with the words it has on its own node."""
    here, there = nodes.n1.service, nodes.n2
    here.reservation(EVA, "esc_1")
    await there.until_shown(EVA, BUSY, "being asked for help")
    here.line_state(EVA, in_call=True)
    shown = await there.until_shown(EVA, BUSY, "in a call since")
    assert here.availability(EVA).since - shown.since < timedelta(milliseconds=1)
    here.reservation(EVA, None)
    here.wrap_up(EVA, active=True, until=datetime.now(UTC) + timedelta(minutes=1))
    here.line_state(EVA, in_call=False)
    shown = await there.until_shown(EVA, BUSY, "after-call work until")
    assert shown.free_again_at is not None
    here.wrap_up(EVA, active=False)
    await there.until_shown(EVA, FREE)


@pytest.mark.loopback
async def test_a_killed_nodes_people_are_unknown_at_once_and_free_when_it_is_declared_dead(nodes: Pair) -> None:
    """N4, N6: the last will comes at once, the word of the store when the leases end, too."""
    async with dying_node(nodes) as process:
        process.kill()
        await nodes.n2.until_shown(EVA, UNKNOWN, "but whether a call runs is not known")
        nodes.n2.service.nodes_living(frozenset({"n1"}))
        await nodes.n2.until_shown(EVA, FREE)


@pytest.mark.loopback
async def test_a_node_that_comes_back_takes_back_what_its_earlier_life_said(nodes: Pair) -> None:
    async with dying_node(nodes) as process:
        process.kill()
        await nodes.n2.until_shown(EVA, UNKNOWN)
        async with at_work(nodes.another("n3")):
            await nodes.n2.until_shown(EVA, FREE)


@pytest.mark.loopback
async def test_a_node_that_stops_in_good_order_leaves_nobody_busy(nodes: Pair) -> None:
    async with at_work(nodes.another("n4")) as leaving:
        leaving.service.wrap_up(EVA, active=True)
        await nodes.n2.until_shown(EVA, BUSY)
    await nodes.n2.until_shown(EVA, FREE)
    assert leaving.service.availability(EVA).state is BUSY


@pytest.mark.loopback
async def test_a_broker_that_dies_makes_nobody_free_who_talks_on_another_node(nodes: Pair) -> None:
    """Issue 4, faults: whichever node is back first, and whatever the broker forgot."""
    nodes.n1.service.line_state(EVA, in_call=True)
    await nodes.n2.until_shown(EVA, BUSY)
    before = len(nodes.n2.changes)
    async with reconnecting_client(nodes.n1, EVA):
        await kill_broker(nodes.n1)
        await nodes.n2.until_shown(EVA, UNKNOWN, "presence broker unreachable")
        await nodes.n2.until_shown(EVA, BUSY, "in a call since")
        assert FREE not in {change.state for change in nodes.n2.changes[before:] if change.person == EVA}
        nodes.n1.service.line_state(EVA, in_call=False)
        await nodes.n2.until_shown(EVA, FREE)


@pytest.mark.loopback
async def test_a_person_cannot_speak_for_a_node(nodes: Pair) -> None:
    """The broker's access rules: what Eva writes below `engaged` never arrives."""
    async with nodes.n1.client(EVA) as eva:
        await eva.publish(TOPICS.engaged("n1", EVA), engagement_payload(CALL), qos=1, retain=True)
        await eva.publish(TOPICS.source(EVA, Source.UC), b'{"status":"away"}', qos=1, retain=True)
        await nodes.n2.until_shown(EVA, AvailabilityState.AWAY)  # sent last, so the other would have been here
        await eva.publish(TOPICS.source(EVA, Source.UC), b'{"status":"available"}', qos=1, retain=True)
        await nodes.n2.until_shown(EVA, FREE)
    assert BUSY not in {change.state for change in nodes.n2.changes}


class Overheard(PresenceService):
    """A service without a broker: what it publishes is kept."""

    def __init__(self, *, shared: bool) -> None:
        self.published: list[tuple[str, bytes]] = []
        settings = PresenceSettings(Path(), shared=shared)
        super().__init__(settings, on_change=_drop, on_command=_drop, on_rendered=_drop)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: float | None = None) -> None:
        assert retain
        self.published.append((topic, payload))


def _drop(*_: object) -> None:
    """Nobody listens."""


@pytest.mark.parametrize(("shared", "words"), [(True, 2), (False, 0)])
async def test_one_node_alone_says_nothing_to_others(shared: bool, words: int) -> None:
    """A word at the beginning of a call, one at its end, none for what other nodes cannot see change."""
    service = Overheard(shared=shared)
    service.watch(EVA)
    service.line_state(EVA, registered=True)
    for in_call in (True, True, False):
        service.line_state(EVA, in_call=in_call)
    assert len(service.published) == words
