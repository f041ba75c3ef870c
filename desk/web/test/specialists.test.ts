import { expect, test } from "vitest";
import { countByState, inOrder, matches, ofRole } from "../src/specialists.ts";
import { AT, person } from "./situations.ts";

test("free first; in each state the most wanted skill, then its level, then the name (CE-02)", () => {
  const people = [
    person("unknown", "unknown", { claims: 5 }),
    person("away", "away", { claims: 5 }),
    person("busy", "busy", { claims: 5 }),
    person("zoe", "free"),
    person("second", "free", { property: 5 }),
    person("low", "free", { claims: 2, property: 5 }),
    person("high", "free", { claims: 4 }),
    person("adam", "free"),
  ];
  const order = inOrder(people, ["claims", "property"], Date.parse(AT)).map((one) => one.id);
  expect(order).toEqual(["high", "low", "second", "adam", "zoe", "busy", "away", "unknown"]);
});

test.each([
  ["", true],
  ["nov", true],
  ["NOVÁK", true],
  ["novak cla", true],
  ["cs", true],
  ["adj claims", true],
  ["ovak", false],
  ["novak legal", false],
])("searching for '%s' finds Jana Nováková: %s", (typed, found) => {
  const jana = { ...person("jana", "free", { claims: 3 }), name: "Jana Nováková" };
  expect(matches(jana, typed)).toBe(found);
});

test("I am not in my own list", () => {
  expect(ofRole([person("a", "free"), person("b", "free")], "specialist", "a").map((one) => one.id)).toEqual(["b"]);
});

test("states are counted", () => {
  expect(countByState([person("a", "free"), person("b", "free"), person("c", "away")])).toEqual({
    free: 2,
    busy: 0,
    away: 1,
    unknown: 0,
  });
});
