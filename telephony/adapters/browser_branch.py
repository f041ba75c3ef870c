"""One page of a leg: a branch like a SIP dialog, whose media is a port on the bridge shared with a media worker.

Owner thread only. The page's words come as commands from the loop; what the page and the worker must hear goes out as
line events.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pjsua2 as pj
import structlog

from telephony import end_reasons
from telephony.adapters.pjsip_branch import BranchListener
from telephony.browser.events import LineEvent, LineOpened, LineOver, LineRung
from telephony.browser.model import Line
from telephony.machine import BranchConfirmed, BranchEnded, BranchId, BranchRinging
from telephony.model import CallerIdentity, DtmfMethod
from telephony.native.shared_ring import SharedRing
from vocabulary import EndReason

log = structlog.get_logger(__name__)

RING_MS = 400
"""What each direction can hold; the worker keeps far less waiting."""
PRIME_MS = 40
"""After running dry the bridge waits for this much: evens out the network's jitter."""
RING_PREFIX = "ringside-pcm"
_SHARED_MEMORY = Path("/dev/shm")
_OK = 200


class BrowserBranch:
    """A page that rings, calls or talks."""

    def __init__(
        self,
        branch: BranchId,
        line: Line,
        clock_rate_hz: int,
        listener: BranchListener,
        tell: Callable[[LineEvent], None],
    ) -> None:
        self.branch = branch
        self.line = line
        self.sip_call_id = f"{line.leg}@{line.phone}"
        self.is_on_hold = False
        self.media: pj.AudioMedia | None = None
        self._clock_rate_hz = clock_rate_hz
        self._listener = listener
        self._tell = tell
        self._port: pj.PcmPort | None = None
        self._ring: SharedRing | None = None
        self._has_ended = False

    # -- as every branch -------------------------------------------------------------------------------------------

    def respond(self, status: int) -> None:
        """Answer a call that came from the page (200); it makes its own ring-back tone."""
        if status == _OK and self._open():
            self._listener.branch_happened(BranchConfirmed(self.branch, by_person=True))

    def hang_up(self, end: EndReason, sip_status: int) -> None:
        """Let the page stop ringing, or end its call."""
        self.ended(end, sip_status)

    def ended(self, end: EndReason, sip_status: int) -> None:
        """Take the line off the bridge and tell once that it is gone."""
        if self._has_ended:
            return
        self._has_ended = True
        self._close()
        self._tell(LineOver(self.line, end))
        self._listener.branch_happened(BranchEnded(self.branch, end, sip_status))

    def received_packets(self) -> tuple[int, int]:
        """Give how many frames came from the page; lost ones are counted by the page."""
        return (self._ring.heartbeat if self._ring is not None else 0), 0

    # -- from the page ---------------------------------------------------------------------------------------------

    def ring(self, caller: CallerIdentity) -> str:
        """Let the page ring; gives what stands for the Call-ID."""
        self._tell(LineRung(self.line, caller))
        return self.sip_call_id

    def rings(self) -> None:
        """The page alerts."""
        self._listener.branch_happened(BranchRinging(self.branch))

    def accepted(self) -> None:
        """The person clicked Answer. Whoever comes second has been hung up when this goes on."""
        self._listener.branch_happened(BranchConfirmed(self.branch, by_person=True))
        self._open()

    def connected(self) -> None:
        """Audio can flow."""
        if self._port is not None:
            self.media = self._port
            self._listener.branch_media(self.branch, self._port)

    def pressed(self, digit: str) -> None:
        """A key in the page."""
        self._listener.branch_digit(self.branch, digit, DtmfMethod.PAGE)

    def _open(self) -> bool:
        """Put a port on the bridge; tells whether there is one now."""
        if self._has_ended or self._port is not None:
            return self._port is not None
        name = f"{RING_PREFIX}-{os.getpid()}-{secrets.token_hex(6)}"
        try:
            self._port = pj.PcmPort(self.line.leg, self._clock_rate_hz, 20, RING_MS, name)
            self._ring = SharedRing(name)
        except (pj.Error, OSError) as error:
            log.error("browser_port_failed", leg_id=self.line.leg, reason=str(error))
            self.ended(end_reasons.SWITCH_ERROR, 0)
            return False
        self._port.setPrimeMs(PRIME_MS)
        self._tell(LineOpened(self.line, name))
        return True

    def _close(self) -> None:
        """The bridge removes a port with all its links."""
        self.media = None
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        if self._port is not None:
            self._port.close()


def remove_leftovers(folder: Path = _SHARED_MEMORY) -> None:
    """Unlink the rings of nodes that died without doing so."""
    for path in folder.glob(f"{RING_PREFIX}-*"):
        pid = path.name.removeprefix(f"{RING_PREFIX}-").partition("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            path.unlink(missing_ok=True)
