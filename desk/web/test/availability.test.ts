import { afterEach, expect, test } from "vitest";
import { becauseWords } from "../src/parts/because.ts";
import { mayBeAsked, shadeOf } from "../src/specialists.ts";
import { speak } from "../src/texts.ts";
import { AT, person } from "./situations.ts";

const NOW = Date.parse(AT);
const LATER = new Date(NOW + 60_000).toISOString();

function seen(state: "free" | "busy" | "unknown", more: object) {
  const shown = person("eva", state);
  return { ...shown, registered: true, availability: { ...shown.availability, ...more } };
}

afterEach(() => speak("en"));

test("busy by calendar only has a shape and colour of its own, and may be asked (S06 step 5)", () => {
  const meeting = seen("busy", { reachable: true, kind: "busy_by_calendar_reachable" });
  expect(shadeOf(meeting, NOW)).toBe("reachable");
  expect(mayBeAsked(meeting, NOW)).toBe(true);
  expect(shadeOf(seen("busy", {}), NOW)).toBe("busy");
  expect(shadeOf(seen("busy", { reachable: true, resting_until: LATER }), NOW)).toBe("resting");
});

test("who did not answer is unknown and may not be asked, with the reason in every language (S02 step 6)", async () => {
  const missed = seen("unknown", { because: "did not answer twice", kind: "unconfirmed", unconfirmed_since: AT });
  expect(shadeOf(missed, NOW)).toBe("unknown");
  expect(mayBeAsked(missed, NOW)).toBe(false);
  expect(becauseWords(missed.availability)).toBe("did not answer twice");
  await speak("cs");
  expect(becauseWords(missed.availability)).toBe("na pozvání neodpověděl(a)");
});

test.each([
  ["in a Teams call since 14:02", "in a Teams call"],
  ["resting until 15:00 (quiet time)", "quiet time"],
  ["busy by calendar until 14:30, reachable", "busy by calendar until 14:30, reachable"],
])("what stands beside it is not said twice: %s", (because, words) => {
  expect(becauseWords(seen("busy", { because }).availability)).toBe(words);
});
