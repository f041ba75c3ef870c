/** What this screen knows: the documents of the live connection, replaced whole, and the pure reducer over them. */

import type { LiveMessage } from "./documents.ts";

/** `crowded`: this person has more screens open than the server allows. */
export type Link = "connecting" | "open" | "lost" | "crowded";

export interface State {
  readonly link: Link;
  /** Sequence number of the last message taken, -1 before the first snapshot of a connection. */
  readonly seq: number;
  readonly docs: ReadonlyMap<string, unknown>;
}

export const EMPTY: State = { link: "connecting", seq: -1, docs: new Map() };

/** Take one message. `null` means a gap: what we show may be wrong, so the caller must reconnect. */
export function receive(state: State, message: LiveMessage): State | null {
  if (message.type === "snapshot") {
    return { link: "open", seq: message.seq, docs: new Map(Object.entries(message.docs)) };
  }
  if (state.seq < 0 || message.seq !== state.seq + 1) return null;
  const docs = new Map(state.docs);
  for (const [key, doc] of Object.entries(message.set ?? {})) docs.set(key, doc);
  for (const key of message.remove ?? []) docs.delete(key);
  return { ...state, seq: message.seq, docs };
}

/** The connection went away: keep showing what we have, marked as old. */
export function disconnected(state: State, crowded = false): State {
  return { ...state, link: crowded ? "crowded" : state.docs.size > 0 ? "lost" : "connecting", seq: -1 };
}

type Listener = () => void;

/** Holds one value and tells listeners when it is replaced. */
export class Store<T> {
  private listeners = new Set<Listener>();

  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(value: T): void {
    if (value === this.value) return;
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
