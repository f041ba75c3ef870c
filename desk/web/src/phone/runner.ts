/** The phone of this page at work: performs what `step` decides and feeds back what comes of it. */

import { Store } from "../store.ts";
import { listDevices, type Devices, MicrophoneError, NO_DEVICES, openMicrophone } from "./microphone.ts";
import { Peer } from "./peer.ts";
import { type Call, type Effect, type Interrupted, interruptedBy } from "./phone.ts";
import { OFF, type Phone, type PhoneEvent, step } from "./phone.ts";
import { type Preferences, readPreferences, storePreferences } from "./preferences.ts";
import { mosOf, type Reading, readingOf, type Sample } from "./quality.ts";
import { connectToCentre, PhoneSocket } from "./socket.ts";
import { Sounds } from "./sounds.ts";

const MEASURE_EVERY_MS = 5_000;
const INTERRUPTED = "ringside.phone.call";

export interface Quality extends Reading {
  mos: number;
}

export class BrowserPhone {
  readonly state = new Store<Phone>(OFF);
  readonly preferences = new Store<Preferences>(readPreferences());
  readonly devices = new Store<Devices>(NO_DEVICES);
  readonly quality = new Store<Quality | null>(null);
  /** Sound exists only while the phone is on. */
  readonly sounds = new Store<Sounds | null>(null);
  /** What the meters measure: our microphone, and what we hear. */
  readonly spoken = new Store<MediaStream | null>(null);
  readonly heard = new Store<MediaStream | null>(null);
  private readonly socket: PhoneSocket;
  private readonly queue: PhoneEvent[] = [];
  private busy = false;
  private peer: Peer | null = null;
  private microphone: MediaStreamTrack | null = null;
  private measuring: ReturnType<typeof setInterval> | undefined;
  private last: Sample | null = null;

  constructor(checkLogin: () => Promise<boolean>) {
    this.socket = new PhoneSocket({
      connect: connectToCentre,
      checkLogin,
      onUp: () => this.tell({ type: "link_up" }),
      onLost: () => this.tell({ type: "link_lost" }),
      onRefused: (problem) => this.tell({ type: "refused", problem }),
      onMessage: (message) => this.tell({ type: "said", message, at: Date.now() }),
    });
  }

  /** The desk of this person opens: the phone comes on if it was left on here. */
  begin(person: string): void {
    if (this.preferences.get().onFor === person) this.start();
  }

  switchOn(person: string): void {
    this.prefer({ onFor: person });
    this.start();
  }

  switchOff(): void {
    this.prefer({ onFor: "" });
    this.leave();
  }

  /** After a problem that switched the phone off. */
  tryAgain(): void {
    this.start();
  }

  /** The person logs out; where the phone was on it will be on again for him. */
  leave(): void {
    this.tell({ type: "switched_off" });
  }

  tell(event: PhoneEvent): void {
    this.queue.push(event);
    if (this.busy) return;
    this.busy = true;
    try {
      for (let next = this.queue.shift(); next; next = this.queue.shift()) this.take(next);
    } finally {
      this.busy = false;
    }
  }

  /** Change what is remembered; a call that goes on follows at once. */
  prefer(change: Partial<Preferences>): void {
    const chosen = { ...this.preferences.get(), ...change };
    this.preferences.set(chosen);
    storePreferences(chosen);
    this.sounds.get()?.hearOn(chosen);
    if (this.microphone && ("microphone" in change || "processing" in change)) void this.changeMicrophone();
  }

  async findDevices(): Promise<void> {
    this.devices.set(await listDevices());
  }

  private start(): void {
    if (this.state.get().on) return;
    if (typeof AudioContext !== "undefined") this.sounds.set(new Sounds());
    window.addEventListener("online", this.onOnline);
    window.addEventListener("beforeunload", this.onLeaving);
    navigator.mediaDevices?.addEventListener("devicechange", this.onDevices);
    this.tell({ type: "switched_on", interrupted: takeInterrupted() });
  }

  private stop(): void {
    window.removeEventListener("online", this.onOnline);
    window.removeEventListener("beforeunload", this.onLeaving);
    navigator.mediaDevices?.removeEventListener("devicechange", this.onDevices);
    this.sounds.get()?.close();
    this.sounds.set(null);
  }

  private take(event: PhoneEvent): void {
    const before = this.state.get();
    const [next, effects] = step(before, event);
    this.state.set(next);
    if (next.call !== before.call || next.id !== before.id) remember(interruptedBy(next));
    for (const effect of effects) this.perform(effect);
    if (before.on && !next.on) this.stop();
  }

  private perform(effect: Effect): void {
    switch (effect.type) {
      case "test_microphone":
        return void this.testMicrophone();
      case "open_link":
        return this.socket.open();
      case "renew_link":
        return this.socket.renew();
      case "close_link":
        return this.socket.close();
      case "send":
        return this.socket.send(effect.message);
      case "make_offer":
        return void this.makeOffer(effect.muted);
      case "take_answer":
        return void this.peer?.take(effect.sdp).catch(() => this.tell({ type: "media_lost" }));
      case "close_peer":
        return this.closePeer();
      case "mute":
        if (this.microphone) this.microphone.enabled = !effect.on;
        return;
      case "ring":
        if (effect.on) this.sounds.get()?.startRing(this.preferences.get());
        else this.sounds.get()?.stopRing();
        if (effect.on) navigator.vibrate?.([400, 200, 400]);
    }
  }

