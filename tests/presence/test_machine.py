"""One person's machine: what it learns, when it speaks, when it wakes (N6, S06)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from presence.effects import AvailabilityChanged, PresenceEffect, StartTimer
from presence.events import (
    BrokerConnected,
    BrokerLost,
    ConfirmationChanged,
    ElsewhereChanged,
    FactReported,
    FactWithdrawn,
    LineStateChanged,
    PresenceEvent,
    ReservationChanged,
    RestChanged,
    TimerFired,
    WordUnreadable,
    WrapUpChanged,
)
from presence.fusion import FusionRules, Rest, Unconfirmed, WrapUp
from presence.machine import MAX_CLIENTS, PersonPresence, accept, engaged_here, look, step, watch
from presence.model import Availability, AvailabilityState, Engagement, Fact, Kind, Source, Status
from vocabulary import PersonId

EVA = PersonId("eva")
AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
RULES = FusionRules(uc_age_s=90.0)


def fact(
    source: Source,
    status: Status,
    received_at: float,
    *,
    seq: int | None = None,
    since: datetime = AT,
    retained: bool = False,
    expires_at: float | None = None,
) -> Fact:
    return Fact(source, status, since, received_at, seq=seq, retained=retained, expires_at=expires_at)


def reported(source: Source, status: Status, received_at: float, *, retained: bool = False) -> FactReported:
    return FactReported(EVA, fact(source, status, received_at, retained=retained))


def run(state: PersonPresence, *timed: tuple[float, PresenceEvent]) -> tuple[PersonPresence, list[PresenceEffect]]:
    """Feed events at their times; returns the last state and the effects of the last event."""
    effects: list[PresenceEffect] = []
    for now, event in timed:
        state, effects = step(state, event, now)
    return state, effects


def shown(effects: list[PresenceEffect]) -> list[Availability]:
    return [effect.availability for effect in effects if isinstance(effect, AvailabilityChanged)]


def given_connected(lost_since: datetime | None = None) -> PersonPresence:
    return watch(EVA, RULES, AT, broker_lost_since=lost_since)


def given_free(now: float = 0.0) -> PersonPresence:
    state, effects = run(
        given_connected(),
        (now, LineStateChanged(EVA, AT, registered=True)),
        (now, reported(Source.UC, Status.AVAILABLE, now)),
    )
    assert shown(effects)[0].state is AvailabilityState.FREE
    return state


def test_a_refresh_changes_nothing_visible_and_keeps_since() -> None:
    """Clients refresh every minute; readers must not be told each time."""
    again = FactReported(EVA, fact(Source.UC, Status.AVAILABLE, 60.0, since=AT + timedelta(minutes=1)))
    state, effects = step(given_free(), again, 60.0)
    assert effects == []
    assert look(state, 61.0).since == AT
    assert look(state, 61.0).sources[1].age_s == 1.0


def test_a_silent_client_turns_unknown_by_the_timer_alone() -> None:
    """S06: old is unknown, never free; the machine asked to be woken at that moment."""
    state, _ = run(given_connected(), (0.0, LineStateChanged(EVA, AT, registered=True)))
    state, effects = step(state, reported(Source.UC, Status.AVAILABLE, 0.0), 0.0)
    assert StartTimer(EVA, 90.0) in effects
    _, effects = step(state, TimerFired(EVA), 90.0)
    assert [(one.state, one.because) for one in shown(effects)] == [
        (AvailabilityState.UNKNOWN, "no sign of life for over 90 s")
    ]


def test_a_timer_after_a_refresh_only_asks_for_the_next_one() -> None:
    """Refreshes start no timers; the pending one finds the new deadline."""
    state, effects = step(given_free(), reported(Source.UC, Status.AVAILABLE, 60.0), 60.0)
    assert effects == []
    _, effects = step(state, TimerFired(EVA), 90.0)
    assert effects == [StartTimer(EVA, 150.0)]


MISSED = ConfirmationChanged(EVA, Unconfirmed(AT, 2))
ONE_LATER = AT + timedelta(minutes=1)


def given_unconfirmed() -> PersonPresence:
    state, effects = step(given_free(), MISSED, 5.0)
    assert [(one.state, one.kind, one.because) for one in shown(effects)] == [
        (AvailabilityState.UNKNOWN, Kind.UNCONFIRMED, "did not answer twice")
    ]
    return state


@pytest.mark.parametrize(
    "event",
    [
        FactReported(EVA, fact(Source.MANUAL, Status.AVAILABLE, 9.0)),
        FactWithdrawn(EVA, Source.MANUAL),
        LineStateChanged(EVA, AT, in_call=True),
        ConfirmationChanged(EVA, None),
    ],
    ids=["chooses", "takes a choice back", "talks", "says so"],
)
def test_who_did_not_answer_is_confirmed_by_an_act_of_his_own(event: PresenceEvent) -> None:
    """S02 step 6."""
    state, effects = step(given_unconfirmed(), event, 9.0)
    assert shown(effects)[0].unconfirmed_since is None
    if isinstance(event, LineStateChanged):
        state, effects = step(state, LineStateChanged(EVA, ONE_LATER, in_call=False), 10.0)
    assert look(state, 10.0).state is AvailabilityState.FREE


@pytest.mark.parametrize(
    "event",
    [
        FactReported(EVA, fact(Source.UC, Status.AVAILABLE, 9.0)),
        FactReported(EVA, fact(Source.CONNECTED, Status.AVAILABLE, 9.0)),
        FactReported(EVA, fact(Source.MICROPHONE, Status.BUSY, 9.0)),
        FactReported(EVA, fact(Source.MANUAL, Status.AVAILABLE, 9.0, retained=True)),
        LineStateChanged(EVA, AT, registered=True, answers=True),
        TimerFired(EVA),
    ],
    ids=["client repeats", "client connects", "first word of a microphone", "memory", "phone registers", "time"],
)
def test_what_happens_without_the_person_confirms_nobody(event: PresenceEvent) -> None:
    """S02 step 6: a UC client that still says available must not make him free."""
    state, _ = step(given_unconfirmed(), event, 9.0)
    assert look(state, 9.0).unconfirmed_since == AT
    assert look(state, 9.0).state is not AvailabilityState.FREE


def test_a_call_begun_at_the_own_client_confirms() -> None:
    state, _ = run(given_unconfirmed(), (8.0, reported(Source.IN_CALL, Status.AVAILABLE, 8.0)))
    assert look(state, 8.0).unconfirmed_since == AT
    state, _ = run(state, (9.0, reported(Source.IN_CALL, Status.BUSY, 9.0)))
    assert look(state, 9.0).unconfirmed_since is None


def test_a_broker_that_comes_back_confirms_nobody() -> None:
    """What the broker remembers is told again after a loss; that is no act."""
    memory = FactReported(EVA, fact(Source.MANUAL, Status.AVAILABLE, 12.0, retained=True))
    state, _ = run(given_unconfirmed(), (10.0, BrokerLost(AT)), (12.0, memory), (12.0, BrokerConnected()))
    assert look(state, 12.0).kind is Kind.UNCONFIRMED


def test_a_choice_ends_at_its_until() -> None:
    state = given_free()
    lunch = fact(Source.MANUAL, Status.AWAY, 10.0, expires_at=40.0)
    state, effects = step(state, FactReported(EVA, lunch), 10.0)
    assert shown(effects)[0].state is AvailabilityState.AWAY
    assert StartTimer(EVA, 40.0) in effects
    _, effects = step(state, TimerFired(EVA), 40.0)
    assert shown(effects)[0].state is AvailabilityState.FREE


def test_broker_loss_turns_everything_from_mqtt_unknown_at_once() -> None:
    """Design section 8, S06 step 3."""
    _, effects = step(given_free(), BrokerLost(AT), 5.0)
    assert [(one.state, one.because) for one in shown(effects)] == [
        (AvailabilityState.UNKNOWN, "presence broker unreachable since 14:02")
    ]


def test_broker_loss_keeps_a_running_call_busy() -> None:
    """Design section 8: own line states still count."""
    state, effects = run(
        given_free(), (1.0, LineStateChanged(EVA, AT, in_call=True)), (5.0, BrokerLost(AT + timedelta(minutes=1)))
    )
    assert look(state, 5.0).because == "in a call since 14:02"
    assert [view.source for view in shown(effects)[0].sources] == [Source.PHONE]
    _, effects = step(state, LineStateChanged(EVA, AT, in_call=False), 6.0)
    assert shown(effects)[0].because == "presence broker unreachable since 14:03"


def test_snapshot_after_a_loss_is_one_change() -> None:
    """S06 step 3, no storm: retained facts are read first, then everybody is said once."""
    state, _ = step(given_free(), BrokerLost(AT), 5.0)
    state, effects = step(state, reported(Source.UC, Status.BUSY, 6.0, retained=True), 6.0)
    assert shown(effects) == []
    state, effects = step(state, BrokerConnected(), 7.0)
    assert [one.state for one in shown(effects)] == [AvailabilityState.BUSY]


def test_what_the_broker_does_not_say_again_is_not_known() -> None:
    """A retained message that vanished with the broker must not live on in our memory."""
    _, effects = run(given_free(), (5.0, BrokerLost(AT)), (6.0, BrokerConnected()))
    assert shown(effects)[0].because == "nothing known"


def test_a_second_loss_keeps_the_first_since() -> None:
    state, effects = run(given_free(), (5.0, BrokerLost(AT)), (9.0, BrokerLost(AT + timedelta(hours=1))))
    assert effects == []
    assert look(state, 9.0).since == AT


def test_last_will_ends_the_old_status_for_good() -> None:
    """S06 step 4: a client that returns without a status is unknown, not what it was before."""
    state, _ = run(
        given_free(),
        (1.0, reported(Source.CONNECTED, Status.AVAILABLE, 1.0)),
        (2.0, reported(Source.CONNECTED, Status.OFFLINE, 2.0)),
        (3.0, reported(Source.CONNECTED, Status.AVAILABLE, 3.0)),
    )
    assert look(state, 3.0).because == "UC client connected, no status yet"


def test_retained_status_of_a_client_known_dead_is_not_kept() -> None:
    state, _ = run(
        given_connected(),
        (0.0, LineStateChanged(EVA, AT, registered=True)),
        (1.0, reported(Source.CONNECTED, Status.OFFLINE, 1.0, retained=True)),
        (1.0, reported(Source.UC, Status.AVAILABLE, 1.0, retained=True)),
        (2.0, reported(Source.CONNECTED, Status.AVAILABLE, 2.0)),
    )
    assert look(state, 2.0).state is AvailabilityState.UNKNOWN


def test_status_that_comes_just_before_the_reconnect_counts() -> None:
    """Sources are separate topics; a returning client may say its status first."""
    state, _ = run(
        given_free(),
        (1.0, reported(Source.CONNECTED, Status.OFFLINE, 1.0)),
        (2.0, reported(Source.UC, Status.AVAILABLE, 2.0)),
        (3.0, reported(Source.CONNECTED, Status.AVAILABLE, 3.0)),
    )
    assert look(state, 3.0).state is AvailabilityState.FREE


def test_reservation_shows_busy_and_gives_the_old_state_back() -> None:
    """S06 step 6: everybody sees that the specialist is being asked; sources keep their facts."""
    state, effects = step(given_free(), ReservationChanged(EVA, "esc_1", AT), 1.0)
    assert [(one.state, one.because) for one in shown(effects)] == [(AvailabilityState.BUSY, "being asked for help")]
    _, effects = step(state, ReservationChanged(EVA, None, AT), 2.0)
    assert shown(effects)[0].because == "UC status: available"


def test_withdrawn_choice_gives_way_to_the_other_sources() -> None:
    state, _ = step(given_free(), reported(Source.MANUAL, Status.DND, 1.0), 1.0)
    assert look(state, 1.0).state is AvailabilityState.BUSY
    _, effects = step(state, FactWithdrawn(EVA, Source.MANUAL), 2.0)
    assert shown(effects)[0].state is AvailabilityState.FREE


def test_end_of_a_call_leaves_the_phone_as_registered_as_it_was() -> None:
    state, _ = run(
        given_free(), (1.0, LineStateChanged(EVA, AT, in_call=True)), (2.0, LineStateChanged(EVA, AT, in_call=False))
    )
    assert look(state, 2.0).state is AvailabilityState.FREE
    state, _ = step(state, LineStateChanged(EVA, AT, registered=False), 3.0)
    assert look(state, 3.0).because == "phone not registered"


def test_own_line_state_goes_before_a_phone_fact_from_outside_unless_that_is_busy() -> None:
    """A person's other phone may make him busy, never reachable."""
    state, _ = step(given_free(), LineStateChanged(EVA, AT, registered=False), 1.0)
    state, _ = step(state, reported(Source.PHONE, Status.AVAILABLE, 2.0), 2.0)
    assert look(state, 2.0).because == "phone not registered"
    state, _ = step(given_free(), reported(Source.PHONE, Status.BUSY, 2.0), 2.0)
    assert look(state, 2.0).because == "in a call since 14:02"


