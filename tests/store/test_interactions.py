"""Interactions and escalations keep where they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from store import Store
from store.records import StoredEscalation, StoredInteraction, TimeBudgets
from vocabulary import CaseId, CustomerId, EscalationId, InteractionId, PersonId, QueueId, Result

NOON = datetime(2027, 1, 10, 12, tzinfo=UTC)
WAITING = StoredInteraction(InteractionId("int_1"), "queued", NOON, QueueId("claims"), caller_number="+385915550101")
DONE = StoredInteraction(
    InteractionId("int_1"),
    "closed",
    NOON,
    QueueId("claims"),
    CustomerId("ana"),
    CaseId("case_1"),
    "+385915550101",
    NOON + timedelta(seconds=4),
    NOON + timedelta(minutes=5),
    PersonId("anna.novak"),
    Result.SUCCESS,
    "customer_left",
    "solved",
    True,
    TimeBudgets(4.0, 296.0, 60.5),
)


async def test_an_interaction_is_saved_again_as_it_moves_on(store: Store) -> None:
    """CE-10, CE-21: first-contact resolution and the three time budgets are kept."""
    await store.interactions.save(WAITING)
    assert await store.interactions.get(WAITING.id) == WAITING
    await store.interactions.save(DONE)
    assert await store.interactions.get(WAITING.id) == DONE
    assert await store.interactions.get(InteractionId("int_2")) is None


async def test_open_interactions_come_oldest_first_and_recent_ones_newest_first(store: Store) -> None:
    old = replace(WAITING, id=InteractionId("int_2"), enqueued_at=NOON - timedelta(hours=1), fcr=False)
    await store.interactions.save(WAITING)
    await store.interactions.save(old)
    await store.interactions.save(replace(DONE, id=InteractionId("int_3"), enqueued_at=NOON + timedelta(hours=1)))
    assert await store.interactions.open("") == [old, WAITING]
    assert await store.interactions.open("another-node") == []
    assert [interaction.id for interaction in await store.interactions.recent(2)] == ["int_3", "int_1"]


async def test_an_escalation_keeps_when_each_stage_was_reached(store: Store) -> None:
    asked = StoredEscalation(EscalationId("esc_1"), WAITING.id, PersonId("anna"), PersonId("eva"), NOON)
    joined = replace(
        asked,
        rendered_at=NOON + timedelta(milliseconds=180),
        invited_at=NOON + timedelta(milliseconds=200),
        ringing_at=NOON + timedelta(milliseconds=260),
        accepted_at=NOON + timedelta(seconds=6),
        joined_at=NOON + timedelta(seconds=6, milliseconds=100),
        closed_at=NOON + timedelta(seconds=90),
        result=Result.SUCCESS,
        reason="specialist_left",
        outcome="solved",
    )
    second = replace(asked, id=EscalationId("esc_0"), requested_at=NOON + timedelta(minutes=2))
    await store.interactions.save_escalation(second)
    await store.interactions.save_escalation(asked)
    assert await store.interactions.escalations_of(WAITING.id) == [asked, second]
    await store.interactions.save_escalation(joined)
    assert await store.interactions.escalations_of(WAITING.id) == [joined, second]
    assert await store.interactions.escalations_of(InteractionId("other")) == []
