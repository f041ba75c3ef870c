"""SUBSCRIBE and NOTIFY as a machine: refresh, end, few messages, bounds (RFC 6665)."""

from __future__ import annotations

import pytest

from telephony.headers import SipRequest
from telephony.subscription import Notify, SubscriptionSettings, SubscriptionTable
from tests.telephony import requests
from vocabulary import PersonId

ANA, EVA = PersonId("ana"), PersonId("eva")
OUR_CONTACT = "<sip:ringside@192.0.2.1:5060>"


def subscribe(
    cseq: int = 1, expires: str = "600", *, call_id: str = "c1", event: str = "presence", to_tag: str = ""
) -> SipRequest:
    return requests.request(
        "SUBSCRIBE",
        "sip:eva@ringside.test",
        to=f"<sip:eva@ringside.test>{';tag=' + to_tag if to_tag else ''}",
        cseq=f"{cseq} SUBSCRIBE",
        call_id=call_id,
        event=event,
        expires=expires,
        contact="<sip:ana@192.0.2.7:5062>",
    )


def put(table: SubscriptionTable, request: SipRequest, now: float = 0.0) -> tuple[int, str]:
    answer = table.subscribe(ANA, EVA, request, OUR_CONTACT, now)
    return answer.status, answer.to_tag


def state(notify: Notify) -> str:
    return dict(notify.request.headers)["Subscription-State"]


def test_first_notify_carries_the_dialog_and_goes_where_the_phone_was_heard() -> None:
    table = SubscriptionTable()
    status, tag = put(table, subscribe())
    (notify,) = table.due(0.0)
    assert status == 200
    assert notify.request.uri == "sip:ana@192.0.2.7:5062"
    assert (notify.request.from_tag, notify.request.to_tag, notify.request.sip_call_id) == (tag, "1", "c1")
    assert (notify.request.contact, notify.version, state(notify)) == (OUR_CONTACT, 0, "active;expires=600")


def test_changes_fold_into_one_notify_a_second_and_wait_for_its_answer() -> None:
    table = SubscriptionTable()
    put(table, subscribe())
    (first,) = table.due(0.0)
    for _ in range(100):
        table.changed(EVA)
    assert list(table.due(5.0)) == []  # the first is not answered yet
    table.answered(first.subscription, 200)
    (second,) = table.due(5.0)
    table.answered(second.subscription, 200)
    table.changed(EVA)
    assert list(table.due(5.9)) == []
    (third,) = table.due(6.0)
    assert [first.version, second.version, third.version] == [0, 1, 2]


def test_refresh_is_answered_in_the_dialog_and_repetitions_change_nothing() -> None:
    table = SubscriptionTable()
    _, tag = put(table, subscribe(1))
    assert put(table, subscribe(1)) == (200, tag)
    assert put(table, subscribe(2, to_tag=tag), 500.0) == (200, tag)
    assert put(table, subscribe(1, to_tag=tag), 501.0)[0] == 500
    table.expire(601.0)
    (notify,) = table.due(601.0)
    assert state(notify) == "active;expires=499"
    assert len(table) == 1


@pytest.mark.parametrize("how", ["asked", "time"])
def test_end_brings_one_last_notify_and_then_nothing_is_left(how: str) -> None:
    table = SubscriptionTable()
    _, tag = put(table, subscribe())
    table.answered(next(table.due(0.0)).subscription, 200)
    if how == "asked":
        assert put(table, subscribe(2, "0", to_tag=tag), 10.0)[0] == 200
    table.expire(600.0)
    (last,) = table.due(600.0)
    assert state(last) == "terminated;reason=timeout"
    table.answered(last.subscription, 200)
    table.changed(EVA)
    assert (len(table), list(table.due(700.0))) == (0, [])


def test_one_look_needs_no_subscription() -> None:
    """RFC 6665 §4.4.3: Expires 0 fetches the state once."""
    table = SubscriptionTable()
    assert put(table, subscribe(expires="0"))[0] == 200
    (only,) = table.due(0.0)
    assert state(only) == "terminated;reason=timeout"
    table.answered(only.subscription, 200)
    assert len(table) == 0


@pytest.mark.parametrize("status", [408, 481, 503])
def test_watcher_who_does_not_take_a_notify_is_forgotten(status: int) -> None:
    table = SubscriptionTable()
    put(table, subscribe())
    table.answered(next(table.due(0.0)).subscription, status)
    assert len(table) == 0


def test_notify_that_could_not_be_written_is_due_again_later() -> None:
    table = SubscriptionTable(SubscriptionSettings(retry_s=2.0))
    put(table, subscribe())
    (first,) = table.due(0.0)
    table.postpone(first.subscription)
    assert list(table.due(2.9)) == []
    (again,) = table.due(3.0)
    assert (again.version, again.request.cseq) == (first.version, first.request.cseq)


def test_subscriptions_are_bounded_per_watcher_and_in_all() -> None:
    table = SubscriptionTable(SubscriptionSettings(per_watcher=2, total=3))
    assert [put(table, subscribe(call_id=f"c{at}"))[0] for at in range(3)] == [200, 200, 503]
    answers = [
        table.subscribe(PersonId("ben"), EVA, subscribe(call_id=f"b{at}"), OUR_CONTACT, 0.0).status for at in range(2)
    ]
    assert answers == [200, 503]


def test_dialog_of_somebody_else_or_nobody_cannot_be_refreshed() -> None:
    table = SubscriptionTable()
    _, tag = put(table, subscribe())
    other = table.subscribe(PersonId("ben"), EVA, subscribe(2, "0", to_tag=tag), OUR_CONTACT, 1.0)
    assert other.status == 481
    assert put(table, subscribe(2, to_tag="guess"))[0] == 481
    assert put(table, subscribe(2, call_id="other", to_tag=tag))[0] == 481


@pytest.mark.parametrize(
    ("event", "expires", "status"), [("winfo", "600", 489), ("presence", "5", 423), ("dialog", "x", 400)]
)
def test_subscriptions_that_are_refused(event: str, expires: str, status: int) -> None:
    table = SubscriptionTable()
    assert put(table, subscribe(event=event, expires=expires))[0] == status
    assert len(table) == 0


def test_removed_account_is_told_the_end() -> None:
    table = SubscriptionTable()
    put(table, subscribe())
    table.retain(frozenset({ANA}))
    (last,) = table.due(0.0)
    assert state(last) == "terminated;reason=rejected"