def test_phone_fact_from_outside_counts_for_phones_we_know_nothing_of() -> None:
    """S04: the specialist's phone lives on another PBX."""
    state, _ = run(
        given_connected(),
        (1.0, reported(Source.PHONE, Status.AVAILABLE, 1.0)),
        (2.0, reported(Source.UC, Status.AVAILABLE, 2.0)),
    )
    assert look(state, 2.0).state is AvailabilityState.FREE


def test_order_is_by_sequence_number_not_by_sender_time() -> None:
    """S06 step 4: a clock 10 minutes off does no harm."""
    known = fact(Source.UC, Status.BUSY, 10.0, seq=7, since=AT + timedelta(minutes=10))
    late = fact(Source.UC, Status.AVAILABLE, 11.0, seq=6, since=AT + timedelta(minutes=20))
    newer = fact(Source.UC, Status.AVAILABLE, 11.0, seq=8, since=AT - timedelta(minutes=10))
    assert accept(known, late) is None
    assert accept(known, newer) == newer


def test_a_sender_that_begins_anew_with_zero_is_believed() -> None:
    known = fact(Source.UC, Status.BUSY, 10.0, seq=7_000)
    restarted = fact(Source.UC, Status.AVAILABLE, 11.0, seq=0)
    assert accept(known, restarted) == restarted


