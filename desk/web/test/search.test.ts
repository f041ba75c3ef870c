import { describe, expect, test } from "vitest";
import type { Task } from "../src/documents.ts";
import { formOf, limitsOf, mistakeIn } from "../src/limits.ts";
import { lookOf, titleOf } from "../src/parts/EscalationProgress.tsx";
import { deadlineOf } from "../src/parts/SearchClock.tsx";
import { invitationWords, promiseWords } from "../src/parts/Search.tsx";
import { soonWords } from "../src/parts/SpecialistList.tsx";
import * as select from "../src/select.ts";
import { inOrder, isResting, mayBeAsked } from "../src/specialists.ts";
import { agent, AT, escalation, person, screen } from "./situations.ts";

const NOW = Date.parse(AT);
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();
const deadline = { requested_at: AT, target_at: at(20), ceiling_at: at(30) };

describe("the clock of a search", () => {
  test.each([
    [0, "in-time"],
    [19.9, "in-time"],
    [20, "past-target"],
    [30, "past-ceiling"],
  ])("after %i s it is %s", (seconds, stage) => {
    expect(deadlineOf(escalation(deadline), NOW + seconds * 1000)).toEqual({
      elapsed_s: seconds,
      target_s: 20,
      ceiling_s: 30,
      stage,
    });
  });

  test("after a wait of many minutes it runs from the new beginning, said or guessed", () => {
    const waited = { requested_at: at(-600), target_at: at(20), ceiling_at: at(30) };
    expect(deadlineOf(escalation(waited), NOW + 5_000)?.elapsed_s).toBe(5);
    expect(deadlineOf(escalation({ ...waited, clock_from: at(1) }), NOW + 5_000)?.elapsed_s).toBe(4);
  });

  test("without its marks there is none", () => {
    expect(deadlineOf(escalation(), NOW)).toBeNull();
  });
});

test("what a search looks like and is called", () => {
  const named = (changes: Parameters<typeof escalation>[0]) => {
    const doc = escalation(changes);
    return [lookOf(doc), titleOf(doc, lookOf(doc))];
  };
  const nobody = { specialist: null, specialist_name: null };
  expect(named({ ...nobody, skill: "legal" })).toEqual(["running", "Looking for a specialist: legal"]);
  expect(named(nobody)).toEqual(["running", "Looking for a specialist"]);
  expect(named({ ...nobody, state: "choosing" })).toEqual(["choosing", "Nobody is free now"]);
  expect(named({ state: "closed" })).toEqual(["failed", "Eva did not join"]);
  expect(named({ state: "closed", joined_at: AT })[0]).toBe("over");
});

test("invitations end with a cause in words, unknown ones in the centre's", () => {
  const one = { specialist: "eva", specialist_name: "Eva", state: "ended", begun_at: AT } as const;
  expect(invitationWords({ ...one, cause: "no_answer", cause_text: "x" })).toBe("no answer");
  expect(invitationWords({ ...one, cause: "moon", cause_text: "full moon" })).toBe("full moon");
  expect(invitationWords({ ...one, state: "ringing", cause: "", cause_text: "" })).toBe("ringing");
});

test("the promise is read as the centre says it, or made of its parts", () => {
  const promise = { kind: "callback", owner: "eva", owner_name: "Eva", due_at: at(600), slot: { begins_at: at(300), ends_at: at(900) } } as const;
  expect(promiseWords({ ...promise, sentence: "Eva calls." }, NOW)).toBe("Eva calls.");
  expect(promiseWords({ ...promise, sentence: "" }, NOW)).toMatch(/^Eva will call you back at \d\d:\d\d\.$/);
});

