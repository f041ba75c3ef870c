/** Saves what is typed by itself: soon after the last key, at once when the field is left, again when the line is back. */

import { ApiError, type Api } from "./api.ts";
import { blur, type Draft, failed, focus, isSettled, saved, sending, typed } from "./drafts.ts";
import type { Case } from "./documents.ts";
import { Store } from "./store.ts";
import { centreWords, t } from "./texts.ts";

const QUIET_MS = 300;
const LONGEST_MS = 1_500;
const RETRY_MS = 3_000;

export type Drafts = ReadonlyMap<string, Draft>;

export const draftKey = (caseId: string, field: string) => `${caseId} ${field}`;

interface Timers {
  quiet?: ReturnType<typeof setTimeout> | undefined;
  typedSince?: number | undefined;
}

export class Autosave {
  readonly drafts = new Store<Drafts>(new Map());
  private readonly timers = new Map<string, Timers>();
  /** The newest save under way per field; the answer of an older one no longer counts. */
  private readonly inFlight = new Map<string, symbol>();

  /** Versions that hold saves of this screen, per field. */
  private readonly savedVersions = new Map<string, number>();

  constructor(
    private readonly api: Pick<Api, "editCase">,
    private readonly caseNow: (caseId: string) => Case | null,
  ) {}

  get(caseId: string, field: string): Draft | undefined {
    return this.drafts.get().get(draftKey(caseId, field));
  }

  focus(caseId: string, field: string, text: string): void {
    const version = this.caseNow(caseId)?.version ?? 0;
    this.put(caseId, field, focus(this.get(caseId, field), text, version));
  }

  type(caseId: string, field: string, text: string): void {
    // Some ways of input (a chooser, a password manager) change a field without giving it the focus first.
    const draft = this.get(caseId, field) ?? blur(focus(undefined, "", this.caseNow(caseId)?.version ?? 0));
    this.put(caseId, field, typed(draft, text));
    this.schedule(caseId, field, QUIET_MS);
  }

  blur(caseId: string, field: string): void {
    const draft = this.get(caseId, field);
    if (!draft) return;
    this.put(caseId, field, blur(draft));
    this.flush(caseId, field);
    this.settle();
  }

  /** Choose one of the values in conflict (or take over another's): it covers all that this screen shows. */
  async choose(caseId: string, field: string, text: string): Promise<void> {
    const version = this.caseNow(caseId)?.version ?? 0;
    const focused = this.get(caseId, field)?.focused ?? false;
    clearTimeout(this.timers.get(draftKey(caseId, field))?.quiet);
    const fresh = focus(undefined, text, version);
    this.put(caseId, field, { ...fresh, focused, phase: "dirty" });
    await this.send(caseId, field);
  }

  /** Follow the other's value without writing anything: what was typed here goes. */
  follow(caseId: string, field: string, text: string): void {
    clearTimeout(this.timers.get(draftKey(caseId, field))?.quiet);
    if (!this.get(caseId, field)?.focused) return this.remove(draftKey(caseId, field));
    this.put(caseId, field, focus(undefined, text, this.caseNow(caseId)?.version ?? 0));
  }

  /** Drop drafts that the documents now contain; call after every change of the documents. */
  settle(): void {
    for (const [key, draft] of this.drafts.get()) {
      if (isSettled(draft, this.caseNow(key.split(" ")[0] ?? ""))) this.remove(key);
    }
  }

  /** Try again all that failed for want of an answer; call when the line is back. */
  retryAll(): void {
    for (const [key, draft] of this.drafts.get()) {
      const [caseId, field] = key.split(" ") as [string, string];
      if (draft.phase === "dirty" || (draft.phase === "failed" && draft.canRetry)) void this.send(caseId, field);
    }
  }

  /** Whether this version of a field was written by this screen. */
  savedHere(caseId: string, field: string, version: number): boolean {
    return this.savedVersions.get(draftKey(caseId, field)) === version;
  }

  hasUnsaved(): boolean {
    return [...this.drafts.get().values()].some((draft) => draft.phase !== "clean");
  }

  clear(): void {
    for (const timers of this.timers.values()) clearTimeout(timers.quiet);
    this.timers.clear();
    this.inFlight.clear();
    this.savedVersions.clear();
    this.drafts.set(new Map());
  }

  private flush(caseId: string, field: string): void {
    if (this.get(caseId, field)?.phase === "dirty") void this.send(caseId, field);
  }

  private schedule(caseId: string, field: string, pauseMs: number): void {
    const key = draftKey(caseId, field);
    const timers = this.timers.get(key) ?? {};
    const now = Date.now();
    timers.typedSince ??= now;
    clearTimeout(timers.quiet);
    const wait = Math.max(0, Math.min(pauseMs, timers.typedSince + LONGEST_MS - now));
    timers.quiet = setTimeout(() => this.flush(caseId, field), wait);
    this.timers.set(key, timers);
  }

  private async send(caseId: string, field: string): Promise<void> {
    const draft = this.get(caseId, field);
    if (!draft || draft.phase === "saving") return;
    const key = draftKey(caseId, field);
    clearTimeout(this.timers.get(key)?.quiet);
    this.timers.delete(key);
    const going = sending(draft);
    const ticket = Symbol(key);
    this.inFlight.set(key, ticket);
    this.put(caseId, field, going);
    const next = await this.api.editCase(caseId, field, going.text, going.base).then(
      (answer) => (now: Draft) => saved(now, answer.version, answer.conflict),
      (error: unknown) => (now: Draft) => failed(now, messageOf(error), isTransient(error)),
    );
    const now = this.get(caseId, field);
    if (!now || this.inFlight.get(key) !== ticket) return;
    this.inFlight.delete(key);
    const after = next(now);
    if (after.savedVersion !== null) this.savedVersions.set(key, after.savedVersion);
    this.put(caseId, field, after);
    this.settle();
    if (after.phase === "dirty") this.schedule(caseId, field, QUIET_MS);
    if (after.phase === "failed" && after.canRetry) this.retryLater(caseId, field);
  }

  private retryLater(caseId: string, field: string): void {
    const key = draftKey(caseId, field);
    const quiet = setTimeout(() => {
      if (this.get(caseId, field)?.phase === "failed") void this.send(caseId, field);
    }, RETRY_MS);
    this.timers.set(key, { quiet });
  }

  private put(caseId: string, field: string, draft: Draft): void {
    this.drafts.set(new Map(this.drafts.get()).set(draftKey(caseId, field), draft));
  }

  private remove(key: string): void {
    const next = new Map(this.drafts.get());
    next.delete(key);
    this.drafts.set(next);
  }
}

const isTransient = (error: unknown) => !(error instanceof ApiError) || error.isTransient || error.status === 401;

function messageOf(error: unknown): string {
  if (isTransient(error)) return t.case.notSavedYet;
  if (!(error instanceof ApiError)) return t.errors.unknown;
  return centreWords(error.message, t.report.errors[error.code] ?? t.errors.unknown);
}