def test_without_sequence_numbers_arrival_decides() -> None:
    known = fact(Source.UC, Status.BUSY, 10.0, since=AT + timedelta(hours=1))
    arrived = fact(Source.UC, Status.AVAILABLE, 11.0, since=AT - timedelta(hours=1))
    assert accept(known, arrived) == arrived


def test_saying_available_again_by_hand_is_a_new_act() -> None:
    """The person sees "contradiction", presses available once more, and is believed."""
    state, _ = run(
        given_free(),
        (1.0, reported(Source.MANUAL, Status.AVAILABLE, 1.0)),
        (2.0, reported(Source.UC, Status.BUSY, 2.0)),
    )
    assert look(state, 2.0).state is AvailabilityState.UNKNOWN
    state, effects = step(state, reported(Source.MANUAL, Status.AVAILABLE, 3.0), 3.0)
    assert shown(effects)[0].state is AvailabilityState.FREE
    state, effects = step(state, reported(Source.UC, Status.BUSY, 62.0), 62.0)
    assert shown(effects) == []


def test_first_step_says_unknown() -> None:
    _, effects = step(given_connected(lost_since=AT), TimerFired(EVA), 0.0)
    assert shown(effects)[0].because == "presence broker unreachable since 14:02"


def test_a_replayed_status_of_a_client_that_died_is_late() -> None:
    """Replay: the number it had before its death, or a lower one, says nothing new after its return."""
    state, _ = run(
        given_free(),
        (1.0, FactReported(EVA, fact(Source.UC, Status.AVAILABLE, 1.0, seq=7))),
        (2.0, reported(Source.CONNECTED, Status.OFFLINE, 2.0)),
        (3.0, reported(Source.CONNECTED, Status.AVAILABLE, 3.0)),
        (4.0, FactReported(EVA, fact(Source.UC, Status.AVAILABLE, 4.0, seq=7))),
    )
    assert look(state, 4.0).state is AvailabilityState.UNKNOWN
    state, _ = step(state, FactReported(EVA, fact(Source.UC, Status.AVAILABLE, 5.0, seq=8)), 5.0)
    assert look(state, 5.0).state is AvailabilityState.FREE


