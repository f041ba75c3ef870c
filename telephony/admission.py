"""Decides who may do what: every request outside a dialog gets its answer here, before PJSIP's upper layers see it.

Nobody calls without an identity. A trunk is known by its source address; a person proves a password (digest). A trunk
may reach service numbers only, so nobody can be relayed to an outside number through us. Whoever is neither gets one
uniform challenge, whatever he asked for. An unknown user and a wrong password get the same answer for the same work.

Pure but for three bounded tables it owns (used nonces, failures per address, bindings); time comes in as `Moment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from types import MappingProxyType

from telephony.decisions import Answer, Decision, Drop, Moment, Pass
from telephony.digest import Algorithm, DigestAuthority, Refused, Verified
from telephony.failure_limiter import FailureLimiter
from telephony.headers import (
    HeaderError,
    SipRequest,
    SipUri,
    is_number_text,
    parse_name_addr,
    parse_uri,
    split_list,
)
from telephony.model import CallerIdentity, PersonOrigin, TrunkOrigin
from telephony.publish import PublicationTable
from telephony.registrar import LocationTable
from telephony.subscription import ALLOW_EVENTS, SubscriptionTable, contact_of
from vocabulary import PersonId

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY, REGISTER, SUBSCRIBE, PUBLISH"
IN_DIALOG_ONLY = frozenset({"BYE", "INFO", "UPDATE", "PRACK", "NOTIFY"})
LEFT_TO_THE_STACK = frozenset({"ACK", "CANCEL"})
MAX_DISPLAY_CHARS = 80
MAX_NUMBER_CHARS = 64
ANONYMOUS = CallerIdentity("Anonymous", "anonymous")


@dataclass(frozen=True, slots=True)
class SipCredential:
    """One SIP account of a person. The password itself is nowhere; see `digest.ha1` for the two hashes."""

    username: str
    person: PersonId
    ha1_md5: str
    ha1_sha256: str


@dataclass(frozen=True, slots=True)
class Trunk:
    """A carrier or PBX: the addresses (IP or CIDR) it calls from, and the URI our calls to it go through."""

    name: str
    addresses: tuple[str, ...]
    outbound_uri: str = ""
    """Such as `sip:10.0.0.9:5060;transport=udp`; empty means no calls out."""


@dataclass(frozen=True)
class Directory:
    """Whom we know, as of now. Replaced as a whole when accounts, trunks or numbers change.

    `domains` are the host names we answer for; IP literals in a request URI are always ours, since it arrived here.
    Raises ValueError when a trunk address is neither an IP address nor a CIDR range.
    """

    credentials: Mapping[str, SipCredential] = field(default_factory=lambda: MappingProxyType({}))
    trunks: tuple[Trunk, ...] = ()
    service_numbers: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    service_prefixes: tuple[str, ...] = ()
    """Beginnings of service addresses (`bring-in+`) that people, and only people, may call and refer to."""
    open_prefixes: tuple[str, ...] = ()
    """Beginnings of service numbers that trunks and people may call."""

    def __post_init__(self) -> None:
        _ = self._networks

    def trunk_at(self, host: str) -> Trunk | None:
        """Find the trunk that calls from this address."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return None
        return next((trunk for network, trunk in self._networks if address in network), None)

    def trunk(self, name: str | None) -> Trunk | None:
        """Find a trunk by name."""
        return next((trunk for trunk in self.trunks if trunk.name == name), None)

    def ha1(self, username: str, algorithm: Algorithm) -> str | None:
        """Give the credential hash of a user, None when unknown."""
        known = self.credentials.get(username)
        if known is None:
            return None
        return known.ha1_sha256 if algorithm is Algorithm.SHA_256 else known.ha1_md5

    def is_service(self, user: str) -> bool:
        """Tell whether a user part is a service address: a prefix with something after it."""
        return any(user.startswith(prefix) and len(user) > len(prefix) for prefix in self.service_prefixes)

    def may_be_called(self, called: str) -> bool:
        """Tell whether a person may call this user part: a service number, a colleague or a service address."""
        return self.is_open(called) or called in self.credentials or self.is_service(called)

    def is_open(self, called: str) -> bool:
        """Tell whether anybody may call this user part, over trunks too."""
        return called in self.service_numbers or called.startswith(self.open_prefixes)

    def is_here(self, target: SipUri) -> bool:
        """Tell whether a URI names this house."""
        if not target.host or target.host in self.domains:
            return True
        try:
            ip_address(target.host)
        except ValueError:
            return False
        return True

    @cached_property
    def persons(self) -> frozenset[PersonId]:
        """Everybody with an account."""
        return frozenset(credential.person for credential in self.credentials.values())

    @cached_property
    def _networks(self) -> tuple[tuple[IPv4Network | IPv6Network, Trunk], ...]:
        return tuple((ip_network(text, strict=False), trunk) for trunk in self.trunks for text in trunk.addresses)


