"""Puts admission before PJSIP: every request outside a dialog is decided by our pure code. Owner thread only."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import pjsua2 as pj
import structlog

from telephony.admission import Admission
from telephony.decisions import Answer, Decision, Drop, Moment, Pass
from telephony.events import PhoneEvent, PhoneRequest
from telephony.headers import Flow, HeaderError, SipRequest, parse_request

log = structlog.get_logger(__name__)

PROOF_LIFE_S = 32.0
"""How long a proven identity waits for its INVITE to come up through PJSIP; it takes microseconds."""
MOST_PROOFS = 4_096
RETRY_AFTER_S = 2


def now() -> Moment:
    """Read both clocks."""
    return Moment(time.monotonic(), time.time())


class AdmissionGate(pj.RequestGate):
    """Answers requests as admission decides, and remembers whose INVITE it let pass.

    `refer` decides about a REFER inside one of our calls.
    """

    def __init__(
        self,
        admission: Admission,
        has_room: Callable[[], bool],
        refer: Callable[[SipRequest], Decision],
        post: Callable[[PhoneEvent | PhoneRequest], None],
    ) -> None:
        super().__init__()
        self._admission = admission
        self._has_room = has_room
        self._refer = refer
        self._post = post
        self._proofs: OrderedDict[str, tuple[Pass, float]] = OrderedDict()
        self.causes: dict[str, int] = {}

    def onRequest(self, request: pj.GateRequest, answer: pj.GateAnswer) -> None:
        try:
            self._decide(request, answer)
        except Exception:
            answer.status = 500
            log.exception("request_gate_failed", method=request.method)

    def claim(self, sip_call_id: str) -> Pass | None:
        """Take the identity proven for this INVITE; None when there is none (any more)."""
        passed, expires = self._proofs.pop(sip_call_id, (None, 0.0))
        return passed if expires > time.monotonic() else None

    def _decide(self, request: pj.GateRequest, answer: pj.GateAnswer) -> None:
        decision: Decision
        transport = request.transport.lower()
        source = Flow(transport, request.sourceAddress, request.sourcePort)
        here = Flow(transport, request.localAddress, request.localPort)
        try:
            parsed = parse_request(request.wholeMessage(), source, here)
            if parsed.method == "REFER" and request.toTag:
                decision = self._refer(parsed) if request.inDialog else Answer(481, cause="no_such_dialog")
            else:
                decision = self._admission.decide(parsed, now())
        except HeaderError:
            decision = Answer(400, cause="malformed")
        match decision:
            case Pass(origin=None):
                pass
            case Pass():
                self._let_pass(request, decision, answer)
            case Drop(cause):
                self._count(cause)
                answer.status = -1
            case Answer():
                self._answer(decision, answer)

    def _let_pass(self, request: pj.GateRequest, decision: Pass, answer: pj.GateAnswer) -> None:
        if not self._has_room():
            self._answer(Answer(503, (("Retry-After", str(RETRY_AFTER_S)),), cause="no_room"), answer)
            return
        self._proofs[request.callId] = (decision, time.monotonic() + PROOF_LIFE_S)
        while len(self._proofs) > MOST_PROOFS:
            self._proofs.popitem(last=False)

    def _answer(self, decision: Answer, answer: pj.GateAnswer) -> None:
        self._count(decision.cause or "answered")
        answer.status, answer.toTag = decision.status, decision.to_tag
        for name, value in decision.headers:
            answer.addHeader(name, value)
        for event in decision.events:
            self._post(event)

    def _count(self, cause: str) -> None:
        self.causes[cause] = self.causes.get(cause, 0) + 1