def test_a_client_that_does_not_repeat_its_words_begins_anew_with_each_connection() -> None:
    """teams-for-linux says its status only when it changes, so one from before a reconnect proves nothing."""
    again = replace(fact(Source.CONNECTED, Status.AVAILABLE, 2.0), begins_anew=True)
    state, _ = run(given_free(), (2.0, FactReported(EVA, again)))
    assert look(state, 2.0).because == "UC client connected, no status yet"
    state, _ = step(state, reported(Source.UC, Status.AVAILABLE, 3.0), 3.0)
    assert look(state, 3.0).state is AvailabilityState.FREE


def test_an_unreadable_word_casts_doubt_on_available_only() -> None:
    """What keeps somebody from being free must not be lost by garbage."""
    state, _ = step(given_free(), WordUnreadable(EVA, Source.UC, "", AT, False), 1.0)
    assert look(state, 1.0).because == "UC status: unknown (unreadable message)"
    state, _ = run(
        given_free(),
        (1.0, reported(Source.MANUAL, Status.DND, 1.0)),
        (2.0, WordUnreadable(EVA, Source.MANUAL, "", AT, False)),
    )
    assert look(state, 2.0).because == "own choice: do not disturb"


def test_local_facts_outlive_the_broker() -> None:
    """Design section 8: what never came over the broker is not lost with it."""
    local = replace(fact(Source.UC, Status.BUSY, 1.0), local=True, client="local:publish")
    state, _ = run(given_free(), (1.0, FactReported(EVA, local)), (2.0, BrokerLost(AT)))
    assert look(state, 2.0).because == "UC status: busy"


