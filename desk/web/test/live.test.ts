// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveConnection, pauseMs } from "../src/live.ts";
import { EMPTY, type State, Store } from "../src/store.ts";

class FakeSocket {
  static all: FakeSocket[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  close() {
    this.closed = true;
  }

  says(message: unknown) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const last = () => FakeSocket.all.at(-1)!;
let store: Store<State>;
let live: LiveConnection;
let loggedIn: boolean;
let loggedOut: number;
let healthy: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  store = new Store(EMPTY);
  [loggedIn, healthy, loggedOut] = [true, true, 0];
  live = new LiveConnection({
    store,
    checkLogin: () => Promise.resolve(loggedIn),
    checkHealth: () => (healthy ? Promise.resolve() : Promise.reject(new Error("down"))),
    onLoggedOut: () => loggedOut++,
  });
  live.start();
  last().says({ type: "snapshot", seq: 0, docs: { a: 1 } });
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe("the live connection", () => {
  test("a lost line is shown and comes back with a fresh snapshot", async () => {
    last().onclose?.({ code: 1006 });
    expect(store.get().link).toBe("lost");
    await settle(500);
    expect(FakeSocket.all).toHaveLength(2);
    last().says({ type: "snapshot", seq: 0, docs: { a: 2 } });
    expect(store.get()).toMatchObject({ link: "open", seq: 0 });
  });

  test("a gap in the numbers reconnects", async () => {
    const first = last();
    first.says({ type: "change", seq: 2, set: { a: 3 } });
    expect(first.closed).toBe(true);
    expect(store.get().docs.get("a")).toBe(1);
    await settle(500);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("what is no message reconnects too", async () => {
    last().onmessage?.({ data: "{" });
    await settle(500);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("an ended log-in is not retried", async () => {
    last().onclose?.({ code: 4401 });
    await settle(60_000);
    expect([loggedOut, FakeSocket.all.length]).toEqual([1, 1]);
  });

  test("a refused handshake asks whether the log-in still holds", async () => {
    loggedIn = false;
    last().onclose?.({ code: 1006 });
    await settle();
    expect(loggedOut).toBe(1);
  });

  test("too many open desks are told apart from a bad line", () => {
    last().onclose?.({ code: 4429 });
    expect(store.get().link).toBe("crowded");
  });

  test("silence is looked into: a live server keeps the line, a dead one does not", async () => {
    await settle(46_000);
    expect(store.get().link).toBe("open");
    healthy = false;
    await settle(46_000);
    expect(store.get().link).not.toBe("open");
  });

  test("late words of an old socket are not heard", async () => {
    const old = last();
    old.onclose?.({ code: 1006 });
    await settle(500);
    last().says({ type: "snapshot", seq: 0, docs: { a: 2 } });
    old.says({ type: "change", seq: 1, set: { a: 99 } });
    old.onclose?.({ code: 1006 });
    expect(store.get()).toMatchObject({ link: "open" });
    expect(store.get().docs.get("a")).toBe(2);
  });
});

test("pauses double, stay below 8 s and are spread", () => {
  expect([0, 1, 2, 30].map((attempt) => pauseMs(attempt, 1))).toEqual([250, 500, 1000, 8000]);
  expect(pauseMs(2, 0)).toBe(500);
});