describe("who can help, and when", () => {
  const busy = (id: string, changes: object, skills = { claims: 3 }) => {
    const one = person(id, "busy", skills);
    return { ...one, availability: { ...one.availability, ...changes } };
  };

  test("known times come after free and before all others, the sooner first (CE-13)", () => {
    const people = [
      person("away", "away", { claims: 5 }),
      busy("later", { free_again_at: at(900) }),
      busy("sooner", { free_again_at: at(120) }),
      busy("resting", { kind: "resting", resting_until: at(3_600) }),
      busy("endless", {}),
      person("free", "free", { claims: 1 }),
      busy("reachable", { reachable: true }),
    ];
    expect(inOrder(people, ["claims"], NOW).map((one) => one.id)).toEqual([
      "free", "reachable", "sooner", "later", "resting", "endless", "away",
    ]);
  });

  test("a rest that is over does not count; a resting person is never simply asked (N14)", () => {
    const over = busy("x", { reachable: true, resting_until: at(-1) });
    const resting = { ...person("y", "free"), availability: { ...person("y", "free").availability, resting_until: at(60) } };
    expect([isResting(over, NOW), mayBeAsked(over, NOW)]).toEqual([false, true]);
    expect([isResting(resting, NOW), mayBeAsked(resting, NOW)]).toEqual([true, false]);
    expect(mayBeAsked({ ...person("z", "free"), registered: false }, NOW)).toBe(false);
  });

  test("minutes to wait are rounded up and never zero", () => {
    expect([61, 60, 1].map((s) => soonWords(at(s), NOW))).toEqual([
      "free in about 2 min", "free in about 1 min", "free in about 1 min",
    ]);
    expect([soonWords(at(0), NOW), soonWords(null, NOW)]).toEqual(["", ""]);
    expect(soonWords(at(7_200), NOW)).toMatch(/^free again at/);
  });
});

describe("limits", () => {
  test.each([
    ["", null],
    ["1", null],
    ["60", null],
    ["0", "per_hour"],
    ["61", "per_hour"],
    ["2.5", "per_hour"],
    ["two", "per_hour"],
  ])("'%s' an hour is judged %s", (perHour, mistake) => {
    expect(mistakeIn({ perHour, quiet: [], focus: "none" })).toBe(mistake);
  });

  test("a quiet time needs both ends", () => {
    expect(mistakeIn({ perHour: "", quiet: [{ weekday: 0, from: "12:00", to: "" }], focus: "none" })).toBe("times");
  });

  test("a focus that runs is kept as it is until another is chosen", () => {
    const limits = { per_hour: 3, quiet: [], focus_until: at(600) };
    const form = formOf(limits, NOW);
    expect(form).toEqual({ perHour: "3", quiet: [], focus: "keep" });
    expect(limitsOf(form, limits.focus_until, NOW)).toEqual(limits);
    expect(limitsOf({ ...form, focus: "h1" }, limits.focus_until, NOW).focus_until).toBe(at(3_600));
    expect(limitsOf({ ...form, perHour: "", focus: "none" }, limits.focus_until, NOW)).toEqual({
      per_hour: null, quiet: [], focus_until: null,
    });
    expect(formOf(limits, NOW + 700_000).focus).toBe("none");
  });
});

test("promises: mine, offered to me, overdue", () => {
  const task = (id: string, changes: Partial<Task>): Task => ({
    id, kind: "callback", state: "open", owner: null, owner_name: null, skill: "", priority: 1, due_at: at(60),
    person: null, person_name: null, overdue: false, customer: null, caller_number: "+1", interaction: "int_1",
    case: "case_1", sentence: "", arrived_at: AT, ...changes,
  });
  const tasks = [
    task("mine", { owner: "eva" }),
    task("offered", { state: "offered", person: "eva", owner: "jan" }),
    task("elsewhere", { state: "offered", person: "jan", owner: "eva", due_at: at(-1) }),
    task("taken", { state: "accepted", person: "jan", owner: "eva", overdue: true, due_at: at(70) }),
    task("done", { owner: "eva", state: "done" }),
  ];
  const state = screen({ me: agent("eva"), ...Object.fromEntries(tasks.map((one) => [`task/${one.id}`, one])) });
  expect(select.offeredTasks(state).map((one) => one.id)).toEqual(["offered"]);
  expect(select.myTasks(state).map((one) => one.id)).toEqual(["mine"]);
  expect(select.openTasks(state).map((one) => select.isOverdue(one, NOW))).toEqual([true, false, false, true]);
});
