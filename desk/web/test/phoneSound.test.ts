import { afterEach, describe, expect, test, vi } from "vitest";
import { levelOf } from "../src/phone/meter.ts";
import { codeOf, openMicrophone } from "../src/phone/microphone.ts";
import { codecsInOrder } from "../src/phone/peer.ts";
import { DEFAULTS, parsePreferences } from "../src/phone/preferences.ts";
import { gradeOf, mosOf, readingOf } from "../src/phone/quality.ts";

describe("quality of the line", () => {
  const line = (rttMs: number, jitterMs: number, lostPercent: number) => mosOf({ rttMs, jitterMs, lostPercent });

  test.each([
    [20, 2, 0, 4.4, "good"],
    [150, 10, 0, 4.3, "good"],
    [100, 10, 2, 4.1, "good"],
    [200, 20, 5, 3.7, "fair"],
    [300, 20, 6, 3.3, "poor"],
    [800, 60, 10, 1.0, "bad"],
  ])("delay %d ms, jitter %d ms and %d lost of 100 give about %d, %s", (rtt, jitter, lost, mos, grade) => {
    expect(Math.abs(line(rtt, jitter, lost) - mos)).toBeLessThan(0.06);
    expect(gradeOf(line(rtt, jitter, lost))).toBe(grade);
  });

  test("never gets better by delay, jitter or loss, and stays between 1 and 4.5", () => {
    for (const rtt of [0, 50, 100, 300, 1_000, 5_000]) {
      for (const lost of [0, 1, 5, 20, 100]) {
        expect(line(rtt, 10, lost)).toBeGreaterThanOrEqual(1);
        expect(line(rtt, 10, lost)).toBeLessThanOrEqual(4.5);
        expect(line(rtt + 10, 10, lost)).toBeLessThanOrEqual(line(rtt, 10, lost));
        expect(line(rtt, 12, lost)).toBeLessThanOrEqual(line(rtt, 10, lost));
        expect(line(rtt, 10, lost + 1)).toBeLessThanOrEqual(line(rtt, 10, lost));
      }
    }
  });

  test("counts what happened between two looks", () => {
    const before = { received: 100, lost: 50, jitterMs: 3, rttMs: 20 };
    const now = { received: 290, lost: 60, jitterMs: 4, rttMs: 30 };
    expect(readingOf(before, now)).toEqual({ rttMs: 30, jitterMs: 4, lostPercent: 5 });
    expect(readingOf(null, { ...now, received: 0, lost: 0 }).lostPercent).toBe(0);
    expect(readingOf(before, { ...now, lost: 40 }).lostPercent).toBe(0);
  });
});

describe("sound", () => {
  test("a level is linear in decibels, from nothing to full scale", () => {
    const sine = (amplitude: number) => Float32Array.from({ length: 2048 }, (_, n) => amplitude * Math.sin(n / 5));
    expect(levelOf(sine(0))).toBe(0);
    expect(levelOf(sine(1))).toBeCloseTo(0.95, 1);
    expect(levelOf(sine(0.1)) - levelOf(sine(0.01))).toBeCloseTo(20 / 60, 2);
  });

  test("the centre's codecs come in its order; others are left out", () => {
    const types = ["audio/PCMU", "audio/telephone-event", "audio/opus", "audio/G722", "audio/CN"];
    const capable = types.map((mimeType) => ({ mimeType }));
    const names = codecsInOrder(capable, ["opus", "G722", "ilbc", "pcmu"]).map((one) => one.mimeType);
    expect(names).toEqual(["audio/opus", "audio/G722", "audio/PCMU"]);
  });

  test.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "no_microphone"],
    ["NotReadableError", "microphone_busy"],
  ])("%s is told as %s", (name, code) => {
    expect(codeOf(new DOMException("", name))).toBe(code);
  });
});

describe("a page that cannot be a phone", () => {
  afterEach(() => vi.unstubAllGlobals());

  test.each([
    [false, "insecure"],
    [true, "unsupported"],
  ])("secure %s without a microphone interface is told as %s", async (isSecureContext, code) => {
    vi.stubGlobal("window", { isSecureContext });
    vi.stubGlobal("navigator", {});
    await expect(openMicrophone(DEFAULTS)).rejects.toMatchObject({ problem: { code } });
  });

  test("asks for the chosen device, and for sound as it is when told so", async () => {
    const asked = vi.fn().mockResolvedValue({ getAudioTracks: () => ["track"] });
    vi.stubGlobal("window", { isSecureContext: true });
    vi.stubGlobal("RTCPeerConnection", class {});
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: asked } });
    expect(await openMicrophone({ ...DEFAULTS, microphone: "desk", processing: false })).toBe("track");
    const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    expect(asked).toHaveBeenCalledWith({ audio: { deviceId: { ideal: "desk" }, channelCount: { ideal: 1 }, ...raw } });
  });
});

describe("what the browser remembers", () => {
  test.each([[null], [7], ["x"], [{ microphone: 5, processing: "no" }]])("%j gives the defaults", (stored) => {
    expect(parsePreferences(stored)).toEqual(DEFAULTS);
  });

  test("keeps what fits", () => {
    const chosen = { speaker: "s", processing: false };
    expect(parsePreferences(chosen)).toEqual({ ...DEFAULTS, ...chosen });
  });
});
