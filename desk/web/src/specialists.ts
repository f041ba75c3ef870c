/** The list of specialists: who stands first, and who matches what somebody typed. Pure. */

import type { AvailabilityState, Person } from "./documents.ts";

const RANK: Record<AvailabilityState, number> = { free: 0, busy: 1, away: 2, unknown: 3 };

/** Free first; in each state those with the most wanted skill first, then the higher level: as the server orders them. */
export function inOrder(people: Person[], wanted: string[]): Person[] {
  return people
    .map((person) => ({ person, skill: firstWanted(person, wanted) }))
    .sort(
      (a, b) =>
        RANK[a.person.availability.state] - RANK[b.person.availability.state] ||
        a.skill.rank - b.skill.rank ||
        b.skill.level - a.skill.level ||
        a.person.name.localeCompare(b.person.name),
    )
    .map(({ person }) => person);
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
