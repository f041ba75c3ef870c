import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Problem } from "../src/phone/phone.ts";
import { PhoneSocket } from "../src/phone/socket.ts";

class FakeSocket {
  readyState = 0;
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  opens() {
    this.readyState = 1;
    this.onopen?.();
  }

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }
}

let sockets: FakeSocket[];
let news: string[];
let refused: Problem[];
let loggedIn: boolean;
let link: PhoneSocket;
const last = () => sockets.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", { OPEN: 1 });
  [sockets, news, refused, loggedIn] = [[], [], [], true];
  link = new PhoneSocket({
    connect: () => {
      sockets.push(new FakeSocket());
      return last() as unknown as WebSocket;
    },
    checkLogin: () => Promise.resolve(loggedIn),
    onUp: () => news.push("up"),
    onLost: () => news.push("lost"),
    onRefused: (problem) => refused.push(problem),
    onMessage: (message) => news.push(message.type),
  });
  link.open();
});

afterEach(() => {
  link.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe("the phone's link", () => {
  test("comes back after a loss, with pauses that grow", async () => {
    last().opens();
    for (const pause of [250, 500, 1_000]) {
      last().onclose?.({ code: 1006 });
      await settle();
      const before = sockets.length;
      await settle(pause / 2 - 1);
      expect(sockets.length).toBe(before);
      await settle(pause / 2 + 1);
      expect(sockets.length).toBe(before + 1);
    }
    expect(news).toEqual(["up", "lost", "lost", "lost"]);
  });

  test("gives on what it knows and lets pass what it does not", () => {
    last().opens();
    const heard = ['{"type":"calling","leg":"l"}', '{"type":"sings"}', "no json", "7"];
    for (const data of heard) last().onmessage?.({ data });
    expect(news).toEqual(["up", "calling"]);
  });

  test("sends only while it is open", () => {
    link.send({ type: "register" });
    last().opens();
    link.send({ type: "register" });
    expect(last().sent).toEqual([{ type: "register" }]);
  });

  test.each([
    [4429, true, "too_many_phones"],
    [4409, true, "replaced"],
    [4404, true, "not_enabled"],
    [4401, true, "logged_out"],
    [1006, false, "logged_out"],
  ])("closed with %i, logged in %s: %s, and no further try", async (code, holds, expected) => {
    loggedIn = holds;
    last().onclose?.({ code });
    await settle(20_000);
    expect(refused).toEqual([{ code: expected, message: "" }]);
    expect(sockets.length).toBe(1);
  });

  test("renewed it begins anew at once and the old one has no say any more", async () => {
    const old = last();
    old.opens();
    link.renew();
    expect([sockets.length, old.readyState]).toEqual([2, 3]);
    old.onclose?.({ code: 4401 });
    old.onmessage?.({ data: '{"type":"calling","leg":"l"}' });
    await settle(20_000);
    expect([news, refused, sockets.length]).toEqual([["up", "lost"], [], 2]);
  });

  test("closed by the page it stays closed", async () => {
    link.close();
    link.renew();
    await settle(20_000);
    expect(sockets.length).toBe(1);
  });
});
