"""What S01 claims: the checks of its steps 1 to 7, with their bounds and the mission rows they prove."""

from __future__ import annotations

from siplab.checks import Planned

SCREEN_MS = 1_000
PUSH_MS = 300
JOIN_MS = 500
HEARD_MS = 1_000
GAP_MS = 100
EDIT_MS = 500
CLEAN_UP_MS = 500
DIRECTIONS = 6
BUDGETS = ("customer_s", "agent_s", "specialist_s")
EVENTS = (
    "interaction.arrived",
    "escalation.requested",
    "escalation.reserved",
    "escalation.offered",
    "case.pushed",
    "case.rendered",
    "leg.ringing",
    "leg.answered",
    "escalation.accepted",
    "escalation.joined",
    "case.edited",
    "leg.ended",
    "escalation.closed",
    "interaction.closed",
)

PLANNED = (
    Planned("list_shown", "The list of specialists is on the agent's screen", "<= 1000 ms", ("CE-02", "CE-12")),
    Planned("list_follows_presence", "A change of presence reaches the list", "<= 1000 ms", ("DC-02", "N6")),
    Planned(
        "list_order",
        "E1 first and free, E2 and E3 below, each with since and because",
        "free, busy, away",
        ("CE-02", "DC-02", "N6"),
    ),
    Planned("one_action", "One command starts the escalation", "1 command", ("CE-01", "DC-03")),
    Planned("talk_goes_on", "C and A hear each other while E1 is fetched", "gap <= 100 ms", ("CE-11", "N3")),
    Planned("case_pushed", "The case is at E1's screen", "<= 300 ms after t0", ("CE-04", "DC-04")),
    Planned(
        "case_complete",
        "E1 sees the customer, 9 values with their source, 3 empty fields",
        "9 of 12",
        ("CE-06", "CE-14", "CE-27", "N9"),
    ),
    Planned(
        "case_rendered_before_ringing", "The case is rendered before E1's phone is asked to ring", "before", ("N1",)
    ),
    Planned("invite_carries_case", "E1's INVITE carries User-to-User and Call-Info", "both", ("N1",)),
    Planned(
        "invite_shows_customer", "E1's phone shows the customer, not the agent", "customer's number", ("N1", "CE-27")
    ),
    Planned("not_heard_before_accept", "Nobody hears E1, nor he anybody, before he accepts", "never", ("N8",)),
    Planned("joined_after_accept", "E1 is joined when he accepts", "<= 500 ms", ("CE-03", "CE-05")),
    Planned(
        "six_directions", "All three hear each other after joining", "6 within 1000 ms", ("CE-03", "DC-01", "DC-05")
    ),
    Planned("customer_gap", "The customer's longest gap over all changes", "<= 100 ms", ("CE-11", "N3")),
    Planned("no_reinvite_to_customer", "The customer's dialog is never touched", "0", ("N3",)),
    Planned("no_hold", "The customer is never on hold", "0 s", ("CE-11", "N3")),
    Planned(
        "specialist_edit_at_agent", "What E1 types is on A's screen, source specialist", "<= 500 ms", ("CE-09", "N9")
    ),
    Planned("agent_note_at_specialist", "What A types is on E1's screen, source agent", "<= 500 ms", ("CE-09", "N9")),
    Planned("others_talk_on", "C and E1 go on when A leaves", "gap <= 100 ms", ("CE-22", "N3")),
    Planned("agent_wraps_up", "A's call ends and his own wrap-up begins", "<= 500 ms", ("CE-21",)),
    Planned("agent_takes_next", "A may take a new call after wrap-up", "ready, idle", ("CE-21",)),
    Planned("legs_end", "Both legs end when E1 closes", "<= 500 ms", ("CE-08",)),
    Planned("outcome_kept", "The outcome is kept with the case", "solved", ("CE-07", "CE-08")),
    Planned("first_contact_resolution", "FCR is measured", "yes", ("CE-10",)),
    Planned("time_budgets", "The three time budgets are stored", "customer, agent, specialist > 0 s", ("CE-21",)),
    Planned("recorded_events", "The event log tells the whole story", f"{len(EVENTS)} kinds", ("N15", "CE-16")),
)
