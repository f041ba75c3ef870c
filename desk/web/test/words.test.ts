import { expect, test, vi } from "vitest";
import { ApiError, toError } from "../src/api.ts";
import { duration, elapsed, learnServerTime, offset, serverNow, shortTime } from "../src/clock.ts";
import { sentence } from "../src/hooks.ts";
import { untilMoment } from "../src/parts/Availability.tsx";
import { ageWords } from "../src/parts/bits.tsx";
import { causeOf } from "../src/parts/EscalationProgress.tsx";
import { detail } from "../src/parts/Timeline.tsx";
import { escalation } from "./situations.ts";

test("durations", () => {
  expect([0, 7, 67, 3725, -5].map(duration)).toEqual(["0:00", "0:07", "1:07", "1:02:05", "0:00"]);
  expect(elapsed("2026-11-21T10:00:00Z", Date.parse("2026-11-21T10:04:07Z"))).toBe("4:07");
  expect(offset("2026-11-21T10:00:00.000Z", "2026-11-21T10:00:01.440Z")).toBe("+1.4 s");
  expect([3, 90, 7_300, 200_000].map(ageWords)).toEqual(["3 s", "1 min", "2 h", "2 d"]);
});

test("a time of another day shows its day; no time shows nothing", () => {
  const now = new Date(2026, 10, 21, 12).getTime();
  expect(shortTime(new Date(2026, 10, 21, 10, 2).toISOString(), now)).toBe("10:02");
  expect(shortTime(new Date(2026, 10, 20, 10, 2).toISOString(), now)).toBe("20 Nov 10:02");
  expect(shortTime(null, now)).toBe("");
});

test("a wrong clock of this machine is corrected by the server's", () => {
  vi.useFakeTimers({ now: Date.parse("2026-11-21T10:00:00Z") });
  learnServerTime("Sat, 21 Nov 2026 11:00:00 GMT", Date.now());
  expect(serverNow() - Date.now()).toBe(3_600_500); // the header is cut to seconds: half of one is right on average
  learnServerTime("nonsense", Date.now());
  expect(serverNow() - Date.now()).toBe(3_600_500);
  learnServerTime("Sat, 21 Nov 2026 10:00:00 GMT", Date.now());
  expect(serverNow()).toBe(Date.now());
  vi.useRealTimers();
});

test("errors: the centre's sentence, or ours when there is none", () => {
  const refused = toError(409, { error: { code: "not_free", message: "Eva is not free: in a call." } });
  expect(sentence(refused)).toBe("Eva is not free: in a call.");
  expect(sentence(toError(502, "<html>"))).toBe("That did not work. Try again.");
  expect(sentence(new ApiError(0, "no_answer", ""))).toContain("does not answer");
  expect(toError(422, { error: { code: "x", message: "y", field: "text" } }).field).toBe("text");
});

test("causes of a failed escalation are sentences, unknown ones too", () => {
  expect(causeOf(escalation({ cause: "no_answer", cause_text: "did not answer" }))).toBe("Eva did not answer.");
  expect(causeOf(escalation({ cause: "moon", cause_text: "full moon" }))).toBe("It ended: full moon.");
});

test("until: a moment for the API", () => {
  const now = new Date(2026, 10, 21, 19).getTime();
  expect(untilMoment("open", now)).toBeNull();
  expect(untilMoment("h1", now)).toBe(new Date(now + 3_600_000).toISOString());
  expect(Date.parse(untilMoment("eod", now)!)).toBe(new Date(2026, 10, 22, 18).getTime());
});

test("the data of an event in one line", () => {
  expect(detail({ reason: "no_answer", empty: null, list: [1] })).toBe("reason no_answer · list [1]");
  expect(detail({ pii_text: "HH-1", digest: "0a".repeat(32) })).toBe("text HH-1 · digest 0a0a0a0a0a0a…");
});
