"""Live documents: who sees what, in which order, and what happens to a slow screen (CE-05, N9)."""

from __future__ import annotations

import asyncio

from center.live import EVERYONE, QUEUE_LIMIT, Audience, Change, LiveDocuments, Subscription
from vocabulary import DeskRole, PersonId

ANNA, EVA, SARA = PersonId("anna"), PersonId("eva"), PersonId("sara")
NO_ROLES: frozenset[DeskRole] = frozenset()
SUPERVISOR = frozenset({DeskRole.SUPERVISOR})
ONLY_ANNA = Audience(people=frozenset({ANNA}))


def is_idle(screen: Subscription) -> bool:
    """Whether nothing waits for this screen."""
    try:
        screen.changes().send(None)
    except StopIteration:
        return False
    return True


async def next_changes(screen: Subscription) -> list[Change]:
    return await asyncio.wait_for(screen.changes(), 20)


async def test_a_screen_sees_what_everyone_sees_and_what_is_for_its_person() -> None:
    live = LiveDocuments()
    live.put("queue/claims", {"waiting": 1}, EVERYONE)
    live.put("case/1", {"version": 1}, ONLY_ANNA)
    assert set(live.subscribe(ANNA, NO_ROLES).snapshot()) == {"queue/claims", "case/1"}
    assert set(live.subscribe(EVA, NO_ROLES).snapshot()) == {"queue/claims"}


async def test_a_role_admits_whoever_has_it() -> None:
    live = LiveDocuments()
    live.put("case/1", {"version": 1}, Audience(roles=SUPERVISOR))
    assert set(live.subscribe(SARA, SUPERVISOR).snapshot()) == {"case/1"}
    assert set(live.subscribe(SARA, frozenset({DeskRole.AGENT})).snapshot()) == set()


async def test_everyone_sees_only_his_own_me() -> None:
    live = LiveDocuments()
    for person in (ANNA, EVA):
        live.put(f"me/{person}", {"id": person}, Audience(people=frozenset({person})))
    assert live.subscribe(EVA, NO_ROLES).snapshot() == {"me": {"id": EVA}}


async def test_changes_come_in_order_to_those_who_may_see_them() -> None:
    live = LiveDocuments()
    anna, eva = live.subscribe(ANNA, NO_ROLES), live.subscribe(EVA, NO_ROLES)
    live.put("case/1", {"version": 1}, ONLY_ANNA)
    live.put("queue/claims", {"waiting": 1}, EVERYONE)
    assert await next_changes(anna) == [Change("case/1", {"version": 1}), Change("queue/claims", {"waiting": 1})]
    assert await next_changes(eva) == [Change("queue/claims", {"waiting": 1})]


async def test_several_changes_of_one_document_become_the_last_one() -> None:
    live = LiveDocuments()
    screen = live.subscribe(ANNA, NO_ROLES)
    for version in (1, 2, 3):
        live.put("case/1", {"version": version}, ONLY_ANNA)
    assert await next_changes(screen) == [Change("case/1", {"version": 3})]
    assert is_idle(screen)


async def test_putting_the_same_document_again_tells_nobody() -> None:
    live = LiveDocuments()
    live.put("case/1", {"version": 1}, ONLY_ANNA)
    screen = live.subscribe(ANNA, NO_ROLES)
    live.put("case/1", {"version": 1}, ONLY_ANNA)
    assert is_idle(screen)


async def test_who_loses_the_right_to_see_a_document_is_told_it_is_gone() -> None:
    """Cases of others do not stay on a screen."""
    live = LiveDocuments()
    anna, eva = live.subscribe(ANNA, NO_ROLES), live.subscribe(EVA, NO_ROLES)
    live.put("case/1", {"version": 1}, Audience(people=frozenset({ANNA, EVA})))
    await next_changes(anna), await next_changes(eva)
    live.put("case/1", {"version": 2}, ONLY_ANNA)
    assert await next_changes(anna) == [Change("case/1", {"version": 2})]
    assert await next_changes(eva) == [Change("case/1", None)]


async def test_who_gains_the_right_gets_the_document_even_if_it_is_unchanged() -> None:
    live = LiveDocuments()
    live.put("case/1", {"version": 1}, ONLY_ANNA)
    eva = live.subscribe(EVA, NO_ROLES)
    live.put("case/1", {"version": 1}, Audience(people=frozenset({ANNA, EVA})))
    assert await next_changes(eva) == [Change("case/1", {"version": 1})]


async def test_a_dropped_document_is_gone_for_those_who_saw_it_and_silent_for_others() -> None:
    live = LiveDocuments()
    live.put("case/1", {"version": 1}, ONLY_ANNA)
    anna, eva = live.subscribe(ANNA, NO_ROLES), live.subscribe(EVA, NO_ROLES)
    live.drop("case/1")
    live.drop("case/1")
    assert await next_changes(anna) == [Change("case/1", None)]
    assert is_idle(eva)
    assert live.get("case/1") is None


async def test_a_slow_screen_overflows_and_is_told_to_take_a_snapshot() -> None:
    """A slow screen never slows a call down: its queue is bounded."""
    live = LiveDocuments()
    slow = live.subscribe(ANNA, NO_ROLES)
    for number in range(QUEUE_LIMIT + 10):
        live.put(f"person/{number}", {"n": number}, EVERYONE)
    assert await next_changes(slow) == []
    assert len(slow.snapshot()) == QUEUE_LIMIT + 10


async def test_after_its_snapshot_an_overflowed_screen_follows_again() -> None:
    live = LiveDocuments()
    slow = live.subscribe(ANNA, NO_ROLES)
    for number in range(QUEUE_LIMIT + 1):
        live.put(f"person/{number}", {"n": number}, EVERYONE)
    await next_changes(slow)
    slow.snapshot()
    live.put("queue/claims", {"waiting": 2}, EVERYONE)
    assert await next_changes(slow) == [Change("queue/claims", {"waiting": 2})]


async def test_a_full_queue_still_takes_a_newer_version_of_what_waits_in_it() -> None:
    live = LiveDocuments()
    slow = live.subscribe(ANNA, NO_ROLES)
    for number in range(QUEUE_LIMIT):
        live.put(f"person/{number}", {"n": number}, EVERYONE)
    live.put("person/0", {"n": -1}, EVERYONE)
    changes = await next_changes(slow)
    assert (len(changes), changes[-1]) == (QUEUE_LIMIT, Change("person/0", {"n": -1}))


async def test_a_snapshot_holds_what_was_queued_so_it_does_not_come_again() -> None:
    live = LiveDocuments()
    screen = live.subscribe(ANNA, NO_ROLES)
    live.put("queue/claims", {"waiting": 1}, EVERYONE)
    assert screen.snapshot() == {"queue/claims": {"waiting": 1}}
    assert await next_changes(screen) == []
    live.put("queue/claims", {"waiting": 2}, EVERYONE)
    assert await next_changes(screen) == [Change("queue/claims", {"waiting": 2})]


async def test_a_person_is_watching_as_long_as_one_of_his_screens_is_open() -> None:
    """Without a screen there is nothing to wait for before the phone rings (N1)."""
    live = LiveDocuments()
    first, second = live.subscribe(EVA, NO_ROLES), live.subscribe(EVA, NO_ROLES)
    first.close()
    assert live.is_watching(EVA)
    second.close()
    second.close()
    assert not live.is_watching(EVA)
