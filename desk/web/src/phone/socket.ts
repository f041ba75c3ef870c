/** The link to the centre: one WebSocket, opened again with growing pauses until it is closed by the page. */

import { pauseMs } from "../live.ts";
import { type FromCentre, parse, type ToCentre } from "./messages.ts";
import type { Problem } from "./phone.ts";

/** Why the centre closes for good; other codes are tried again. */
const REFUSALS: Readonly<Record<number, string>> = {
  4401: "logged_out",
  4404: "not_enabled",
  4409: "replaced",
  4429: "too_many_phones",
};

export interface SocketOptions {
  /** Opens a WebSocket to the centre; a test gives its own. */
  connect: () => WebSocket;
  /** Whether the log-in still holds; throws when the server does not answer. */
  checkLogin: () => Promise<boolean>;
  onUp: () => void;
  onLost: () => void;
  /** The centre does not want this page's phone; no further try is made. */
  onRefused: (problem: Problem) => void;
  onMessage: (message: FromCentre) => void;
}

export function connectToCentre(): WebSocket {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}/api/phone`);
}

export class PhoneSocket {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private wanted = false;

  constructor(private readonly options: SocketOptions) {}

  open(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.attempt = 0;
    this.connect();
  }

  close(): void {
    this.wanted = false;
    clearTimeout(this.retry);
    this.drop();
  }

  /** The network has changed, or nobody answers: begin anew at once. */
  renew(): void {
    if (!this.wanted) return;
    clearTimeout(this.retry);
    this.attempt = 0;
    if (this.drop()) this.options.onLost();
    this.connect();
  }

  /** What is said while the link is away is lost: registering again tells both sides how things are. */
  send(message: ToCentre): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private connect(): void {
    const socket = this.options.connect();
    this.socket = socket;
    socket.onopen = () => {
      if (socket === this.socket) this.options.onUp();
    };
    socket.onmessage = (event) => {
      if (socket === this.socket) this.take(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) void this.lost(event.code);
    };
  }

  private take(data: unknown): void {
    const message = parse(data);
    if (!message) return;
    this.attempt = 0;
    this.options.onMessage(message);
  }

  private async lost(code: number): Promise<void> {
    this.socket = null;
    this.options.onLost();
    // A refused handshake has no code of ours in a browser, so ask whether the log-in still holds.
    const loggedIn = await this.options.checkLogin().catch(() => true);
    if (!this.wanted || this.socket !== null) return;
    const refusal = REFUSALS[code] ?? (loggedIn ? undefined : "logged_out");
    if (refusal) {
      this.wanted = false;
      return this.options.onRefused({ code: refusal, message: "" });
    }
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), pauseMs(this.attempt++, Math.random()));
  }

  /** Whether there was one. */
  private drop(): boolean {
    const old = this.socket;
    this.socket = null;
    old?.close();
    return old !== null;
  }
}
