"""The rules of the company's set-up and the book of changes, without a centre (issue 5 item 2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from center.administration.machine import entered, propose, undo
from center.administration.model import Book, Change, Company, Kind, Wish
from center.administration.validation import check
from center.errors import BadRequest, CenterError, UnknownThing, WrongMoment
from vocabulary import PersonId

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
OLGA = PersonId("olga")
VOICE = {"voice": 3}


def person(*roles: str, **changes: Any) -> dict[str, Any]:
    content = {"name": "P", "title": "", "roles": sorted(roles or ("agent",)), "skills": {}, "channels": VOICE}
    return {**content, "languages": [], "off_hook_accepts": True, **changes}


def queue(number: str, **changes: Any) -> dict[str, Any]:
    rule = {"skill": "claims", "least_level": 1, "ring_timeout_s": 15.0, "wrap_up_s": 30.0, "greeting": "greeting"}
    limits = {"target_s": None, "ceiling_s": None, "specialist_ring_s": None, "hours": None}
    content = {"name": "Q", "number": number, **rule, "specialist_skills": [], "deputy": None, "template": "plain"}
    return {**content, **limits, **changes}


def hours(**changes: Any) -> dict[str, Any]:
    return {"weekdays": [1, 2, 3], "open": ["09:00-12:00", "13:00-17:00"], "holidays": ["2026-12-25"], **changes}


def field(key: str, **changes: Any) -> dict[str, Any]:
    return {"key": key, "label": "A label", "required": False, "kind": "line", "choices": [], **changes}


COMPANY = Company(
    {
        Kind.PEOPLE: {
            "olga": person("administrator"),
            "anna": person("agent", skills={"claims": 3, "sails": 1}),
            "dora": person("specialist"),
        },
        Kind.SKILLS: {"claims": {"name": "Claims", "description": ""}, "boats": {"name": "Boats", "description": ""}},
        Kind.QUEUES: {"claims": queue("5001", deputy="dora")},
        Kind.NUMBERS: {"5009": {"queue": "claims", "note": ""}},
        Kind.TEMPLATES: {
            "plain": {"name": "Plain", "fields": [field("a")]},
            "spare": {"name": "Spare", "fields": [field("b")]},
        },
        Kind.TRUNKS: {"carrier": {"addresses": ["192.0.2.0/28"], "outbound_uri": None}},
        Kind.PROMPTS: {"welcome": {"recording": "0" * 64, "seconds": 1.0}},
        Kind.SETTINGS: {},
    },
    shipped_prompts=frozenset({"greeting"}),
)
P, S, Q, N = Kind.PEOPLE, Kind.SKILLS, Kind.QUEUES, Kind.NUMBERS
T, L, R, G = Kind.TEMPLATES, Kind.TRUNKS, Kind.PROMPTS, Kind.SETTINGS


@pytest.mark.parametrize(
    ("kind", "subject", "after", "field_", "code"),
    [
        (P, "Anna N", person(), "id", "bad_person_id"),
        (P, "anna", person(name=" "), "name", "empty"),
        (P, "anna", person(roles=[]), "roles", "no_role"),
        (P, "anna", person(skills={"claims": 6}), "skills.claims", "bad_level"),
        (P, "anna", person(skills={"claims": True}), "skills.claims", "bad_level"),
        (P, "anna", person(skills={"clams": 2}), "skills.clams", "unknown_skill"),
        (P, "anna", person(skills={"<b>": 2}), "skills.<b>", "bad_skill"),
        (P, "anna", person(languages=["english"]), "languages", "bad_language"),
        (P, "anna", person(channels={"voice": 6}), "channels.voice", "out_of_range"),
        (P, "olga", person("agent"), "roles", "last_administrator"),
        (P, "olga", None, "", "last_administrator"),
        (P, "dora", None, "", "in_use"),
        (S, "Sails!", {"name": "x", "description": ""}, "id", "bad_id"),
        (S, "claims", None, "", "in_use"),
        (Q, "new", queue("5001"), "number", "number_taken"),
        (Q, "new", queue("5009"), "number", "number_taken"),
        (Q, "new", queue("call me"), "number", "bad_number"),
        (Q, "new", queue("5002", template="none"), "template", "no_template"),
        (Q, "new", queue("5002", template=""), "template", "no_template"),
        (Q, "new", queue("5002", skill="clams"), "skill", "unknown_skill"),
        (Q, "new", queue("5002", specialist_skills=["boats", "boats"]), "specialist_skills", "twice"),
        (Q, "new", queue("5002", greeting="hello"), "greeting", "unknown_prompt"),
        (Q, "new", queue("5002", deputy="nobody"), "deputy", "unknown_person"),
        (Q, "new", queue("5002", ring_timeout_s=2), "ring_timeout_s", "out_of_range"),
        (Q, "new", queue("5002", target_s=35.0), "target_s", "times_order"),
        (Q, "new", queue("5002", ceiling_s=18.0), "target_s", "times_order"),
        (Q, "new", queue("5002", hours=hours(weekdays=[])), "hours.weekdays", "no_weekday"),
        (Q, "new", queue("5002", hours=hours(weekdays=[8])), "hours.weekdays", "bad_value"),
        (Q, "new", queue("5002", hours=hours(open=[])), "hours.open", "no_span"),
        (Q, "new", queue("5002", hours=hours(open=["from 8 to 12"])), "hours.open", "bad_value"),
        (Q, "new", queue("5002", hours=hours(open=["12:00-15:00", "08:00-13:00"])), "hours.open", "spans_order"),
        (Q, "new", queue("5002", hours=hours(open=["12:00-09:00"])), "hours.open", "spans_order"),
        (Q, "new", queue("5002", hours=hours(holidays=["Christmas"])), "hours.holidays", "bad_value"),
        (Q, "claims", None, "", "in_use"),
        (N, "5001", {"queue": "claims", "note": ""}, "id", "number_taken"),
        (N, "5010", {"queue": "none", "note": ""}, "queue", "unknown_queue"),
        (N, "5", {"queue": "claims", "note": ""}, "id", "bad_number"),
        (T, "t", {"name": "T", "fields": []}, "fields", "no_field"),
        (T, "t", {"name": "T", "fields": [field("Policy No")]}, "fields.0.key", "bad_key"),
        (T, "t", {"name": "T", "fields": [field("a"), field("a")]}, "fields.1.key", "twice"),
        (T, "t", {"name": "T", "fields": [field("a", label="")]}, "fields.0.label", "empty"),
        (T, "t", {"name": "T", "fields": [field("a", kind="choice", choices=["x"])]}, "fields.0.choices",
         "too_few_choices"),
        (T, "t", {"name": "T", "fields": [field("a", choices=["x"])]}, "fields.0.choices", "no_choices_here"),
        (T, "plain", None, "", "in_use"),
        (L, "t", {"addresses": ["carrier.example"], "outbound_uri": None}, "addresses", "bad_address"),
        (L, "t", {"addresses": [], "outbound_uri": None}, "addresses", "no_address"),
        (L, "t", {"addresses": ["0.0.0.0/0"], "outbound_uri": None}, "addresses", "wide_address"),
        (L, "t", {"addresses": ["192.0.2.7"], "outbound_uri": None}, "addresses", "address_taken"),
        (L, "t", {"addresses": ["198.51.100.1"], "outbound_uri": "carrier"}, "outbound_uri", "bad_uri"),
        (L, "t", {"addresses": ["198.51.100.1"], "outbound_uri": "sip:a:b@c"}, "outbound_uri", "bad_uri"),
        (R, "../x", {"recording": "0" * 64, "seconds": 1.0}, "id", "bad_id"),
        (G, "sip.realm", {"value": "x"}, "id", "unknown_setting"),
        (G, "escalation.target_s", {"value": "soon"}, "value", "no_number"),
        (G, "escalation.target_s", {"value": float("nan")}, "value", "no_number"),
        (G, "escalation.target_s", {"value": 500}, "value", "out_of_range"),
        (G, "escalation.target_s", {"value": 40}, "value", "settings_together"),
        (G, "promises.attempts", {"value": 2.5}, "value", "no_number"),
        (G, "promises.hours.open", {"value": ["12:00-09:00"]}, "value", "settings_together"),
        (G, "promises.hours.weekdays", {"value": "always"}, "value", "bad_value"),
        (G, "promises.zone", {"value": "Mars/Olympus"}, "value", "settings_together"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field(
    kind: Kind, subject: str, after: Mapping[str, Any] | None, field_: str, code: str
) -> None:
    (problem, *_) = check(COMPANY, kind, subject, after)
    assert (problem.field, problem.code) == (field_, code)
    assert problem.message.endswith(".")


@pytest.mark.parametrize(
    ("kind", "subject", "after"),
    [
        (P, "nora.new", person("specialist", skills={"sails": 5}, languages=["en", "hr"])),
        (P, "anna", None),
        (S, "boats", None),
        (Q, "new", queue("+385 1".replace(" ", ""), skill="boats", greeting="welcome", target_s=12.0, ceiling_s=20.0)),
        (Q, "claims", queue("5001", skill="sails")),
        (N, "5009", None),
        (T, "spare", None),
        (T, "t", {"name": "T", "fields": [field("a", kind="choice", choices=["x", "y"])]}),
        (L, "carrier", {"addresses": ["192.0.2.0/28", "2001:db8::/32"], "outbound_uri": "sip:carrier.example:5060"}),
        (R, "greeting", {"recording": "1" * 64, "seconds": 2.0}),
        (G, "escalation.target_s", {"value": 15}),
        (G, "promises.hours.holidays", {"value": ["2026-12-25"]}),
        (G, "company", {"value": "Lighthouse"}),
    ],
)
def test_what_is_right_is_taken(kind: Kind, subject: str, after: Mapping[str, Any] | None) -> None:
    assert check(COMPANY, kind, subject, after) == []


def test_who_refers_to_a_thing_is_named() -> None:
    (problem,) = check(COMPANY, S, "claims", None)
    assert problem.values == {"who": "claims, anna"}


def test_all_problems_of_a_form_come_at_once() -> None:
    with pytest.raises(BadRequest) as refused:
        propose(Book(COMPANY), Wish(P, "anna", person(name="", languages=["?"]), 0), OLGA, NOW)
    assert refused.value.details is not None
    assert [each["field"] for each in refused.value.details["problems"]] == ["name", "languages"]


def test_a_change_bases_on_the_version_that_was_seen() -> None:
    book = Book(COMPANY)
    first = propose(book, Wish(P, "anna", person(name="A"), 0), OLGA, NOW)
    assert first is not None
    assert (first.id, first.before) == (1, COMPANY.get(P, "anna"))
    book = entered(book, first)
    assert entered(book, first) is book, "twice is once"
    with pytest.raises(WrongMoment, match="olga changed this at 2026-11-22T08:00"):
        propose(book, Wish(P, "anna", person(name="B"), 0), OLGA, NOW)
    assert propose(book, Wish(P, "anna", person(name="A"), 1), OLGA, NOW) is None, "nothing is different"
    with pytest.raises(UnknownThing):
        propose(book, Wish(P, "nobody", person(), 0), OLGA, NOW)
    with pytest.raises(WrongMoment):
        propose(book, Wish(P, "anna", person(), make=True), OLGA, NOW)


def test_undoing_is_refused_when_something_newer_depends_on_it() -> None:
    """A queue that got a number since cannot be un-made; a thing that was changed since names who did it."""
    book, changes = played(
        Book(COMPANY),
        Wish(Q, "new", queue("5002"), make=True),
        Wish(N, "5003", {"queue": "new", "note": ""}, make=True),
        Wish(P, "anna", person(name="A"), 0),
        Wish(P, "anna", person(name="B"), 3),
    )
    with pytest.raises(WrongMoment, match="Others refer to it: 5003"):
        undo(book, changes[0], OLGA, NOW)
    with pytest.raises(WrongMoment, match="olga changed this"):
        undo(book, changes[2], OLGA, NOW)
    back = undo(book, changes[3], OLGA, NOW)
    assert (back.after, back.undoes, back.id) == (person(name="A"), 4, 5)


def test_undoing_a_removal_is_refused_when_the_number_went_to_somebody_else() -> None:
    book, changes = played(Book(COMPANY), Wish(N, "5009", None, 0), Wish(Q, "new", queue("5009"), make=True))
    with pytest.raises(WrongMoment, match="leads to new already"):
        undo(book, changes[0], OLGA, NOW)


def played(book: Book, *wishes: Wish) -> tuple[Book, list[Change]]:
    """Carry out what is allowed."""
    changes = []
    for wish in wishes:
        try:
            change = propose(book, wish, OLGA, NOW)
        except CenterError:
            continue
        if change is not None:
            changes.append(change)
            book = entered(book, change)
    return book, changes


IDS = st.sampled_from(("alpha", "beta", "gamma"))
SKILLS = st.sampled_from(("claims", "boats", "sails", "alpha"))
NUMBERS = st.sampled_from(("5001", "5002", "5009", "6000"))
PEOPLE = st.sampled_from(("olga", "anna", "dora", "alpha"))
ROLES = st.lists(st.sampled_from(("agent", "specialist", "administrator")), min_size=1, unique=True)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Kind, str, dict[str, Any] | None]:
    kind = draw(st.sampled_from(list(Kind)))
    gone = draw(st.booleans())
    match kind:
        case Kind.PEOPLE:
            content = person(*draw(ROLES), skills=dict.fromkeys(draw(st.lists(SKILLS, unique=True)), 2))
            return kind, draw(PEOPLE), None if gone else content
        case Kind.SKILLS:
            return kind, draw(SKILLS), None if gone else {"name": draw(IDS), "description": ""}
        case Kind.QUEUES:
            content = queue(
                draw(NUMBERS),
                skill=draw(SKILLS),
                template=draw(st.sampled_from(("plain", "spare", "alpha"))),
                greeting=draw(st.sampled_from(("greeting", "welcome"))),
                deputy=draw(st.none() | PEOPLE),
                target_s=draw(st.sampled_from((None, 12.0, 25.0))),
            )
            return kind, draw(st.sampled_from(("claims", "alpha", "beta"))), None if gone else content
        case Kind.NUMBERS:
            return (
                kind,
                draw(NUMBERS),
                None if gone else {"queue": draw(st.sampled_from(("claims", "alpha"))), "note": ""},
            )
        case Kind.TEMPLATES:
            return kind, draw(st.sampled_from(("plain", "spare", "alpha"))), None if gone else {
                "name": draw(IDS), "fields": [field(draw(IDS))]
            }  # fmt: skip
        case Kind.TRUNKS:
            address = draw(st.sampled_from(("192.0.2.1", "198.51.100.0/24", "203.0.113.9")))
            return kind, draw(IDS), None if gone else {"addresses": [address], "outbound_uri": None}
        case Kind.PROMPTS:
            name = draw(st.sampled_from(("greeting", "welcome")))
            return kind, name, None if gone else {"recording": draw(IDS), "seconds": 1.0}
        case Kind.SETTINGS:
            key = draw(st.sampled_from(("escalation.target_s", "escalation.ceiling_s", "escalation.ring_s")))
            return kind, key, None if gone else {"value": draw(st.sampled_from((6, 9, 14, 22, 28, 40)))}


@given(st.lists(wishes(), max_size=25))
@settings(max_examples=100, deadline=None)
def test_changes_undone_in_reverse_order_give_the_first_company_back(
    asked: list[tuple[Kind, str, dict[str, Any] | None]],
) -> None:
    """Whatever was allowed one after the other, the way back is never refused, and it ends where it began."""
    first = Book(COMPANY)
    book, changes = first, []
    for kind, subject, after in asked:
        make = book.company.get(kind, subject) is None and kind not in (Kind.SETTINGS, Kind.PROMPTS)
        wish = Wish(kind, subject, after, book.version(kind, subject), make=make)
        book, new = played(book, wish)
        changes += new
    for change in reversed(changes):
        book = entered(book, undo(book, change, OLGA, NOW))
    assert {kind: dict(book.company.of(kind)) for kind in Kind} == {kind: dict(COMPANY.of(kind)) for kind in Kind}
    assert book.last == 2 * len(changes)
