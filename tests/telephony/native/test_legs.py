"""Many legs at once, and offers that end a PJSIP without our patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pj = pytest.importorskip(
    "pjsua2", reason="build it: python3 telephony/native/build.py --wheel-dir DIR, then pip install"
)
if TYPE_CHECKING:
    from tests.telephony.native.child import Stack

pytestmark = pytest.mark.native

PAIRS = 250
BROWSER_OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 UDP/TLS/RTP/SAVPF 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=setup:actpass\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\n"
)


def test_500_legs_at_once(stack: Stack) -> None:
    """250 calls to ourselves make 500 legs; RTP flows on every one of them; all hang up cleanly."""
    from tests.telephony.native.child import tone

    def keeping_up() -> bool:
        return len(stack.answered) > len(stack.legs) - 20

    stack.start()
    for _ in range(PAIRS):
        stack.call()
        stack.run(keeping_up, "calls arriving")
    legs = stack.legs
    stack.run(lambda: len(stack.answered) == PAIRS, "all calls arriving")
    stack.run(lambda: all(leg.confirmed and leg.media_up for leg in legs + stack.answered), "all legs up")

    source = pj.PcmPort("tone", 8000, 20, 4000)
    source.write(tone(440, 3))
    for leg in legs + stack.answered:
        source.startTransmit(leg.audio())
    stack.run_for(0.5)
    starved = {leg: leg.packets_received() for leg in legs + stack.answered}
    assert len(starved) == 2 * PAIRS

    def all_heard() -> bool:
        for leg, before in list(starved.items()):
            if leg.packets_received() > before:
                del starved[leg]
        return not starved

    stack.run(all_heard, "packets on every leg")

    stack.endpoint.hangupAllCalls()
    stack.run(lambda: all(leg.ended for leg in legs + stack.answered), "all legs ended")


def test_savpf_offer_does_not_kill_the_process(stack: Stack) -> None:
    """Patch 0001: with SRTP optional, what a browser offers is refused or answered, and the process lives."""
    from tests.telephony.native.child import Peer

    stack.start(srtp=pj.PJMEDIA_SRTP_OPTIONAL)
    for _ in range(3):
        peer = Peer(stack)
        answer = peer.final_answer(peer.message("INVITE", "Content-Type: application/sdp\r\n", BROWSER_OFFER))
        assert answer.startswith("SIP/2.0 "), answer


def test_error_in_a_callback_does_not_end_the_process(stack: Stack) -> None:
    """Patch 0002: even SystemExit in a callback only reaches sys.unraisablehook."""
    import sys

    from tests.telephony.native.child import Peer

    seen: list[type[BaseException] | None] = []
    sys.unraisablehook = lambda report: seen.append(report.exc_type)
    stack.start()

    def fail(prm: object) -> None:
        raise SystemExit(3)

    stack.account.onIncomingCall = fail  # type: ignore[method-assign]
    Peer(stack).send(Peer(stack).message("INVITE"))
    stack.run(lambda: bool(seen), "the error arriving")
    assert seen == [SystemExit]


def test_build_record_names_what_was_built() -> None:
    """The wheel tells version and patches, and its limits hold 2,048 legs."""
    assert tuple(map(int, pj.RINGSIDE_BUILD["pjproject_version"].split(".")))[:2] >= (2, 15)
    assert len(pj.RINGSIDE_BUILD["patches"]) >= 2
