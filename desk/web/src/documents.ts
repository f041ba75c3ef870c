/** The documents that the centre sends over `/api/live`, as docs/api.md describes them. */

export type DeskRole = "agent" | "specialist" | "supervisor" | "administrator";
export type ParticipantRole = "customer" | "agent" | "specialist";
export type AvailabilityState = "free" | "busy" | "away" | "unknown";
export type ManualStatus = "available" | "busy" | "away" | "dnd";
export type AgentStatus = "ready" | "not_ready";
export type AgentState = "idle" | "reserved" | "busy" | "wrap_up";
export type ValueSource = "agent" | "specialist" | "crm" | "bot" | "system";
export type FieldKind = "line" | "text" | "choice" | "date" | "number";
export type Phase =
  | "arrival"
  | "greeting"
  | "queued"
  | "offered"
  | "talking"
  | "escalating"
  | "conference"
  | "wrap_up"
  | "closed";
export type EscalationState =
  | "requested"
  | "reserved"
  | "offered"
  | "rendered"
  | "ringing"
  | "accepted"
  | "joined"
  | "closed";

export interface SourceView {
  source: string;
  status: string;
  since: string;
  age_s: number;
}

export interface Availability {
  state: AvailabilityState;
  since: string | null;
  because: string;
  freshness_s: number | null;
  sources: SourceView[];
}

/** Empty while the node has no phone server yet. */
export type Ports = Partial<Record<"udp" | "tcp" | "tls", number>>;

export interface PhoneSettings {
  server: string;
  ports: Ports;
  user: string;
  registered: boolean;
}

export interface NewPhonePassword {
  server: string;
  ports: Ports;
  user: string;
  password: string;
}

export interface AgentView {
  status: AgentStatus;
  reason: string;
  state: AgentState;
  since: string;
  wrap_up_ends_at: string | null;
  interaction: string | null;
}

export interface Me {
  id: string;
  name: string;
  title: string;
  roles: DeskRole[];
  agent: AgentView | null;
  phone: PhoneSettings;
  mqtt: { host: string; port: number; user: string };
  availability: Availability;
}

export interface Person {
  id: string;
  name: string;
  title: string;
  roles: DeskRole[];
  skills: Record<string, number>;
  languages: string[];
  registered: boolean;
  availability: Availability;
}

export interface Queue {
  id: string;
  name: string;
  number: string;
  waiting: number;
  longest_wait_since: string | null;
  agents_ready: number;
}

export interface Customer {
  id: string;
  name: string;
  note: string;
}

export interface PastContact {
  at: string;
  channel: string;
  summary: string;
  outcome: string;
  handled_by: string;
}

export interface Participant {
  role: ParticipantRole;
  person: string | null;
  name: string;
  state: "ringing" | "talking";
  since: string;
}

export interface Interaction {
  id: string;
  queue: string;
  queue_name: string;
  phase: Phase;
  phase_since: string;
  started_at: string;
  caller_number: string;
  customer: Customer | null;
  case: string;
  /** Id of the running escalation. */
  escalation: string | null;
  participants: Participant[];
  history: PastContact[];
  wanted_skills: string[];
}

export interface CaseValue {
  text: string;
  source: ValueSource;
  author: string;
  author_name?: string;
  at: string;
  version: number;
}

export interface CaseField {
  key: string;
  label: string;
  required: boolean;
  kind: FieldKind;
  choices: string[];
  values: CaseValue[];
}

export interface Case {
  id: string;
  queue: string;
  version: number;
  outcome: string;
  open_required: string[];
  fields: CaseField[];
}

export interface Escalation {
  id: string;
  interaction: string;
  case: string;
  agent: string;
  agent_name: string;
  specialist: string;
  specialist_name: string;
  reason: string;
  digest: string;
  caller_number: string;
  customer: Customer | null;
  history: PastContact[];
  state: EscalationState;
  accepted_by_click: boolean;
  off_hook_accepts: boolean;
  requested_at: string | null;
  pushed_at: string | null;
  rendered_at: string | null;
  ringing_at: string | null;
  accepted_at: string | null;
  joined_at: string | null;
  closed_at: string | null;
  cause: string;
  cause_text: string;
}

export interface System {
  presence_connected: boolean;
  degraded: string[];
  company: string;
}

export interface TimelineEvent {
  seq: number;
  at: string;
  name: string;
  data: Record<string, unknown>;
}

/** What the live connection says. `seq` grows by one per connection; a gap means that something was missed. */
export type LiveMessage =
  | { type: "snapshot"; seq: number; docs: Record<string, unknown> }
  | { type: "change"; seq: number; set?: Record<string, unknown>; remove?: string[] };
