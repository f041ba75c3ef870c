"""The life of browser phones as a pure machine: one call per page, no leg or peer left behind, a grace to come back."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony import end_reasons
from telephony.browser import effects as fx
from telephony.browser.events import (
    BrowserEvent,
    LineOpened,
    LineOver,
    LineRung,
    PageAnswered,
    PageCalls,
    PageDeclined,
    PageHangsUp,
    PageHolds,
    PageLeft,
    PageMeasured,
    PagePressed,
    PageReconnects,
    PageRegistered,
    PageRings,
    PeerAnswered,
    PeerConnected,
    PeerFailed,
    PeerRefused,
    SocketLost,
    TimerFired,
    WorkerLost,
)
from telephony.browser.machine import step
from telephony.browser.model import CallPhase, Line, PhoneId, Phones, Quality, SocketId
from telephony.model import CallerIdentity
from tests.telephony.browser.offers import OFFER
from vocabulary import EndReason, LegId, PersonId

EVA, BEN = PersonId("eva"), PersonId("ben")
HERE, THERE, BACK = SocketId(1), SocketId(2), SocketId(3)
PHONE, OTHER = PhoneId("phone_1"), PhoneId("phone_2")
LEG, CALL = LegId("leg_1"), LegId("leg_2")
LINE = Line(PHONE, LEG)
ANA = CallerIdentity("Ana K.", "+385911111")
RUNG = LineRung(LINE, ANA)
OPENED = LineOpened(LINE, "ring-1")


class Run:
    """Plays events into the machine and keeps what comes out."""

    def __init__(self) -> None:
        self.phones = Phones()
        self.all: list[fx.BrowserEffect] = []
        self.last: list[fx.BrowserEffect] = []

    def play(self, *events: BrowserEvent, at: float = 0.0) -> Run:
        self.last = []
        for event in events:
            self.phones, effects = step(self.phones, event, at)
            self.last += effects
        self.all += self.last
        return self

    def told(self, kind: str) -> list[dict[str, object]]:
        """What the last events made the page hear, by type."""
        messages = [dict(effect.message) for effect in self.last if isinstance(effect, fx.Tell)]
        return [message for message in messages if message["type"] == kind]

    def phase(self, phone: PhoneId = PHONE) -> CallPhase | None:
        call = self.phones.by_id[phone].call
        return call.phase if call is not None else None


def given_on() -> Run:
    return Run().play(PageRegistered(HERE, EVA, PHONE))


def given_ringing() -> Run:
    return given_on().play(RUNG)


def given_opening() -> Run:
    return given_ringing().play(PageAnswered(HERE, LEG, OFFER), OPENED)


def given_talking() -> Run:
    return given_opening().play(PeerAnswered(LINE, "answer"), PeerConnected(LINE))


def test_a_person_is_on_from_the_first_page_to_the_last() -> None:
    run = given_on()
    assert fx.PhonesOn(EVA, (PHONE,)) in run.last
    run.play(PageRegistered(THERE, EVA, OTHER))
    assert fx.PhonesOn(EVA, (PHONE, OTHER)) in run.last
    run.play(PageLeft(HERE))
    assert fx.PhonesOn(EVA, (OTHER,)) in run.last
    run.play(PageLeft(THERE))
    assert fx.PhonesOn(EVA, ()) in run.last


def test_a_fourth_page_of_one_person_is_refused_unless_one_of_them_is_away() -> None:
    run = Run()
    for number in range(3):
        run.play(PageRegistered(SocketId(10 + number), EVA, PhoneId(f"p{number}")))
    run.play(PageRegistered(BACK, EVA, PHONE))
    assert [error["code"] for error in run.told("error")] == ["too_many_phones"]
    assert fx.CloseSocket(BACK, fx.CloseCode.TOO_MANY_PHONES) in run.last
    run.play(SocketLost(SocketId(10)), PageRegistered(BACK, EVA, PHONE))
    assert fx.PhonesOn(EVA, (PhoneId("p1"), PhoneId("p2"), PHONE)) in run.last


def test_answering_connects_the_offer_to_the_ring_and_tells_the_switch_when_audio_flows() -> None:
    run = given_ringing().play(PageRings(HERE, LEG))
    assert run.last == [fx.LineRinging(LINE)]
    run.play(PageAnswered(HERE, LEG, OFFER))
    assert run.last == [fx.AcceptLine(LINE)]
    run.play(OPENED)
    assert fx.OpenPeer(LINE, "ring-1", OFFER) in run.last
    run.play(PeerAnswered(LINE, "the answer"))
    assert run.told("sdp") == [{"type": "sdp", "leg": LEG, "sdp": "the answer"}]
    run.play(PeerConnected(LINE))
    assert fx.LineConnected(LINE) in run.last
    assert run.told("connected")
    assert run.phase() is CallPhase.TALKING


def test_a_page_that_has_a_call_is_busy_for_the_next() -> None:
    other = Line(PHONE, CALL)
    assert given_ringing().play(LineRung(other, ANA)).last == [fx.EndLine(other, EndReason.upstream_error("busy"), 486)]


@pytest.mark.parametrize(("busy", "slug", "status"), [(True, "busy", 486), (False, "declined", 603)])
def test_declining_ends_the_line_as_a_telephone_would(busy: bool, slug: str, status: int) -> None:
    run = given_ringing().play(PageDeclined(HERE, LEG, busy=busy))
    assert fx.EndLine(LINE, EndReason.upstream_error(slug), status) in run.last
    assert run.told("ended")[0]["reason"] == slug
    assert run.phase() is None


def test_an_offer_that_is_none_is_refused_in_words_and_the_leg_goes_on_ringing() -> None:
    run = given_ringing().play(PageAnswered(HERE, LEG, OFFER.replace("m=audio", "m=video")))
    assert run.told("error") == [
        {
            "type": "error",
            "code": "bad_sdp",
            "leg": LEG,
            "message": "This audio offer cannot be used. (there must be one m= line, for audio)",
        }
    ]
    assert run.play(PageAnswered(HERE, LEG, OFFER)).last == [fx.AcceptLine(LINE)]


def test_a_page_calls_a_service_and_is_told_its_leg() -> None:
    run = given_on().play(PageCalls(HERE, CALL, CallerIdentity("Eva", EVA), "5001", OFFER))
    line = Line(PHONE, CALL)
    assert run.told("calling") == [{"type": "calling", "leg": CALL}]
    assert fx.CallFromPage(line, EVA, CallerIdentity("Eva", EVA), "5001") in run.last
    assert fx.OpenPeer(line, "r", OFFER) in run.play(LineOpened(line, "r")).last
    run.play(PageCalls(HERE, LegId("leg_3"), CallerIdentity("Eva", EVA), "5001", OFFER))
    assert [error["code"] for error in run.told("error")] == ["line_busy"]


def test_hanging_up_ends_line_and_peer_and_is_confirmed() -> None:
    run = given_talking().play(PageHangsUp(HERE, LEG))
    assert [e for e in run.last if not isinstance(e, fx.Tell | fx.NoteEnd)] == [
        fx.EndLine(LINE, end_reasons.HUNG_UP),
        fx.ClosePeer(LINE),
    ]
    assert run.told("ended")[0]["reason"] == "hung_up"
    assert run.play(PageHangsUp(HERE, LEG)).told("error")[0]["code"] == "no_such_leg"


def test_a_leg_that_the_switch_ends_stops_the_page_and_its_peer() -> None:
    run = given_talking().play(LineOver(LINE, EndReason.success("left")))
    assert fx.ClosePeer(LINE) in run.last
    assert not any(isinstance(effect, fx.EndLine) for effect in run.last)
    assert run.told("ended")[0]["reason"] == "left"


def test_a_dead_media_worker_ends_its_own_lines_and_says_so() -> None:
    """Issue 5: a dead worker ends only its own legs, with a clear message."""
    run = given_talking().play(PageRegistered(THERE, BEN, OTHER), LineRung(Line(OTHER, CALL), ANA))
    run.play(WorkerLost((LINE,)))
    assert fx.EndLine(LINE, end_reasons.MEDIA_WORKER_LOST) in run.last
    (ended,) = run.told("ended")
    assert (ended["leg"], ended["reason"]) == (LEG, "media_worker_lost")
    assert "media worker" in str(ended["message"])
    assert run.phase(OTHER) is CallPhase.RINGING


def test_media_that_does_not_come_to_be_ends_the_line_after_eight_seconds() -> None:
    run = given_opening()
    assert fx.StartTimer(8.0) in run.last
    assert not run.play(TimerFired(), at=7.9).told("ended")
    run.play(TimerFired(), at=8.0)
    assert fx.EndLine(LINE, end_reasons.MEDIA_NOT_CONNECTED) in run.last
    assert run.told("ended")[0]["reason"] == "media_not_connected"


@pytest.mark.parametrize(
    ("event", "end"),
    [
        (PeerFailed(LINE, "no"), end_reasons.MEDIA_NOT_CONNECTED),
        (PeerRefused(LINE), end_reasons.OVERLOADED),
    ],
)
def test_a_connection_that_fails_or_finds_no_room_ends_the_line(event: BrowserEvent, end: EndReason) -> None:
    assert end in [effect.end for effect in given_opening().play(event).last if isinstance(effect, fx.EndLine)]


def test_a_connection_that_breaks_while_talking_asks_the_page_for_a_new_one() -> None:
    run = given_talking().play(PeerFailed(LINE, "gone"))
    assert [error["code"] for error in run.told("error")] == ["media_failed"]
    run.play(PageReconnects(HERE, LEG, OFFER))
    assert run.last == [fx.RenewPeer(LINE, OFFER)]
    run.play(PeerAnswered(LINE, "again"), PeerConnected(LINE))
    assert run.told("connected")
    assert not any(isinstance(effect, fx.LineConnected) for effect in run.last)


def test_a_lost_socket_keeps_the_call_for_fifteen_seconds_unwatched_and_the_page_takes_it_back() -> None:
    run = given_talking().play(SocketLost(HERE), at=100.0)
    assert run.last == [fx.WatchLine(LINE, on=False), fx.StartTimer(115.0)]
    run.play(PageRegistered(BACK, EVA, OTHER, resume=LEG), at=114.0)
    (welcome,) = [effect for effect in run.last if isinstance(effect, fx.Welcome)]
    assert (welcome.phone.id, welcome.phone.line()) == (PHONE, LINE)
    assert fx.WatchLine(LINE, on=True) in run.last
    assert not any(isinstance(effect, fx.PhonesOn) for effect in run.last)
    assert run.play(PageReconnects(BACK, LEG, OFFER), at=114.1).last == [fx.RenewPeer(LINE, OFFER)]


def test_a_page_that_does_not_come_back_is_off_and_its_call_is_lost() -> None:
    run = given_talking().play(SocketLost(HERE), at=100.0).play(TimerFired(), at=115.0)
    assert fx.EndLine(LINE, end_reasons.MEDIA_LOST) in run.last
    assert {fx.ClosePeer(LINE), fx.PhonesOn(EVA, ())} <= {
        e for e in run.last if isinstance(e, fx.ClosePeer | fx.PhonesOn)
    }


def test_an_idle_page_is_kept_for_five_seconds_and_is_rung_again_when_it_is_back() -> None:
    run = given_on().play(SocketLost(HERE), at=10.0).play(RUNG, at=11.0)
    run.play(PageRegistered(BACK, EVA, OTHER, phone=PHONE), at=12.0)
    assert [effect.call.leg for effect in run.last if isinstance(effect, fx.Ring)] == [LEG]
    idle = given_on().play(SocketLost(HERE), at=10.0)
    assert fx.StartTimer(15.0) in idle.last
    assert fx.PhonesOn(EVA, ()) in idle.play(TimerFired(), at=15.0).last


def test_a_ringing_page_that_does_not_come_back_is_unreachable() -> None:
    run = given_ringing().play(SocketLost(HERE), at=0.0).play(TimerFired(), at=15.0)
    assert fx.EndLine(LINE, EndReason.upstream_error("unreachable"), 480) in run.last


def test_a_log_out_ends_the_call_at_once() -> None:
    run = given_talking().play(PageLeft(HERE))
    assert fx.EndLine(LINE, end_reasons.HUNG_UP) in run.last
    assert fx.PhonesOn(EVA, ()) in run.last


def test_a_half_open_socket_is_replaced_by_the_same_phone_elsewhere() -> None:
    run = given_talking().play(PageRegistered(BACK, EVA, OTHER, phone=PHONE))
    assert fx.CloseSocket(HERE, fx.CloseCode.REPLACED) in run.last
    assert run.phones.by_id[PHONE].socket == BACK
    assert run.play(SocketLost(HERE)).last == []


def test_nobody_takes_over_another_persons_phone_or_leg() -> None:
    run = given_talking().play(PageRegistered(THERE, BEN, OTHER, phone=PHONE, resume=LEG))
    assert run.phones.by_id[OTHER].person == BEN
    assert run.phones.by_id[PHONE].socket == HERE
    assert run.told("ended") == [
        {"type": "ended", "leg": LEG, "reason": "dialog_lost", "message": "This call is over."}
    ]


def test_hold_silences_the_peer_and_stops_the_media_watch() -> None:
    run = given_talking().play(PageHolds(HERE, LEG, on=True))
    assert run.last == [fx.HoldPeer(LINE, on=True), fx.WatchLine(LINE, on=False)]
    assert run.play(PageHolds(HERE, LEG, on=True)).last == []
    run.play(PageHolds(HERE, LEG, on=False))
    assert run.last == [fx.HoldPeer(LINE, on=False), fx.WatchLine(LINE, on=True)]


def test_a_held_call_that_comes_back_is_not_watched() -> None:
    run = given_talking().play(PageHolds(HERE, LEG, on=True), SocketLost(HERE))
    run.play(PageRegistered(BACK, EVA, OTHER, phone=PHONE))
    assert not any(isinstance(effect, fx.WatchLine) for effect in run.last)


def test_keys_count_only_while_talking_and_the_quality_is_kept_to_the_end() -> None:
    assert given_ringing().play(PagePressed(HERE, LEG, "1")).last == []
    run = given_talking().play(PagePressed(HERE, LEG, "1"))
    assert run.last == [fx.PressKey(LINE, "1")]
    run.play(PageMeasured(HERE, LEG, Quality(20.0, 3.0, 0.5)))
    assert [effect.call.quality for effect in run.last if isinstance(effect, fx.NoteQuality)] == [
        Quality(20.0, 3.0, 0.5)
    ]
    run.play(PageHangsUp(HERE, LEG))
    (note,) = [effect for effect in run.last if isinstance(effect, fx.NoteEnd)]
    assert note.call.quality == Quality(20.0, 3.0, 0.5)


SOCKETS = st.sampled_from([HERE, THERE, BACK])
LEGS = st.sampled_from([LEG, CALL])
LINES = st.builds(Line, st.sampled_from([PHONE, OTHER]), LEGS)
PEOPLE = st.sampled_from([EVA, BEN])
ENDS = st.just(EndReason.success("over"))
EVENTS: st.SearchStrategy[BrowserEvent] = st.one_of(
    st.builds(
        PageRegistered, SOCKETS, PEOPLE, st.sampled_from([PHONE, OTHER]), st.none() | st.just(PHONE), st.none() | LEGS
    ),
    st.builds(SocketLost, SOCKETS),
    st.builds(PageLeft, SOCKETS),
    st.builds(PageRings, SOCKETS, LEGS),
    st.builds(PageAnswered, SOCKETS, LEGS, st.just(OFFER)),
    st.builds(PageDeclined, SOCKETS, LEGS, st.booleans()),
    st.builds(PageHangsUp, SOCKETS, LEGS),
    st.builds(PageHolds, SOCKETS, LEGS, st.booleans()),
    st.builds(PageReconnects, SOCKETS, LEGS, st.just(OFFER)),
    st.builds(LineRung, LINES, st.just(ANA)),
    st.builds(LineOpened, LINES, st.just("ring")),
    st.builds(LineOver, LINES, ENDS),
    st.builds(PeerConnected, LINES),
    st.builds(PeerFailed, LINES, st.just("why")),
    st.builds(WorkerLost, st.tuples(LINES)),
    st.just(TimerFired()),
)


@given(st.lists(st.tuples(EVENTS, st.sampled_from([0.0, 1.0, 6.0, 20.0])), max_size=40))
def test_no_line_and_no_peer_is_left_behind_and_people_are_on_exactly_while_they_have_a_phone(
    story: list[tuple[BrowserEvent, float]],
) -> None:
    run, now = Run(), 0.0
    rung: Counter[Line] = Counter()
    for event, pause in story:
        now += pause
        # Ids made by the runner are fresh, and the switch rings a leg at a page once.
        if isinstance(event, PageRegistered) and event.fresh in run.phones.by_id:
            continue
        if isinstance(event, LineRung):
            if rung[event.line]:
                continue
            rung[event.line] += 1
        before = {phone.line() for phone in run.phones.by_id.values()} - {None}
        run.play(event, at=now)
        after = {phone.line() for phone in run.phones.by_id.values()} - {None}
        ended = {effect.line for effect in run.last if isinstance(effect, fx.EndLine)}
        assert before - after == (ended & before) | ({event.line} & before if isinstance(event, LineOver) else set())
        assert {phone.person for phone in run.phones.by_id.values()} == _on(run)
        opened = [effect.line for effect in run.all if isinstance(effect, fx.OpenPeer)]
        closed = [effect.line for effect in run.all if isinstance(effect, fx.ClosePeer)]
        live = [p.line() for p in run.phones.by_id.values() if p.call is not None and p.call.has_peer]
        assert Counter(opened) == Counter(closed) + Counter(live)


def _on(run: Run) -> set[PersonId]:
    newest = {effect.person: effect.phones for effect in run.all if isinstance(effect, fx.PhonesOn)}
    return {person for person, phones in newest.items() if phones}
