/** The form of a person's own limits: what is typed, whether it makes sense, and what is sent. Pure. */

import type { Limits, QuietWindow } from "./documents.ts";

export type Focus = "keep" | "none" | "m30" | "h1" | "h2" | "eod";

export interface LimitsForm {
  perHour: string;
  quiet: QuietWindow[];
  focus: Focus;
}

export const MOST_PER_HOUR = 60;
export const MOST_WINDOWS = 28;

export function formOf(limits: Limits | null | undefined, now: number): LimitsForm {
  const focuses = Date.parse(limits?.focus_until ?? "") > now;
  return {
    perHour: limits?.per_hour ? String(limits.per_hour) : "",
    quiet: limits?.quiet ?? [],
    focus: focuses ? "keep" : "none",
  };
}

export type Mistake = "per_hour" | "times";

export function mistakeIn(form: LimitsForm): Mistake | null {
  const typed = form.perHour.trim();
  const n = Number(typed);
  if (typed !== "" && !(Number.isInteger(n) && n >= 1 && n <= MOST_PER_HOUR)) return "per_hour";
  return form.quiet.every((one) => one.from !== "" && one.to !== "") ? null : "times";
}

/** What the API takes; `kept` is the end of a focus that goes on as it was. */
export function limitsOf(form: LimitsForm, kept: string | null, now: number): Limits {
  const typed = form.perHour.trim();
  return {
    per_hour: typed === "" ? null : Number(typed),
    quiet: form.quiet,
    focus_until: form.focus === "keep" ? kept : form.focus === "none" ? null : endOf(form.focus, now),
  };
}

/** The moment that "an hour from now" or "18:00 today" means. */
export function endOf(choice: "m30" | "h1" | "h2" | "eod", now: number): string {
  if (choice !== "eod") return new Date(now + { m30: 30, h1: 60, h2: 120 }[choice] * 60_000).toISOString();
  const evening = new Date(now);
  evening.setHours(18, 0, 0, 0);
  if (evening.getTime() <= now) evening.setDate(evening.getDate() + 1);
  return evening.toISOString();
}
