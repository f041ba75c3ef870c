"""The presence service: performs the machine's effects and is what other packages talk to."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ParamSpec, assert_never

import structlog

from presence.adapters.calendars import CalendarWatch
from presence.adapters.mosquitto import MosquittoBroker
from presence.adapters.mosquitto_files import MAX_PACKET_BYTES
from presence.adapters.mqtt import BrokerAddress, MqttLink
from presence.budget import InterruptionRules
from presence.calendar import CalendarWord
from presence.contract import (
    Arrival,
    CaseRendered,
    EscalateCommand,
    Incoming,
    IncomingMessage,
    Pong,
    Topics,
    availability_payload,
    engagement_payload,
    fact_payload,
    is_person_name,
    local_client,
    local_fact,
    parse,
    ping_payload,
)
from presence.effects import AvailabilityChanged, PresenceEffect, StartTimer
from presence.elsewhere import Elsewhere, NodeSeen, NodeWord
from presence.errors import AccountRefused, ContractError, RefusalCause, UnknownPerson
from presence.events import (
    BrokerConnected,
    BrokerLost,
    ConfirmationChanged,
    ElsewhereChanged,
    FactReported,
    FactWithdrawn,
    LineStateChanged,
    PresenceEvent,
    ReservationChanged,
    RestChanged,
    TimerFired,
    WordUnreadable,
    WrapUpChanged,
)
from presence.fusion import Rest, Unconfirmed, WrapUp
from presence.machine import PersonPresence, engaged_here, knows_from_memory_only, look, step, watch
from presence.mapping import translate
from presence.model import Availability, AvailabilityState, Engagement, Source, Status
from presence.probing import PROBE_TIMEOUT_S, OptionsProbe, Prober
from presence.refusals import Refusals
from presence.resting import RestKeeper
from presence.settings import PresenceSettings
from presence.telling import Teller
from vocabulary import PersonId

_log = structlog.get_logger(__name__)
MAX_CASE_BYTES = MAX_PACKET_BYTES - 4_096
"""What a pushed case may weigh; the rest of a packet is topic and properties."""
ANSWER_EXPIRY_S = 60.0
"""An answer to a command is of no use to a client that comes later than this."""

REPUBLISH_PER_S = 1_000
"""After a reconnect everybody's availability goes out at this pace, so a broker that just came up is not flooded."""
_REPUBLISH_CHUNK = 100

Arguments = ParamSpec("Arguments")
OnChange = Callable[[Availability], None]
OnPersonMessage = Callable[[PersonId, dict[str, object]], None]


