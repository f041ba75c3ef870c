"""Keeps where each person's phones can be reached: a registrar by RFC 3261 §10, with flows after RFC 5626.

The address of record is the person; all of a person's SIP accounts share one list of bindings. Every function here is
pure except `LocationTable`, which only holds the lists. Times are UTC seconds, because bindings outlive the process.

Kept from RFC 3261 §10.3: one request changes all its bindings or none; `*` with Expires 0 removes all; a request of the
same Call-ID must carry a higher CSeq; the answer lists the bindings left with their remaining life. Path is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from telephony.events import PhoneEvent, PhoneRegistered, PhoneUnregistered
from telephony.headers import Flow, HeaderError, NameAddr, SipRequest, parse_name_addr, parse_uri, split_list
from vocabulary import PersonId


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """Limits of a binding's life (seconds) and of how many a person may have."""

    min_expires_s: int = 60
    """Shorter ones would flood us with refreshes; answered 423."""
    default_expires_s: int = 600
    max_expires_s: int = 3_600
    max_contacts: int = 5
    """One person's desk phone, softphone, mobile client; all are rung at once."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One phone of a person: the contact URI it gave, and the flow its REGISTER came over."""

    person: PersonId
    contact: str
    flow: Flow
    expires_at: float
    sip_call_id: str
    cseq: int
    user_agent: str = ""
    instance: str = ""
    """`+sip.instance` (RFC 5626): a phone that restarts with a new contact replaces its old binding."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The answer to a REGISTER: status, extra headers, and the person's bindings from now on."""

    status: int
    headers: tuple[tuple[str, str], ...]
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    contact: str
    expires_s: int
    instance: str


def register(
    bindings: tuple[Binding, ...], person: PersonId, request: SipRequest, settings: RegistrarSettings, utc_s: float
) -> Registered:
    """Apply one authenticated REGISTER to a person's bindings (RFC 3261 §10.3 steps 6 to 8)."""
    live = alive(bindings, utc_s)
    try:
        cseq = _cseq(request)
        contacts = split_list(request.all("contact"))
        if "*" in contacts:
            return _remove_all(live, request, contacts, cseq, utc_s)
        asked = [_asked(parse_name_addr(contact), request, settings) for contact in contacts]
    except HeaderError as error:
        return Registered(400, (("Warning", f'399 ringside "{error}"'),), live)
    if any(0 < item.expires_s < settings.min_expires_s for item in asked):
        return Registered(423, (("Min-Expires", str(settings.min_expires_s)),), live)
    if _is_repeated(live, request, cseq):
        return _listing(live, utc_s)
    if any(_is_out_of_order(live, item, request, cseq) for item in asked):
        return Registered(500, (("Warning", '399 ringside "CSeq is not higher than the last one"'),), live)
    changed = live
    for item in asked:
        changed = _apply(changed, item, person, request, cseq, utc_s)
    if len(changed) > settings.max_contacts:
        return Registered(403, (("Warning", '399 ringside "too many contacts"'),), live)
    return _listing(changed, utc_s)


def alive(bindings: Iterable[Binding], utc_s: float) -> tuple[Binding, ...]:
    """Keep the bindings that have not expired."""
    return tuple(binding for binding in bindings if binding.expires_at > utc_s)


class LocationTable:
    """All persons' bindings in memory, and what changed in them. One thread only."""

    def __init__(
        self,
        settings: RegistrarSettings,
        saved: Iterable[Binding] = (),
        on_change: Callable[[PersonId, tuple[Binding, ...]], None] = lambda person, bindings: None,
    ) -> None:
        self._settings = settings
        self._on_change = on_change
        self._bindings: dict[PersonId, tuple[Binding, ...]] = {}
        for binding in saved:
            self._bindings[binding.person] = (*self._bindings.get(binding.person, ()), binding)

    def of(self, person: PersonId, utc_s: float) -> tuple[Binding, ...]:
        """Give a person's live bindings, the most recently refreshed last."""
        return alive(self._bindings.get(person, ()), utc_s)

    def persons(self) -> frozenset[PersonId]:
        """Give everybody who has bindings; `expire` decides which of them are too old."""
        return frozenset(self._bindings)

    def register(
        self, person: PersonId, request: SipRequest, utc_s: float
    ) -> tuple[Registered, tuple[PhoneEvent, ...]]:
        """Apply an authenticated REGISTER and tell whether the person became reachable or unreachable."""
        before = self._bindings.get(person, ())
        answer = register(before, person, request, self._settings, utc_s)
        return answer, self._put(person, before, answer.bindings)

    def expire(self, utc_s: float) -> tuple[PhoneEvent, ...]:
        """Drop bindings whose time is over. Called about once a second."""
        events: list[PhoneEvent] = []
        for person, before in list(self._bindings.items()):
            if any(binding.expires_at <= utc_s for binding in before):
                events.extend(self._put(person, before, alive(before, utc_s)))
        return tuple(events)

    def retain(self, persons: Mapping[PersonId, object] | frozenset[PersonId]) -> tuple[PhoneEvent, ...]:
        """Drop the bindings of everybody else: their accounts are gone."""
        events: list[PhoneEvent] = []
        for person in [person for person in self._bindings if person not in persons]:
            events.extend(self._put(person, self._bindings[person], ()))
        return tuple(events)

    def _put(self, person: PersonId, before: tuple[Binding, ...], after: tuple[Binding, ...]) -> tuple[PhoneEvent, ...]:
        if before == after:
            return ()
        if after:
            self._bindings[person] = after
        else:
            self._bindings.pop(person, None)
        self._on_change(person, after)
        if bool(before) == bool(after):
            return ()
        return (PhoneRegistered(person),) if after else (PhoneUnregistered(person),)


