/** What page and centre say to each other over `/api/phone`; docs/browser-phone.md is the contract. */

export interface Caller {
  display: string;
  number: string;
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

export type ToCentre =
  /** `phone` and `resume`: who we were and which leg we had, after a lost link or a reload. */
  | { type: "register"; phone?: string; resume?: string }
  | { type: "unregister" }
  | { type: "ringing"; leg: string }
  | { type: "answer"; leg: string; sdp: string }
  | { type: "decline"; leg: string; reason: "busy" | "declined" }
  | { type: "call"; called: string; sdp: string }
  | { type: "hang_up"; leg: string }
  | { type: "dtmf"; leg: string; digit: string }
  | { type: "hold"; leg: string; on: boolean }
  | { type: "reconnect"; leg: string; sdp: string }
  | { type: "quality"; leg: string; rtt_ms: number; jitter_ms: number; lost_percent: number };

export type FromCentre =
  /** `resumed`: the leg whose sound the centre kept for us. */
  | { type: "registered"; phone: string; resumed: string | null; ice_servers: IceServer[]; codecs: string[] }
  | { type: "ring"; leg: string; caller: Caller; escalation: string | null; interaction: string | null }
  | { type: "calling"; leg: string }
  | { type: "sdp"; leg: string; sdp: string }
  | { type: "connected"; leg: string }
  | { type: "ended"; leg: string; reason: string; message: string }
  | { type: "error"; code: string; message: string; leg?: string };

const KNOWN: ReadonlySet<string> = new Set([
  "registered",
  "ring",
  "calling",
  "sdp",
  "connected",
  "ended",
  "error",
] satisfies FromCentre["type"][]);

/** One message of the centre; null for what this page does not know, which a newer centre may say. */
export function parse(data: unknown): FromCentre | null {
  try {
    const message = JSON.parse(String(data)) as { type?: unknown };
    return typeof message.type === "string" && KNOWN.has(message.type) ? (message as FromCentre) : null;
  } catch {
    return null;
  }
}

export const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;