class PresenceService:
    """Who is available, live. Everything is called and calls back on the event loop that called `start`.

    The people watched are given at construction or by `watch`; messages about others are refused.
    """

    def __init__(
        self,
        settings: PresenceSettings,
        *,
        on_change: OnChange,
        on_command: OnPersonMessage,
        on_rendered: OnPersonMessage,
        people: Iterable[PersonId] = (),
    ) -> None:
        self._settings = settings
        self._rules = settings.rules()
        self._topics = Topics(settings.prefix)
        self._on_change = on_change
        self._on_command = on_command
        self._on_rendered = on_rendered
        self._broker_lost_since: datetime | None = datetime.now(UTC)
        self._people: dict[PersonId, PersonPresence] = {}
        self._timers: dict[PersonId, asyncio.TimerHandle] = {}
        self._events: deque[tuple[PersonId, PresenceEvent]] = deque()
        self._draining = False
        self._link: MqttLink | None = None
        self._first_people = tuple(people)
        self.broker: MosquittoBroker | None = None
        self.refusals = Refusals()
        self._republishing: asyncio.Task[None] | None = None
        self._reconnecting = False
        self._teller = Teller(settings.mappings, lambda topic, word: self._publish(topic, word, retain=True))
        self._rests = RestKeeper(self._rest_changed)
        self._calendars = CalendarWatch(self._calendar_says, zone=settings.zone, silent_after_s=settings.calendar_age_s)
        self._elsewhere = Elsewhere()
        self._said: dict[PersonId, Engagement] = {}
        self._prober = Prober(
            ping=self._ping,
            phone_answered=lambda person, answers: self.line_state(person, answers=answers),
            is_clear=self._is_clear,
        )

    @property
    def connected(self) -> bool:
        """True while the broker is there and its retained messages have been read."""
        return self._broker_lost_since is None

    async def start(self) -> None:
        """Start the private broker if none is configured, and begin connecting (in the background).

        Raises:
            BrokerError: The private broker cannot be started; the text says what to mend.
        """
        address = await self._broker_address()
        of_nodes = self._topics.of_nodes() if self._settings.shared else ()
        for person in self._first_people:
            self.watch(person)
        self._link = MqttLink(
            address,
            client_id=f"{self._settings.prefix.replace('/', '-')}-{self._settings.node}",
            status_topic=self._topics.node(self._settings.node),
            subscriptions=(*self._topics.subscriptions(), *of_nodes, *self._settings.foreign_subscriptions()),
            on_message=self._take_message,
            on_connected=self._broker_is_there,
            on_lost=self._broker_is_lost,
            greeting=lambda: [self._own_word(person) for person in self._said],
        )
        self._link.start()

    async def stop(self) -> None:
        """Say offline, disconnect, end the private broker."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._rests.stop()
        await self._prober.stop()
        await self._calendars.stop()
        self._stop_republishing()
        for person in list(self._said):
            self._say_engaged(person, None)
        if self._link is not None:
            await self._link.stop()
            self._link = None
        if self.broker is not None:
            await self.broker.stop()

    def watch(self, person: PersonId) -> None:
        """Begin to watch a person; shown unknown until something is known. Watching twice changes nothing.

        Raises:
            UnknownPerson: The name cannot stand in a topic.
        """
        if person in self._people:
            return
        if not is_person_name(person):
            raise UnknownPerson("a person's name has 1 to 64 letters, digits, dots, hyphens or underscores")
        since = self._broker_lost_since
        self._people[person] = watch(person, self._rules, datetime.now(UTC), broker_lost_since=since)
        self._post(person, ElsewhereChanged(person, self._elsewhere.of(person)))

    def forget(self, person: PersonId) -> None:
        """Watch a person no more and remove the published availability."""
        if self._people.pop(person, None) is None:
            return
        if (timer := self._timers.pop(person, None)) is not None:
            timer.cancel()
        self._calendars.unwatch(person)
        self._rests.forget(person)
        self._prober.forget(person)
        self._say_engaged(person, None)
        self._publish(self._topics.availability(person), b"", retain=True)

    def watches(self, person: PersonId) -> bool:
        """Whether this person is watched."""
        return person in self._people

    def availability(self, person: PersonId) -> Availability:
        """The availability now, with current ages.

        Raises:
            UnknownPerson: Nobody watches this person.
        """
        return look(self._known(person), time.monotonic())

    def all(self) -> list[Availability]:
        """The availability of everybody, with current ages."""
        now = time.monotonic()
        return [look(state, now) for state in self._people.values()]

    def line_state(
        self,
        person: PersonId,
        *,
        registered: bool | None = None,
        in_call: bool | None = None,
        dnd: bool | None = None,
        answers: bool | None = None,
    ) -> None:
        """Tell what our registrar, calls or OPTIONS know of a person's phone; None leaves that part as it was."""
        if person in self._people:  # a call may outlive a person's account
            self._post(person, LineStateChanged(person, datetime.now(UTC), registered, in_call, dnd, answers))

    def report(
        self,
        person: PersonId,
        source: Source,
        status: Status | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: str = "",
        ttl_s: float | None = None,
        client: str = "report",
    ) -> None:
        """Tell a fact of a source inside this process (SIP PUBLISH, a connector); None takes it back.

        Args:
            until: The sender's own end of the status, aware; shown as "free again at".
            ttl_s: The fact must be told again within so many seconds (the Expires of a PUBLISH), else it is gone.
            client: Tells several such reporters of one person apart.

        Raises:
            ContractError: The reason is over-long or has control characters, or a time has no zone.
        """
        if person not in self._people:
            return
        if status is None:
            self._post(person, FactWithdrawn(person, source, local_client(client)))
            return
        arrival = Arrival(time.monotonic(), datetime.now(UTC))
        fact = local_fact(
            source, status, arrival, since=since, until=until, reason=reason, ttl_s=ttl_s, client=local_client(client)
        )
        self._post(person, FactReported(person, fact))

    def wrap_up(self, person: PersonId, *, active: bool, until: datetime | None = None) -> None:
        """Tell that a person began after-call work (planned to end at `until`), or ended it."""
        if person in self._people:
            self._post(person, WrapUpChanged(person, WrapUp(datetime.now(UTC), until) if active else None))

    def set_interruption_rules(self, person: PersonId, rules: InterruptionRules | None) -> None:
        """Set how often and when a person lets himself be interrupted; None: always (N14)."""
        if person in self._people:
            self._rests.set_rules(person, rules)

    def note_interruption(self, person: PersonId, at: datetime) -> None:
        """Count that a person was asked at `at` (aware); tell those of the last day again after a restart."""
        if person in self._people:
            self._rests.note(person, at)

    def set_unconfirmed(self, person: PersonId, unconfirmed: Unconfirmed | None) -> None:
        """Tell that a person let it ring too often, or (None) that he has shown that he is there (S02 step 6).

        His own choices and calls are seen here without being told.
        """
        if person in self._people:
            self._post(person, ConfirmationChanged(person, unconfirmed))

    def is_resting(self, person: PersonId) -> Rest | None:
        """The rest that forbids asking the person now, or None. Who asks all the same needs a reason."""
        return self._rests.rest(person)

    def interruptions(self) -> Mapping[PersonId, Sequence[datetime]]:
        """Everybody's interruptions of the last day, for `presence.budget.fairest`."""
        return self._rests.interruptions()

    def interruptions_of(self, person: PersonId) -> int:
        """How often one person was interrupted within the last day."""
        return self._rests.count(person)

    def set_calendar(self, person: PersonId, location: str | None) -> None:
        """Watch a person's iCalendar file or URL (http, https, webcal); None: no more."""
        if location is None:
            self._calendars.unwatch(person)
        elif person in self._people:
            self._calendars.watch(person, location)

    def set_options_probe(self, probe: OptionsProbe | None) -> None:
        """Give the way to ask a person's phones by SIP OPTIONS; True means that one answered with success."""
        self._prober.options = probe

    async def probe(self, person: PersonId) -> Availability:
        """Ask phone and clients whether the person is there; the availability after that, within 3 s.

        Raises:
            UnknownPerson: Nobody watches this person.
        """
        self._known(person)
        await self._prober.probe(person)
        return self.availability(person)

    def reservation(self, person: PersonId, holder: str | None, *, offer: bool = False) -> None:
        """Tell that a person is reserved by `holder`, or no longer (None).

        `offer`: something is only offered to him on his screen, without a lease; other nodes are not told.
        """
        if person in self._people:
            self._post(person, ReservationChanged(person, holder, datetime.now(UTC), offer))

    def choose(
        self, person: PersonId, status: Status | None, *, until: datetime | None = None, reason: str = ""
    ) -> None:
        """Set a person's own choice, or withdraw it with None. It counts as soon as the broker has it.

        Raises:
            UnknownPerson: Nobody watches this person.
            ContractError: The reason is over-long or has control characters, or `until` has no zone.
        """
        self._known(person)
        payload = b"" if status is None else fact_payload(status, datetime.now(UTC), until=until, reason=reason)
        self._publish(self._topics.source(person, Source.MANUAL), payload, retain=True)

    def push_case(self, person: PersonId, bundle: dict[str, object]) -> None:
        """Push a context bundle to the person's screens that live on MQTT.

        Raises:
            UnknownPerson: Nobody watches this person.
            ContractError: The bundle is larger than a packet may be.
        """
        self._known(person)
        payload = json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()
        if len(payload) > MAX_CASE_BYTES:
            message = f"the case has {len(payload)} bytes, at most {MAX_CASE_BYTES} can be pushed"
            raise ContractError(RefusalCause.TOO_LARGE, message, person=person)
        self._publish(self._topics.case(person), payload, expiry_s=self._settings.case_expiry_s)

    def answer_command(self, person: PersonId, answer: Mapping[str, object]) -> None:
        """Tell a person's client what came of its command.

        Raises:
            UnknownPerson: Nobody watches this person.
        """
        self._known(person)
        self._publish(self._topics.answer(person), json.dumps(answer).encode(), expiry_s=ANSWER_EXPIRY_S)

    def nodes_living(self, names: frozenset[str]) -> None:
        """Tell which other nodes the store knows to live; nothing is known of them before the first time."""
        self._look_elsewhere(self._elsewhere.living(names))

    async def add_account(self, person: PersonId, password: str) -> None:
        """Give a person (UC client, screen) an account at the private broker.

        Raises:
            AccountRefused: The broker is not ours, or the name cannot be an account.
        """
        await self._private_broker().add_account(person, password)

    async def remove_account(self, person: PersonId) -> None:
        """Take a person's account at the private broker away.

        Raises:
            AccountRefused: The broker is not ours.
        """
        await self._private_broker().remove_account(person)

    async def _broker_address(self) -> BrokerAddress:
        settings = self._settings
        if settings.host is not None:
            return BrokerAddress(settings.host, settings.port, settings.username, settings.password, settings.ca_file)
        self.broker = MosquittoBroker(
            settings.state_dir,
            prefix=settings.prefix,
            node_account=settings.node,
            host=settings.listen_address,
            port=settings.port,
            websocket_port=settings.websocket_port,
            mappings=settings.mappings,
        )
        await self.broker.start()
        return self.broker.address

    def _private_broker(self) -> MosquittoBroker:
        if self.broker is None:
            raise AccountRefused("accounts of a configured broker are made there, not here")
        return self.broker

    def _known(self, person: PersonId) -> PersonPresence:
        try:
            return self._people[person]
        except KeyError:
            raise UnknownPerson("nobody watches this person") from None

    def _take_message(self, message: IncomingMessage) -> None:
        arrival = Arrival(time.monotonic(), datetime.now(UTC))
        try:
            incoming = self._read(message, arrival)
        except ContractError as error:
            self.refusals.note(error, arrival.now)
            self._doubt(error, message, arrival)
            return
        match incoming:
            case FactReported(person=person) | FactWithdrawn(person=person):
                self._post(person, incoming)
                self._keep_choice(message)
            case EscalateCommand(person=person, payload=payload):
                if not message.retained:  # a command from the past must not ring anybody
                    self._tell(self._on_command, person, payload)
            case CaseRendered(person=person, payload=payload):
                if not message.retained:
                    self._tell(self._on_rendered, person, payload)
            case Pong(nonce=nonce):
                self._prober.pong(nonce)
            case NodeWord():
                self._take_word(incoming)
            case NodeSeen(node=node):
                if node != self._settings.node:
                    self._look_elsewhere(self._elsewhere.seen(incoming))
            case _:
                assert_never(incoming)

    def _take_word(self, said: NodeWord) -> None:
        """What other nodes say counts; what an earlier life of ours left at the broker is taken back."""
        if said.node != self._settings.node:
            self._look_elsewhere(self._elsewhere.word(said))
        elif said.retained and said.engagement is not None and said.person not in self._said:
            self._publish(*self._own_word(said.person), retain=True)

    def _look_elsewhere(self, people: Iterable[PersonId]) -> None:
        for person in people:
            self._post(person, ElsewhereChanged(person, self._elsewhere.of(person)))

    def _own_word(self, person: PersonId) -> tuple[str, bytes]:
        topic = self._topics.engaged(self._settings.node, person)
        return topic, engagement_payload(self._said.get(person))

    def _say_engaged(self, person: PersonId, engagement: Engagement | None) -> None:
        """Tell the other nodes what keeps a person busy here, when that changed."""
        if engagement == self._said.get(person):
            return
        if engagement is None:
            del self._said[person]
        else:
            self._said[person] = engagement
        self._publish(*self._own_word(person), retain=True)

    def _read(self, message: IncomingMessage, arrival: Arrival) -> Incoming:
        """Our own contract below our prefix; elsewhere the first mapping that knows the topic."""
        if not message.topic.startswith(f"{self._topics.prefix}/"):
            for mapping in self._settings.mappings:
                if (said := translate(mapping, message, self._people, arrival)) is not None:
                    return said
        return parse(message, self._topics, self._people, arrival)

    def _doubt(self, error: ContractError, message: IncomingMessage, arrival: Arrival) -> None:
        """Whatever cannot be read takes the place of what was said before: an "available" is in doubt."""
        person = PersonId(error.person)
        if error.source is not None and person in self._people:
            doubted = WordUnreadable(person, error.source, error.client, arrival.at, message.retained)
            self._post(person, doubted)

    def _keep_choice(self, message: IncomingMessage) -> None:
        """A person's own choice must survive a broker that dies before its next autosave."""
        if self.broker is not None and not message.retained and message.topic.endswith(f"/{Source.MANUAL.value}"):
            self.broker.save()

    def _broker_is_there(self) -> None:
        self._broker_lost_since = None
        self._reconnecting = True  # what changes by this is published at a pace, below
        try:
            for person in list(self._people):
                self._post(person, BrokerConnected())
        finally:
            self._reconnecting = False
        self._stop_republishing()
        self._teller.forget()
        self._republishing = asyncio.create_task(self._republish(), name="presence-republish")

    async def _republish(self) -> None:
        """What the broker retains of us may be from before the loss, so everybody is said once."""
        for place, person in enumerate(list(self._people), 1):
            if person in self._people:
                self._publish_availability(self.availability(person))
                if knows_from_memory_only(self._people[person]):
                    self._ping(person, secrets.token_hex(8))  # who lives says his status again
            if place % _REPUBLISH_CHUNK == 0:
                await asyncio.sleep(_REPUBLISH_CHUNK / REPUBLISH_PER_S)

    def _stop_republishing(self) -> None:
        if self._republishing is not None:
            self._republishing.cancel()
            self._republishing = None

    def _broker_is_lost(self) -> None:
        self._broker_lost_since = datetime.now(UTC)
        self._stop_republishing()
        _log.warning("presence_broker_lost", people=len(self._people))
        for person in list(self._people):
            self._post(person, BrokerLost(self._broker_lost_since))
        self._look_elsewhere(self._elsewhere.broker_lost())

    def _calendar_says(self, person: PersonId, word: CalendarWord | None) -> None:
        if word is None:
            self.report(person, Source.CALENDAR, None, client="calendar")
            return
        until = None if word.status is Status.AVAILABLE else word.until
        self.report(person, Source.CALENDAR, word.status, since=word.since, until=until, client="calendar")

    def _rest_changed(self, person: PersonId, rest: Rest | None) -> None:
        self._post(person, RestChanged(person, rest))

    def _ping(self, person: PersonId, nonce: str) -> bool:
        if not self.connected:
            return False
        self._publish(self._topics.ping(person), ping_payload(nonce), expiry_s=PROBE_TIMEOUT_S)
        return True

    def _is_clear(self, person: PersonId) -> bool:
        state = self._people.get(person)
        return state is None or look(state, time.monotonic()).state is not AvailabilityState.UNKNOWN

    def _post(self, person: PersonId, event: PresenceEvent) -> None:
        """One queue, one consumer: a callback that posts again waits until the present event is drained."""
        self._events.append((person, event))
        if self._draining:
            return
        self._draining = True
        try:
            while self._events:
                self._take(*self._events.popleft())
        finally:
            self._draining = False

    def _take(self, person: PersonId, event: PresenceEvent) -> None:
        state = self._people.get(person)
        if state is None:
            return
        state, effects = step(state, event, time.monotonic())
        self._people[person] = state
        if self._settings.shared and isinstance(event, LineStateChanged | ReservationChanged | WrapUpChanged):
            self._say_engaged(person, engaged_here(state))
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: PresenceEffect) -> None:
        match effect:
            case AvailabilityChanged(availability=availability):
                if self.connected and not self._reconnecting:
                    self._publish_availability(availability)
                self._tell(self._on_change, availability)
            case StartTimer(person=person, at=at):
                if (timer := self._timers.pop(person, None)) is not None:
                    timer.cancel()
                delay_s = max(0.0, at - time.monotonic())
                loop = asyncio.get_running_loop()
                self._timers[person] = loop.call_later(delay_s, self._post, person, TimerFired(person))
            case _:
                assert_never(effect)

    def _publish_availability(self, availability: Availability) -> None:
        topic = self._topics.availability(availability.person)
        self._publish(topic, availability_payload(availability, datetime.now(UTC)), retain=True)
        self._teller.tell(availability)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: float | None = None) -> None:
        if self._link is not None:
            self._link.publish(topic, payload, retain=retain, expiry_s=expiry_s)

    def _tell(self, listener: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Call a listener; its bugs are logged and must not stop presence for everybody else."""
        try:
            listener(*args, **kwargs)
        except Exception:
            _log.exception("presence_listener_failed")
