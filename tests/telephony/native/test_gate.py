"""RequestGate: requests outside a dialog reach Python first, the door stands before it, dialogs pass untouched."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

pj = pytest.importorskip(
    "pjsua2", reason="build it: python3 telephony/native/build.py --wheel-dir DIR, then pip install"
)
if TYPE_CHECKING:
    from tests.telephony.native.child import Stack

pytestmark = pytest.mark.native
Base: Any = pj.RequestGate


class Gate(Base):  # type: ignore[misc]
    """Keeps what it saw and answers by a table of method -> status."""

    def __init__(self, statuses: dict[str, int]) -> None:
        super().__init__()
        self.statuses = statuses
        self.seen: list[Any] = []

    def onRequest(self, request: Any, answer: Any) -> None:
        self.seen.append(request)
        answer.status = self.statuses.get(request.method, 0)
        if request.method == "REGISTER" and not request.authorization:
            answer.status = 401
            answer.addHeader("WWW-Authenticate", 'Digest realm="x", nonce="1", algorithm=SHA-256')
            answer.addHeader("WWW-Authenticate", 'Digest realm="x", nonce="1", algorithm=MD5')
        elif request.method == "REGISTER":
            answer.addHeader("Contact", f"{request.contacts[0]};expires=60")
        elif request.method == "OPTIONS":
            answer.contentType, answer.body = "text/plain", "hello"


def test_register_through_the_gate(stack: Stack) -> None:
    """REGISTER without credentials gets both challenges; with credentials 200 and its binding; fields are as sent."""
    from tests.telephony.native.child import Peer

    stack.start()
    gate = Gate({"REGISTER": 200})
    gate.attach()
    peer = Peer(stack)
    challenge = peer.final_answer(peer.message("REGISTER", "Expires: 300\r\nUser-Agent: Phone/1\r\nX-Extra:  a b \r\n"))
    assert challenge.startswith("SIP/2.0 401 Unauthorized\r\n")
    assert challenge.count("WWW-Authenticate: Digest realm=") == 2
    assert ";tag=" in next(line for line in challenge.split("\r\n") if line.startswith("To:"))

    accepted = peer.final_answer(peer.message("REGISTER", 'Authorization: Digest username="ann"\r\n'))
    assert accepted.startswith("SIP/2.0 200 OK\r\n")
    assert f"Contact: <sip:ann@127.0.0.1:{peer.socket.getsockname()[1]}>;expires=60\r\n" in accepted

    first, second = gate.seen  # kept after the callback: they are copies
    assert (first.method, first.fromUri, first.fromDisplay, first.fromTag) == (
        "REGISTER",
        "sip:ann@example.org",
        "Ann",
        "a1",
    )
    assert (first.toUri, first.callId, first.cseq, first.expires) == ("sip:ringside@example.org", peer.call_id, 1, 300)
    assert (first.sourceAddress, first.sourcePort) == peer.socket.getsockname()
    assert (first.transport, first.localPort, first.userAgent) == ("UDP", stack.port, "Phone/1")
    assert (first.header("x-extra"), first.header("absent"), first.header("f")) == ("a b", "", "")
    assert first.header("Via").startswith("SIP/2.0/UDP 127.0.0.1")
    assert first.wholeMessage().startswith("REGISTER sip:ringside@127.0.0.1")
    assert list(first.authorization) == []
    assert list(second.authorization) == ['Digest username="ann"']
    assert second.expires == -1
    assert (gate.requests(), gate.answered(), gate.passed(), gate.dropped()) == (2, 2, 0, 0)
    gate.detach()


def test_body_reason_and_silence(stack: Stack) -> None:
    """An answer may carry a body; status -1 sends nothing; header values cannot smuggle in lines."""
    from tests.telephony.native.child import Peer

    stack.start()
    gate = Gate({"OPTIONS": 200, "MESSAGE": -1})
    gate.attach()
    peer = Peer(stack)
    answer = peer.final_answer(peer.message("OPTIONS"))
    assert answer.endswith("\r\n\r\nhello")
    assert "Content-Type: text/plain" in answer
    peer.send(peer.message("MESSAGE", "Content-Type: text/plain\r\n", "hi"))
    assert peer.receive(0.3) == ""
    assert (gate.seen[-1].body, gate.seen[-1].contentType, gate.dropped()) == ("hi", "text/plain", 1)
    safe = pj.GateAnswer()
    safe.addHeader("X", "a\r\nEvil: b")
    gate.detach()
    assert peer.final_answer(peer.message("OPTIONS")).startswith("SIP/2.0 200")  # PJSIP's own answer


def test_exception_in_the_callback_answers_500(stack: Stack) -> None:
    """Python's error, SystemExit included, ends the request and nothing else."""
    from tests.telephony.native.child import Peer

    class Failing(Gate):
        def onRequest(self, request: Any, answer: Any) -> None:
            super().onRequest(request, answer)
            raise SystemExit(1) if request.method == "MESSAGE" else ValueError("ours")

    seen: list[type[BaseException] | None] = []
    sys.unraisablehook = lambda report: seen.append(report.exc_type)
    stack.start()
    gate = Failing({"REGISTER": 200})
    gate.attach()
    peer = Peer(stack)
    assert peer.final_answer(peer.message("REGISTER")).startswith("SIP/2.0 500 ")
    assert peer.final_answer(peer.message("MESSAGE")).startswith("SIP/2.0 500 ")
    assert seen == [ValueError, SystemExit]
    assert (gate.failures(), gate.answered()) == (2, 2)
    gate.detach()


