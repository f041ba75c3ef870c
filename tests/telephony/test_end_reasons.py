"""End reasons: the slugs that reports rely on."""

from __future__ import annotations

import pytest

from telephony import end_reasons
from vocabulary import EndReason


@pytest.mark.parametrize(
    ("status", "slug"),
    [
        (302, "moved"),
        (403, "refused"),
        (404, "unknown_number"),
        (408, "no_answer"),
        (480, "unreachable"),
        (486, "busy"),
        (488, "not_acceptable"),
        (503, "unreachable"),
        (599, "peer_error"),
        (600, "busy"),
        (603, "declined"),
        (499, "refused"),
        (0, "unexplained"),
    ],
)
def test_status_codes_explain_themselves(status: int, slug: str) -> None:
    assert end_reasons.of_status(status).reason == slug


def test_reason_header_names_cause_and_text() -> None:
    """RFC 3326 §2."""
    assert end_reasons.reason_header(EndReason.success("completed_elsewhere")) == (
        'SIP;cause=200;text="completed elsewhere"'
    )
    assert end_reasons.reason_header(end_reasons.MEDIA_LOST, 480) == 'SIP;cause=480;text="media lost"'


@pytest.mark.parametrize(
    ("statuses", "told"), [((486, 603), 603), ((408, 486), 486), ((404, 480), 480), ((302, 503), 302), ((0, 408), 408)]
)
def test_forked_leg_is_explained_by_what_a_person_said(statuses: tuple[int, int], told: int) -> None:
    """RFC 3261 §16.7 step 6."""
    one, other = ((end_reasons.of_status(status), status) for status in statuses)
    assert end_reasons.better(one, other) == end_reasons.better(other, one)
    assert end_reasons.better(one, other)[1] == told
