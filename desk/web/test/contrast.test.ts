/** The colours of both themes meet WCAG 2.2 AA: 4.5 for text, 3 for the edges of controls. */

import { expect, test } from "vitest";
import tokens from "../src/styles/tokens.css?raw";

type Theme = Record<string, string>;

function themes(): Record<"light" | "dark", Theme> {
  const blocks = [...tokens.matchAll(/:root \{([^}]*)\}/g)].map((block) =>
    Object.fromEntries([...block[1]!.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, colour]) => [name, colour])),
  );
  return { light: blocks[0] as Theme, dark: { ...blocks[0], ...blocks[1] } as Theme };
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const TEXT: [string, string][] = [
  ...["text", "muted", "accent", "free", "busy", "away", "unknown", "ask"].map((ink): [string, string] => [ink, "surface"]),
  ...["text", "muted", "free", "accent"].map((ink): [string, string] => [ink, "page"]),
  ["muted", "sunken"],
  ["on-accent", "accent"],
  ["on-danger", "danger"],
  ["on-danger", "busy"],
  ["surface", "free"],
  ["surface", "away"],
  ["accent", "accent-soft"],
  ["text", "accent-soft"],
  ["free", "free-soft"],
  ["busy", "busy-soft"],
  ["ask", "ask-soft"],
  ["text", "ask-soft"],
  ["muted", "ask-soft"],
];

test.each(Object.entries(themes()))("the %s theme is legible", (_, theme) => {
  const weak = TEXT.filter(([ink, ground]) => contrast(theme[ink]!, theme[ground]!) < 4.5);
  expect(weak).toEqual([]);
  expect(contrast(theme["line-strong"]!, theme["surface"]!)).toBeGreaterThanOrEqual(3);
  expect(contrast(theme["accent"]!, theme["page"]!)).toBeGreaterThanOrEqual(3);
});