def test_dialogs_and_retransmissions_pass_untouched(stack: Stack) -> None:
    """Python is asked once per INVITE, not for its retransmissions, ACK, re-INVITE or BYE."""
    from tests.telephony.native.child import Peer

    stack.start()
    gate = Gate({})
    gate.attach()
    leg, other = stack.call_pair()
    assert [request.method for request in gate.seen] == ["INVITE"]
    leg.media_up = False
    leg.reinvite(pj.CallOpParam(True))
    stack.run(lambda: leg.media_up, "re-INVITE")
    leg.hangup(pj.CallOpParam())
    stack.run(lambda: other.ended, "BYE")
    assert (gate.requests(), gate.passed()) == (1, 1)

    peer = Peer(stack)
    invite = peer.message("INVITE", branch="same")
    peer.final_answer(invite)
    peer.final_answer(invite)
    assert gate.requests() == 2
    gate.detach()


def test_refused_invite_may_be_repeated(stack: Stack) -> None:
    """A stateless 401 is given again to the same INVITE with the same To tag; its ACK disturbs nobody."""
    from tests.telephony.native.child import Peer

    stack.start()
    gate = Gate({"INVITE": 401})
    gate.attach()
    peer = Peer(stack)
    invite = peer.message("INVITE", branch="same")
    first, second = peer.final_answer(invite), peer.final_answer(invite)
    assert first.startswith("SIP/2.0 401")
    assert first == second
    to_tag = first.split("To:")[1].split("\r\n")[0].split(";tag=")[1]
    peer.send(
        invite.replace("INVITE ", "ACK ", 1)
        .replace("1 INVITE", "1 ACK")
        .replace("To: <sip:ringside@example.org>", f"To: <sip:ringside@example.org>;tag={to_tag}")
    )
    assert peer.receive(0.3) == ""
    assert (gate.requests(), stack.answered) == (2, [])
    gate.detach()


def test_door_refuses_before_python(stack: Stack) -> None:
    """What the door refuses is answered and counted by cause, in dialogs too, and Python never sees it."""
    from tests.telephony.native.child import Peer

    stack.start()
    gate = Gate({})
    gate.attach()
    peer = Peer(stack)
    sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 200\r\n"
    kind = "Content-Type: application/sdp\r\n"
    assert peer.final_answer(peer.message("INVITE", kind, sdp)).startswith("SIP/2.0 488 ")
    assert peer.final_answer(peer.message("UPDATE", kind, sdp, to_tag="x")).startswith("SIP/2.0 488 ")
    assert peer.final_answer(peer.message("FROBNICATE")).startswith("SIP/2.0 501 ")
    peer.send(peer.message("ACK", kind, sdp, to_tag="x"))
    assert peer.receive(0.3) == ""
    assert dict(gate.refusals()) == {"sdp_payload_type": 3, "unknown_method": 1}
    assert (gate.refused("sdp_payload_type"), gate.refused("never"), gate.requests()) == (3, 0, 0)
    gate.detach()


def test_only_one_gate_and_only_after_init(stack: Stack) -> None:
    gate, second = Gate({}), Gate({})
    gate.attach()
    gate.attach()
    with pytest.raises(pj.Error):
        second.attach()
    gate.detach()
    second.attach()
    stack.start()
    second.detach()
