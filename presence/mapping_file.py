"""Mappings as they stand in the configuration: read, checked, refused with the place and the reason.

The keys are those of `presence/mappings/teams-for-linux.toml`, which is also the example to copy.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from presence.contract import is_person_name
from presence.errors import MappingError
from presence.mapping import PLACEHOLDERS, TOLD_KINDS, ClientMapping, Telling, TopicRule
from presence.model import Kind, Source, Status
from vocabulary import PersonId

BUNDLED = Path(__file__).with_name("mappings")
MAX_RULES = 32
MAX_PATH = 8
MAX_FILE_BYTES = 65_536
MAPPED_SOURCES = tuple(source for source in Source if source is not Source.MANUAL)
"""A person's own choice is made with us, not read from elsewhere."""
_LEVEL = re.compile(r"[A-Za-z0-9._@:-]{1,64}")
_RULE_KEYS = frozenset({"topic", "source", "value", "person", "values"})
_MAPPING_KEYS = frozenset({"name", "topics", "people", "account", "repeats_after_connect", "tell"})
_TELL_KEYS = frozenset({"topic", "values", "otherwise"})
MAX_WORD = 256


def read_mapping(document: object, *, own_prefix: str = "ringside/v1") -> ClientMapping:
    """Make a mapping of a configuration's tables.

    Raises:
        MappingError: Something is missing, unknown or unsafe; the text names the place.
    """
    table = _table(document, "the mapping")
    _only(table, _MAPPING_KEYS, "the mapping")
    name = table.get("name")
    if not isinstance(name, str) or not is_person_name(name):
        raise MappingError("name: 1 to 64 letters, digits, dots, hyphens or underscores are needed")
    topics = table.get("topics")
    if not isinstance(topics, list) or not 0 < len(topics) <= MAX_RULES:
        raise MappingError(f"{name}: topics: 1 to {MAX_RULES} tables [[topics]] are needed")
    rules = tuple(_rule(item, f"{name}: topics {place}", own_prefix) for place, item in enumerate(topics, 1))
    account = table.get("account")
    if account is not None and not (isinstance(account, str) and is_person_name(account)):
        raise MappingError(f"{name}: account: this cannot be an account name")
    unowned = [rule.topic for rule in rules if "{person}" not in rule.levels]
    if unowned and account is None:
        raise MappingError(
            f"{name}: {unowned[0]} has no level {{person}}, so anybody could write for everybody; name the one account "
            "that may (account = …), or give each person a topic"
        )
    repeats = table.get("repeats_after_connect", True)
    if not isinstance(repeats, bool):
        raise MappingError(f"{name}: repeats_after_connect: true or false is needed")
    people = _people(table.get("people", {}), name)
    telling = _telling(table["tell"], f"{name}: tell", own_prefix, rules) if "tell" in table else None
    return ClientMapping(name, rules, people, account, repeats, telling)


def load_mapping(where: str | Path, *, own_prefix: str = "ringside/v1") -> ClientMapping:
    """Read a mapping from a TOML file, or a bundled one by its name, such as `teams-for-linux`.

    Raises:
        MappingError: Not found, too large, not TOML, or not a mapping.
    """
    bundled = BUNDLED / f"{where}.toml"
    path = bundled if is_person_name(str(where)) and bundled.exists() else Path(where)
    try:
        content = path.read_bytes()
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in BUNDLED.glob("*.toml")))
        raise MappingError(f"cannot read {where}: {error.strerror}; bundled mappings are: {known}") from None
    if len(content) > MAX_FILE_BYTES:
        raise MappingError(f"{where}: at most {MAX_FILE_BYTES} bytes are allowed")
    try:
        return read_mapping(tomllib.loads(content.decode()), own_prefix=own_prefix)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{where}: not TOML: {error}") from None


