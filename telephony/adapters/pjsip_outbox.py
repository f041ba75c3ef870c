"""Sends NOTIFY and OPTIONS and tells who waits what became of them. Owner thread only."""

from __future__ import annotations

from collections.abc import Callable

import pjsua2 as pj
import structlog

from telephony.outgoing import DialogRequest, Headers, OutgoingRequest

log = structlog.get_logger(__name__)

NOT_SENT = 503
"""What an asker hears when a request could not even be sent, or too many are under way."""
MOST_UNDER_WAY = 10_000

AnswerHandler = Callable[[int], None]


class Outbox(pj.RequestSender):
    """Every request asked for ends in exactly one call of its handler with the final status."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0
        self._waiting: dict[int, AnswerHandler] = {}

    def send_alone(self, request: OutgoingRequest, on_answer: AnswerHandler) -> None:
        """Send a request that belongs to no call of PJSIP's."""
        made = _wire(request.method, request.headers, request.content_type, request.body)
        made.requestUri, made.to, made.toTag = request.uri, request.to, request.to_tag
        made._from = request.sender  # SWIG's name for a Python keyword
        made.fromTag, made.contact = request.from_tag, request.contact
        made.callId, made.cseq = request.sip_call_id, request.cseq
        self._start(on_answer, lambda number: self.send(number, made))

    def send_beside_call(self, request: DialogRequest, on_answer: AnswerHandler) -> None:
        """Send a request in the dialog of a call; its answer never touches the call."""
        made = _wire(request.method, request.headers, request.content_type, request.body)
        name = request.dialog
        self._start(
            on_answer,
            lambda number: self.sendInDialog(number, name.sip_call_id, name.local_tag, name.remote_tag, made),
        )

    def onAnswer(self, id: int, status: int) -> None:
        handler = self._waiting.pop(id, None)
        if handler is None:
            return
        try:
            handler(status)
        except Exception:
            log.exception("answer_handler_failed", sip_status=status)

    def _start(self, on_answer: AnswerHandler, send: Callable[[int], None]) -> None:
        if len(self._waiting) >= MOST_UNDER_WAY:
            on_answer(NOT_SENT)
            return
        self._next = self._next % 1_000_000_000 + 1
        self._waiting[self._next] = on_answer
        number = self._next
        try:
            send(number)
        except pj.Error as error:
            log.info("request_not_sent", reason=error.reason)
            self.onAnswer(number, NOT_SENT)


def _wire(method: str, headers: Headers, content_type: str, body: bytes) -> pj.OutgoingRequest:
    made = pj.OutgoingRequest()
    made.method, made.contentType, made.body = method, content_type, body.decode()
    for name, value in headers:
        made.addHeader(name, value)
    return made
