"""S01's judgements, each against a good and a bad sight."""

from __future__ import annotations

from typing import Any

from siplab.prover import HearingReport, ToneReading
from siplab.scenarios.case_form import fields_to_fill, sample_text
from siplab.scenarios.s01_checks import EVENTS
from siplab.scenarios.s01_judges import (
    judge_budgets,
    judge_case,
    judge_customer_gaps,
    judge_events,
    judge_gaps,
    judge_identity,
    judge_key_headers,
    judge_list,
    list_order,
)


def person(name: str, state: str, because: str = "UC status", **skills: int) -> dict[str, Any]:
    availability = {"state": state, "since": "2026-11-21T10:00:00Z", "because": because}
    return {"id": name, "name": name, "roles": ["specialist"], "skills": skills, "availability": availability}


def form(filled: int, required: tuple[int, ...] = (9, 10), source: str = "agent") -> dict[str, Any]:
    fields = [
        {
            "key": f"f{i}",
            "label": f"F {i}",
            "required": i in required,
            "kind": "line",
            "choices": [],
            "values": [{"text": "x", "source": source}] if i < filled else [],
        }
        for i in range(12)
    ]
    return {"fields": fields, "open_required": [f"f{i}" for i in required if i >= filled]}


def test_list_puts_free_before_skilled_before_named() -> None:
    """CE-02: one glance shows who is free."""
    people = [person("d", "unknown", claims=5), person("c", "busy", claims=5), person("b", "free", claims=1)]
    people += [person("a", "free"), person("e", "free", claims=3), person("f", "away")]
    docs = {f"person/{p['id']}": p for p in people} | {"me": {"roles": ["specialist"]}}
    assert [p["id"] for p in list_order(docs, ["claims"])] == ["e", "b", "a", "c", "f", "d"]


def test_list_without_a_reason_is_not_accepted() -> None:
    expected = {"e1": "free", "e2": "busy"}
    assert judge_list([person("e1", "free"), person("e2", "busy")], expected)[0]
    assert not judge_list([person("e1", "free"), person("e2", "busy", because="")], expected)[0]
    assert not judge_list([person("e2", "busy"), person("e1", "free")], expected)[0]
    assert not judge_list([person("e1", "free"), person("e2", "free")], expected)[0]
    assert not judge_list([], expected)[0]


def test_case_needs_nine_values_with_source_and_its_gaps_marked() -> None:
    """CE-06, N9."""
    assert judge_case(form(9), "Ana Kovač", "Ana K")[0]
    assert not judge_case(form(8), "Ana Kovač", "Ana K")[0]
    assert not judge_case(form(9), "Marko Horvat", "Ana K")[0]
    assert not judge_case(form(9, source=""), "Ana Kovač", "Ana K")[0]
    assert not judge_case({**form(9), "open_required": []}, "Ana Kovač", "Ana K")[0]


def test_invite_needs_case_key_and_address_and_the_customers_number() -> None:
    """N1."""
    headers = {
        "User-to-User": "63;encoding=hex",
        "Call-Info": "<https://h/c>",
        "From": '"Ana" <sip:+385915550101@h>;tag=1',
    }
    assert judge_key_headers(headers)[0]
    assert not judge_key_headers({"Call-Info": "<https://h/c>"})[0]
    assert judge_identity(headers, "+385915550101")[0]
    assert not judge_identity({"From": "<sip:anna.novak@h>"}, "+385915550101")[0]


def test_gap_over_the_bound_or_silence_fails() -> None:
    """N3."""

    def hearing(gap_ms: float, present: bool = True, first: float | None = 1.0) -> list[HearingReport]:
        return [HearingReport("C", 5.0, (ToneReading("A", present, first, gap_ms),))]

    wanted = (("A", "C"),)
    assert judge_gaps(hearing(100.0), wanted)[0]
    assert not judge_gaps(hearing(110.0), wanted)[0]
    assert not judge_gaps(hearing(0.0, present=False), wanted)[0]
    assert not judge_gaps(hearing(0.0, present=False, first=None), wanted)[0]


def test_customers_gaps_must_be_known_for_every_speaker() -> None:
    assert judge_customer_gaps({("A", "C"): 20.0, ("E1", "C"): 100.0})[0]
    assert not judge_customer_gaps({("A", "C"): 20.0, ("E1", "C"): None})[0]
    assert not judge_customer_gaps({})[0]


def test_budgets_and_events_must_be_complete() -> None:
    """CE-21, N15."""
    assert judge_budgets({"customer_s": 9.1, "agent_s": 5, "specialist_s": 2.0})[0]
    assert not judge_budgets({"customer_s": 9.1, "agent_s": 0})[0]
    assert judge_events([*EVENTS, "something.else"])[0]
    assert not judge_events(EVENTS[1:])[0]


def test_required_fields_are_left_for_the_specialist_to_ask() -> None:
    """CE-06: nine of twelve are filled, the required ones stay open as far as possible."""
    chosen = [field["key"] for field in fields_to_fill(form(2, required=(2, 3)))]
    assert len(chosen) == 7
    assert not {"f2", "f3"} & set(chosen)
    assert fields_to_fill(form(10)) == []


def test_sample_of_a_choice_is_one_of_its_choices() -> None:
    assert sample_text({"kind": "choice", "choices": ["flood", "fire"]}) == "flood"
