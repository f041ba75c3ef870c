/** Questions asked of the documents: who am I, what is my call, which case arrives for me. All pure. */

import type {
  Case,
  Escalation,
  EscalationState,
  Interaction,
  Me,
  Person,
  Queue,
  Supervision,
  System,
  Task,
} from "./documents.ts";
import type { State } from "./store.ts";

type Docs = State["docs"];

function one<T>(docs: Docs, key: string): T | null {
  return (docs.get(key) as T | undefined) ?? null;
}

function all<T>(docs: Docs, kind: string): T[] {
  const found: T[] = [];
  for (const [key, doc] of docs) if (key.startsWith(`${kind}/`)) found.push(doc as T);
  return found;
}

export const me = (state: State) => one<Me>(state.docs, "me");
export const system = (state: State) => one<System>(state.docs, "system");
export const people = (state: State) => all<Person>(state.docs, "person");
export const queues = (state: State) => all<Queue>(state.docs, "queue").sort((a, b) => a.name.localeCompare(b.name));
export const interactions = (state: State) =>
  all<Interaction>(state.docs, "interaction").sort((a, b) => a.started_at.localeCompare(b.started_at));
export const escalations = (state: State) => all<Escalation>(state.docs, "escalation");
export const caseOf = (state: State, id: string) => one<Case>(state.docs, `case/${id}`);
export const interactionOf = (state: State, id: string) => one<Interaction>(state.docs, `interaction/${id}`);
export const supervisionOf = (state: State, id: string) => one<Supervision>(state.docs, `supervision/${id}`);
/** Promises that are still to be kept, the most urgent first. */
export const openTasks = (state: State) =>
  all<Task>(state.docs, "task")
    .filter((task) => task.state !== "done")
    .sort((a, b) => a.due_at.localeCompare(b.due_at) || b.priority - a.priority);

/** The call I have as an agent (ringing, talking, or in wrap-up), if any. */
export function agentInteraction(state: State): Interaction | null {
  const self = me(state);
  if (!self?.agent) return null;
  if (self.agent.interaction) {
    const named = interactionOf(state, self.agent.interaction);
    if (named) return named;
  }
  return withMe(state, self.id, "agent");
}

/** The conference I am in as a specialist, if any. */
export function specialistInteraction(state: State): Interaction | null {
  const self = me(state);
  if (!self) return null;
  const talking = withMe(state, self.id, "specialist", "talking");
  if (talking) return talking;
  const joined = escalations(state).find((e) => e.specialist === self.id && e.state === "joined");
  return joined ? interactionOf(state, joined.interaction) : null;
}

function withMe(state: State, person: string, role: string, being?: string): Interaction | null {
  return (
    interactions(state).find((interaction) =>
      interaction.participants.some((p) => p.person === person && p.role === role && (!being || p.state === being)),
    ) ?? null
  );
}

/** The newest escalation of an interaction, running or just ended. */
export function escalationOf(state: State, interaction: string): Escalation | null {
  const found = escalations(state).filter((e) => e.interaction === interaction);
  found.sort((a, b) => (a.requested_at ?? "").localeCompare(b.requested_at ?? ""));
  return found.at(-1) ?? null;
}

export const isRunning = (escalation: Escalation | null): escalation is Escalation =>
  escalation !== null && escalation.state !== "joined" && escalation.state !== "closed";

/** Searches that still run, the one with the nearest deadline first. */
export function runningEscalations(state: State): Escalation[] {
  return escalations(state)
    .filter(isRunning)
    .sort((a, b) => (a.ceiling_at ?? "").localeCompare(b.ceiling_at ?? ""));
}

/** Whether a promise is late: the centre says so, or its time has passed. */
export function isOverdue(task: Task, now: number): boolean {
  return task.overdue || Date.parse(task.due_at) < now;
}

/** Tasks I am asked to take on now. */
export function offeredTasks(state: State): Task[] {
  const self = me(state);
  return openTasks(state).filter((task) => task.state === "offered" && task.person === self?.id);
}

/** Tasks that I do or own, apart from those just offered to me and those that somebody else took on. */
export function myTasks(state: State): Task[] {
  const self = me(state);
  return openTasks(state).filter(
    (task) => (task.person ?? task.owner) === self?.id && task.state !== "offered",
  );
}

/** Cases that somebody asks me to help with and that I have not joined yet. */
export function arriving(state: State): Escalation[] {
  const self = me(state);
  return escalations(state).filter((e) => e.specialist === self?.id && isRunning(e) && e.state !== "requested");
}

/** One that ended without me, shown for the seconds that its document still lives. */
export function missed(state: State): Escalation | null {
  const self = me(state);
  return (
    escalations(state).find((e) => e.specialist === self?.id && e.state === "closed" && e.joined_at === null) ?? null
  );
}

export type StepKey = "requested" | "reserved" | "rendered" | "ringing" | "accepted" | "joined";
export type StepMark = "done" | "now" | "ahead" | "skipped" | "failed";

export interface Step {
  key: StepKey;
  mark: StepMark;
  at: string | null;
}

const ORDER: EscalationState[] = ["requested", "reserved", "offered", "rendered", "ringing", "accepted", "joined"];

/** The escalation as six steps. A step that was overtaken without happening is skipped; where it ended, failed. */
export function steps(e: Escalation): Step[] {
  const times: Record<StepKey, string | null> = {
    requested: e.requested_at,
    reserved: e.pushed_at,
    rendered: e.rendered_at,
    ringing: e.ringing_at,
    accepted: e.accepted_at,
    joined: e.joined_at,
  };
  const keys = Object.keys(times) as StepKey[];
  const reached = Math.max(ORDER.indexOf(e.state), ...keys.map((key) => (times[key] ? ORDER.indexOf(key) : -1)));
  const ended = e.state === "closed" && e.joined_at === null;
  let waitingShown = false;
  return keys.map((key) => {
    const at = times[key];
    const rank = ORDER.indexOf(key);
    if (at !== null || rank === reached || (key === "reserved" && rank < reached)) return { key, mark: "done", at };
    if (rank < reached) return { key, mark: "skipped", at };
    if (waitingShown) return { key, mark: "ahead", at };
    waitingShown = true;
    return { key, mark: ended ? "failed" : "now", at };
  });
}
