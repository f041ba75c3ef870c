/** The figures of a supervisor's page: the document `report`, its drill-down, and what somebody's help changed. */

import type { State } from "./store.ts";

export type Window = "today" | "recent";
export type Figure =
  | "arrived"
  | "in_time"
  | "late"
  | "abandoned"
  | "left_early"
  | "closed"
  | "resolved"
  | "unresolved"
  | "asked"
  | "joined"
  | "promised"
  | "ended";

/** Lower edges of the histogram's bars, in seconds; the last bar is open. */
export const BINS = [0, 5, 10, 15, 20, 25, 30] as const;
/** The key of all queues together. */
export const WHOLE = "";

export interface HandOvers {
  asked: number;
  joined: number;
  joined_waiting: number;
  promised: number;
  ended: number;
  within_target: number;
  within_ceiling: number;
  p50_s: number | null;
  p95_s: number | null;
  max_s: number | null;
  histogram: number[];
}

export interface Filled {
  required: number;
  empty: number;
  filled_share: number | null;
}

export interface Figures {
  arrived: number;
  in_time: number;
  late: number;
  abandoned: number;
  left_early: number;
  waiting_late: number;
  service_level: number | null;
  closed: number;
  resolved: number;
  unresolved: number;
  resolved_share: number | null;
  budgets: Record<"wait_s" | "customer_s" | "agent_s" | "specialist_s", number | null>;
  hand_over: HandOvers;
  required: { at_join: Filled; at_close: Filled };
}

export interface Report {
  target: { answered_share: number; answer_within_s: number; hand_over_target_s: number; hand_over_ceiling_s: number };
  windows: Record<Window, Record<string, Figures>>;
  hours: { at: string; in_time: number; settled: number }[];
  /** Queues (or all together) whose service level of the last half hour is under the target. */
  below_target: string[];
}

/** Which calls to list: those that make one number or bar. */
export interface Behind {
  figure: Figure;
  window: Window;
  queue: string;
  bin?: number;
}

export interface CallRow {
  interaction: string;
  queue: string;
  queue_name: string;
  started_at: string;
  wait_s: number | null;
  answered: boolean;
  running: boolean;
  called_back: boolean;
  agent_name: string | null;
  specialist_names: string[];
  hand_over_s: number | null;
  promised: boolean;
  resolved: boolean | null;
  caller_number: string;
  customer_name: string | null;
}

export interface CallRows {
  rows: CallRow[];
  count: number;
}

export interface HelpRow {
  interaction: string;
  joined_at: string;
  closed: boolean;
  asked_by: string;
  specialist_name?: string;
  /** I was the specialist; else I asked him in. */
  helped?: boolean;
  customer_name: string;
  queue_name: string;
  outcome: string;
  resolved: boolean | null;
  specialist_s: number;
  empty_at_join: number | null;
  empty_at_close: number | null;
  rating: number | null;
  words: string;
}

export interface HelpGiven {
  rows: HelpRow[];
  joined: number;
  resolved: number;
  known: number;
}

export const reportOf = (state: State) => (state.docs.get("report") as Report | undefined) ?? null;

/** How high each bar is, 0 to 1, so that the highest fills the chart. */
export function heights(counts: number[]): number[] {
  const most = Math.max(1, ...counts);
  return counts.map((count) => count / most);
}

/** Whether a bar of the histogram lies before the first mark, between the marks, or past the second. */
export function lateness(bin: number, target: number, ceiling: number): "good" | "late" | "over" {
  const from = BINS[bin] ?? 0;
  return from >= ceiling ? "over" : from >= target ? "late" : "good";
}
