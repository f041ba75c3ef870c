"""The one table of why a leg ended: SIP status codes and Reason headers to end reasons and back (RFC 3261 §21, 3326).

The slugs are a contract with reports and integrations; change none.
"""

from __future__ import annotations

from types import MappingProxyType

from vocabulary import EndReason

HUNG_UP = EndReason.success("hung_up")
"""The far end said goodbye (BYE)."""
CANCELLED = EndReason.client_error("cancelled")
"""The caller gave up before we answered (CANCEL)."""
NOT_REGISTERED = EndReason.upstream_error("not_registered")
MEDIA_LOST = EndReason.upstream_error("media_lost")
MEDIA_NOT_CONNECTED = EndReason.upstream_error("media_not_connected")
"""A browser's audio never came to be (ICE or DTLS)."""
MEDIA_WORKER_LOST = EndReason.server_error("media_worker_lost")
"""The process that carried a browser's audio died; its legs go, nothing else does."""
MOVED = EndReason.upstream_error("moved")
OVERLOADED = EndReason.server_error("overloaded")
STOPPING = EndReason.server_error("stopping")
SWITCH_ERROR = EndReason.server_error("switch_error")
STALE_RESERVATION = EndReason.server_error("stale_reservation")
"""Whoever wanted to ring the person was too slow: somebody else has reserved him since (N4)."""
UNKNOWN_TRUNK = EndReason.client_error("unknown_trunk")
COMPLETED_ELSEWHERE = EndReason.success("completed_elsewhere")
DIALOG_LOST = EndReason.upstream_error("dialog_lost")
"""An established call ended without a BYE: session timer, or the far end no longer knows it."""

BY_STATUS = MappingProxyType(
    {
        400: EndReason.client_error("bad_request"),
        401: EndReason.upstream_error("refused"),
        403: EndReason.upstream_error("refused"),
        404: EndReason.upstream_error("unknown_number"),
        405: EndReason.upstream_error("refused"),
        407: EndReason.upstream_error("refused"),
        408: EndReason.upstream_error("no_answer"),
        410: EndReason.upstream_error("unknown_number"),
        415: EndReason.upstream_error("not_acceptable"),
        480: EndReason.upstream_error("unreachable"),
        481: DIALOG_LOST,
        484: EndReason.upstream_error("unknown_number"),
        486: EndReason.upstream_error("busy"),
        487: EndReason.client_error("cancelled"),
        488: EndReason.upstream_error("not_acceptable"),
        500: EndReason.upstream_error("peer_error"),
        502: EndReason.upstream_error("unreachable"),
        503: EndReason.upstream_error("unreachable"),
        504: EndReason.upstream_error("no_answer"),
        600: EndReason.upstream_error("busy"),
        603: EndReason.upstream_error("declined"),
        604: EndReason.upstream_error("unknown_number"),
        606: EndReason.upstream_error("not_acceptable"),
    }
)


def of_status(status: int) -> EndReason:
    """Explain a final SIP response that ended a dialled leg."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    if 300 <= status < 400:
        return MOVED
    if 400 <= status < 500:
        return EndReason.upstream_error("refused")
    if 500 <= status < 700:
        return EndReason.upstream_error("peer_error")
    return EndReason.indeterminate("unexplained")


def reason_header(end: EndReason, sip_status: int = 0) -> str:
    """Write the Reason header value that tells the far end why (RFC 3326)."""
    return f'SIP;cause={sip_status or 200};text="{end.reason.replace("_", " ")}"'


def better(one: tuple[EndReason, int], other: tuple[EndReason, int]) -> tuple[EndReason, int]:
    """Choose which of two failed branches explains a forked leg: 6xx, then a person's word, then the rest.

    Source: RFC 3261 §16.7 step 6, with the lowest class preferred, 486 and 603 being what a person said.
    """
    return min(one, other, key=lambda failed: _rank(failed[1]))


def _rank(status: int) -> tuple[int, int]:
    if status >= 600:
        return 0, status
    if status in (486, 480):
        return 1, -status
    return 2, status if status else 1_000
