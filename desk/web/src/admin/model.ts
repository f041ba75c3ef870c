/** Drafts, differences and problems of an administrator's forms. Pure. */

import type { ApiError } from "../api.ts";
import { weekday } from "../clock.ts";
import type { Content, Kind, Problem, TemplateField, Thing, Value } from "./documents.ts";

/** What is being typed. `version` is the one it is based on; `id` counts only while the thing is new. */
export interface Draft {
  id: string;
  isNew: boolean;
  version: number;
  base: Content;
  content: Content;
  note: string;
}

/** How a new thing begins. */
export const EMPTY: Record<Kind, Content> = {
  people: { name: "", title: "", roles: ["specialist"], skills: {}, channels: { voice: 3 }, languages: [], off_hook_accepts: true },
  skills: { name: "", description: "" },
  queues: {
    ...{ name: "", number: "", skill: "", least_level: 1, ring_timeout_s: 15, wrap_up_s: 30, greeting: "greeting" },
    ...{ specialist_skills: [], deputy: null, template: "", target_s: null, ceiling_s: null, specialist_ring_s: null, hours: null },
  },
  numbers: { queue: "", note: "" },
  templates: { name: "", fields: [{ key: "", label: "", required: false, kind: "line", choices: [] }] },
  trunks: { addresses: [], outbound_uri: null },
  prompts: { recording: null, seconds: null },
  settings: { value: null },
};

export const newDraft = (kind: Kind): Draft => ({
  id: "",
  isNew: true,
  version: 0,
  base: EMPTY[kind],
  content: EMPTY[kind],
  note: "",
});

export const draftOf = (thing: Thing): Draft => ({
  id: thing.id,
  isNew: false,
  version: thing.version,
  base: thing.content,
  content: thing.content,
  note: "",
});

export const isDirty = (draft: Draft): boolean => draft.isNew || !same(draft.base, draft.content);

export function same(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Content, b as Content];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same(left[key], right[key]));
}

export interface Difference {
  field: string;
  before: Value | undefined;
  after: Value | undefined;
}

/** The fields in which two states of a thing differ, in the order in which they stand. */
export function differences(before: Content | null, after: Content | null): Difference[] {
  const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...keys]
    .filter((field) => !same(before?.[field], after?.[field]))
    .map((field) => ({ field, before: before?.[field], after: after?.[field] }));
}

export interface Words {
  yes: string;
  no: string;
  nothing: string;
  required: string;
}

/** A value in words: lists by commas, skills with their levels, a template's fields one after the other. */
export function inWords(value: Value | undefined, words: Words): string {
  if (value === null || value === undefined || value === "") return words.nothing;
  if (typeof value === "boolean") return value ? words.yes : words.no;
  if (Array.isArray(value)) return value.map((each) => inWords(each, words)).join(", ") || words.nothing;
  if (typeof value !== "object") return String(value);
  if ("key" in value && "label" in value) return fieldInWords(value as unknown as TemplateField, words);
  if ("weekdays" in value && "open" in value) return hoursInWords(value);
  const parts = Object.entries(value).map(([key, each]) => `${key} ${inWords(each, words)}`);
  return parts.join(", ") || words.nothing;
}

/** Business hours: days by their names, then the spans, then the days without any. */
function hoursInWords({ weekdays, open, holidays }: Content): string {
  const days = (weekdays as number[]).map((day) => weekday(day - 1));
  const parts = [days, open as string[], (holidays ?? []) as string[]];
  return parts.map((part) => part.join(", ")).filter(Boolean).join("; ");
}

function fieldInWords(field: TemplateField, words: Words): string {
  const marks = [field.key, field.kind, ...(field.required ? [words.required] : []), ...field.choices];
  return `${field.label} (${marks.join(", ")})`;
}

/** The merge of a draft with what somebody else saved meanwhile: mine where I changed something, theirs elsewhere. */
export function rebased(draft: Draft, theirs: Thing): Draft {
  const mine = differences(draft.base, draft.content).map(({ field, after }) => [field, after ?? null] as const);
  return {
    ...draft,
    version: theirs.version,
    base: theirs.content,
    content: { ...theirs.content, ...Object.fromEntries(mine) },
  };
}

export interface Clash {
  field: string;
  theirs: Value | undefined;
  mine: Value | undefined;
}

/** The fields that both changed, and differently. */
export function clashes(draft: Draft, theirs: Thing): Clash[] {
  return differences(draft.base, draft.content)
    .filter(({ field, after }) => !same(draft.base[field], theirs.content[field]) && !same(after, theirs.content[field]))
    .map(({ field, after }) => ({ field, theirs: theirs.content[field], mine: after }));
}

/** All problems of a refused form; a refusal without a list is one problem. */
export function problemsOf(error: ApiError | null): Problem[] {
  if (!error || error.status === 0 || error.status >= 500) return [];
  const { problems, values } = (error.details ?? {}) as { problems?: Problem[]; values?: Record<string, string> };
  if (Array.isArray(problems)) return problems;
  // What the desk itself refuses names the place in the body: `content.name`.
  const field = (error.field ?? "").replace(/^content\./, "");
  return [{ field, code: error.code, message: error.message, values: values ?? {} }];
}

/** The problem of a field: its own, or one of a part of it (`skills.claims` belongs to `skills`). */
export const problemOf = (problems: Problem[], field: string): Problem | undefined =>
  problems.find((one) => one.field === field || one.field.startsWith(`${field}.`));

/** Move one of a list up (-1) or down (1). */
export function moved<T>(list: T[], index: number, by: -1 | 1): T[] {
  const target = index + by;
  if (target < 0 || target >= list.length) return list;
  const result = [...list];
  [result[index], result[target]] = [result[target] as T, result[index] as T];
  return result;
}

/** `Policy number` becomes `policy_number`: the key of a field, proposed from its label. */
export function keyOf(label: string): string {
  const plain = label.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "_").replace(/^[^a-z]+|_+$/g, "").slice(0, 40);
}

/** Things whose id, name or any text contains all the words. */
export function found(things: Thing[], typed: string): Thing[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return things;
  const text = (thing: Thing) => `${thing.id} ${JSON.stringify(Object.values(thing.content))}`.toLowerCase();
  return things.filter((thing) => words.every((word) => text(thing).includes(word)));
}

/** A list typed with commas, semicolons, blanks or lines between. */
export const listOf = (typed: string): string[] => typed.split(/[\s,;]+/).filter(Boolean);
