"""Situations of the demo company as the documents a desk shows, for the web desk's tests and for looking at it."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from context.model import Case, CaseEdit, CaseTemplate, FieldKind, FieldSpec, ValueSource
from context.record import apply_edit
from vocabulary import CaseId, CustomerId, QueueId

Doc = dict[str, Any]
NAMES = {"petra": "Petra Malá", "eva": "Eva Novak", "crm": "Customer database", "bot": "Greeting bot"}
CALL, CASE, ESCALATION, TASK = "int_1", "case_1", "esc_1", "tsk_1"


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def availability(state: str, because: str, since_s: float = 1500, checked_s: float | None = 8, **more: object) -> Doc:
    status = {"free": "available", "unknown": "unknown"}.get(state, state)
    return {
        "state": state,
        "since": ago(since_s),
        "because": because,
        "sources": [
            {"source": "uc", "status": status, "since": ago(since_s), "at": ago(checked_s or 400)},
            {"source": "phone", "status": "available", "since": ago(since_s), "at": ago(3)},
        ],
        "kind": "plain",
        "reachable": state == "free",
        "free_again_at": None,
        "resting_until": None,
        "checked_at": None if checked_s is None else ago(checked_s),
        **more,
    }


def person(
    id: str, name: str, title: str, roles: list[str], skills: dict[str, int], seen: Doc, registered: bool = True
) -> Doc:
    languages = ["en", "de"] if id in ("eva", "tomas") else ["en"]
    return {
        "id": id,
        "name": name,
        "title": title,
        "roles": roles,
        "skills": skills,
        "languages": languages,
        "registered": registered,
        "availability": seen,
    }


def people() -> list[Doc]:
    free, busy = "Teams status: available", "On a call (own line)"
    return [
        person("petra", "Petra Malá", "Agent, claims", ["agent"], {}, availability("busy", busy, 65)),
        person(
            "jan", "Jan Dvořák", "Agent, billing", ["agent", "specialist"], {"billing": 3}, availability("free", free)
        ),
        person(
            "eva",
            "Eva Novak",
            "Claims adjuster",
            ["specialist"],
            {"claims": 5, "property": 3},
            availability("free", free),
        ),
        person(
            "tomas",
            "Tomáš Beran",
            "Technical engineer",
            ["specialist"],
            {"technical": 5},
            availability("free", free, 300),
        ),
        person(
            "lukas",
            "Lukas Weber",
            "Senior adjuster",
            ["specialist"],
            {"claims": 4},
            availability("busy", "In a Teams call", 640, kind="in_call", free_again_at=ago(-418)),
        ),
        person(
            "nina",
            "Nina Kraus",
            "Water damage expert",
            ["specialist"],
            {"property": 5, "claims": 3},
            availability("busy", "resting (focus time)", 900, kind="resting", resting_until=ago(-2700)),
        ),
        person(
            "maria",
            "Maria Rossi",
            "Lawyer",
            ["specialist"],
            {"legal": 5, "claims": 2},
            availability("away", "Teams status: be right back", 200),
            registered=False,
        ),
        person(
            "olaf",
            "Olaf Berg",
            "Fraud investigator",
            ["specialist"],
            {"fraud": 4},
            availability("unknown", "No word from any source for 6 min", 380, None),
        ),
        person("sofia", "Sofia Lind", "Supervisor", ["supervisor"], {}, availability("away", "Teams status: away", 90)),
        person("ada", "Ada Marin", "Administrator", ["administrator"], {}, availability("free", free, 500)),
    ]


def queue(id: str, name: str, number: str, waiting: int = 0, ready: int = 1) -> Doc:
    since = ago(42) if waiting else None
    return {
        "id": id,
        "name": name,
        "number": number,
        "waiting": waiting,
        "longest_wait_since": since,
        "agents_ready": ready,
    }


def make_case() -> Case:
    """Nine of twelve fields filled, three required ones still empty (scenario S01)."""
    line, choice = FieldKind.LINE, FieldKind.CHOICE
    specs = (
        FieldSpec("caller_name", "Caller's name", True),
        FieldSpec("policy", "Policy number", True),
        FieldSpec("kind", "Kind of damage", True, choice, ("water", "fire", "storm", "theft")),
        FieldSpec("date", "Date of the damage", True, FieldKind.DATE),
        FieldSpec("estimate", "Estimated damage (EUR)", True, FieldKind.NUMBER),
        FieldSpec("cause", "Cause found by", True, line),
        FieldSpec("plumber", "Plumber's report number", True, line),
        FieldSpec("address", "Address", False, line),
        FieldSpec("phone", "Call-back number", False, line),
        FieldSpec("email", "E-mail", False, line),
        FieldSpec("tenants", "Neighbours affected", False, choice, ("yes", "no", "unknown")),
        FieldSpec("story", "What happened", False, FieldKind.TEXT),
    )
    case = Case(CaseId(CASE), QueueId("claims"), CustomerId("cus_1"), CaseTemplate(QueueId("claims"), specs))
    for key, text, source, author in (
        ("caller_name", "Ana Kovač", ValueSource.CRM, "crm"),
        ("policy", "HH-2031-774", ValueSource.CRM, "crm"),
        ("address", "Harbour Street 12, 4th floor", ValueSource.CRM, "crm"),
        ("email", "ana.kovac@example.com", ValueSource.CRM, "crm"),
        ("kind", "water", ValueSource.BOT, "bot"),
        ("phone", "+385 1 555 0142", ValueSource.BOT, "bot"),
        ("date", "2026-11-18", ValueSource.AGENT, "petra"),
        ("tenants", "yes", ValueSource.AGENT, "petra"),
        (
            "story",
            "Water came through the bathroom ceiling on Wednesday night. The neighbour above was away.",
            ValueSource.AGENT,
            "petra",
        ),
    ):
        case = apply_edit(case, CaseEdit(key, text, source, author, datetime.now(UTC), case.version))
    return case


HISTORY: list[Doc] = [
    {
        "at": "2026-10-02T09:12:00.000Z",
        "channel": "call",
        "summary": "Asked whether the bathroom is covered after the renovation.",
        "outcome": "Cover confirmed in writing",
        "handled_by": "Jan Dvořák",
    },
    {
        "at": "2025-03-21T15:40:00.000Z",
        "channel": "e-mail",
        "summary": "Broken window after a storm.",
        "outcome": "Paid 420 EUR",
        "handled_by": "Lukas Weber",
    },
]
CUSTOMER: Doc = {"id": "cus_1", "name": "Ana Kovač", "note": "Customer since 2014. Prefers short, clear answers."}


def party(role: str, person: str | None, name: str, state: str = "talking", since_s: float = 60) -> Doc:
    return {"role": role, "person": person, "name": name, "state": state, "since": ago(since_s)}


def interaction(phase: str, *others: Doc) -> Doc:
    return {
        "id": CALL,
        "queue": "claims",
        "queue_name": "Claims",
        "phase": phase,
        "phase_since": ago(12),
        "started_at": ago(95),
        "caller_number": "+385 1 555 0142",
        "customer": CUSTOMER,
        "case": CASE,
        "escalation": None,
        "participants": [party("customer", None, "Ana Kovač", since_s=95), *others],
        "history": deepcopy(HISTORY),
        "wanted_skills": ["claims", "property"],
        "consulting": False,
    }


TIMES = ("requested_at", "pushed_at", "rendered_at", "ringing_at", "accepted_at", "joined_at", "closed_at")
REACHED = {"requested": 1, "reserved": 1, "offered": 2, "rendered": 3, "ringing": 4, "accepted": 5, "joined": 6}
OFFSETS = (0.0, 0.01, 0.09, 0.4, 4.2, 4.5)


def escalation(state: str, cause: str = "", cause_text: str = "", reached: str | None = None) -> Doc:
    """An escalation that has come as far as `state`; a closed one as far as `reached` before it ended."""
    start = 6.0
    count = REACHED[reached or state]
    times: dict[str, str | None] = {
        key: ago(start - OFFSETS[index]) if index < count else None for index, key in enumerate(TIMES)
    }
    if state == "closed":
        times["closed_at"] = ago(0)
    return {
        "id": ESCALATION,
        "interaction": CALL,
        "case": CASE,
        "agent": "petra",
        "agent_name": "Petra Malá",
        "specialist": "eva",
        "specialist_name": "Eva Novak",
        "reason": "Is damage from the neighbour's flat covered?",
        "digest": "d" * 64,
        "caller_number": "+385 1 555 0142",
        "customer": CUSTOMER,
        "history": deepcopy(HISTORY),
        "state": state,
        "accepted_by_click": False,
        "off_hook_accepts": True,
        "cause": cause,
        "cause_text": cause_text,
        "skill": "claims",
        "trigger": "desk",
        "phase": state if state in ("joined", "closed") else "searching",
        "target_at": ago(start - 20),
        "ceiling_at": ago(start - 30),
        "invitations": [invited("eva", "Eva Novak", "ended" if state == "closed" else state, cause, cause_text)],
        "choices": [],
        "promise": None,
        **times,
    }


def invited(person: str, name: str, state: str, cause: str = "", cause_text: str = "") -> Doc:
    begun = ago(6)
    return {
        "specialist": person,
        "specialist_name": name,
        "state": state,
        "begun_at": begun,
        "cause": cause,
        "cause_text": cause_text,
    }


REFUSED = [
    invited("eva", "Eva Novak", "ended", "no_answer", "did not answer"),
    invited("lukas", "Lukas Weber", "ended", "declined", "declined"),
]
CHOICES: list[Doc] = [
    {"choice": "wait", "says": "Wait for the first who becomes free", "estimate_s": 400},
    {"choice": "callback", "says": "Eva Novak will call you back between 14:30 and 14:40."},
    {"choice": "task", "says": "Eva Novak will take care of it by tomorrow at 10:00."},
]


def promise() -> Doc:
    return {
        "kind": "callback",
        "owner": "eva",
        "owner_name": "Eva Novak",
        "due_at": ago(-2400),
        "slot": {"begins_at": ago(-1800), "ends_at": ago(-2400)},
        "sentence": "Eva Novak, our claims adjuster, will call you back within 30 minutes.",
    }


def search(state: str, since_s: float, *invitations: Doc, **more: object) -> Doc:
    """An escalation for a skill as its agent sees it, `since_s` after it began."""
    live = next((one for one in reversed(invitations) if one["state"] != "ended"), None)
    return {
        **escalation("requested"),
        "requested_at": ago(since_s),
        "pushed_at": ago(2) if live else None,
        "rendered_at": ago(1.8) if live else None,
        "ringing_at": ago(1.5) if live else None,
        "target_at": ago(since_s - 20),
        "ceiling_at": ago(since_s - 30),
        "specialist": live and live["specialist"],
        "specialist_name": live and live["specialist_name"],
        "state": state,
        "phase": state if state in ("choosing", "waiting", "closed") else "searching",
        "invitations": list(invitations),
        **more,
    }


def task(id: str, state: str, due_s: float, **more: object) -> Doc:
    return {
        "id": id,
        "kind": "callback",
        "state": state,
        "owner": "eva",
        "owner_name": "Eva Novak",
        "skill": "claims",
        "priority": 1,
        "due_at": ago(-due_s),
        "slot": None,
        "customer": CUSTOMER,
        "caller_number": "+385 1 555 0142",
        "interaction": CALL,
        "case": CASE,
        "sentence": "Eva Novak calls back about the water damage.",
        "arrived_at": ago(900),
        "person": None,
        "person_name": None,
        "overdue": due_s < 0,
        "last_cause": "",
        "last_cause_text": "",
        **more,
    }


def tasks() -> list[Doc]:
    ben: Doc = {"id": "cus_2", "name": "Ben Adler", "note": ""}
    slot = {"begins_at": ago(-1500), "ends_at": ago(-2100)}
    legal: Doc = {"kind": "task", "owner": None, "owner_name": None, "skill": "legal", "customer": None}
    return [
        task(TASK, "offered", 1500, person="eva", person_name="Eva Novak", slot=slot, last_cause="no_answer"),
        task("tsk_2", "open", -780, customer=ben, caller_number="+44 20 5550 199", sentence="Explain the excess."),
        task("tsk_3", "open", 7200, **legal, sentence="Check clause 14 of the policy."),
    ]


AGENT, RINGING_AGENT = party("agent", "petra", "Petra Malá"), party("agent", "petra", "Petra Malá", "ringing")
SPECIALIST, RINGING_SPECIALIST = (
    party("specialist", "eva", "Eva Novak", since_s=4),
    party("specialist", "eva", "Eva Novak", "ringing", 2),
)


def scene_documents(scene: str) -> dict[str, Doc]:
    """All documents of a named situation, without `me` and the case (the mock desk makes those)."""
    calls: dict[str, tuple[Doc | None, Doc | None]] = {
        "idle": (None, None),
        "ringing": (interaction("offered", RINGING_AGENT), None),
        "call": (interaction("talking", AGENT), None),
        "escalating": (interaction("escalating", AGENT, RINGING_SPECIALIST), escalation("ringing")),
        "arriving": (interaction("escalating", AGENT), escalation("offered")),
        "failed": (
            interaction("talking", AGENT),
            escalation("closed", "no_answer", "Eva Novak did not answer within 8 seconds.", "ringing"),
        ),
        "searching": (
            interaction("escalating", AGENT, party("specialist", "tomas", "Tomáš Beran", "ringing", 2)),
            search("ringing", 13, *REFUSED, invited("tomas", "Tomáš Beran", "ringing")),
        ),
        "choosing": (interaction("talking", AGENT), search("choosing", 22, *REFUSED, choices=CHOICES)),
        "waiting": (interaction("talking", AGENT), search("waiting", 95, *REFUSED)),
        "promised": (
            interaction("talking", AGENT),
            search("closed", 27, *REFUSED, cause="promised", closed_at=ago(0), promise=promise()),
        ),
        "tasks": (None, None),
        "conference": (interaction("conference", AGENT, SPECIALIST), escalation("joined")),
        "left": (interaction("conference", SPECIALIST), escalation("joined")),
    }
    call, asked = calls[scene]
    documents: dict[str, Doc] = {f"person/{one['id']}": one for one in people()}
    for one in (queue("claims", "Claims", "5001", 0 if call else 1), queue("billing", "Billing", "5002")):
        documents[f"queue/{one['id']}"] = one
    documents["queue/technical"] = queue("technical", "Technical help", "5003", 2, 0)
    documents["system"] = {"presence_connected": True, "degraded": [], "company": "Harbour Insurance"}
    if scene == "tasks":
        documents |= {f"task/{one['id']}": one for one in tasks()}
    if call:
        documents[f"interaction/{CALL}"] = call
    if asked:
        documents[f"escalation/{ESCALATION}"] = asked
    return documents