class Admission:
    """Decides single requests against the current directory. One thread only."""

    def __init__(
        self,
        directory: Directory,
        digest: DigestAuthority,
        locations: LocationTable,
        limiter: FailureLimiter,
        publications: PublicationTable | None = None,
        subscriptions: SubscriptionTable | None = None,
    ) -> None:
        self.directory = directory
        self._digest = digest
        self._locations = locations
        self._limiter = limiter
        self._publications = publications
        self._subscriptions = subscriptions

    def decide(self, request: SipRequest, at: Moment) -> Decision:
        """Say what becomes of one out-of-dialog request."""
        try:
            trunk = self._calling_trunk(request) if request.method == "INVITE" else None
            if trunk is not None:
                return self._from_trunk(trunk, request)
            if self._limiter.is_banned(request.source.host, at.monotonic_s):
                return Drop("banned")
            return self._decide(request, at)
        except HeaderError as error:
            return Answer(400, (("Warning", f'399 ringside "{error}"'),), cause="malformed")

    def _decide(self, request: SipRequest, at: Moment) -> Decision:
        match request.method:
            case "INVITE":
                return self._invite(request, at)
            case "REGISTER":
                return self._register(request, at)
            case "OPTIONS":
                return Answer(200, (("Allow", ALLOW), ("Accept", "application/sdp"), ("Supported", "timer")))
            case "PUBLISH" if self._publications is not None:
                return self._publish(self._publications, request, at)
            case "SUBSCRIBE" if self._subscriptions is not None:
                return self._subscribe(self._subscriptions, request, at)
            case "SUBSCRIBE" | "PUBLISH":
                return Answer(489, (("Allow-Events", ALLOW_EVENTS),), cause="event_not_served")
            case method if method in LEFT_TO_THE_STACK:
                return Pass()
            case method if method in IN_DIALOG_ONLY:
                return Answer(481, cause="no_such_dialog")
            case _:
                return Answer(405, (("Allow", ALLOW),), cause="method_not_served")

    def _register(self, request: SipRequest, at: Moment) -> Decision:
        proof = self._prove(request, at)
        if not isinstance(proof, SipCredential):
            return proof
        address_of_record = parse_uri(parse_name_addr(request.first("to")).uri)
        if address_of_record.user != proof.username:
            return self._failure(request, at, 403, "not_own_address_of_record")
        answer, events = self._locations.register(proof.person, request, at.utc_s)
        return Answer(answer.status, answer.headers, events, cause="register")

    def _publish(self, publications: PublicationTable, request: SipRequest, at: Moment) -> Decision:
        proof = self._prove(request, at)
        if not isinstance(proof, SipCredential):
            return proof
        if self._person_at(request.uri) != proof.person:
            return self._failure(request, at, 403, "not_own_presence")
        return publications.publish(proof.person, request, at.monotonic_s)

    def _subscribe(self, subscriptions: SubscriptionTable, request: SipRequest, at: Moment) -> Decision:
        """Everybody with an account may see everybody's lamp; strangers see nothing."""
        proof = self._prove(request, at)
        if not isinstance(proof, SipCredential):
            return proof
        contact = contact_of(request.local)
        return subscriptions.subscribe(proof.person, self._person_at(request.uri), request, contact, at.monotonic_s)

    def _person_at(self, uri: str) -> PersonId | None:
        target = parse_uri(uri)
        known = self.directory.credentials.get(target.user) if self.directory.is_here(target) else None
        return known.person if known is not None else None

    def _invite(self, request: SipRequest, at: Moment) -> Decision:
        target = parse_uri(request.uri)
        sender = parse_name_addr(request.first("from"))
        proof = self._prove(request, at)
        if not isinstance(proof, SipCredential):
            return proof
        if parse_uri(sender.uri).user != proof.username:
            return self._failure(request, at, 403, "not_own_from")
        if not self.directory.is_here(target):
            return Answer(403, cause="relay_refused")
        called = _called(target)
        if not self.directory.may_be_called(called):
            return _unknown(called)
        caller = CallerIdentity(_display(sender.display), proof.username)
        return Pass(PersonOrigin(proof.person), caller, called)

    def _calling_trunk(self, request: SipRequest) -> Trunk | None:
        """Find the trunk this INVITE comes from. A person's phone behind a trunk's address is no trunk: he who claims
        to be one of ours must prove it."""
        trunk = self.directory.trunk_at(request.source.host)
        if trunk is None or request.all("authorization") or request.all("proxy-authorization"):
            return None
        sender = parse_uri(parse_name_addr(request.first("from")).uri)
        return None if sender.user in self.directory.credentials and self.directory.is_here(sender) else trunk

    def _from_trunk(self, trunk: Trunk, request: SipRequest) -> Decision:
        target = parse_uri(request.uri)
        caller = _trunk_caller(request)
        called = _called(target)
        if not self.directory.is_here(target):
            return Answer(403, cause="relay_refused")
        if not self.directory.is_open(called):
            return _unknown(called)
        return Pass(TrunkOrigin(trunk.name), caller, called)

    def _prove(self, request: SipRequest, at: Moment) -> SipCredential | Decision:
        """Find out who sent this, or say how to ask for the proof. Costs the same for known and unknown users."""
        headers = (*request.all("authorization"), *request.all("proxy-authorization"))
        outcome: Verified | Refused = Refused("no_credentials")
        for header in headers[:4]:
            outcome = self._digest.verify(
                header, request.method, request.uri, request.source.host, self.directory.ha1, at.monotonic_s
            )
            if isinstance(outcome, Verified):
                break
        if isinstance(outcome, Verified):
            known = self.directory.credentials.get(outcome.username)
            if known is not None:
                return known
            outcome = Refused("wrong_credentials", routable=True)
        if outcome.cause == "wrong_credentials" and self._limiter.failed(request.source.host, at.monotonic_s):
            return Drop("banned")
        challenges = self._digest.challenge(request.source.host, at.monotonic_s, stale=outcome.stale)
        return Answer(401, tuple(("WWW-Authenticate", value) for value in challenges), cause=outcome.cause)

    def _failure(self, request: SipRequest, at: Moment, status: int, cause: str) -> Decision:
        if self._limiter.failed(request.source.host, at.monotonic_s):
            return Drop("banned")
        return Answer(status, cause=cause)


def _unknown(called: str) -> Answer:
    """Refuse a number we do not serve: an outside number with 403 (we relay for nobody), any other name with 404."""
    if called.startswith(("+", "00")) and is_number_text(called):
        return Answer(403, cause="relay_refused")
    return Answer(404, cause="unknown_number")


def _called(target: SipUri) -> str:
    return "".join(char for char in target.user if char.isprintable())[:MAX_NUMBER_CHARS]


def _display(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:MAX_DISPLAY_CHARS]


def _trunk_caller(request: SipRequest) -> CallerIdentity:
    """Take the caller from the trunk's word: P-Asserted-Identity, else From (RFC 3325 §9.1); privacy is kept."""
    sender = parse_name_addr(request.first("from"))
    privacy = {token.strip().lower() for value in request.all("privacy") for token in value.split(";")}
    if privacy & {"id", "user", "header"}:
        return ANONYMOUS
    asserted = split_list(request.all("p-asserted-identity"))
    shown = parse_name_addr(asserted[0]) if asserted else sender
    return CallerIdentity(_display(shown.display or sender.display), _called(parse_uri(shown.uri)))
