import { describe, expect, test } from "vitest";
import { emptyForm, type EnrolForm, enrolmentOf, fieldOf, knownSkills, mistakeIn, proposedId } from "../src/enrolment.ts";
import { person } from "./situations.ts";

const filled = (changes: Partial<EnrolForm> = {}): EnrolForm => ({ ...emptyForm(), name: "Éva Horvát", ...changes });

test.each([
  ["Éva Horvát", "eva.horvat"],
  ["  Đorđe  Łukasiewicz-Größe ", "dorde.lukasiewicz.grosse"],
  ["Shane O’Neill", "shane.oneill"],
  ["Зоя Щукина", "zoya.shchukina"],
  ["王", ""],
  ["a".repeat(63) + " b", "a".repeat(63)],
])("from '%s' the id '%s' is proposed", (name, id) => {
  expect(proposedId(name)).toBe(id);
});

describe("what is sent", () => {
  test("by default a specialist whose handset accepts, without skills", () => {
    expect(enrolmentOf(filled(), [])).toEqual({
      id: "eva.horvat",
      name: "Éva Horvát",
      title: "",
      roles: ["specialist"],
      skills: {},
      languages: [],
      off_hook_accepts: true,
    });
  });

  test("the typed id counts instead of the proposed one, and an emptied one not", () => {
    expect(enrolmentOf(filled({ id: " Eva2 " }), []).id).toBe("eva2");
    expect(enrolmentOf(filled({ id: "" }), []).id).toBe("eva.horvat");
  });

  test("a known skill keeps its spelling, languages may be parted by anything, empty rows are left out", () => {
    const skills = [
      { skill: " CLAIMS ", level: 5 },
      { skill: "", level: 3 },
      { skill: "Roof repair", level: 2 },
    ];
    const sent = enrolmentOf(filled({ skills, languages: "EN; de,hr  en" }), ["claims"]);
    expect(sent.skills).toEqual({ claims: 5, "roof repair": 2 });
    expect(sent.languages).toEqual(["en", "de", "hr"]);
  });
});

test.each<[string, Partial<EnrolForm>]>([
  ["name", { name: " " }],
  ["id", { name: "王" }],
  ["id", { id: "éva" }],
  ["id", { id: "ab" }],
  ["id", { id: "eva." }],
  ["roles", { roles: [] }],
  ["skills", { skills: [{ skill: "law", level: 1 }, { skill: "Law", level: 2 }] }],
  ["skills", { skills: [{ skill: "właz", level: 1 }] }],
  ["languages", { languages: "english" }],
])("a mistake is found at the field %s", (field, changes) => {
  expect(mistakeIn(filled(changes))).toBe(field);
});

test("a full form has no mistake", () => {
  expect(mistakeIn(filled({ skills: [{ skill: "law", level: 1 }], languages: "en, de" }))).toBeNull();
});

test.each([
  ["id", "id"],
  ["skills.claims", "skills"],
  ["languages.0", "languages"],
  ["off_hook_accepts", null],
  [null, null],
])("the centre's field %s is the form's %s", (named, field) => {
  expect(fieldOf(named)).toBe(field);
});

test("known skills come once, in order", () => {
  const staff = [person("a", "free", { property: 3, claims: 1 }), person("b", "busy", { claims: 5 })];
  expect(knownSkills(staff)).toEqual(["claims", "property"]);
});