def _cseq(request: SipRequest) -> int:
    number = request.first("cseq").split(" ")[0]
    if not number.isascii() or not number.isdigit() or len(number) > 10:
        raise HeaderError("CSeq is not a number")
    return int(number)


def _seconds(text: str) -> int:
    """Read a delta-seconds; malformed ones count as the default would, so zero digits are an error only to us."""
    if not text.isascii() or not text.isdigit():
        raise HeaderError("Expires is not a number of seconds")
    return int(text[:10])


def _asked(contact: NameAddr, request: SipRequest, settings: RegistrarSettings) -> _Asked:
    uri = parse_uri(contact.uri)
    if uri.scheme == "tel":
        raise HeaderError("contact is not a SIP URI")
    text = contact.params.get("expires") or request.first("expires") or str(settings.default_expires_s)
    instance = contact.params.get("+sip.instance", "")[:200]
    return _Asked(contact.uri, min(_seconds(text), settings.max_expires_s), instance)


def _remove_all(
    live: tuple[Binding, ...], request: SipRequest, contacts: list[str], cseq: int, utc_s: float
) -> Registered:
    if contacts != ["*"] or request.first("expires") != "0":
        return Registered(400, (("Warning", '399 ringside "* needs Expires: 0 and stands alone"'),), live)
    kept = tuple(b for b in live if b.sip_call_id == request.first("call-id") and b.cseq >= cseq)
    return _listing(kept, utc_s)


def _is_repeated(live: tuple[Binding, ...], request: SipRequest, cseq: int) -> bool:
    """A retransmission reaches us again because the gate sits below the transaction layer: same answer, no change."""
    return any(b.sip_call_id == request.first("call-id") and b.cseq == cseq for b in live)


def _is_out_of_order(live: tuple[Binding, ...], item: _Asked, request: SipRequest, cseq: int) -> bool:
    call_id = request.first("call-id")
    return any(_same_phone(b, item) and b.sip_call_id == call_id and b.cseq > cseq for b in live)


def _same_phone(binding: Binding, item: _Asked) -> bool:
    if item.instance and binding.instance:
        return item.instance == binding.instance
    return binding.contact == item.contact or _comparable(binding.contact) == _comparable(item.contact)


def _comparable(contact: str) -> tuple[str, str, str, int, str | None]:
    """What makes two contacts the same phone (RFC 3261 §19.1.4, of the parameters only the transport)."""
    uri = parse_uri(contact)
    return uri.scheme, uri.user, uri.host, uri.port, uri.param("transport")


def _apply(
    live: tuple[Binding, ...], item: _Asked, person: PersonId, request: SipRequest, cseq: int, utc_s: float
) -> tuple[Binding, ...]:
    others = tuple(binding for binding in live if not _same_phone(binding, item))
    if item.expires_s == 0:
        return others
    made = Binding(
        person=person,
        contact=item.contact,
        flow=request.source,
        expires_at=utc_s + item.expires_s,
        sip_call_id=request.first("call-id"),
        cseq=cseq,
        user_agent=request.first("user-agent")[:100],
        instance=item.instance,
    )
    return (*others, made)


def _listing(bindings: tuple[Binding, ...], utc_s: float) -> Registered:
    contacts = tuple(("Contact", f"<{b.contact}>;expires={max(1, round(b.expires_at - utc_s))}") for b in bindings)
    return Registered(200, contacts, bindings)
