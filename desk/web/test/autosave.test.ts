import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError } from "../src/api.ts";
import { Autosave } from "../src/autosave.ts";
import type { Case } from "../src/documents.ts";
import { caseWith } from "./situations.ts";

const CASE = "case_1";
let now: Case;
let edits: [string, string, number][];
let answer: () => Promise<{ version: number; conflict: boolean }>;
let autosave: Autosave;

beforeEach(() => {
  vi.useFakeTimers();
  now = caseWith(3);
  edits = [];
  answer = () => Promise.resolve({ version: ++(now as { version: number }).version, conflict: false });
  autosave = new Autosave(
    {
      editCase: (_case, field, text, base) => {
        edits.push([field, text, base]);
        return answer();
      },
    },
    () => now,
  );
});

afterEach(() => vi.useRealTimers());

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function begin(text: string) {
  autosave.focus(CASE, "policy", "");
  autosave.type(CASE, "policy", text);
}

describe("saving by itself", () => {
  test("at most 400 ms after the last key, once", async () => {
    begin("a");
    await later(200);
    autosave.type(CASE, "policy", "ab");
    await later(200);
    expect(edits).toEqual([]);
    await later(200);
    expect(edits).toEqual([["policy", "ab", 3]]);
  });

  test("somebody who never stops typing is saved in between", async () => {
    begin("0");
    for (let key = 1; key < 12; key++) {
      await later(200);
      autosave.type(CASE, "policy", String(key));
    }
    expect(edits.length).toBeGreaterThan(0);
  });

  test("at once when the field is left, and then the draft goes", async () => {
    begin("a");
    autosave.blur(CASE, "policy");
    await later(0);
    expect(edits).toEqual([["policy", "a", 3]]);
    expect(autosave.drafts.get().size).toBe(0);
    expect(autosave.savedHere(CASE, "policy", 4)).toBe(true);
  });

  test("what is typed while a save is under way is saved next, one at a time", async () => {
    let finish = (_: { version: number; conflict: boolean }) => {};
    answer = () => new Promise((resolve) => (finish = resolve));
    begin("a");
    await later(400);
    autosave.type(CASE, "policy", "ab");
    await later(1_000);
    expect(edits).toHaveLength(1);
    finish({ version: 4, conflict: false });
    await later(400);
    expect(edits[1]).toEqual(["policy", "ab", 4]);
  });

  test("nothing typed means nothing sent", async () => {
    autosave.focus(CASE, "policy", "x");
    autosave.blur(CASE, "policy");
    await later(5_000);
    expect(edits).toEqual([]);
    expect(autosave.drafts.get().size).toBe(0);
  });
});

describe("when saving fails", () => {
  test("without an answer the text is kept and tried again by itself", async () => {
    const works = answer;
    answer = () => Promise.reject(new ApiError(0, "no_answer", ""));
    begin("kept");
    autosave.blur(CASE, "policy");
    await later(10);
    expect(autosave.get(CASE, "policy")).toMatchObject({ text: "kept", phase: "failed" });
    expect(autosave.hasUnsaved()).toBe(true);
    answer = works;
    await later(3_000);
    expect(edits.at(-1)).toEqual(["policy", "kept", 3]);
    expect(autosave.hasUnsaved()).toBe(false);
  });

  test("when the line is back it is tried at once", async () => {
    const works = answer;
    answer = () => Promise.reject(new ApiError(503, "down", ""));
    begin("kept");
    autosave.blur(CASE, "policy");
    await later(10);
    answer = works;
    autosave.retryAll();
    await later(0);
    expect(edits).toHaveLength(2);
    await later(10_000);
    expect(edits).toHaveLength(2);
  });

  test("a refusal shows its sentence and is not repeated", async () => {
    answer = () => Promise.reject(new ApiError(422, "value_too_long", "At most 4000 characters fit here."));
    begin("long");
    await later(20_000);
    expect(edits).toHaveLength(1);
    expect(autosave.get(CASE, "policy")).toMatchObject({ text: "long", error: "At most 4000 characters fit here." });
  });
});

describe("conflicts", () => {
  test("a choice covers all that the screen shows", async () => {
    now = caseWith(9);
    await autosave.choose(CASE, "policy", "theirs");
    expect(edits).toEqual([["policy", "theirs", 9]]);
    expect(autosave.drafts.get().size).toBe(0);
  });

  test("typing on in a conflict does not settle it", async () => {
    answer = () => Promise.resolve({ version: 6, conflict: true });
    begin("mine");
    await later(400);
    autosave.type(CASE, "policy", "mine too");
    await later(400);
    expect(edits.map((edit) => edit[2])).toEqual([3, 3]);
  });

  test("the answer of an older save does not disturb a choice made meanwhile", async () => {
    const finish: ((_: { version: number; conflict: boolean }) => void)[] = [];
    answer = () => new Promise((resolve) => finish.push(resolve));
    begin("mine");
    await later(400);
    now = caseWith(5);
    const chosen = autosave.choose(CASE, "policy", "theirs");
    finish[0]?.({ version: 4, conflict: true });
    await later(0);
    expect(autosave.get(CASE, "policy")).toMatchObject({ text: "theirs", phase: "saving" });
    finish[1]?.({ version: 6, conflict: false });
    await chosen;
    expect(autosave.get(CASE, "policy")).toMatchObject({ text: "theirs", phase: "clean", base: 6 });
  });
});
