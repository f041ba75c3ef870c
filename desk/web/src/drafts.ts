/**
 * What a person is typing into a field of a case, kept apart from the document so that no incoming change eats it.
 *
 *   none ──focus──▶ clean ──typed──▶ dirty ──sending──▶ saving ──saved──▶ clean ──blur, seen in document──▶ none
 *                                      ▲                   └──failed──▶ failed ──typed / retry──▶ dirty
 *
 * `base` is the version of the case that its author had seen when he began. It grows only by his own saves, never by
 * other people's changes: so the server notices when both wrote the same field and keeps both values.
 */

import type { Case, CaseField, CaseValue } from "./documents.ts";

export type DraftPhase = "clean" | "dirty" | "saving" | "failed";

export interface Draft {
  readonly text: string;
  readonly base: number;
  readonly phase: DraftPhase;
  readonly focused: boolean;
  /** The text on its way to the server; while it travels, more may be typed. */
  readonly sent: string | null;
  /** Version that holds our last save; the document must reach it before the draft may go. */
  readonly savedVersion: number | null;
  readonly error: string;
  /** Whether trying again by itself makes sense (no answer), or the text must change first (refused). */
  readonly canRetry: boolean;
}

export function begin(text: string, base: number): Draft {
  return { text, base, phase: "clean", focused: true, sent: null, savedVersion: null, error: "", canRetry: false };
}

export function typed(draft: Draft, text: string): Draft {
  if (text === draft.text) return draft;
  return { ...draft, text, phase: draft.phase === "saving" ? "saving" : "dirty", error: "" };
}

export function sending(draft: Draft): Draft {
  return { ...draft, phase: "saving", sent: draft.text, error: "" };
}

/** The server has it. With a conflict the base stays: the other's value was not seen when this was typed. */
export function saved(draft: Draft, version: number, conflict: boolean): Draft {
  const phase: DraftPhase = draft.text === draft.sent ? "clean" : "dirty";
  return { ...draft, phase, sent: null, savedVersion: version, base: conflict ? draft.base : version };
}

export function failed(draft: Draft, error: string, canRetry: boolean): Draft {
  const phase: DraftPhase = draft.text === draft.sent || canRetry ? "failed" : "dirty";
  return { ...draft, phase, sent: null, error, canRetry };
}

export function focus(draft: Draft | undefined, text: string, version: number): Draft {
  return draft ? { ...draft, focused: true } : begin(text, version);
}

export function blur(draft: Draft): Draft {
  return { ...draft, focused: false };
}

/** Whether the document now says all that the draft says, so that the draft may go. */
export function isSettled(draft: Draft, document: Case | null): boolean {
  if (draft.focused || draft.phase !== "clean") return false;
  return draft.savedVersion === null || (document !== null && document.version >= draft.savedVersion);
}

export type Mark = "none" | "saved" | "pending" | "saving" | "failed" | "conflict";

export interface FieldView {
  /** What the input shows. */
  text: string;
  mark: Mark;
  error: string;
  /** Two or more values of which somebody must choose one. */
  conflict: CaseValue[];
  /** Somebody else's newer value of a field that is being typed into, shown beside. */
  beside: CaseValue | null;
}

/** What a field shows: the document, or the draft with other people's news beside it. */
export function view(field: CaseField, draft: Draft | undefined): FieldView {
  const newest = field.values.at(-1);
  const conflict = field.values.length > 1 ? field.values : [];
  if (!draft) {
    const text = newest?.text ?? "";
    return { text, mark: conflict.length ? "conflict" : text ? "saved" : "none", error: "", conflict, beside: null };
  }
  const news = conflict.length === 0 && newest && newest.version > draft.base && newest.text !== draft.text;
  const isOwnEcho = newest !== undefined && newest.version === draft.savedVersion;
  const isOlderOwn = draft.sent !== null && newest?.text === draft.sent;
  return {
    text: draft.text,
    mark: markOf(draft, conflict.length > 0),
    error: draft.error,
    conflict,
    beside: news && !isOwnEcho && !isOlderOwn ? newest : null,
  };
}

function markOf(draft: Draft, inConflict: boolean): Mark {
  if (draft.phase === "dirty") return "pending";
  if (draft.phase === "saving" || draft.phase === "failed") return draft.phase;
  if (inConflict) return "conflict";
  return draft.savedVersion === null && draft.text === "" ? "none" : "saved";
}
