/** Documents for the tests, each with only what matters changed. */

import type { Availability, Case, CaseField, CaseValue, Escalation, Interaction, Me, Person } from "../src/documents.ts";
import { EMPTY, receive, type State } from "../src/store.ts";

export const AT = "2026-11-21T10:00:00.000Z";

export function availability(state: Availability["state"]): Availability {
  return { state, since: AT, because: "Teams status", checked_at: AT, sources: [] };
}

export function person(id: string, state: Availability["state"], skills: Record<string, number> = {}): Person {
  return {
    id,
    name: id,
    title: "Adjuster",
    roles: ["specialist"],
    skills,
    languages: ["cs"],
    registered: true,
    availability: availability(state),
  };
}

export function agent(id: string, changes: Partial<NonNullable<Me["agent"]>> = {}): Me {
  return {
    id,
    name: id,
    title: "",
    roles: ["agent"],
    agent: {
      status: "ready",
      reason: "",
      state: "idle",
      since: AT,
      wrap_up_ends_at: null,
      interaction: null,
      ...changes,
    },
    phone: { server: "", ports: {}, user: id, registered: true },
    mqtt: { host: "", port: 0, user: id },
    availability: availability("free"),
  };
}

export function call(id: string, participants: Interaction["participants"] = []): Interaction {
  return {
    id,
    queue: "claims",
    queue_name: "Claims",
    phase: "talking",
    phase_since: AT,
    started_at: AT,
    caller_number: "+1",
    customer: null,
    case: "case_1",
    escalation: null,
    participants,
    history: [],
    wanted_skills: ["claims"],
  };
}

export function escalation(changes: Partial<Escalation> = {}): Escalation {
  return {
    id: "esc_1",
    interaction: "int_1",
    case: "case_1",
    agent: "petra",
    agent_name: "Petra",
    specialist: "eva",
    specialist_name: "Eva",
    reason: "",
    digest: "d",
    caller_number: "+1",
    customer: null,
    history: [],
    state: "requested",
    accepted_by_click: false,
    off_hook_accepts: true,
    requested_at: AT,
    pushed_at: null,
    rendered_at: null,
    ringing_at: null,
    accepted_at: null,
    joined_at: null,
    closed_at: null,
    cause: "",
    cause_text: "",
    ...changes,
  };
}

export function value(text: string, version: number, author = "petra"): CaseValue {
  return { text, source: "agent", author, author_name: author, at: AT, version };
}

export function field(...values: CaseValue[]): CaseField {
  return { key: "policy", label: "Policy number", required: true, kind: "line", choices: [], values };
}

export function caseWith(version: number, ...fields: CaseField[]): Case {
  return { id: "case_1", queue: "claims", version, outcome: "", open_required: [], fields };
}

export function screen(docs: Record<string, unknown>): State {
  return receive(EMPTY, { type: "snapshot", seq: 0, docs })!;
}
