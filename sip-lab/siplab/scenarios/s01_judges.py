"""S01's judgements as pure functions: from what was seen to (held, what was measured)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from siplab import prover
from siplab.desk import Document, Documents
from siplab.scenarios import s01_checks as claims
from siplab.scenarios.case_form import FIELDS, FILLED, empty_keys, is_filled

Judgement = tuple[bool, str]


def list_order(docs: Documents, wanted_skills: Sequence[str]) -> list[Document]:
    """Order the specialists as the agent's list must: free, busy, away, unknown; then by wanted skill and level."""
    ranks = {"free": 0, "busy": 1, "away": 2, "unknown": 3}

    def key(person: Document) -> tuple[int, int, int, str]:
        skills = dict(person.get("skills") or {})
        place = next((i for i, skill in enumerate(wanted_skills) if skill in skills), len(wanted_skills))
        level = int(skills[wanted_skills[place]]) if place < len(wanted_skills) else 0
        return ranks[str(person["availability"]["state"])], place, -level, str(person["name"])

    people = [dict(doc) for name, doc in docs.items() if name.startswith("person/") and "specialist" in doc["roles"]]
    return sorted(people, key=key)


def judge_list(ranked: Sequence[Document], expected: Mapping[str, str]) -> Judgement:
    """Judge the list: `expected` maps person -> state, the one who must be first comes first."""
    states = {str(doc["id"]): doc["availability"]["state"] for doc in ranked}
    explained = all(doc["availability"].get("since") and doc["availability"].get("because") for doc in ranked)
    first = bool(ranked) and str(ranked[0]["id"]) == next(iter(expected))
    as_said = all(states.get(person) == state for person, state in expected.items())
    lines = (f"{doc['id']} {doc['availability']['state']} ({doc['availability']['because']})" for doc in ranked)
    return first and as_said and explained, ", ".join(lines) or "empty list"


def judge_case(case: Document, customer: str, expected_name: str) -> Judgement:
    """Judge what the specialist sees: the customer, nine values with their source, the empty fields marked."""
    values = [value for field in case["fields"] for value in field["values"][-1:] if is_filled(field)]
    empty, asked = empty_keys(case), list(case["open_required"])
    required = [field["key"] for field in case["fields"] if field["required"] and field["key"] in empty]
    whole = len(case["fields"]) == FIELDS and len(values) == FILLED and sorted(asked) == sorted(required)
    attributed = all(value.get("source") for value in values)
    told = f"{customer}; {len(values)} of {len(case['fields'])}; empty {', '.join(empty)}; required {', '.join(asked)}"
    return whole and attributed and customer.startswith(expected_name), told


def judge_key_headers(headers: Mapping[str, str]) -> Judgement:
    """Judge whether the INVITE leads to the case."""
    carried = [name for name in ("User-to-User", "Call-Info") if headers.get(name)]
    return len(carried) == 2, ", ".join(carried) or "neither"


def judge_identity(headers: Mapping[str, str], number: str) -> Judgement:
    """Judge whether the INVITE shows the customer."""
    shown = headers.get("From", "") + headers.get("P-Asserted-Identity", "")
    return number in shown, headers.get("From", "no From").partition(";tag=")[0]


def judge_gaps(
    reports: Iterable[prover.HearingReport], wanted: Sequence[prover.Direction], bound_ms: float = claims.GAP_MS
) -> Judgement:
    """Judge whether these directions are audible and were never lost for longer than the bound."""
    known = tuple(reports)
    gaps, heard = prover.longest_gaps(known, wanted), prover.who_hears_whom(known)
    held = all(d in heard and (gap := gaps[d]) is not None and gap <= bound_ms for d in wanted)
    return held, ", ".join(_gap_text(d, gaps[d], d in heard) for d in wanted)


def judge_customer_gaps(gaps: Mapping[prover.Direction, float | None], bound_ms: float = claims.GAP_MS) -> Judgement:
    """Judge the customer's longest gaps of each speaker he had to hear."""
    held = bool(gaps) and all(gap is not None and gap <= bound_ms for gap in gaps.values())
    return held, ", ".join(_gap_text(direction, gap, True) for direction, gap in gaps.items()) or "nothing heard"


def judge_budgets(closed: Mapping[str, Any]) -> Judgement:
    """Judge whether the three time budgets were stored with the interaction's end."""
    budgets = {name: closed.get(name) for name in claims.BUDGETS}
    stored = all(isinstance(seconds, int | float) and seconds > 0 for seconds in budgets.values())
    return stored, ", ".join(f"{name} {seconds}" for name, seconds in budgets.items())


def judge_events(names: Sequence[str]) -> Judgement:
    """Judge whether the event log has every kind of event the story needs."""
    missing = [name for name in claims.EVENTS if name not in names]
    told = f"{len(names)} events of {len(set(names))} kinds"
    return not missing, told + (f"; missing {', '.join(missing)}" if missing else "")


def _gap_text(direction: prover.Direction, gap_ms: float | None, present: bool) -> str:
    speaker, listener = direction
    measured = "never heard" if gap_ms is None else f"{gap_ms:.0f} ms"
    return f"{listener} of {speaker}: {measured}" + ("" if present else ", silent now")
