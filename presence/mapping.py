"""What foreign MQTT clients say, translated by configuration: topic pattern, JSON path, value table.

A mapping is a table of topic rules. The pattern of a rule has a fixed first level; `{person}` stands for one level that
names the person (or a key of the table `people`), `{client}` for one that tells a person's clients apart, `+` for any
level. `value` is the path of the status in a JSON payload (`presence.status`, list places as numbers); without it the
whole payload is the value. A value that the table does not list becomes *unknown*, so a client's next version with one
more status makes nobody free by mistake.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass

from presence.contract import MAX_PAYLOAD_BYTES, Arrival, IncomingMessage, is_person_name
from presence.errors import ContractError, RefusalCause
from presence.events import FactReported, FactWithdrawn
from presence.model import Fact, Kind, Source, Status
from vocabulary import PersonId

PLACEHOLDERS = frozenset({"{person}", "{client}", "+"})


@dataclass(frozen=True, slots=True)
class TopicRule:
    """What one kind of topic says: of which source, where its value and (without `{person}`) its person stand."""

    topic: str
    source: Source
    values: Mapping[str, Status]
    value: tuple[str, ...] = ()
    person: tuple[str, ...] = ()

    @property
    def levels(self) -> list[str]:
        return self.topic.split("/")

    @property
    def subscription(self) -> str:
        return "/".join("+" if level in PLACEHOLDERS else level for level in self.levels)

    def match(self, topic: str) -> dict[str, str] | None:
        """What stands in the placeholders, or None for another topic."""
        mine, its = self.levels, topic.split("/")
        if len(mine) != len(its):
            return None
        if any(a != b for a, b in zip(mine, its, strict=True) if a not in PLACEHOLDERS):
            return None
        return {a: b for a, b in zip(mine, its, strict=True) if a in ("{person}", "{client}")}


@dataclass(frozen=True, slots=True)
class Telling:
    """Where and in which words a client is told what we do with its person, so that its own status can follow.

    `values` are the client's words for what begins here (`TOLD_KINDS`), `otherwise` is the word that ends it.
    """

    topic: str
    values: Mapping[Kind, str]
    otherwise: str


TOLD_KINDS = (Kind.RESERVED, Kind.IN_CALL, Kind.WRAP_UP)
"""Only what comes from here is told: a client that reports back what it was told must not keep its person busy."""


@dataclass(frozen=True, slots=True)
class ClientMapping:
    """How one kind of client is understood.

    `people` translates what the client calls a person; empty: it uses our ids. `account` is the one account that may
    write all these topics (a gateway); without it each person's own account writes its own. `repeats_after_connect`:
    the client says its words again after each connection, else those from before do not count any more. `telling`: how
    the client is told of our escalations, if it can be.
    """

    name: str
    rules: tuple[TopicRule, ...]
    people: Mapping[str, PersonId]
    account: str | None = None
    repeats_after_connect: bool = True
    telling: Telling | None = None

    def told(self, person: PersonId, kind: Kind) -> tuple[str, str] | None:
        """Topic and word for a person's client; None when it cannot be told."""
        if self.telling is None:
            return None
        names = {known: key for key, known in self.people.items()} if self.people else {person: str(person)}
        if person not in names:
            return None
        topic = self.telling.topic.replace("{person}", names[person])
        return topic, self.telling.values.get(kind, self.telling.otherwise)

    def subscriptions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.subscription for rule in self.rules))

    def rule_for(self, topic: str) -> tuple[TopicRule, dict[str, str]] | None:
        """The first rule that fits the topic, with what stands in its placeholders."""
        for rule in self.rules:
            if (found := rule.match(topic)) is not None:
                return rule, found
        return None

    def access_rules(self) -> tuple[list[str], list[str]]:
        """Lines for the broker's access rules: what the node may read, and who may write (`%u` is the account)."""
        reading = [f"topic read {subscription}" for subscription in self.subscriptions()]
        told = [] if self.telling is None else [self.telling.topic]
        reading += [f"topic write {topic.replace('{person}', '+')}" for topic in told]
        writing: list[str] = []
        if self.account is not None:
            writing = [f"user {self.account}", *(f"topic write {topic}" for topic in self.subscriptions())]
            writing += [f"topic read {topic.replace('{person}', '+')}" for topic in told]
        elif not self.people:
            patterns = dict.fromkeys(
                "/".join("%u" if level == "{person}" else "+" if level in PLACEHOLDERS else level for level in r.levels)
                for r in self.rules
            )
            writing = [f"pattern write {pattern}" for pattern in patterns]
            writing += [f"pattern read {topic.replace('{person}', '%u')}" for topic in told]
        else:
            writing = [line for key, person in self.people.items() for line in self._lines_of(key, person)]
        return reading, writing

    def _lines_of(self, key: str, person: PersonId) -> list[str]:
        topics = dict.fromkeys(
            "/".join(key if level == "{person}" else "+" if level in PLACEHOLDERS else level for level in rule.levels)
            for rule in self.rules
        )
        told = [] if self.telling is None else [f"topic read {self.telling.topic.replace('{person}', key)}"]
        return [f"user {person}", *(f"topic write {topic}" for topic in topics), *told]


