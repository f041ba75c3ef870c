import { afterEach, expect, test } from "vitest";
import { toError } from "../src/api.ts";
import { lostWords } from "../src/parts/TooLate.tsx";
import { LANGUAGES, type Language, speak } from "../src/texts.ts";

const refusal = (code: string, details?: object) => toError(409, { error: { code, message: "In English.", details } });

afterEach(() => speak("en"));

test.each(Object.keys(LANGUAGES) as Language[])("who is too late reads who was faster: %s", async (language) => {
  await speak(language);
  expect(lostWords(refusal("too_late", { by: "ben", by_name: "Ben Adler" }))).toContain("Ben Adler");
  expect(lostWords(refusal("taken", { by: "ben", by_name: "Ben Adler" }))).toContain("Ben Adler");
  for (const code of ["kept_elsewhere", "called_off"]) {
    const words = lostWords(refusal(code));
    expect(words === "In English.").toBe(language === "en");
    expect(words.length).toBeGreaterThan(5);
  }
});
