import { describe, expect, test } from "vitest";
import { viewsOf } from "../src/parts/App.tsx";
import { awaitsAcknowledgement } from "../src/rendered.ts";
import * as select from "../src/select.ts";
import { agent, AT, call, escalation, screen } from "./situations.ts";

const talking = { role: "agent", person: "petra", name: "Petra", state: "talking", since: AT } as const;
const joined = { role: "specialist", person: "eva", name: "Eva", state: "talking", since: AT } as const;

describe("which call is mine", () => {
  test("an agent's call is the one his status names", () => {
    const docs = { me: agent("petra", { interaction: "int_2" }), "interaction/int_1": call("int_1", [talking]), "interaction/int_2": call("int_2") };
    expect(select.agentInteraction(screen(docs))?.id).toBe("int_2");
  });

  test("without a name it is the one he takes part in", () => {
    const docs = { me: agent("petra"), "interaction/int_1": call("int_1", [talking]), "interaction/int_0": call("int_0") };
    expect(select.agentInteraction(screen(docs))?.id).toBe("int_1");
  });

  test("a specialist's call begins when he talks, not when his phone rings", () => {
    const me = { ...agent("eva"), agent: null, roles: ["specialist"] };
    const ringing = { ...joined, state: "ringing" as const };
    const before = screen({ me, "interaction/int_1": call("int_1", [ringing]) });
    const after = screen({ me, "interaction/int_1": call("int_1", [joined]) });
    expect(select.specialistInteraction(before)).toBeNull();
    expect(select.specialistInteraction(after)?.id).toBe("int_1");
  });

  test("arriving cases are those for me that I have not joined", () => {
    const arriving = (state: "requested" | "offered" | "ringing" | "joined" | "closed", specialist = "eva") =>
      select.arriving(screen({ me: agent("eva"), "escalation/e": escalation({ state, specialist }) })).length;
    expect([arriving("requested"), arriving("offered"), arriving("ringing"), arriving("joined"), arriving("closed")]).toEqual([
      0, 1, 1, 0, 0,
    ]);
    expect(arriving("offered", "somebody")).toBe(0);
  });

  test("the newest escalation of a call counts", () => {
    const older = escalation({ id: "esc_1", state: "closed", requested_at: "2026-11-21T09:00:00Z" });
    const newer = escalation({ id: "esc_2", requested_at: "2026-11-21T09:05:00Z" });
    const state = screen({ "escalation/esc_2": newer, "escalation/esc_1": older });
    expect(select.escalationOf(state, "int_1")?.id).toBe("esc_2");
  });
});

describe("the steps of an escalation", () => {
  const marks = (changes: Parameters<typeof escalation>[0]) =>
    select.steps(escalation(changes)).map((step) => step.mark).join(" ");

  test.each([
    [{ state: "requested" }, "done now ahead ahead ahead ahead"],
    [{ state: "reserved" }, "done done now ahead ahead ahead"],
    [{ state: "offered", pushed_at: AT }, "done done now ahead ahead ahead"],
    [{ state: "rendered", pushed_at: AT, rendered_at: AT }, "done done done now ahead ahead"],
    [{ state: "ringing", pushed_at: AT, rendered_at: AT, ringing_at: AT }, "done done done done now ahead"],
    [{ state: "joined", pushed_at: AT, rendered_at: AT, ringing_at: AT, accepted_at: AT, joined_at: AT }, "done done done done done done"],
  ] as const)("%o", (changes, expected) => {
    expect(marks(changes)).toBe(expected);
  });

  test("a silent screen is skipped, not waited for", () => {
    expect(marks({ state: "ringing", pushed_at: AT, ringing_at: AT })).toBe("done done skipped done now ahead");
  });

  test("what ended shows the step where it ended", () => {
    expect(marks({ state: "closed", pushed_at: AT, rendered_at: AT, ringing_at: AT, closed_at: AT })).toBe(
      "done done done done failed ahead",
    );
    expect(marks({ state: "closed", closed_at: AT })).toBe("done failed ahead ahead ahead ahead");
  });
});

describe("the acknowledgement of a case on the screen", () => {
  test.each([
    [{ state: "reserved" }, false],
    [{ state: "offered" }, true],
    [{ state: "ringing" }, true],
    [{ state: "ringing", rendered_at: AT }, false],
    [{ state: "offered", digest: "" }, false],
    [{ state: "closed" }, false],
  ] as const)("%o is due: %s", (changes, due) => {
    expect(awaitsAcknowledgement(escalation(changes))).toBe(due);
  });
});

test("a person sees the pages of all his roles, his work first", () => {
  expect(viewsOf(["agent"])).toEqual(["work"]);
  expect(viewsOf(["supervisor"])).toEqual(["overview"]);
  expect(viewsOf(["administrator", "specialist"])).toEqual(["work", "overview", "administration"]);
});
