/** The list of specialists: who stands first, who may be asked, and who matches what somebody typed. Pure. */

import type { AvailabilityState, Person } from "./documents.ts";

const HELPLESS = Number.POSITIVE_INFINITY;
const TIER: Record<AvailabilityState, number> = { free: 2, busy: 2, away: 3, unknown: 4 };

/** The moment from which a person may be asked without overriding anything: `-Infinity` is now, `Infinity` unknown. */
export function helpsAt(person: Person, now: number): number {
  const { state, reachable, free_again_at, resting_until } = person.availability;
  if (state === "unknown") return HELPLESS;
  const rest = future(resting_until, now);
  const free = state === "free" || reachable === true ? null : (future(free_again_at, now) ?? HELPLESS);
  // Where the centre shows a rest as busy, nothing else is known to keep the person busy.
  if (rest !== null) return Math.max(rest, free === HELPLESS ? rest : (free ?? rest));
  return free ?? (person.registered ? -HELPLESS : HELPLESS);
}

/** Whether the person's own limits forbid asking now; an override needs a reason. */
export function isResting(person: Person, now: number): boolean {
  return future(person.availability.resting_until, now) !== null;
}

/** What a row's colour and shape tell: the state, or that the person rests, or is busy by calendar only. */
export function shadeOf(person: Person, now: number): AvailabilityState | "resting" | "reachable" {
  if (isResting(person, now)) return "resting";
  const { state, reachable } = person.availability;
  return state === "busy" && reachable === true ? "reachable" : state;
}

/** Whether a ring would find the person now: free, or busy only by calendar. */
export function mayBeAsked(person: Person, now: number): boolean {
  const { state, reachable } = person.availability;
  return person.registered && !isResting(person, now) && (state === "free" || reachable === true);
}

function future(iso: string | null | undefined, now: number): number | null {
  const at = Date.parse(iso ?? "");
  return at > now ? at : null;
}

/**
 * By how surely and how soon each can help: free now, then those whose time is known, then busy, away, unknown. In each
 * group those with the most wanted skill first, then the sooner, the higher level, the name.
 */
export function inOrder(people: Person[], wanted: string[], now: number): Person[] {
  return people
    .map((person) => ({ person, skill: firstWanted(person, wanted), tier: tierOf(person, now), at: helpsAt(person, now) }))
    .sort(
      (a, b) =>
        a.tier - b.tier ||
        a.skill.rank - b.skill.rank ||
        (a.at === b.at ? 0 : a.at - b.at) ||
        b.skill.level - a.skill.level ||
        a.person.name.localeCompare(b.person.name),
    )
    .map(({ person }) => person);
}

function tierOf(person: Person, now: number): number {
  const at = helpsAt(person, now);
  if (at === -HELPLESS) return person.availability.state === "free" ? 0 : 0.5;
  return at === HELPLESS ? TIER[person.availability.state] : 1;
}

function firstWanted(person: Person, wanted: string[]): { rank: number; level: number } {
  const rank = wanted.findIndex((skill) => skill in person.skills);
  const skill = wanted[rank];
  return skill === undefined ? { rank: wanted.length, level: 0 } : { rank, level: person.skills[skill] ?? 0 };
}

/** Whether every typed word begins a word of the person's name, title, skills or languages; accents do not matter. */
export function matches(person: Person, typed: string): boolean {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = plain([person.name, person.title, ...Object.keys(person.skills), ...person.languages].join(" "));
  const known = text.split(/[^\p{L}\p{N}]+/u);
  return words.every((word) => known.some((candidate) => candidate.startsWith(word)));
}

function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Whether to say that somebody has no phone; where nothing else is known the reason says so already. */
export function lacksPhone(person: Person): boolean {
  return !person.registered && person.availability.state !== "unknown";
}

export function ofRole(people: Person[], role: Person["roles"][number], except?: string): Person[] {
  return people.filter((person) => person.roles.includes(role) && person.id !== except);
}

export function countByState(people: Person[]): Record<AvailabilityState, number> {
  const counts: Record<AvailabilityState, number> = { free: 0, busy: 0, away: 0, unknown: 0 };
  for (const person of people) counts[person.availability.state] += 1;
  return counts;
}
