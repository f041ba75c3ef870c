/**
 * The phone of this page as a pure machine: `step(phone, event)` gives the next phone and what shall be done.
 *
 *     off ──on──> registering ──> idle ──ring──> ringing ──answer──> answering ──> talking <──> held
 *      ^             |              └───dial───────────────────────> calling ──────^  |
 *      └── off / error (switched off by a problem that the person must see) <────────┘ end
 *
 * Two things fail on their own and come back on their own: the link to the centre (`link`) and the sound (`media`).
 * While one of them is away during a call the phone is `reconnecting`; the call waits and is never given up here, only
 * by the person or the centre. A browser always offers: each offer is a new peer that takes over the same leg.
 */

import type { Caller, FromCentre, IceServer, ToCentre } from "./messages.ts";

export type Stage = "ringing" | "answering" | "calling" | "talking";

export type Phase = "off" | "registering" | "idle" | Stage | "held" | "reconnecting" | "error";

/** A slug for our words, and the centre's sentence if it said one. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

export interface Call {
  /** Null until the centre has named the call that we dialled. */
  readonly leg: string | null;
  readonly stage: Stage;
  readonly caller: Caller;
  readonly escalation: string | null;
  readonly interaction: string | null;
  readonly muted: boolean;
  readonly held: boolean;
  /** The centre has a peer for this leg, so a new offer reconnects instead of answering. */
  readonly opened: boolean;
  readonly media: "none" | "up" | "lost";
  /** Since when both talk, milliseconds of the browser's clock. */
  readonly since: number | null;
}

export interface Ending extends Problem {
  readonly caller: Caller;
  readonly interaction: string | null;
}

export interface Phone {
  readonly on: boolean;
  /** What the centre calls this page's phone; kept over a reload. */
  readonly id: string | null;
  readonly link: "closed" | "open" | "registered";
  readonly iceServers: readonly IceServer[];
  readonly codecs: readonly string[];
  readonly call: Call | null;
  readonly problem: Problem | null;
  /** How the last call ended, if this is worth telling. */
  readonly ended: Ending | null;
  /** The escalation accepted on this page whose ring is still to come: it is answered at once. */
  readonly expected: Expected | null;
}

export interface Expected {
  readonly escalation: string;
  readonly interaction: string;
}

/** What this page was before it was loaded again. */
export interface Interrupted {
  readonly id: string | null;
  readonly call: Call | null;
}

export type PhoneEvent =
  | { type: "switched_on"; interrupted: Interrupted }
  | { type: "switched_off" }
  | { type: "accepted"; accepted: Expected }
  | { type: "answer_pressed" }
  | { type: "decline_pressed" }
  | { type: "hang_up_pressed" }
  | { type: "dialled"; number: string }
  | { type: "muted"; on: boolean }
  | { type: "held"; on: boolean }
  | { type: "digit_pressed"; digit: string }
  | { type: "dismissed" }
  | { type: "microphone_ready" }
  | { type: "microphone_failed"; problem: Problem }
  | { type: "offer_made"; sdp: string }
  | { type: "media_up" }
  | { type: "media_lost" }
  | { type: "link_up" }
  | { type: "link_lost" }
  | { type: "refused"; problem: Problem }
  | { type: "said"; message: FromCentre; at: number };

export type Effect =
  | { type: "test_microphone" }
  | { type: "open_link" }
  | { type: "renew_link" }
  | { type: "close_link" }
  | { type: "send"; message: ToCentre }
  | { type: "make_offer"; muted: boolean }
  | { type: "take_answer"; sdp: string }
  | { type: "close_peer" }
  | { type: "mute"; on: boolean }
  | { type: "ring"; on: boolean };

export type Outcome = readonly [Phone, readonly Effect[]];

export const OFF: Phone = {
  on: false,
  id: null,
  link: "closed",
  iceServers: [],
  codecs: [],
  call: null,
  problem: null,
  ended: null,
  expected: null,
};

