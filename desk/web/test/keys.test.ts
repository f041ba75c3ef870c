import { describe, expect, test } from "vitest";
import { namesOf } from "../src/keys.ts";

describe("what a key press may mean", () => {
  test.each([
    ["a", "KeyA", ["a"]],
    ["A", "KeyA", ["a"]],
    ["?", "Slash", ["?"]],
    ["/", "Digit7", ["/", "7"]],
    ["ф", "KeyA", ["ф", "a"]],
    ["+", "Digit1", ["+", "1"]],
    ["ě", "Digit2", ["ě", "2"]],
    ["1", "Numpad1", ["1", "1"]],
    ["z", "KeyY", ["z"]],
    ["Escape", "Escape", ["Escape"]],
  ])("%s at %s", (key, code, expected) => {
    expect(namesOf({ key, code })).toEqual(expected);
  });
});