def translate(
    mapping: ClientMapping, message: IncomingMessage, people: Container[PersonId], arrival: Arrival
) -> FactReported | FactWithdrawn | None:
    """What a foreign message says; None when no rule of this mapping is about its topic.

    Raises:
        ContractError: Too large, no such person, no such place in the payload.
    """
    matched = mapping.rule_for(message.topic)
    if matched is None:
        return None
    rule, found = matched
    if len(message.payload) > MAX_PAYLOAD_BYTES:
        text = f"payload has {len(message.payload)} bytes, at most {MAX_PAYLOAD_BYTES} are allowed"
        raise _about(ContractError(RefusalCause.TOO_LARGE, text), mapping, rule, found)
    person = _person(mapping, rule, found, message.payload, people)
    client = client_name(mapping, found)
    if not message.payload:
        return FactWithdrawn(person, rule.source, client)
    try:
        value = _scalar(_at(rule.value, message.payload))
    except ContractError as error:
        error.person = person
        raise _about(error, mapping, rule, found) from None
    status = rule.values.get(value, Status.UNKNOWN)
    return FactReported(
        person,
        Fact(
            rule.source,
            status,
            arrival.at,
            arrival.now,
            "" if value in rule.values else "unlisted value",
            stated_at=arrival.now,
            retained=message.retained,
            client=client,
            begins_anew=rule.source is Source.CONNECTED and not mapping.repeats_after_connect,
        ),
    )


def client_name(mapping: ClientMapping, found: Mapping[str, str]) -> str:
    """One client per mapping and `{client}`; our own contract's client without a name is another one."""
    parts = [mapping.name]
    if mapping.people and "{person}" in found:
        parts.append(found["{person}"])  # several keys may stand for one person's several machines
    if "{client}" in found:
        parts.append(found["{client}"])
    return ":".join(parts)


def explain_mapping(mapping: ClientMapping, topic: str, payload: bytes, arrival: Arrival) -> list[str]:
    """Lines that tell what a message would become, for `ringside presence test-mapping`."""
    lines = [f"mapping   {mapping.name}, {len(mapping.rules)} topics", f"topic     {topic}"]
    matched = mapping.rule_for(topic)
    if matched is None:
        patterns = (f"          {rule.topic}  ->  {rule.source.value}" for rule in mapping.rules)
        return [*lines, "no rule   is about this topic; the rules are:", *patterns]
    rule, _ = matched
    where = ".".join(rule.value) or "the whole payload"
    lines += [f"rule      {rule.topic}  ->  {rule.source.value}", f"value at  {where}"]
    try:
        event = translate(mapping, IncomingMessage(topic, payload, retained=False), _Anybody(), arrival)
    except ContractError as error:
        return [*lines, f"refused   {error.cause.value}: {error}"]
    if isinstance(event, FactWithdrawn):
        return [*lines, f"becomes   {event.person}: {event.source.value} is taken back (empty payload)"]
    if event is None:
        return lines
    fact = event.fact
    note = f"  ({fact.reason}: add it to values)" if fact.reason else ""
    return [
        *lines,
        f"client    {fact.client}",
        f"becomes   {event.person}: {fact.source.value} = {fact.status.value}{note}",
    ]


class _Anybody:
    """Everybody exists, for trying a mapping without a company."""

    def __contains__(self, person: object) -> bool:
        return isinstance(person, str) and is_person_name(person)


def _person(
    mapping: ClientMapping, rule: TopicRule, found: Mapping[str, str], payload: bytes, people: Container[PersonId]
) -> PersonId:
    name = found["{person}"] if "{person}" in found else _scalar(_at(rule.person, payload))
    person = mapping.people.get(name) if mapping.people else PersonId(name)
    if person is None or person not in people:
        raise ContractError(RefusalCause.UNKNOWN_PERSON, f"mapping {mapping.name}: nobody here has that name")
    return person


def _about(error: ContractError, mapping: ClientMapping, rule: TopicRule, found: Mapping[str, str]) -> ContractError:
    """Let the refusal say whose word it was, so that an earlier "available" is doubted."""
    if not error.person and "{person}" in found:
        name = found["{person}"]
        error.person = mapping.people.get(name, PersonId("")) if mapping.people else name
    error.source, error.client = rule.source, client_name(mapping, found)
    return error


def _at(path: tuple[str, ...], payload: bytes) -> object:
    """What stands at a path of the payload; without a path the payload itself, as JSON if it is some."""
    try:
        node: object = json.loads(payload)
    except (ValueError, RecursionError):
        if path:
            raise ContractError(RefusalCause.MALFORMED_JSON, "payload is not UTF-8 JSON") from None
        return payload.decode(errors="replace")
    for step in path:
        if isinstance(node, dict) and step in node:
            node = node[step]
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            raise ContractError(RefusalCause.BAD_FIELD, f"payload has nothing at {'.'.join(path)}")
    return node


def _scalar(node: object) -> str:
    """A value as it stands in the tables: true, false, null, numbers and text alike."""
    if isinstance(node, str):
        return node
    if isinstance(node, bool | int | float) or node is None:
        return json.dumps(node)
    raise ContractError(RefusalCause.BAD_FIELD, "the value is a list or an object; give its path")
