/** What the phone lets be heard: the other side, the ring, a test tone; each on the device chosen for it. */

import { Store } from "../store.ts";
import { Meter } from "./meter.ts";
import type { Preferences } from "./preferences.ts";

const RING_EVERY_MS = 3_000;
/** Two rising pairs, start and pitch: unlike the chime of an arriving case, and unlike any desk phone beside it. */
const RING: readonly [startS: number, hz: number][] = [
  [0, 523],
  [0.16, 784],
  [0.5, 523],
  [0.66, 784],
];

/** An audio element that plays on a device; browsers without a choice of outputs play on their own. */
class Output {
  private readonly element = new Audio();

  constructor(
    stream: MediaStream | null,
    private readonly onChange: () => void,
    name = "",
  ) {
    if (name) this.element.dataset["testid"] = name;
    this.element.autoplay = true;
    this.element.hidden = true;
    document.body.append(this.element);
    this.play(stream);
  }

  play(stream: MediaStream | null): void {
    this.element.srcObject = stream;
    this.wake();
  }

  /** Whether the browser keeps it silent. */
  get isStuck(): boolean {
    return this.element.srcObject !== null && this.element.paused;
  }

  wake(): void {
    if (this.isStuck) void this.element.play().then(this.onChange, this.onChange);
  }

  async on(device: string): Promise<void> {
    // A device that was unplugged: the system's own one is better than silence.
    await this.element.setSinkId?.(device).catch(() => this.element.setSinkId("").catch(() => undefined));
  }

  close(): void {
    this.element.srcObject = null;
    this.element.remove();
  }
}

export class Sounds {
  /** The browser waits for a click in this page before it lets us sound. */
  readonly blocked = new Store(false);
  private readonly context = new AudioContext();
  private readonly look = () => this.blocked.set(this.context.state === "suspended" || this.heard.isStuck);
  private readonly heard = new Output(null, () => this.look(), "phone-heard");
  private ringing: (() => void) | null = null;

  constructor() {
    this.context.addEventListener("statechange", this.look);
    for (const touch of ["pointerdown", "keydown"]) document.addEventListener(touch, this.wake);
    this.look();
    this.wake();
  }

  close(): void {
    this.stopRing();
    for (const touch of ["pointerdown", "keydown"]) document.removeEventListener(touch, this.wake);
    this.heard.close();
    void this.context.close();
  }

  hear(stream: MediaStream | null, { speaker }: Preferences): void {
    void this.heard.on(speaker);
    this.heard.play(stream);
  }

  hearOn({ speaker }: Preferences): void {
    void this.heard.on(speaker);
  }

  meter(stream: MediaStream): Meter {
    return new Meter(this.context, stream);
  }

  /** Ring until told to stop: where calls are heard and, if chosen, on a second device, for example loudspeakers. */
  startRing({ speaker, ring }: Preferences): void {
    this.stopRing();
    if (ring === "silent") return;
    const devices = ring === "same" || ring === speaker ? [speaker] : [speaker, ring];
    const tones = this.context.createMediaStreamDestination();
    const outputs = devices.map((device) => {
      const output = new Output(tones.stream, this.look);
      void output.on(device);
      return output;
    });
    const sound = () => RING.forEach(([start, hz]) => this.tone(tones, hz, start));
    sound();
    const timer = setInterval(sound, RING_EVERY_MS);
    this.ringing = () => {
      clearInterval(timer);
      for (const output of outputs) output.close();
    };
  }

  stopRing(): void {
    this.ringing?.();
    this.ringing = null;
  }

  /** One ring, to try the devices. */
  tryRing(chosen: Preferences): void {
    this.startRing(chosen.ring === "silent" ? { ...chosen, ring: "same" } : chosen);
    setTimeout(() => this.stopRing(), RING_EVERY_MS / 2);
  }

  private readonly wake = () => {
    if (this.context.state === "suspended") void this.context.resume().catch(() => undefined);
    this.heard.wake();
  };

  private tone(to: AudioNode, hz: number, afterS: number): void {
    const start = this.context.currentTime + afterS;
    const tone = new OscillatorNode(this.context, { frequency: hz, type: "triangle" });
    const volume = new GainNode(this.context, { gain: 0 });
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.3, start + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.3);
    tone.connect(volume).connect(to);
    tone.start(start);
    tone.stop(start + 0.32);
  }
}
