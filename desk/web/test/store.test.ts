import { describe, expect, test } from "vitest";
import { disconnected, EMPTY, receive, Store } from "../src/store.ts";

const snapshot = (docs: Record<string, unknown>, seq = 0) => ({ type: "snapshot", seq, docs }) as const;

describe("the documents of a live connection", () => {
  test("a snapshot replaces everything and opens the link", () => {
    const before = receive(EMPTY, snapshot({ old: 1 }))!;
    const after = receive(before, snapshot({ me: { id: "petra" } }, 7))!;
    expect([...after.docs]).toEqual([["me", { id: "petra" }]]);
    expect(after).toMatchObject({ link: "open", seq: 7 });
  });

  test("a change sets and removes whole documents and leaves the old state as it was", () => {
    const before = receive(EMPTY, snapshot({ a: 1, b: 2 }))!;
    const after = receive(before, { type: "change", seq: 1, set: { a: 3 }, remove: ["b"] })!;
    expect(after.docs.get("a")).toBe(3);
    expect(after.docs.has("b")).toBe(false);
    expect(before.docs.get("b")).toBe(2);
  });

  test.each([0, 2, 9])("a change numbered %i after 0 is a gap", (seq) => {
    const state = receive(EMPTY, snapshot({}))!;
    expect(receive(state, { type: "change", seq, set: {} })).toBeNull();
  });

  test("a change before the first snapshot is a gap", () => {
    expect(receive(EMPTY, { type: "change", seq: 0, set: {} })).toBeNull();
  });

  test("numbers go on after a fresh snapshot in the middle", () => {
    const state = receive(receive(EMPTY, snapshot({}))!, snapshot({}, 4))!;
    expect(receive(state, { type: "change", seq: 5, set: { x: 1 } })?.docs.size).toBe(1);
  });

  test("a lost connection keeps what is shown", () => {
    const state = disconnected(receive(EMPTY, snapshot({ a: 1 }))!);
    expect(state).toMatchObject({ link: "lost", seq: -1 });
    expect(state.docs.get("a")).toBe(1);
    expect(disconnected(EMPTY).link).toBe("connecting");
  });

  test("a store tells its listeners only of a new value, until they leave", () => {
    const store = new Store(1);
    let told = 0;
    const leave = store.subscribe(() => told++);
    store.set(1);
    store.set(2);
    leave();
    store.set(3);
    expect(told).toBe(1);
  });
});
