import { afterEach, describe, expect, test } from "vitest";
import { ageWords } from "../src/parts/bits.tsx";
import { causeOf } from "../src/parts/EscalationProgress.tsx";
import { centreWords, count, type Language, language, LANGUAGES, listed, speak, t, type Texts } from "../src/texts.ts";
import { weekday } from "../src/clock.ts";
import { cs } from "../src/texts/cs.ts";
import { en } from "../src/texts/en.ts";
import { hr } from "../src/texts/hr.ts";
import { pl } from "../src/texts/pl.ts";
import { ru } from "../src/texts/ru.ts";
import { escalation } from "./situations.ts";

const CATALOGUES: Record<Language, Texts> = { en, hr, cs, pl, ru };
const OTHERS = (Object.keys(CATALOGUES) as Language[]).filter((code) => code !== "en");
const FORMS = new Set(["zero", "one", "two", "few", "many", "other"]);
/** Texts that are rightly the same in every language. */
const SAME = /^(product|case\.marks\.none|phone\.(udp|tcp|tls|ports)|keys\.escape|units\.\w+|case\.sources\.(crm|bot|system)|phone\.softphoneList\..*|report\.(hour|bar|lastBar|barName)|report\.history\.channels\.(email|chat|web))$/;

/** Words that a language has in common with English. */
const LOANS: Partial<Record<Language, string[]>> = {
  cs: ["phone.server"],
  hr: ["report.budget.agent_s", "call.roles.agent", "case.sources.agent", "overview.roleNames.agent", "overview.roleNames.administrator"],
  pl: ["overview.roleNames.administrator"],
};

const isPlural = (value: unknown): value is Record<string, string> =>
  typeof value === "object" && value !== null && "other" in value && Object.keys(value).every((key) => FORMS.has(key));

/** Every text with its path; forms of a number count as one. */
function leaves(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null || isPlural(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key));
}

/** A function's text with marked values in it. */
function shown(value: unknown): string {
  if (isPlural(value)) return Object.values(value).join(" | ");
  return typeof value === "function" ? String((value as (...args: unknown[]) => unknown)("⟨1⟩", "⟨2⟩")) : String(value);
}

const holes = (text: string) => new Set(text.match(/⟨\d⟩|\{\w+\}/g) ?? []);

describe.each(OTHERS)("the catalogue %s", (code) => {
  const here = new Map(leaves(CATALOGUES[code]));
  const english = leaves(en);

  test("has every text of the English one and no other", () => {
    expect([...here.keys()].sort()).toEqual(english.map(([path]) => path).sort());
  });

  test("has texts of the same sort, none empty, each with all its values", () => {
    for (const [path, text] of english) {
      const ours = here.get(path);
      expect(typeof ours, path).toBe(typeof text);
      if (path !== "case.marks.none") expect(shown(ours).trim(), path).not.toBe("");
      // A sentence that leaves out the name (“The customer left.”) is English habit, not a rule.
      const needed = path.startsWith("escalation.causes.") ? new Set<string>() : holes(shown(text));
      for (const hole of needed) expect(holes(shown(ours)), path).toContain(hole);
    }
  });

  test("is translated: hardly a text is the same as in English", () => {
    const same = english.filter(([path, text]) => !SAME.test(path) && shown(text) === shown(here.get(path)));
    expect(same.map(([path]) => path).filter((path) => !LOANS[code]?.includes(path))).toEqual([]);
  });
});

describe.each(Object.keys(CATALOGUES) as Language[])("numbers in %s", (code) => {
  test("every counted text has every form that whole numbers need", () => {
    const rules = new Intl.PluralRules(LANGUAGES[code].locale);
    const needed = new Set(Array.from({ length: 201 }, (_, n) => rules.select(n)));
    const counted = leaves(CATALOGUES[code]).filter(([, value]) => isPlural(value));
    expect(counted.length).toBeGreaterThan(5);
    for (const [path, forms] of counted) {
      for (const form of needed) expect(Object.keys(forms as object), path).toContain(form);
      for (const text of Object.values(forms as Record<string, string>).slice(1)) expect(text, path).toContain("#");
    }
  });
});

describe("speaking a language", () => {
  afterEach(() => speak("en"));

  test.each([
    ["en", ["1 required field is empty", "2 required fields are empty", "5 required fields are empty"]],
    ["hr", ["1 obavezno polje je prazno", "2 obavezna polja su prazna", "5 obaveznih polja je prazno"]],
    ["cs", ["1 povinné pole je prázdné", "2 povinná pole jsou prázdná", "5 povinných polí je prázdných"]],
    ["pl", ["1 wymagane pole jest puste", "2 wymagane pola są puste", "5 wymaganych pól jest pustych"]],
    ["ru", ["Не заполнено 1 обязательное поле", "Не заполнены 2 обязательных поля", "Не заполнено 5 обязательных полей"]],
  ] as const)("%s counts 1, 2 and 5", async (code, expected) => {
    await speak(code);
    expect([1, 2, 5].map((n) => count(t.case.openRequired, n))).toEqual(expected);
  });

  test("switching changes texts, dates, lists and causes at once", async () => {
    expect(t.call.end).toBe("End call");
    await speak("cs");
    expect(language.get()).toBe("cs");
    expect(t.call.end).toBe("Ukončit hovor");
    expect(weekday(0)).toBe("pondělí");
    expect(listed(["a", "b", "c"])).toBe("a, b a\u00a0c");
    expect(causeOf(escalation({ cause: "no_answer" }))).toBe("Eva: nezvedá telefon.");
    await speak("ru");
    expect(ageWords(90)).toBe("1 мин");
  });

  test("of two switches in a row the last one holds", async () => {
    await Promise.all([speak("pl"), speak("hr")]);
    expect(language.get()).toBe("hr");
  });

  test("the centre's English is replaced only where we have words of our own", async () => {
    expect(centreWords("In a Teams call", "in a call")).toBe("In a Teams call");
    await speak("cs");
    expect(centreWords("In a Teams call", t.specialists.kinds["in_call"])).toBe("v hovoru");
    expect(centreWords("Something new", t.specialists.kinds["moon"])).toBe("Something new");
  });
});
