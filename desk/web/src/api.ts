/** Typed client of the HTTP API: one function per command, every failure an `ApiError`. */

import type {
  AgentStatus,
  Choice,
  DeskRole,
  Enrolled,
  Enrolment,
  Escalation,
  Limits,
  ChosenStatus,
  NewPhonePassword,
  SupervisionMode,
  TimelineEvent,
} from "./documents.ts";
import { learnServerTime } from "./clock.ts";
import type { Session, Ways } from "./sessions.ts";
import type { Behind, CallRows, HelpGiven } from "./report.ts";

export class ApiError extends Error {
  constructor(
    /** HTTP status, 0 when no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null = null,
    /** What a page needs to say it in its own words: all problems of a form, or who was first. */
    readonly details: unknown = null,
  ) {
    super(message);
  }

  /** Whether trying again later can help. */
  get isTransient(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

/** Whom to bring in: a person (with a reason to override his rest), a skill, or neither (what the queue wants). */
export interface Wanted {
  specialist?: string;
  skill?: string;
  reason?: string;
  override_reason?: string;
}

export interface LoggedIn {
  person: string;
  name: string;
  roles: DeskRole[];
}

const TIMEOUT_MS = 15_000;

async function request<T>(method: "GET" | "POST", path: string, body?: unknown, timeoutMs = TIMEOUT_MS): Promise<T> {
  const answer = await send(method, path, body, timeoutMs);
  learnServerTime(answer.headers.get("date"), Date.now());
  if (answer.status === 204) return undefined as T;
  const content: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw toError(answer.status, content);
  return content as T;
}

async function send(method: string, path: string, body: unknown, timeoutMs: number): Promise<Response> {
  const init: RequestInit = { method, credentials: "same-origin", signal: AbortSignal.timeout(timeoutMs) };
  if (method === "POST") {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body ?? {});
  }
  try {
    return await fetch(`/api${path}`, init);
  } catch {
    throw new ApiError(0, "no_answer", "");
  }
}

/** Read the error document; tolerate anything else, such as a proxy's own page. */
export function toError(status: number, content: unknown): ApiError {
  type Shape = { code?: unknown; message?: unknown; field?: unknown; details?: unknown };
  const error = (content as { error?: Shape } | null)?.error;
  return new ApiError(
    status,
    typeof error?.code === "string" ? error.code : `http_${status}`,
    typeof error?.message === "string" ? error.message : "",
    typeof error?.field === "string" ? error.field : null,
    error?.details ?? null,
  );
}

const id = encodeURIComponent;
const post = <T = void>(path: string, body?: unknown) => request<T>("POST", path, body);

export const api = {
  login: (person: string, password: string) => post<LoggedIn>("/login", { person, password }),
  logout: () => post<{ continue_at: string } | undefined>("/logout"),
  ways: () => request<Ways>("GET", "/login/ways", undefined, 5_000),
  mySessions: () => request<Session[]>("GET", "/me/sessions"),
  endSession: (session: string) => post(`/me/sessions/${id(session)}/end`),
  endOtherSessions: () => post("/me/sessions/end-others"),
  sessionsOf: (person: string) => request<Session[]>("GET", `/people/${id(person)}/sessions`),
  endSessionsOf: (person: string) => post(`/people/${id(person)}/sessions/end`),
  amILoggedIn: () => request<unknown>("GET", "/me").then(() => true),
  health: () => request<unknown>("GET", "/health", undefined, 5_000),
  newPhonePassword: () => post<NewPhonePassword>("/me/phone-password"),
  setAgentStatus: (status: AgentStatus, reason?: string) =>
    post("/me/agent-status", reason ? { status, reason } : { status }),
  setAvailability: (status: ChosenStatus, reason: string, until: string | null) =>
    post("/me/availability", { status, ...(reason && { reason }), ...(until && { until }) }),
  sayIamHere: () => post("/me/here"),
  finishWrapUp: (disposition: string, note: string) => post("/me/wrap-up/finish", { disposition, note }),
  timeline: (interaction: string) => request<TimelineEvent[]>("GET", `/interactions/${id(interaction)}/events`),
  setLimits: (limits: Limits) => post("/me/limits", limits),
  escalate: (interaction: string, wanted: Wanted) =>
    post<Escalation>(`/interactions/${id(interaction)}/escalations`, wanted),
  choose: (escalation: string, choice: Choice) => post(`/escalations/${id(escalation)}/choose`, { choice }),
  consult: (interaction: string, on: boolean) => post(`/interactions/${id(interaction)}/consult`, { on }),
  supervise: (interaction: string, mode: SupervisionMode) =>
    post(`/interactions/${id(interaction)}/supervise`, { mode }),
  stopSupervising: (interaction: string) => post(`/interactions/${id(interaction)}/supervise/leave`),
  acceptTask: (task: string) => post(`/tasks/${id(task)}/accept`),
  declineTask: (task: string) => post(`/tasks/${id(task)}/decline`),
  finishTask: (task: string, outcome: string, resolved: boolean) =>
    post(`/tasks/${id(task)}/done`, { outcome, resolved }),
  leave: (interaction: string) => post(`/interactions/${id(interaction)}/leave`),
  close: (interaction: string, outcome: string, resolved: boolean) =>
    post(`/interactions/${id(interaction)}/close`, { outcome, resolved }),
  rendered: (escalation: string, digest: string) => post(`/escalations/${id(escalation)}/rendered`, { digest }),
  accept: (escalation: string) => post(`/escalations/${id(escalation)}/accept`),
  decline: (escalation: string, reason: string) =>
    post(`/escalations/${id(escalation)}/decline`, reason ? { reason } : {}),
  later: (escalation: string, minutes: number) => post(`/escalations/${id(escalation)}/later`, { minutes }),
  callsBehind: ({ figure, window, queue, bin }: Behind) =>
    request<CallRows>(
      "GET",
      `/report/calls?${new URLSearchParams({ figure, window, queue, ...(bin !== undefined && { bin: String(bin) }) })}`,
    ),
  myHelp: () => request<HelpGiven>("GET", "/me/help"),
  enrol: (colleague: Enrolment) => post<Enrolled>("/people", colleague),
  cancel: (escalation: string) => post(`/escalations/${id(escalation)}/cancel`),
  editCase: (caseId: string, field: string, text: string, baseVersion: number) =>
    post<{ version: number; conflict: boolean }>(`/cases/${id(caseId)}/edits`, {
      field,
      text,
      base_version: baseVersion,
    }),
};

export type Api = typeof api;