def _rule(item: object, place: str, own_prefix: str) -> TopicRule:
    table = _table(item, place)
    _only(table, _RULE_KEYS, place)
    topic, source = table.get("topic"), table.get("source")
    if not isinstance(topic, str):
        raise MappingError(f"{place}: topic: a topic pattern is needed, such as teams/{{person}}/status")
    _check_topic(topic, place, own_prefix)
    if not isinstance(source, str) or source not in MAPPED_SOURCES:
        raise MappingError(f"{place}: source: one of {', '.join(MAPPED_SOURCES)} is needed")
    values = {
        key: _status(value, f"{place}: values.{key}") for key, value in _table(table.get("values"), place).items()
    }
    if not values:
        raise MappingError(f"{place}: values: a table from the client's words to ours is needed")
    person = _path(table.get("person"), f"{place}: person")
    if "{person}" not in topic.split("/") and not person:
        raise MappingError(f"{place}: the person is neither in the topic ({{person}}) nor in the payload (person = …)")
    return TopicRule(topic, Source(source), values, _path(table.get("value"), f"{place}: value"), person)


def _telling(item: object, place: str, own_prefix: str, rules: tuple[TopicRule, ...]) -> Telling:
    table = _table(item, place)
    _only(table, _TELL_KEYS, place)
    topic, values = table.get("topic"), _table(table.get("values"), place)
    if not isinstance(topic, str) or topic.split("/").count("{person}") != 1:
        raise MappingError(f"{place}: topic: a topic with one level {{person}} is needed, such as my/{{person}}/show")
    _check_topic(topic, place, own_prefix)
    if {"+", "{client}"} & set(topic.split("/")):
        raise MappingError(f"{place}: topic: only {{person}} may stand for a level")
    if any(rule.match(topic) is not None for rule in rules):
        raise MappingError(f"{place}: topic: this client speaks on that topic itself")
    _only(values, frozenset(TOLD_KINDS), f"{place}: values")
    words = {Kind(key): _client_word(value, f"{place}: values.{key}") for key, value in values.items()}
    if not words:
        raise MappingError(f"{place}: values: a table from our words to the client's is needed")
    return Telling(topic, words, _client_word(table.get("otherwise"), f"{place}: otherwise"))


def _client_word(value: object, place: str) -> str:
    if isinstance(value, str) and len(value) <= MAX_WORD:
        return value
    raise MappingError(f"{place}: what the client is told is needed, a text of at most {MAX_WORD} characters")


def _check_topic(topic: str, place: str, own_prefix: str) -> None:
    levels = topic.split("/")
    if not _LEVEL.fullmatch(levels[0]):
        raise MappingError(f"{place}: topic: the first level must be a fixed word, else all topics would be read")
    for level in levels[1:]:
        if level not in PLACEHOLDERS and not _LEVEL.fullmatch(level):
            raise MappingError(f"{place}: topic: level {level!r} is neither a word, {{person}}, {{client}} nor +")
    if any(levels.count(placeholder) > 1 for placeholder in ("{person}", "{client}")):
        raise MappingError(f"{place}: topic: a placeholder stands there twice")
    if levels[0] == own_prefix.split("/")[0]:
        raise MappingError(f"{place}: topic: {levels[0]}/… is our own contract and needs no mapping")


def _status(value: object, place: str) -> Status:
    if isinstance(value, str) and value in set(Status):
        return Status(value)
    raise MappingError(f"{place}: one of {', '.join(Status)} is needed")


def _path(value: object, place: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, str) or value.count(".") >= MAX_PATH or "" in value.split("."):
        raise MappingError(f"{place}: a path such as presence.status with at most {MAX_PATH} steps is needed")
    return tuple(value.split("."))


def _people(value: object, name: str) -> dict[str, PersonId]:
    people: dict[str, PersonId] = {}
    for key, person in _table(value, f"{name}: people").items():
        if not isinstance(person, str) or not is_person_name(person):
            raise MappingError(f"{name}: people.{key}: this cannot be a person")
        if not _LEVEL.fullmatch(key):
            raise MappingError(f"{name}: people.{key}: this cannot stand in a topic")
        people[key] = PersonId(person)
    return people


def _table(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise MappingError(f"{place}: a table is needed")
    return value


def _only(table: dict[str, object], known: frozenset[str], place: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise MappingError(f"{place}: unknown name {unknown[0]}; known are {', '.join(sorted(known))}")
