import { describe, expect, test } from "vitest";
import { ApiError } from "../src/api.ts";
import type { Content, Thing } from "../src/admin/documents.ts";
import {
  clashes,
  differences,
  draftOf,
  found,
  inWords,
  isDirty,
  keyOf,
  moved,
  newDraft,
  problemOf,
  problemsOf,
  rebased,
} from "../src/admin/model.ts";
import { admin as cs } from "../src/texts/admin/cs.ts";
import { admin as en, type AdminTexts } from "../src/texts/admin/en.ts";
import { admin as hr } from "../src/texts/admin/hr.ts";
import { admin as pl } from "../src/texts/admin/pl.ts";
import { admin as ru } from "../src/texts/admin/ru.ts";

const thing = (content: Content, version = 3): Thing => ({ id: "claims", version, content, changed: null });
const words = { yes: "yes", no: "no", nothing: "nothing", required: "required" };

describe("a draft", () => {
  const seen = thing({ name: "Claims", number: "5001", skills: { a: 1 } });
  const typed = { ...draftOf(seen), content: { ...seen.content, name: "Damage" } };

  test("is dirty when it differs, whatever the order of its parts", () => {
    expect(isDirty(draftOf(seen))).toBe(false);
    expect(isDirty(typed)).toBe(true);
    expect(isDirty(newDraft("queues"))).toBe(true);
    expect(isDirty({ ...draftOf(seen), content: { skills: { a: 1 }, number: "5001", name: "Claims" } })).toBe(false);
  });

  test("keeps mine and theirs where we changed different fields", () => {
    const theirs = thing({ ...seen.content, number: "5009" }, 7);
    expect(clashes(typed, theirs)).toEqual([]);
    expect(rebased(typed, theirs)).toMatchObject({ version: 7, content: { name: "Damage", number: "5009" } });
  });

  test("shows the fields that both changed, and mine holds when I say so", () => {
    const theirs = thing({ ...seen.content, name: "Harm", number: "5009" }, 7);
    expect(clashes(typed, theirs)).toEqual([{ field: "name", theirs: "Harm", mine: "Damage" }]);
    expect(rebased(typed, theirs).content).toEqual({ name: "Damage", number: "5009", skills: { a: 1 } });
    expect(clashes(typed, thing({ ...seen.content, name: "Damage" }, 7))).toEqual([]);
  });
});

describe("what is shown", () => {
  test("differences name the fields of something made, changed or removed", () => {
    expect(differences(null, { name: "A" })).toEqual([{ field: "name", before: undefined, after: "A" }]);
    expect(differences({ a: [1], b: 2 }, { a: [1], b: 3 })).toEqual([{ field: "b", before: 2, after: 3 }]);
    expect(differences({ a: 1 }, null)).toEqual([{ field: "a", before: 1, after: undefined }]);
  });

  test.each([
    [null, "nothing"],
    [true, "yes"],
    [[], "nothing"],
    [["a", "b"], "a, b"],
    [{ claims: 5, fraud: 2 }, "claims 5, fraud 2"],
    [{ weekdays: [1, 7], open: ["08:00-12:00", "13:00-17:00"], holidays: [] }, "Monday, Sunday; 08:00-12:00, 13:00-17:00"],
    [{ weekdays: [6], open: ["00:00-24:00"], holidays: ["2026-12-25"] }, "Saturday; 00:00-24:00; 2026-12-25"],
    [{ key: "boat", label: "Boat", required: true, kind: "choice", choices: ["x", "y"] }, "Boat (boat, choice, required, x, y)"],
  ])("%j in words", (value, expected) => expect(inWords(value, words)).toBe(expected));

  test("a search looks for all words in ids and contents", () => {
    const all = [thing({ name: "Claims", number: "5001" }), { ...thing({ name: "Billing", number: "5002" }), id: "billing" }];
    expect(found(all, "claims 5001").map((one) => one.id)).toEqual(["claims"]);
    expect(found(all, "500")).toHaveLength(2);
    expect(found(all, "claims billing")).toEqual([]);
  });

  test("the key of a field follows its label", () => {
    expect(keyOf("Číslo smlouvy (nové)")).toBe("cislo_smlouvy_nove");
    expect(keyOf("2nd number")).toBe("nd_number");
  });

  test("moving beyond an end changes nothing", () => {
    expect(moved(["a", "b"], 0, -1)).toEqual(["a", "b"]);
    expect(moved(["a", "b"], 0, 1)).toEqual(["b", "a"]);
  });
});

describe("problems", () => {
  test("a refused form says all of them, each at its field or a part of it", () => {
    const list = [{ field: "skills.claims", code: "bad_level", message: "A level…", values: { skill: "claims" } }];
    const problems = problemsOf(new ApiError(422, "bad_level", "A level…", "skills.claims", { problems: list }));
    expect(problemOf(problems, "skills")?.code).toBe("bad_level");
    expect(problemOf(problems, "skill")).toBeUndefined();
  });

  test("a refusal of the desk names the place in the body, which is the field", () => {
    const [problem] = problemsOf(new ApiError(422, "invalid_field", "x", "content.wrap_up_s.int"));
    expect(problem && problemOf([problem], "wrap_up_s")).toBeDefined();
  });

  test("a centre that does not answer is no problem of the form", () => {
    expect(problemsOf(new ApiError(0, "no_answer", ""))).toEqual([]);
    expect(problemsOf(new ApiError(503, "down", "", "name"))).toEqual([]);
  });
});

/** Every text with its path. */
function leaves(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null || "other" in value) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}/${key}` : key));
}

const VALUES = { who: "⟨who⟩", by: "⟨by⟩", least: "⟨least⟩", most: "⟨most⟩", skill: "⟨skill⟩", language: "⟨language⟩" };
const shown = (text: unknown): string => {
  if (typeof text !== "function") return typeof text === "string" ? text : JSON.stringify(text);
  const isProblem = /^\(?\s*\{|^\(\)/.test(String(text));
  return String(isProblem ? text({ ...VALUES, address: "⟨address⟩", ring: "1", target: "2", ceiling: "3" }) : text("⟨1⟩", "⟨2⟩"));
};
/** Words that are the same in more than one of these languages. */
const SAME = /^(prompts\/seconds|changedBy|settings\/.*|people\/roles\/.*|words\/.*|fields\/.*|region|.*\/settings|columns\/.*)$/;

describe.each(Object.entries({ hr, cs, pl, ru } as Record<string, AdminTexts>))("the administrator's texts in %s", (_code, texts) => {
  const ours = new Map(leaves(texts));
  test("are all there, each with its values, and translated", () => {
    expect([...ours.keys()].sort()).toEqual(leaves(en).map(([path]) => path).sort());
    for (const [path, english] of leaves(en)) {
      const here = shown(ours.get(path));
      expect(here.trim(), path).not.toBe("");
      for (const hole of shown(english).match(/⟨\w+⟩/g) ?? []) expect(here, path).toContain(hole);
      if (!SAME.test(path)) expect(here, path).not.toBe(shown(english));
    }
  });
});