  /** Ask for the microphone before the first ring, so that nobody has to while a customer waits. */
  private async testMicrophone(): Promise<void> {
    try {
      const track = await openMicrophone(this.preferences.get());
      track.stop();
      void this.findDevices();
      this.tell({ type: "microphone_ready" });
    } catch (error) {
      this.tell(failure(error));
    }
  }

  private async makeOffer(muted: boolean): Promise<void> {
    const { iceServers, codecs, call } = this.state.get();
    const stillWanted = () => sameCall(this.state.get().call, call);
    try {
      const microphone = this.microphone ?? (await openMicrophone(this.preferences.get()));
      if (!stillWanted()) return this.microphone === microphone ? undefined : microphone.stop();
      this.speakInto(microphone, muted);
      this.peer?.close();
      const peer = new Peer({
        iceServers,
        codecs,
        microphone,
        onHeard: (stream) => peer === this.peer && this.hear(stream),
        onUp: () => peer === this.peer && this.tell({ type: "media_up" }),
        onLost: () => peer === this.peer && this.tell({ type: "media_lost" }),
      });
      this.peer = peer;
      this.last = null;
      const sdp = await peer.offer();
      if (peer === this.peer) this.tell({ type: "offer_made", sdp });
    } catch (error) {
      if (stillWanted()) this.tell(failure(error));
    }
  }

  private hear(stream: MediaStream): void {
    this.heard.set(stream);
    this.sounds.get()?.hear(stream, this.preferences.get());
    clearInterval(this.measuring);
    this.measuring = setInterval(() => void this.measure(), MEASURE_EVERY_MS);
  }

  private speakInto(track: MediaStreamTrack, muted: boolean): void {
    track.enabled = !muted;
    if (track === this.microphone) return;
    this.microphone?.stop();
    this.microphone = track;
    // Unplugged in the middle of a call: go on with what the system offers instead.
    track.onended = () => void this.changeMicrophone();
    this.spoken.set(new MediaStream([track]));
  }

  private async changeMicrophone(): Promise<void> {
    const before = this.microphone;
    try {
      const track = await openMicrophone(this.preferences.get());
      if (before === null || this.microphone !== before) return track.stop();
      this.speakInto(track, this.state.get().call?.muted ?? false);
      await this.peer?.replaceMicrophone(track);
    } catch (error) {
      this.tell(failure(error));
    }
  }

  private closePeer(): void {
    clearInterval(this.measuring);
    this.peer?.close();
    this.peer = null;
    this.microphone?.stop();
    this.microphone = null;
    this.sounds.get()?.hear(null, this.preferences.get());
    this.heard.set(null);
    this.spoken.set(null);
    this.quality.set(null);
  }

  private async measure(): Promise<void> {
    const now = await this.peer?.sample();
    const { call } = this.state.get();
    if (!now || call?.stage !== "talking" || call.leg === null) return;
    const reading = readingOf(this.last, now);
    this.last = now;
    this.quality.set({ ...reading, mos: mosOf(reading) });
    this.socket.send({
      type: "quality",
      leg: call.leg,
      rtt_ms: tenths(reading.rttMs),
      jitter_ms: tenths(reading.jitterMs),
      lost_percent: tenths(reading.lostPercent),
    });
  }

  private readonly onDevices = () => void this.findDevices();

  private readonly onOnline = () => {
    this.socket.renew();
    if (this.state.get().call?.stage === "talking") this.tell({ type: "media_lost" });
  };

  /** Closing the page would leave the customer alone. */
  private readonly onLeaving = (event: BeforeUnloadEvent) => {
    if (this.state.get().call?.stage === "talking") event.preventDefault();
  };
}

const tenths = (value: number) => Math.round(value * 10) / 10;

const sameCall = (a: Call | null, b: Call | null) => a !== null && b !== null && (a.leg === b.leg || b.leg === null);

function failure(error: unknown): PhoneEvent {
  const problem = error instanceof MicrophoneError ? error.problem : { code: "no_sound", message: "" };
  return { type: "microphone_failed", problem };
}

/** Kept by the browser tab, so that a page that is loaded again takes its call up. */
function remember(interrupted: Interrupted): void {
  try {
    sessionStorage.setItem(INTERRUPTED, JSON.stringify(interrupted));
  } catch {
    // A browser that forbids storage loses the call with the page; the centre ends it then.
  }
}

function takeInterrupted(): Interrupted {
  const nothing = { id: null, call: null };
  try {
    return { ...nothing, ...(JSON.parse(sessionStorage.getItem(INTERRUPTED) ?? "{}") as Partial<Interrupted>) };
  } catch {
    return nothing;
  }
}