/** Ends that the person did not cause and would wonder about. */
const TOLD: ReadonlySet<string> = new Set([
  "cancelled",
  "completed_elsewhere",
  "dialog_lost",
  "media_lost",
  "media_not_connected",
  "media_worker_lost",
  "overloaded",
  "stopping",
]);

export function phaseOf(phone: Phone): Phase {
  const { call } = phone;
  if (!phone.on) return phone.problem ? "error" : "off";
  if (!call) return phone.link === "registered" ? "idle" : "registering";
  if (phone.link !== "registered" || call.media === "lost") return "reconnecting";
  return call.held ? "held" : call.stage;
}

export function step(phone: Phone, event: PhoneEvent): Outcome {
  switch (event.type) {
    case "switched_on":
      return phone.on ? [phone, []] : [{ ...OFF, on: true, ...event.interrupted }, [{ type: "test_microphone" }]];
    case "switched_off":
      return switchOff(phone, null);
    case "refused":
      return switchOff(phone, event.problem);
    case "microphone_ready":
      return [phone, phone.on && phone.link === "closed" ? [{ type: "open_link" }] : []];
    case "microphone_failed":
      return microphoneFailed(phone, event.problem);
    case "link_up":
      return [{ ...phone, link: "open" }, [send(registration(phone))]];
    case "link_lost":
      return [{ ...phone, link: "closed" }, phone.call?.stage === "ringing" ? [RING_OFF] : []];
    case "dialled":
      return dial(phone, event.number);
    case "accepted":
      return accept(phone, event.accepted);
    case "dismissed":
      return [{ ...phone, problem: null, ended: null }, []];
    case "said":
      return said(phone, event.message, event.at);
    default:
      return phone.call ? inCall(phone, phone.call, event) : [phone, []];
  }
}

type CallEvent = Extract<
  PhoneEvent,
  {
    type:
      | "answer_pressed"
      | "decline_pressed"
      | "hang_up_pressed"
      | "muted"
      | "held"
      | "digit_pressed"
      | "offer_made"
      | "media_up"
      | "media_lost";
  }
>;

function inCall(phone: Phone, call: Call, event: CallEvent): Outcome {
  const leg = call.leg;
  switch (event.type) {
    case "answer_pressed":
      return call.stage === "ringing" ? answer(phone, call) : [phone, []];
    case "decline_pressed":
    case "hang_up_pressed":
      return endCall(phone, null);
    case "muted":
      return [{ ...phone, call: { ...call, muted: event.on } }, [{ type: "mute", on: event.on }]];
    case "held":
      if (call.stage !== "talking" || leg === null) return [phone, []];
      return [{ ...phone, call: { ...call, held: event.on } }, [send({ type: "hold", leg, on: event.on })]];
    case "digit_pressed":
      if (call.stage !== "talking" || leg === null) return [phone, []];
      return [phone, [send({ type: "dtmf", leg, digit: event.digit })]];
    case "offer_made":
      return [phone, offering(phone, call, event.sdp)];
    case "media_up":
      return [{ ...phone, call: { ...call, media: "up" } }, []];
    case "media_lost":
      return mediaLost(phone, call);
  }
}

function switchOff(phone: Phone, problem: Problem | null): Outcome {
  const goodbye: Effect[] = [...farewell(phone.call), send({ type: "unregister" })];
  const closing: Effect[] = [...goodbye, RING_OFF, { type: "close_peer" }, { type: "close_link" }];
  return [{ ...OFF, problem }, phone.on ? closing : []];
}

function microphoneFailed(phone: Phone, problem: Problem): Outcome {
  if (!phone.call) return switchOff(phone, problem);
  // While both talk the other side is still heard, so the call stays.
  return phone.call.stage === "talking" ? [{ ...phone, problem }, []] : endCall(phone, problem);
}

