"""One SIP dialog of a leg: turns PJSIP's call callbacks into the branch events of machine.py. Owner thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pjsua2 as pj

from telephony import end_reasons
from telephony.adapters.guard import guarded
from telephony.machine import BranchConfirmed, BranchEnded, BranchEvent, BranchId, BranchRinging
from telephony.model import DtmfMethod
from vocabulary import EndReason

_DIGITS = frozenset("0123456789*#ABCD")
_ENDED_BY_BYE = 200
_MOVED = 302
_DTMF_IS_UPDATE = 1
"""PJMEDIA_STREAM_DTMF_IS_UPDATE: the same key is still held."""


class BranchListener(Protocol):
    """Who wants to know what happens to a branch."""

    def branch_happened(self, event: BranchEvent) -> None: ...
    def branch_media(self, branch: BranchId, media: pj.AudioMedia | None) -> None: ...
    def branch_digit(self, branch: BranchId, digit: str, method: DtmfMethod) -> None: ...


class Branch(pj.Call):
    """A dialog. Keep it referenced until it has ended: PJSIP hangs up what Python forgets."""

    def __init__(
        self,
        account: pj.Account,
        branch: BranchId,
        listener: BranchListener,
        call_id: int = pj.PJSUA_INVALID_ID,
        bury: Callable[[Branch], None] = lambda branch: None,
    ) -> None:
        super().__init__(account, call_id)
        self.branch = branch
        self.sip_call_id = ""
        self.is_dialled = call_id == pj.PJSUA_INVALID_ID
        self.is_on_hold = False
        self.media: pj.AudioMedia | None = None
        self._listener = listener
        self._bury = bury
        self._was_confirmed = False
        self._was_redirected = False
        self._has_ended = False

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY and self.is_dialled:
            self._listener.branch_happened(BranchRinging(self.branch))
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self._was_confirmed = True
            self._listener.branch_happened(BranchConfirmed(self.branch))
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.ended(*self._explain(int(info.lastStatusCode)))

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        info = self.getInfo()  # its parts live only as long as it does
        audio = next((media for media in info.media if media.type == pj.PJMEDIA_TYPE_AUDIO), None)
        running = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
        if audio is None or audio.status not in running or audio.audioConfSlot == pj.PJSUA_INVALID_ID:
            self.media = None
            self._listener.branch_media(self.branch, None)
            return
        self.is_on_hold = audio.status != pj.PJSUA_CALL_MEDIA_ACTIVE or not audio.dir & pj.PJMEDIA_DIR_DECODING
        self.media = self.getAudioMedia(audio.index)
        self._listener.branch_media(self.branch, self.media)

    @guarded
    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:
        digit = str(prm.digit).upper()
        if prm.flags & _DTMF_IS_UPDATE or digit not in _DIGITS:
            return
        method = DtmfMethod.INFO if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else DtmfMethod.RTP
        self._listener.branch_digit(self.branch, digit, method)

    @guarded
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        # Whom a leg talks to is decided in center/, never by the far end alone.
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @guarded
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        prm.statusCode = pj.PJSIP_SC_DECLINE

    def onCallRedirected(self, prm: pj.OnCallRedirectedParam) -> int:
        self._was_redirected = True
        return int(pj.PJSIP_REDIRECT_STOP)

    def invite(self, to: str, uri: str, shown: str, headers: tuple[tuple[str, str], ...]) -> str:
        """Send the INVITE and give its Call-ID.

        Raises:
            pj.Error: It could not even be sent.
        """
        prm = pj.CallOpParam(True)
        prm.opt.audioCount = 1
        prm.opt.videoCount = 0
        prm.opt.textCount = 0
        prm.txOption.targetUri = uri
        prm.txOption.localUri = shown
        prm.txOption.headers = _headers(headers)
        self.makeCall(to, prm)
        return str(self.getInfo().callIdString)

    def respond(self, status: int) -> None:
        """Send 180 or 200 to an arrived call."""
        prm = pj.CallOpParam(True)
        prm.opt.audioCount = 1
        prm.opt.videoCount = 0
        prm.opt.textCount = 0
        prm.statusCode = status
        self.answer(prm)

    def hang_up(self, end: EndReason, sip_status: int) -> None:
        """Refuse, cancel or say BYE, with the reason; the branch always ends, if need be here and now."""
        if self._has_ended:
            return
        prm = pj.CallOpParam()
        prm.statusCode = sip_status
        prm.txOption.headers = _headers((("Reason", end_reasons.reason_header(end, sip_status)),))
        try:
            self.hangup(prm)
        except pj.Error:
            self.ended(end, sip_status)

    def ended(self, end: EndReason, sip_status: int) -> None:
        """Tell once that this branch is gone."""
        if self._has_ended:
            return
        self._has_ended = True
        self._bury(self)
        self._listener.branch_happened(BranchEnded(self.branch, end, sip_status))

    def received_packets(self) -> tuple[int, int]:
        """Give how many RTP packets came and how many were lost; zeros when no stream runs."""
        try:
            statistics = self.getStreamStat(0)  # its parts live only as long as it does
        except pj.Error:
            return 0, 0
        return int(statistics.rtcp.rxStat.pkt), int(statistics.rtcp.rxStat.loss)

    def _explain(self, status: int) -> tuple[EndReason, int]:
        if self._was_confirmed:
            return (end_reasons.HUNG_UP, 0) if status == _ENDED_BY_BYE else (end_reasons.DIALOG_LOST, status)
        if self._was_redirected:
            return end_reasons.MOVED, _MOVED
        if not self.is_dialled and status == pj.PJSIP_SC_REQUEST_TERMINATED:
            return end_reasons.CANCELLED, status
        return end_reasons.of_status(status), status


def _headers(pairs: tuple[tuple[str, str], ...]) -> pj.SipHeaderVector:
    vector = pj.SipHeaderVector()
    for name, value in pairs:
        header = pj.SipHeader()
        header.hName = name
        header.hValue = "".join(char for char in value if char.isprintable())
        vector.append(header)
    return vector