def test_a_phone_that_does_not_answer_is_not_reachable_until_it_registers_or_answers() -> None:
    """N6: OPTIONS liveness."""
    state, _ = step(given_free(), LineStateChanged(EVA, AT, answers=False), 1.0)
    assert look(state, 1.0).because == "phone does not answer"
    answered, _ = step(state, LineStateChanged(EVA, AT, answers=True), 2.0)
    assert look(answered, 2.0).state is AvailabilityState.FREE
    registered, _ = step(state, LineStateChanged(EVA, AT, registered=True), 2.0)
    assert look(registered, 2.0).state is AvailabilityState.FREE
    called, _ = run(
        state, (2.0, LineStateChanged(EVA, AT, in_call=True)), (3.0, LineStateChanged(EVA, AT, in_call=False))
    )
    assert look(called, 3.0).state is AvailabilityState.FREE


def test_do_not_disturb_of_our_own_phone_is_busy() -> None:
    state, _ = step(given_free(), LineStateChanged(EVA, AT, dnd=True), 1.0)
    assert look(state, 1.0).because == "phone: do not disturb"
    state, _ = step(state, LineStateChanged(EVA, AT, dnd=False), 2.0)
    assert look(state, 2.0).state is AvailabilityState.FREE


def test_after_call_work_is_busy_until_it_ends() -> None:
    state, effects = step(given_free(), WrapUpChanged(EVA, WrapUp(AT, AT + timedelta(minutes=3))), 1.0)
    assert shown(effects)[0].because == "after-call work until 14:05"
    assert shown(effects)[0].free_again_at == AT + timedelta(minutes=3)
    state, effects = step(state, WrapUpChanged(EVA, None), 2.0)
    assert shown(effects)[0].state is AvailabilityState.FREE


IN_CALL = LineStateChanged(EVA, AT, in_call=True)
OFFERED = ReservationChanged(EVA, "task_1", AT, offer=True)
ASKED = ReservationChanged(EVA, "esc_1", AT)
AFTER_CALL = WrapUpChanged(EVA, WrapUp(AT, AT + timedelta(minutes=3)))