function dial(phone: Phone, number: string): Outcome {
  if (phaseOf(phone) !== "idle") return [phone, []];
  const call = newCall("calling", null, { display: "", number });
  return [{ ...phone, call, ended: null, problem: null }, [offer(call)]];
}

function answer(phone: Phone, call: Call): Outcome {
  const answered: Call = { ...call, stage: "answering" };
  return [{ ...phone, call: answered, expected: null, problem: null }, [RING_OFF, offer(answered)]];
}

/** The case was accepted on this page; answering its ring, now or when it comes, is the same act. */
function accept(phone: Phone, expected: Expected): Outcome {
  const { call } = phone;
  if (call?.stage !== "ringing") return [{ ...phone, expected: call ? null : expected }, []];
  const isOther = call.escalation !== null && call.escalation !== expected.escalation;
  return isOther ? [phone, []] : answer(phone, call);
}

/** Whether this ring is the one that was accepted beforehand; in doubt it is not. */
function isExpected({ escalation, interaction }: Call, expected: Expected | null): boolean {
  if (expected === null) return false;
  return escalation === null ? interaction === expected.interaction : escalation === expected.escalation;
}

function mediaLost(phone: Phone, call: Call): Outcome {
  if (call.stage !== "talking") return endCall(phone, { code: "media_lost", message: "" });
  const lost: Phone = { ...phone, call: { ...call, media: "lost" } };
  if (phone.link !== "registered") return [lost, []];
  // Lost again after a new offer: the link may be dead, too, without the browser having noticed.
  return [lost, [call.media === "lost" ? { type: "renew_link" } : offer(call)]];
}

/** What goes out with an offer; nothing without a link: then registering again makes a new one. */
function offering(phone: Phone, { leg, caller, opened }: Call, sdp: string): Effect[] {
  if (phone.link !== "registered") return [];
  if (leg === null) return [send({ type: "call", called: caller.number, sdp })];
  return [send({ type: opened ? "reconnect" : "answer", leg, sdp })];
}

function endCall(phone: Phone, problem: Problem | null): Outcome {
  const effects: Effect[] = [...farewell(phone.call), RING_OFF, { type: "close_peer" }];
  return [{ ...phone, call: null, problem }, effects];
}

/** What the centre has to hear when this page leaves a call. */
function farewell(call: Call | null): Effect[] {
  if (call === null || call.leg === null) return [];
  if (call.stage !== "ringing") return [send({ type: "hang_up", leg: call.leg })];
  return [send({ type: "decline", leg: call.leg, reason: "declined" })];
}

function said(phone: Phone, message: FromCentre, at: number): Outcome {
  if (!phone.on) return [phone, []];
  switch (message.type) {
    case "registered":
      return registered(phone, message);
    case "ring":
      return ring(phone, message);
    case "calling":
      return calling(phone, message.leg);
    case "error":
      return refusal(phone, message);
    default:
      return phone.call?.leg === message.leg ? aboutCall(phone, phone.call, message, at) : [phone, []];
  }
}

type Registered = Extract<FromCentre, { type: "registered" }>;

function registered(before: Phone, { phone: id, resumed, ice_servers: iceServers, codecs }: Registered): Outcome {
  const phone: Phone = { ...before, id, iceServers, codecs, link: "registered" };
  const { call } = phone;
  // A call of ours whose beginning we never heard of, or that we have given up meanwhile.
  const stray: Effect[] = resumed !== null && resumed !== call?.leg ? [send({ type: "hang_up", leg: resumed })] : [];
  if (!call) return [phone, stray];
  if (call.leg === null) return withMore(endCall(phone, { code: "link_lost", message: "" }), stray);
  if (resumed !== call.leg) return [phone, stray];
  // What was under way may have been lost with the link: offer anew, as when the sound is lost.
  const opened: Call = { ...call, opened: true };
  return [{ ...phone, call: opened }, call.stage === "answering" || call.media === "lost" ? [offer(call)] : []];
}

