import { expect, test } from "vitest";
import { BINS, heights, lateness } from "../src/report.ts";

test("the highest bar fills the chart, and nothing is divided by nothing", () => {
  expect(heights([1, 4, 0])).toEqual([0.25, 1, 0]);
  expect(heights([0, 0])).toEqual([0, 0]);
});

test("a bar that begins at the target is late, one that begins at the ceiling is over", () => {
  expect(BINS.map((_, bin) => lateness(bin, 20, 30))).toEqual(["good", "good", "good", "good", "late", "late", "over"]);
});
