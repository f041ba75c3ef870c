"""The softswitch on PJSIP: one thread owns the library, effects go in through a queue, events come out on the loop.

The owner sleeps in libHandleEvents(); `Wakeup` ends that sleep the moment an effect is queued, so an INVITE leaves
without waiting for any poll. Callbacks copy what they need and post it; no object of PJSIP's leaves the adapter.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import assert_never

import pjsua2 as pj
import structlog

from telephony import end_reasons
from telephony.adapters.pjsip_endpoint import OpenEndpoint, SwitchPorts, create_endpoint, open_endpoint
from telephony.adapters.pjsip_gate import AdmissionGate, now
from telephony.adapters.pjsip_legs import LegTable
from telephony.adapters.pjsip_mixer import Mixer
from telephony.admission import Admission, Directory
from telephony.digest import DigestAuthority
from telephony.effects import AnswerLeg, DialLeg, EndLeg, LegEffect, PlayPrompt, RingLeg, SetMix, StopPrompt
from telephony.errors import SwitchError
from telephony.events import PhoneRegistered, PhoneUnregistered, SwitchEvent
from telephony.failure_limiter import FailureLimiter
from telephony.registrar import Binding, LocationTable
from telephony.settings import SwitchSettings
from telephony.targets import without_connection
from vocabulary import PersonId

log = structlog.get_logger(__name__)

POLL_MS = 50
"""Longest sleep of the owner: how late a DTMF digit (which comes from a media thread) or a timer may be seen."""
SWEEP_S = 0.5
START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class SwitchStats:
    """Counters for health pages and metrics. Packets are those of the legs that are up now."""

    legs: int = 0
    arrived: int = 0
    dialled: int = 0
    ended: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    gate: dict[str, int] = field(default_factory=dict)
    """Requests outside dialogs, by what admission decided."""
    refused: dict[str, int] = field(default_factory=dict)
    """Messages the door refused as malformed or dangerous, by cause."""


class PjsipSwitch:
    """Implements `telephony.switch.Switch`. One at a time per process; all methods on the event loop's thread."""

    def __init__(
        self,
        settings: SwitchSettings,
        directory: Directory,
        on_event: Callable[[SwitchEvent], None],
        saved_bindings: Iterable[Binding] = (),
        save_bindings: Callable[[PersonId, tuple[Binding, ...]], None] = lambda person, bindings: None,
    ) -> None:
        self._on_event = on_event
        self._save_bindings = save_bindings
        self._registered: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner = _Owner(settings, directory, tuple(saved_bindings), self._post, self._post_bindings)
        self._thread = threading.Thread(target=self._owner.run, name="pjsip", daemon=True)

    async def start(self) -> None:
        """Bind the ports and begin to serve.

        Raises:
            SwitchError: It cannot start; the text says what to mend.
        """
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        await self._loop.run_in_executor(None, self._owner.started.wait, START_TIMEOUT_S)
        if self._owner.failure is not None:
            raise self._owner.failure
        if not self._owner.started.is_set():
            raise SwitchError("PJSIP did not start in time")

    async def stop(self) -> None:
        """End all calls with BYE, wait for them a little, destroy the library."""
        if self._loop is None:
            return
        self._owner.ask_to_stop()
        await self._loop.run_in_executor(None, self._thread.join)
        await asyncio.sleep(0)  # lets the last posted events reach their handler

    @property
    def ports(self) -> SwitchPorts:
        """The ports really bound."""
        if self._owner.ports is None:
            raise SwitchError("the switch is not started")
        return self._owner.ports

    def perform(self, effect: LegEffect) -> None:
        """Start an effect and return at once; outcomes and failures come back as events."""
        self._owner.submit(lambda: self._owner.perform(effect))

    def update_directory(self, directory: Directory) -> None:
        """Replace accounts, trunks and numbers; bindings of removed accounts go."""
        self._owner.submit(lambda: self._owner.update_directory(directory))

    def registered(self, person: PersonId) -> bool:
        """Tell whether the person has a phone that can be rung."""
        return person in self._registered

    def stats(self) -> SwitchStats:
        """Give the counters as of the last half second."""
        return self._owner.stats

    def _post(self, event: SwitchEvent) -> None:
        """Called by the owner thread."""
        self._call_on_loop(self._deliver, event)

    def _post_bindings(self, person: PersonId, bindings: tuple[Binding, ...]) -> None:
        self._call_on_loop(self._save_bindings, person, bindings)

    def _call_on_loop(self, callback: Callable[..., None], *args: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *args)

    def _deliver(self, event: SwitchEvent) -> None:
        match event:
            case PhoneRegistered(person):
                self._registered.add(person)
            case PhoneUnregistered(person):
                self._registered.discard(person)
            case _:
                pass
        self._on_event(event)


class _Owner:
    """What happens on the owner thread. Only submit(), ask_to_stop() and the plain attributes are for other threads."""

    def __init__(
        self,
        settings: SwitchSettings,
        directory: Directory,
        saved: tuple[Binding, ...],
        post: Callable[[SwitchEvent], None],
        post_bindings: Callable[[PersonId, tuple[Binding, ...]], None],
    ) -> None:
        self._settings = settings
        self._post = post
        self._commands: deque[Callable[[], None]] = deque()
        self._stopping = threading.Event()
        self._wakeup: pj.Wakeup | None = None
        self._locations = LocationTable(settings.registrar, map(without_connection, saved), post_bindings)
        digest = DigestAuthority(settings.realm, settings.digest)
        self._admission = Admission(directory, digest, self._locations, FailureLimiter(settings.limiter))
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
            if not isinstance(effect, SetMix):
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
            case _:
                assert_never(effect)

    def update_directory(self, directory: Directory) -> None:
        """Take over the new directory."""
        self._admission.directory = directory
        for event in self._locations.retain(directory.persons):
            self._post(event)

    def _open(self) -> None:
        endpoint = create_endpoint(self._settings)
        self._gate = AdmissionGate(
            self._admission, lambda: self._legs.has_room and not self._stopping.is_set(), self._post
        )
        self._gate.attach()
        wakeup = pj.Wakeup()
        wakeup.start()
        try:
            opened = open_endpoint(endpoint, self._settings, lambda call_id: self._legs.arrive(call_id, self._gate))
        except SwitchError:
            wakeup.stop()
            self._gate.detach()
            endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
            raise
        self._opened: OpenEndpoint = opened
        settings = self._settings
        self._mixer = Mixer(settings.prompts_dir, settings.spoken_dir, settings.hold_music, self._post, self.submit)
        self._legs = LegTable(
            self._settings, opened, self._locations, lambda: self._admission.directory, self._mixer, self._post
        )
        self._locations.expire(now().utc_s)
        for person in sorted(self._locations.persons()):
            self._post(PhoneRegistered(person))
        self.ports = opened.ports
        self._wakeup = wakeup

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
        self._legs.free_ended()

    def _sweep(self, at: float) -> None:
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
        self._gate.detach()
        self._mixer.close()
        self._legs.free_ended()
        self._opened.close()
