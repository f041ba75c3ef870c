"""The thread that owns PJSIP: opens it, performs effects on it, lets it work, closes it.

Everything that touches the library happens here, and so does all that decides about single requests: registrar,
admission, REFER, PUBLISH and SUBSCRIBE. What others must hear of goes out through `Outlets`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

import pjsua2 as pj
import structlog

from telephony import end_reasons, targets
from telephony.adapters.browser_branch import remove_leftovers
from telephony.adapters.browser_lines import BrowserLines
from telephony.adapters.pjsip_endpoint import OpenEndpoint, SwitchPorts, create_endpoint, open_endpoint
from telephony.adapters.pjsip_gate import AdmissionGate, now
from telephony.adapters.pjsip_legs import LegTable
from telephony.adapters.pjsip_mixer import Mixer
from telephony.adapters.pjsip_outbox import NOT_SENT, Outbox
from telephony.adapters.pjsip_watchers import PresenceBodies, Watchers, ask_alive
from telephony.admission import Admission, Directory
from telephony.browser.effects import LineCommand
from telephony.browser.events import LineEvent
from telephony.decisions import Decision, Pass
from telephony.digest import DigestAuthority
from telephony.effects import (
    AnswerLeg,
    DialLeg,
    EndLeg,
    LegEffect,
    PlayPrompt,
    ReportRefer,
    RingLeg,
    SetMix,
    StopPrompt,
)
from telephony.errors import SwitchError
from telephony.events import PhoneRegistered, PhoneRequest, SwitchEvent
from telephony.failure_limiter import FailureLimiter
from telephony.headers import SipRequest, SipUri
from telephony.model import TextMessage
from telephony.outgoing import DialogRequest, OutgoingRequest
from telephony.publish import PublicationTable
from telephony.refer import ReferTable
from telephony.registrar import Binding, LocationTable
from telephony.settings import SwitchSettings
from telephony.subscription import SubscriptionTable
from vocabulary import PersonId

log = structlog.get_logger(__name__)

POLL_MS = 50
"""Longest sleep of the owner: how late a DTMF digit (which comes from a media thread) or a timer may be seen."""
SWEEP_S = 0.5


@dataclass(frozen=True, slots=True)
class SwitchStats:
    """Counters for health pages and metrics. Packets are those of the legs that are up now."""

    legs: int = 0
    arrived: int = 0
    dialled: int = 0
    ended: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    refers: int = 0
    publications: int = 0
    subscriptions: int = 0
    gate: dict[str, int] = field(default_factory=dict)
    """Requests outside dialogs, by what admission decided."""
    refused: dict[str, int] = field(default_factory=dict)
    """Messages the door refused as malformed or dangerous, by cause."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """How the owner thread reaches the event loop."""

    post: Callable[[SwitchEvent], None]
    post_request: Callable[[PhoneRequest], None] | None
    post_bindings: Callable[[PersonId, tuple[Binding, ...]], None]
    post_line: Callable[[LineEvent], None]
    on_loop: Callable[[Callable[[], None]], None]
    bodies: PresenceBodies | None


class Owner:
    """What happens on the owner thread. Only submit(), ask_to_stop() and the plain attributes are for other threads."""

    def __init__(
        self,
        settings: SwitchSettings,
        directory: Directory,
        saved: tuple[Binding, ...],
        outlets: Outlets,
    ) -> None:
        self._settings = settings
        self._outlets = outlets
        self._post = outlets.post
        self._commands: deque[Callable[[], None]] = deque()
        self._stopping = threading.Event()
        self._wakeup: pj.Wakeup | None = None
        self._locations = LocationTable(
            settings.registrar, map(targets.without_connection, saved), outlets.post_bindings
        )
        digest = DigestAuthority(settings.realm, settings.digest)
        self._publications = PublicationTable() if outlets.post_request is not None else None
        self._subscriptions = SubscriptionTable() if outlets.bodies is not None else None
        self._refers = ReferTable(self._serves)
        self._pages = BrowserLines(settings.clock_rate_hz, outlets.post_line)
        self._admission = Admission(
            directory,
            digest,
            self._locations,
            FailureLimiter(settings.limiter),
            self._publications,
            self._subscriptions,
        )
        self.started = threading.Event()
        self.failure: SwitchError | None = None
        self.ports: SwitchPorts | None = None
        self.stats = SwitchStats()

    def submit(self, command: Callable[[], None]) -> None:
        """Have a command run on the owner thread, at once."""
        self._commands.append(command)
        if self._wakeup is not None:
            self._wakeup.wake()

    def ask_to_stop(self) -> None:
        """Make run() end all calls and return."""
        self._stopping.set()
        if self._wakeup is not None:
            self._wakeup.wake()

    def run(self) -> None:
        """Own the library from creation to destruction."""
        try:
            self._open()
        except SwitchError as error:
            # Its traceback would keep the endpoint alive, and another one could not be made in this process.
            error.__context__ = None
            self.failure = error.with_traceback(None)
        self.started.set()
        if self.failure is None:
            self._serve()
            self._close()

    def perform(self, effect: LegEffect) -> None:
        """Perform one effect; a bug that shows here ends that one leg and nothing else."""
        try:
            self._perform(effect)
        except Exception:
            log.exception("leg_effect_failed", effect=type(effect).__name__)
            if not isinstance(effect, SetMix | ReportRefer):
                self._legs.give_up(effect)

    def _perform(self, effect: LegEffect) -> None:
        match effect:
            case RingLeg(leg):
                self._legs.respond(leg, 180)
            case AnswerLeg(leg):
                self._legs.respond(leg, 200)
            case DialLeg():
                self._legs.dial(effect)
            case EndLeg(leg, end, sip_status):
                self._legs.end(leg, end, sip_status)
            case SetMix(legs, matrix):
                self._mixer.set_mix(legs, matrix)
            case PlayPrompt(leg, prompt):
                if leg in self._legs:
                    self._mixer.play(leg, prompt)
            case StopPrompt(leg):
                self._mixer.stop_prompt(leg)
            case ReportRefer(_, refer, status, final):
                self._send_report(self._refers.report(refer, status, final=final))
            case _:
                assert_never(effect)

    def browser(self, command: LineCommand) -> None:
        """Do what a browser phone asks for."""
        self._pages.perform(command, self._legs)

    def update_directory(self, directory: Directory) -> None:
        """Take over the new directory."""
        self._admission.directory = directory
        for event in self._locations.retain(directory.persons):
            self._post(event)
        if self._publications is not None:
            self._post_all(self._publications.retain(directory.persons))
        if self._subscriptions is not None:
            self._subscriptions.retain(directory.persons)

    def presence_changed(self, person: PersonId) -> None:
        """Mark what watchers of this person are due."""
        if self._subscriptions is not None:
            self._subscriptions.changed(person)

    def probe(self, person: PersonId, on_result: Callable[[bool], None]) -> None:
        """Ask a person's phones whether they live."""
        ask_alive(self._locations.of(person, now().utc_s), self._settings.domain, self._outbox, on_result)

    def send_text(self, message: TextMessage, on_status: Callable[[int], None]) -> None:
        """Send a text (MESSAGE, RFC 3428) through its trunk."""
        target = targets.of_number(message.to, self._admission.directory)
        if target is None:
            on_status(NOT_SENT)
            return
        shown, body = targets.identity(message.shown, self._settings.domain), message.text.encode()
        request = OutgoingRequest(
            "MESSAGE", target.uri, shown, f"<{target.to}>", content_type="text/plain;charset=utf-8", body=body
        )
        self._outbox.send_alone(request, on_status)

    def _refer(self, request: SipRequest) -> Decision:
        """Take a REFER inside a call; its first NOTIFY leaves after the answer."""
        leg = self._legs.talking_at(request.first("call-id"))
        if leg is None or self._outlets.post_request is None:
            return Pass()  # the call object declines it
        taken = self._refers.take(leg, request, now().monotonic_s)
        if taken.asked is not None:
            self._outlets.post_request(taken.asked)
        if taken.notify is not None:
            first = taken.notify
            self._commands.append(lambda: self._send_report(first))
        return taken.answer

    def _serves(self, target: SipUri) -> bool:
        directory = self._admission.directory
        return directory.is_service(target.user) and directory.is_here(target)

    def _send_report(self, report: DialogRequest | None) -> None:
        if report is not None:
            self._outbox.send_beside_call(report, lambda status: None)

    def _post_all(self, requests: Iterable[PhoneRequest]) -> None:
        if self._outlets.post_request is not None:
            for request in requests:
                self._outlets.post_request(request)

    def _post_any(self, event: SwitchEvent | PhoneRequest) -> None:
        if isinstance(event, PhoneRequest):
            self._post_all((event,))
        else:
            self._post(event)

    def _open(self) -> None:
        endpoint = create_endpoint(self._settings)
        self._gate = AdmissionGate(
            self._admission,
            lambda: self._legs.has_room and not self._stopping.is_set(),
            self._refer,
            self._post_any,
        )
        self._gate.attach()
        self._gate.setRewritesContacts(True)
        self._outbox = Outbox()
        remove_leftovers()
        wakeup = pj.Wakeup()
        wakeup.start()
        try:
            opened = open_endpoint(endpoint, self._settings, lambda call_id: self._legs.arrive(call_id, self._gate))
        except SwitchError:
            wakeup.stop()
            self._outbox.close()
            self._gate.detach()
            endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
            raise
        self._opened: OpenEndpoint = opened
        settings = self._settings
        self._mixer = Mixer(settings.prompt_folders, settings.hold_music, self._post, self.submit)
        self._legs = LegTable(
            self._settings,
            opened,
            self._locations,
            self._pages,
            lambda: self._admission.directory,
            self._mixer,
            self._post,
            self._refers.forget,
        )
        self._watchers = self._make_watchers()
        self._locations.expire(now().utc_s)
        for person in sorted(self._locations.persons()):
            self._post(PhoneRegistered(person))
        self.ports = opened.ports
        self._wakeup = wakeup

    def _make_watchers(self) -> Watchers | None:
        outlets = self._outlets
        if self._subscriptions is None or outlets.bodies is None:
            return None
        return Watchers(self._subscriptions, self._outbox, outlets.on_loop, self.submit, outlets.bodies)

    def _serve(self) -> None:
        next_sweep = next_watch = time.monotonic()
        watch_every_s = min(5.0, self._settings.rtp_timeout_s / 4)
        while not self._stopping.is_set():
            self._handle_events(POLL_MS)
            at = time.monotonic()
            if at >= next_sweep:
                next_sweep = at + SWEEP_S
                self._sweep(at)
            if at >= next_watch:
                next_watch = at + watch_every_s
                self._legs.watch_media(at)

    def _handle_events(self, timeout_ms: int) -> None:
        """Let PJSIP work until something happens, then run what was queued, in order."""
        self._opened.endpoint.libHandleEvents(timeout_ms)
        for _ in range(len(self._commands)):
            try:
                self._commands.popleft()()
            except Exception:
                log.exception("switch_command_failed")
        if self._watchers is not None:
            self._watchers.send_due(time.monotonic())
        self._legs.free_ended()

    def _sweep(self, at: float) -> None:
        for late in self._refers.expire(at):
            self._send_report(late)
        if self._publications is not None:
            self._post_all(self._publications.expire(at))
        if self._subscriptions is not None:
            self._subscriptions.expire(at)
        for event in self._locations.expire(now().utc_s):
            self._post(event)
        self._mixer.sweep(at)
        counters = self._legs.counters
        self.stats = SwitchStats(
            legs=len(self._legs),
            arrived=counters.arrived,
            dialled=counters.dialled,
            ended=counters.ended,
            packets_received=counters.packets_received,
            packets_lost=counters.packets_lost,
            refers=len(self._refers),
            publications=len(self._publications or ()),
            subscriptions=len(self._subscriptions or ()),
            gate=dict(self._gate.causes),
            refused={str(cause): int(count) for cause, count in self._gate.refusals().items()},
        )

    def _close(self) -> None:
        """End the calls, then let go of everything in the order PJSIP wants."""
        deadline = time.monotonic() + (self._settings.stop_grace_s if len(self._legs) else 0.0)
        self._legs.end_all(end_reasons.STOPPING, 503)
        while time.monotonic() < deadline:
            self._handle_events(20)
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is not None:
            wakeup.stop()
        self._outbox.close()
        self._gate.detach()
        self._mixer.close()
        self._legs.free_ended()
        self._opened.close()