/** Rings come again for who was away meanwhile. */
function ring(phone: Phone, message: Extract<FromCentre, { type: "ring" }>): Outcome {
  const { leg, escalation, interaction } = message;
  if (phone.call?.leg === leg) return ringsAgain(phone, phone.call);
  if (phone.call) return [phone, [send({ type: "decline", leg, reason: "busy" })]];
  const call: Call = { ...newCall("ringing", leg, message.caller), escalation, interaction };
  const rings: Phone = { ...phone, call, ended: null, problem: null };
  const alerting = send({ type: "ringing", leg });
  if (!isExpected(call, phone.expected)) return [rings, [alerting, { type: "ring", on: true }]];
  return withMore(answer(rings, call), [alerting]);
}

/** The answer that was on its way did not arrive, or nobody has answered yet. */
function ringsAgain(phone: Phone, call: Call): Outcome {
  if (call.stage === "answering") return [phone, [offer(call)]];
  return [phone, call.stage === "ringing" ? [{ type: "ring", on: true }] : []];
}

const withMore = ([phone, effects]: Outcome, first: readonly Effect[]): Outcome => [phone, [...first, ...effects]];

function calling(phone: Phone, leg: string): Outcome {
  const { call } = phone;
  // Hung up before the centre had a name for it.
  if (!call || call.leg !== null) return [phone, call?.leg === leg ? [] : [send({ type: "hang_up", leg })]];
  return [{ ...phone, call: { ...call, leg } }, []];
}

/** Refusals that mean: no phone in this page. */
const FINAL: ReadonlySet<string> = new Set(["too_many_phones", "not_enabled"]);

function refusal(phone: Phone, { code, message, leg }: Extract<FromCentre, { type: "error" }>): Outcome {
  const { call } = phone;
  const problem = { code, message };
  if (FINAL.has(code)) return switchOff(phone, problem);
  if (leg !== undefined && leg !== call?.leg) return [phone, []];
  if (code === "media_failed" && call) return mediaLost(phone, call);
  const isOver = code === "no_such_leg" || (call !== null && call.stage !== "talking" && call.stage !== "ringing");
  return isOver ? endCall(phone, problem) : [{ ...phone, problem }, []];
}

type AboutCall = Extract<FromCentre, { type: "sdp" | "connected" | "ended" }>;

function aboutCall(phone: Phone, call: Call, message: AboutCall, at: number): Outcome {
  switch (message.type) {
    case "sdp":
      return [{ ...phone, call: { ...call, opened: true } }, [{ type: "take_answer", sdp: message.sdp }]];
    case "connected":
      return [{ ...phone, call: { ...call, stage: "talking", opened: true, since: call.since ?? at } }, []];
    case "ended": {
      const { reason: code, message: sentence } = message;
      const isTold = TOLD.has(code) || call.stage === "calling";
      const ended = isTold ? { code, message: sentence, caller: call.caller, interaction: call.interaction } : null;
      return [{ ...phone, call: null, ended }, [RING_OFF, { type: "close_peer" }]];
    }
  }
}

const RING_OFF: Effect = { type: "ring", on: false };
const send = (message: ToCentre): Effect => ({ type: "send", message });
const offer = (call: Call): Effect => ({ type: "make_offer", muted: call.muted });

function registration({ id, call }: Phone): ToCentre {
  return { type: "register", ...(id !== null && { phone: id }), ...(call?.leg && { resume: call.leg }) };
}

/** What a page that is loaded again takes up. A call that still rings is rung again by the centre. */
export function interruptedBy({ id, call }: Phone): Interrupted {
  return { id, call: call?.stage === "talking" ? { ...call, media: "lost" } : null };
}

function newCall(stage: Stage, leg: string | null, caller: Caller): Call {
  return {
    leg,
    stage,
    caller,
    escalation: null,
    interaction: null,
    muted: false,
    held: false,
    opened: false,
    media: "none",
    since: null,
  };
}
