/** The live connection: one WebSocket, reconnected with growing pauses; a gap or silence counts as broken. */

import type { LiveMessage } from "./documents.ts";
import { disconnected, EMPTY, receive, type State, type Store } from "./store.ts";

const NOT_LOGGED_IN = 4401;
const TOO_MANY_SCREENS = 4429;
const SILENCE_MS = 45_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;

/** Pause before attempt n (from 0): doubling, bounded, spread so that many screens do not come back at once. */
export function pauseMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return full / 2 + (full / 2) * random;
}

export interface LiveOptions {
  store: Store<State>;
  /** Whether the log-in still holds; throws when the server does not answer. */
  checkLogin: () => Promise<boolean>;
  checkHealth: () => Promise<unknown>;
  onLoggedOut: () => void;
}

export class LiveConnection {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private stopped = true;

  constructor(private readonly options: LiveOptions) {}

  start(): void {
    this.stopped = false;
    this.attempt = 0;
    window.addEventListener("online", this.reconnectSoon);
    document.addEventListener("visibilitychange", this.onVisible);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    window.removeEventListener("online", this.reconnectSoon);
    document.removeEventListener("visibilitychange", this.onVisible);
    clearTimeout(this.retry);
    this.drop();
    this.options.store.set(EMPTY);
  }

  private readonly onVisible = () => {
    if (!document.hidden && this.socket === null) this.reconnectSoon();
  };

  private readonly reconnectSoon = () => {
    if (this.stopped) return;
    this.attempt = 0;
    clearTimeout(this.retry);
    if (this.socket === null) this.connect();
  };

  private connect(): void {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/api/live`);
    this.socket = socket;
    socket.onmessage = (event) => this.take(socket, event.data);
    socket.onclose = (event) => {
      if (socket === this.socket) void this.lost(event.code);
    };
  }

  private take(socket: WebSocket, data: unknown): void {
    if (socket !== this.socket) return;
    this.watchSilence();
    const { store } = this.options;
    const message = parse(data);
    const next = message && receive(store.get(), message);
    if (next) {
      this.attempt = 0;
      store.set(next);
    } else {
      void this.lost(0);
    }
  }

  private async lost(code: number): Promise<void> {
    this.drop();
    this.options.store.set(disconnected(this.options.store.get(), code === TOO_MANY_SCREENS));
    // A refused handshake has no code of ours in a browser, so ask whether the log-in still holds.
    const loggedIn = code === NOT_LOGGED_IN ? false : await this.options.checkLogin().catch(() => true);
    if (this.stopped || this.socket !== null) return;
    if (!loggedIn) return this.options.onLoggedOut();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), pauseMs(this.attempt++, Math.random()));
  }

  private drop(): void {
    clearTimeout(this.silence);
    const old = this.socket;
    this.socket = null;
    old?.close();
  }

  private watchSilence(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.options.checkHealth().then(
        () => this.watchSilence(),
        () => void this.lost(0),
      );
    }, SILENCE_MS);
  }
}

function parse(data: unknown): LiveMessage | null {
  try {
    const message = JSON.parse(String(data)) as LiveMessage;
    return message.type === "snapshot" || message.type === "change" ? message : null;
  } catch {
    return null;
  }
}
