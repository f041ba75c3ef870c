"""REFER as a table of requests and answers (RFC 3515)."""

from __future__ import annotations

from typing import Any

from telephony.admission import Directory
from telephony.headers import SipRequest
from telephony.model import ReferId
from telephony.refer import LIFE_S, MOST_PER_LEG, REPEATS_S, ReferTable
from tests.telephony import requests
from vocabulary import LegId

LEG = LegId("leg_1")
DIRECTORY = Directory(service_prefixes=("bring-in+",), domains=frozenset({"ringside.test"}))


def table() -> ReferTable:
    return ReferTable(lambda target: DIRECTORY.is_service(target.user) and DIRECTORY.is_here(target))


def refer(cseq: int = 2, to: str = "<sip:bring-in+claims@ringside.test>", **more: Any) -> SipRequest:
    return requests.request("REFER", to="<sip:us@ringside.test>;tag=ours", refer_to=to, cseq=f"{cseq} REFER", **more)


def test_repeated_refer_is_asked_once_even_after_its_end() -> None:
    """The gate answers below the transaction layer, so repetitions come up again."""
    refers = table()
    first = refers.take(LEG, refer(), 0.0)
    assert first.asked is not None
    assert refers.take(LEG, refer(), 0.5).asked is None
    refers.report(first.asked.refer, 200, final=True)
    repeated = refers.take(LEG, refer(), 1.0)
    assert (repeated.answer.status, repeated.asked, repeated.notify) == (202, None, None)
    refers.expire(REPEATS_S + 1)
    assert refers.take(LEG, refer(), REPEATS_S + 2).asked is not None


def test_second_refer_of_a_dialog_is_told_apart_by_its_id() -> None:
    """RFC 3515 §2.4.6."""
    refers = table()
    refers.take(LEG, refer(2), 0.0)
    second = refers.take(LEG, refer(3), 0.0).notify
    assert second is not None
    assert ("Event", "refer;id=3") in second.headers


def test_phone_that_wants_no_subscription_gets_no_notify() -> None:
    """RFC 4488."""
    refers = table()
    taken = refers.take(LEG, refer(refer_sub="false"), 0.0)
    assert (taken.answer.status, taken.answer.headers, taken.notify) == (202, (("Refer-Sub", "false"),), None)
    assert taken.asked is not None
    assert refers.report(taken.asked.refer, 200, final=True) is None


def test_refer_nobody_ends_is_told_so() -> None:
    refers = table()
    refers.take(LEG, refer(), 0.0)
    assert refers.expire(LIFE_S - 1) == []
    (late,) = refers.expire(LIFE_S)
    assert late.body == b"SIP/2.0 408 Request Timeout\r\n"
    assert ("Subscription-State", "terminated;reason=noresource") in late.headers
    assert len(refers) == 0


def test_refers_of_one_leg_are_bounded() -> None:
    refers = table()
    answers = [refers.take(LEG, refer(cseq), 0.0).answer.status for cseq in range(2, MOST_PER_LEG + 3)]
    assert answers == [202] * MOST_PER_LEG + [486]
    refers.forget(LEG)
    assert len(refers) == 0


def test_malformed_or_foreign_targets_change_nothing() -> None:
    refers = table()
    targets = {"<sip:bring-in+claims@ringside.test": 400, "<mailto:x@y>": 400, "<sip:ben@ringside.test>": 603}
    targets |= {"<sip:bring-in+@ringside.test>": 603, "<sip:bring-in+claims@elsewhere.example>": 603}
    for cseq, (target, status) in enumerate(targets.items(), 2):
        assert refers.take(LEG, refer(cseq, target), 0.0).answer.status == status
    assert refers.report(ReferId("ref_unknown"), 200, final=True) is None
    assert len(refers) == 0
