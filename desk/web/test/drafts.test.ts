import { describe, expect, test } from "vitest";
import * as drafts from "../src/drafts.ts";
import { caseWith, field, value } from "./situations.ts";

const typing = (text: string, base = 3) => drafts.typed(drafts.begin("", base), text);

describe("what a field shows (N9)", () => {
  test("without a draft: the document", () => {
    expect(drafts.view(field(value("A-1", 2)), undefined)).toMatchObject({ text: "A-1", mark: "saved", beside: null });
    expect(drafts.view(field(), undefined)).toMatchObject({ text: "", mark: "none" });
  });

  test("while typing: the typed text, with another person's newer value beside it", () => {
    const shown = drafts.view(field(value("theirs", 4, "eva")), typing("mine"));
    expect(shown).toMatchObject({ text: "mine", mark: "pending" });
    expect(shown.beside?.text).toBe("theirs");
  });

  test("a focused field does not change under the caret; the news stand beside it", () => {
    const shown = drafts.view(field(value("new", 5, "eva")), drafts.begin("old", 4));
    expect(shown.text).toBe("old");
    expect(shown.beside?.text).toBe("new");
  });

  test("an older value, the same text, and my own echo are no news", () => {
    expect(drafts.view(field(value("old", 3)), typing("mine")).beside).toBeNull();
    expect(drafts.view(field(value("mine", 9, "eva")), typing("mine")).beside).toBeNull();
    const sent = drafts.typed(drafts.sending(typing("mine")), "mine and more");
    expect(drafts.view(field(value("mine", 4)), sent).beside).toBeNull();
  });

  test("two values are a conflict to choose from, also while typing", () => {
    const both = field(value("a", 4, "eva"), value("b", 5));
    expect(drafts.view(both, undefined)).toMatchObject({ mark: "conflict", beside: null });
    expect(drafts.view(both, typing("b")).conflict).toHaveLength(2);
  });
});

describe("the life of a draft", () => {
  test("saved: the base follows my own save", () => {
    const draft = drafts.saved(drafts.sending(typing("x")), 7, false);
    expect(draft).toMatchObject({ phase: "clean", base: 7, savedVersion: 7 });
  });

  test("saved with a conflict: the base stays, since the other value was not seen", () => {
    expect(drafts.saved(drafts.sending(typing("x")), 7, true)).toMatchObject({ base: 3, savedVersion: 7 });
  });

  test("typed while saving: still to be saved afterwards", () => {
    const draft = drafts.typed(drafts.sending(typing("x")), "xy");
    expect(draft.phase).toBe("saving");
    expect(drafts.saved(draft, 7, false)).toMatchObject({ phase: "dirty", text: "xy", base: 7 });
  });

  test("failed: the text is kept, and typing on clears the error", () => {
    const draft = drafts.failed(drafts.sending(typing("x")), "no answer", true);
    expect(draft).toMatchObject({ phase: "failed", text: "x", error: "no answer", canRetry: true });
    expect(drafts.typed(draft, "xy")).toMatchObject({ phase: "dirty", error: "" });
  });

  test("it goes only when left, saved and seen in the document", () => {
    const draft = drafts.saved(drafts.sending(typing("x")), 7, false);
    expect(drafts.isSettled(draft, caseWith(7))).toBe(false);
    expect(drafts.isSettled(drafts.blur(draft), caseWith(6))).toBe(false);
    expect(drafts.isSettled(drafts.blur(draft), caseWith(7))).toBe(true);
    expect(drafts.isSettled(drafts.blur(typing("x")), caseWith(9))).toBe(false);
    expect(drafts.isSettled(drafts.blur(drafts.begin("x", 1)), caseWith(1))).toBe(true);
  });
});