@pytest.mark.parametrize(
    ("events", "engaged"),
    [
        ([], None),
        ([IN_CALL], Engagement(Kind.IN_CALL, AT)),
        ([ASKED], Engagement(Kind.RESERVED, AT)),
        ([AFTER_CALL], Engagement(Kind.WRAP_UP, AT, AT + timedelta(minutes=3))),
        ([ASKED, AFTER_CALL, IN_CALL], Engagement(Kind.IN_CALL, AT)),
        ([AFTER_CALL, ASKED], Engagement(Kind.RESERVED, AT)),
        ([OFFERED], None),
        ([OFFERED, ASKED], Engagement(Kind.RESERVED, AT)),
        ([IN_CALL, LineStateChanged(EVA, AT, in_call=False)], None),
        ([LineStateChanged(EVA, AT, dnd=True)], None),
        ([ElsewhereChanged(EVA, Engagement(Kind.IN_CALL, AT))], None),
    ],
)
def test_what_other_nodes_are_told_is_what_keeps_him_busy_here(
    events: list[PresenceEvent], engaged: Engagement | None
) -> None:
    """What they told us is not told back to them: two nodes would keep a person busy for ever."""
    state, _ = run(given_free(), *((1.0, event) for event in events))
    assert engaged_here(state) == engaged


def test_a_call_on_another_node_is_busy_and_gives_the_old_state_back() -> None:
    """N6: E1 talks on node A, node B shows it."""
    state, effects = run(given_free(), (1.0, ElsewhereChanged(EVA, Engagement(Kind.IN_CALL, AT))))
    (there,) = shown(effects)
    assert (there.state, there.kind, there.because) == (AvailabilityState.BUSY, Kind.IN_CALL, "in a call since 14:02")
    state, effects = run(state, (2.0, ElsewhereChanged(EVA, Engagement(Kind.IN_CALL, AT, in_doubt=True))))
    assert [one.state for one in shown(effects)] == [AvailabilityState.UNKNOWN]
    _, effects = run(state, (3.0, ElsewhereChanged(EVA, None)))
    assert [one.state for one in shown(effects)] == [AvailabilityState.FREE]


def test_a_rest_begins_and_ends_visibly() -> None:
    """N14: the list says "resting until"."""
    state, effects = step(given_free(), RestChanged(EVA, Rest(AT + timedelta(hours=1), "focus")), 1.0)
    assert shown(effects)[0].because == "resting until 15:02 (focus)"
    _, effects = step(state, RestChanged(EVA, None), 2.0)
    assert shown(effects)[0].state is AvailabilityState.FREE


def test_clients_of_a_person_are_bounded() -> None:
    """A broken client that invents names fills no memory."""
    state = given_free()
    for number in range(100):
        busy = replace(fact(Source.UC, Status.BUSY, 1.0), client=f"c{number}")
        state, _ = step(state, FactReported(EVA, busy), 1.0)
    assert len(state.facts) <= MAX_CLIENTS + 1


SOURCES_OF_CLIENTS = [Source.UC, Source.CONNECTED, Source.IN_CALL, Source.MICROPHONE]
anything = st.one_of(
    st.builds(
        lambda source, status, seq, retained, client: FactReported(
            EVA, Fact(source, status, AT, 0.0, seq=seq, retained=retained, client=client)
        ),
        st.sampled_from(SOURCES_OF_CLIENTS),
        st.sampled_from(Status),
        st.none() | st.integers(0, 5),
        st.booleans(),
        st.sampled_from(["", "b"]),
    ),
    st.builds(FactWithdrawn, st.just(EVA), st.sampled_from(SOURCES_OF_CLIENTS), st.sampled_from(["", "b"])),
    st.sampled_from([BrokerLost(AT), BrokerConnected()]),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 100.0), anything), max_size=12))
def test_whatever_happens_a_client_that_said_offline_last_makes_nobody_free(
    steps: list[tuple[float, PresenceEvent]],
) -> None:
    """S06: no order of messages leaves somebody free whose every client is gone."""
    now, state = 0.0, given_free()
    for gap, event in steps:
        now += gap
        if isinstance(event, FactReported):
            event = FactReported(EVA, replace(event.fact, received_at=now, stated_at=now))
        state, _ = step(state, event, now)
    for client in ("", "b"):
        gone = replace(fact(Source.CONNECTED, Status.OFFLINE, now), client=client)
        state, _ = step(state, FactReported(EVA, gone), now)
    assert look(state, now).state is not AvailabilityState.FREE
