/** The documents that the centre sends over `/api/live`, as docs/api.md describes them. */

export type DeskRole = "agent" | "specialist" | "supervisor" | "administrator";
export type ParticipantRole = "customer" | "agent" | "specialist" | "supervisor";
export type AvailabilityState = "free" | "busy" | "away" | "unknown";
export type ManualStatus = "available" | "busy" | "away" | "dnd";
/** What a person may choose; `automatic` takes an own choice back, so the sources decide. */
export type ChosenStatus = ManualStatus | "automatic";
export type AgentStatus = "ready" | "not_ready";
export type AgentState = "idle" | "reserved" | "busy" | "wrap_up";
export type ValueSource = "agent" | "specialist" | "crm" | "bot" | "system" | "phone_book";
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
  | "choosing"
  | "waiting"
  | "closed";
export type SearchPhase = "searching" | "choosing" | "waiting" | "joined" | "closed";
export type Choice = "wait" | "callback" | "task";
export type SupervisionMode = "listen" | "whisper" | "join";
export type TaskKind = "callback" | "task";
export type TaskState =
  | "open"
  | "offered"
  | "accepted"
  | "calling_specialist"
  | "calling_customer"
  | "talking"
  | "done";

export interface SourceView {
  source: string;
  status: string;
  since: string;
  /** When this source last spoke. */
  at: string | null;
}

export interface Availability {
  state: AvailabilityState;
  since: string | null;
  because: string;
  sources: SourceView[];
  /** The finer shade of the state, such as `in_call` or `resting`. */
  kind?: string;
  /** Whether a ring would find the person although the state is not free. */
  reachable?: boolean;
  free_again_at?: string | null;
  /** The person's own limits forbid asking until then. */
  resting_until?: string | null;
  /** The person let it ring too often and has not shown since then that he is there. */
  unconfirmed_since?: string | null;
  /** When the youngest proof was seen; null when there is none. */
  checked_at: string | null;
}

/** No interruptions on this weekday (0 Monday … 6 Sunday) between two local times such as `12:00`. */
export interface QuietWindow {
  weekday: number;
  from: string;
  to: string;
}

/** How often and when a person may be asked in. */
export interface Limits {
  per_hour: number | null;
  quiet: QuietWindow[];
  focus_until?: string | null;
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

/** A new colleague, as an administrator enrols him. */
export interface Enrolment {
  id: string;
  name: string;
  title: string;
  roles: DeskRole[];
  /** Skill to level, 1 to 5. */
  skills: Record<string, number>;
  languages: string[];
  off_hook_accepts: boolean;
}

/** What the new colleague needs for desk and phone; the passwords are said only this once. */
export interface Enrolled {
  person: string;
  name: string;
  web_password: string;
  phone_password: string;
  server: string;
  ports: Ports;
  user: string;
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
  limits?: Limits | null;
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
  /** Ours, so that its time line can be opened; null for a contact from before or elsewhere. */
  interaction?: string | null;
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
  /** Agent and specialist talk privately while the customer hears music. */
  consulting?: boolean;
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

export type InvitationState =
  | "requested"
  | "reserved"
  | "offered"
  | "rendered"
  | "ringing"
  | "accepted"
  | "joined"
  | "ended";

/** One try to bring one specialist in. */
export interface Invitation {
  specialist: string;
  specialist_name: string;
  state: InvitationState;
  begun_at: string;
  cause: string;
  cause_text: string;
  /** When somebody who said "later" has time. */
  again_at?: string | null;
}

/** What the agent may choose when nobody is free. */
export interface OfferedChoice {
  choice: Choice;
  says: string;
  estimate_s?: number | null;
}

/** The definite next step the customer is told of. */
export interface Promised {
  kind: TaskKind;
  owner: string | null;
  owner_name: string | null;
  due_at: string | null;
  /** When the callback will come. */
  slot?: { begins_at: string; ends_at: string } | null;
  /** What the customer is told. */
  sentence: string;
}

/**
 * An escalation. The agent and supervisors see the whole search (from `phase` on); an invited specialist sees his own
 * part. `specialist` is null while nobody is being asked.
 */
export interface Escalation {
  id: string;
  interaction: string;
  case: string;
  agent: string;
  agent_name: string;
  specialist: string | null;
  specialist_name: string | null;
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
  skill?: string;
  trigger?: string;
  phase?: SearchPhase;
  /** When the deadline began to run; without it the request counts. */
  clock_from?: string | null;
  target_at?: string;
  ceiling_at?: string;
  invitations?: Invitation[];
  choices?: OfferedChoice[];
  promise?: Promised | null;
}

/** A promise to a customer as work for somebody. */
export interface Task extends Promised {
  id: string;
  state: TaskState;
  skill: string;
  priority: number;
  due_at: string;
  arrived_at: string;
  /** Who is asked to do it now, or does it. */
  person: string | null;
  person_name: string | null;
  overdue: boolean;
  customer: Customer | null;
  caller_number: string;
  interaction: string;
  case: string;
  history?: PastContact[];
  case_document?: Case | null;
  /** Why the last try of a callback failed. */
  last_cause?: string;
  last_cause_text?: string;
}

export interface Supervision {
  interaction: string;
  supervisors: { person: string; name: string; mode: SupervisionMode; state: "ringing" | "in_call" }[];
}

export interface System {
  presence_connected: boolean;
  degraded: string[];
  /** The same with codes, so that they can be said in the person's language. */
  warnings?: { code: string; text: string }[];
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
