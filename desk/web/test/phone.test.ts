import { describe, expect, test } from "vitest";
import type { FromCentre } from "../src/phone/messages.ts";
import { type Effect, interruptedBy, OFF, phaseOf, type Phone, type PhoneEvent, step } from "../src/phone/phone.ts";

const ANA = { display: "Ana K.", number: "+385915550101" };
const RING: FromCentre = { type: "ring", leg: "leg_1", caller: ANA, escalation: "esc_1", interaction: "int_1" };
const REGISTERED: FromCentre = {
  type: "registered",
  phone: "phone_1",
  resumed: null,
  ice_servers: [],
  codecs: ["opus"],
};
const ANSWER: PhoneEvent = { type: "answer_pressed" };
const OFFER: PhoneEvent = { type: "offer_made", sdp: "v=0" };

const said = (message: FromCentre): PhoneEvent => ({ type: "said", message, at: 1_000 });
const connected = said({ type: "connected", leg: "leg_1" });
const ended = (reason: string) => said({ type: "ended", leg: "leg_1", reason, message: `It was ${reason}.` });

/** The phone after these events, and what the last one asked for. */
function after(...events: PhoneEvent[]): [Phone, readonly Effect[]] {
  return events.reduce<[Phone, readonly Effect[]]>(([phone], event) => [...step(phone, event)], [OFF, []]);
}

const IDLE: PhoneEvent[] = [
  { type: "switched_on", interrupted: { id: null, call: null } },
  { type: "microphone_ready" },
  { type: "link_up" },
  said(REGISTERED),
];
const RINGING = [...IDLE, said(RING)];
const TALKING = [...RINGING, ANSWER, OFFER, connected, { type: "media_up" } as const];

const sent = (effects: readonly Effect[]) => effects.filter((one) => one.type === "send").map((one) => one.message);
const kinds = (effects: readonly Effect[]) => effects.map((one) => one.type);

describe("switching on", () => {
  test("asks for the microphone before the centre may ring, then registers", () => {
    expect(kinds(after(...IDLE.slice(0, 1))[1])).toEqual(["test_microphone"]);
    expect(kinds(after(...IDLE.slice(0, 2))[1])).toEqual(["open_link"]);
    expect(sent(after(...IDLE.slice(0, 3))[1])).toEqual([{ type: "register" }]);
    expect(IDLE.map((_, n) => phaseOf(after(...IDLE.slice(0, n + 1))[0]))).toEqual([
      "registering",
      "registering",
      "registering",
      "idle",
    ]);
  });

  test("without a microphone there is no phone, and the person learns why", () => {
    const [phone] = after(IDLE[0]!, { type: "microphone_failed", problem: { code: "denied", message: "" } });
    expect([phaseOf(phone), phone.problem?.code, phone.on]).toEqual(["error", "denied", false]);
    expect(phaseOf(step(phone, IDLE[0]!)[0])).toBe("registering");
  });

  test("a page too many is refused and says so", () => {
    const refusals = [
      said({ type: "error", code: "too_many_phones", message: "" }),
      { type: "refused", problem: { code: "too_many_phones", message: "" } } as const,
    ];
    for (const refusal of refusals) {
      const [phone, effects] = after(...IDLE, refusal);
      expect([phaseOf(phone), phone.problem?.code]).toEqual(["error", "too_many_phones"]);
      expect(kinds(effects)).toContain("close_link");
    }
  });
});

describe("a call that rings", () => {
  test("alerts, is answered by an offer and talks when the centre says so", () => {
    expect(sent(after(...RINGING)[1])).toEqual([{ type: "ringing", leg: "leg_1" }]);
    expect(kinds(after(...RINGING)[1])).toContain("ring");
    expect(kinds(after(...RINGING, ANSWER)[1])).toEqual(["ring", "make_offer"]);
    expect(sent(after(...RINGING, ANSWER, OFFER)[1])).toEqual([{ type: "answer", leg: "leg_1", sdp: "v=0" }]);
    const [phone] = after(...TALKING);
    expect([phaseOf(phone), phone.call?.since]).toEqual(["talking", 1_000]);
  });

  test("answering twice makes one offer", () => {
    expect(after(...RINGING, ANSWER, ANSWER)[1]).toEqual([]);
  });

  test("can be declined", () => {
    const [phone, effects] = after(...RINGING, { type: "decline_pressed" });
    expect(sent(effects)).toEqual([{ type: "decline", leg: "leg_1", reason: "declined" }]);
    expect(phaseOf(phone)).toBe("idle");
  });

  test("a second one is busy and leaves the first alone", () => {
    const [phone, effects] = after(...TALKING, said({ ...RING, leg: "leg_2" } as FromCentre));
    expect(sent(effects)).toEqual([{ type: "decline", leg: "leg_2", reason: "busy" }]);
    expect(phone.call?.leg).toBe("leg_1");
  });

  test("that was answered elsewhere stops ringing and says so", () => {
    const [phone, effects] = after(...RINGING, ended("completed_elsewhere"));
    expect(kinds(effects)).toEqual(["ring", "close_peer"]);
    expect([phaseOf(phone), phone.ended?.code]).toEqual(["idle", "completed_elsewhere"]);
  });

  test("news of another leg changes nothing", () => {
    const before = after(...TALKING)[0];
    expect(step(before, said({ type: "ended", leg: "leg_9", reason: "cancelled", message: "" }))).toEqual([before, []]);
  });
});

describe("accepting the case and answering the phone are one act (N8)", () => {
  const accepted: PhoneEvent = { type: "accepted", accepted: { escalation: "esc_1", interaction: "int_1" } };

  test("a phone that rings is answered by accepting", () => {
    expect(phaseOf(after(...RINGING, accepted)[0])).toBe("answering");
  });

  test("a case accepted before its ring is answered when it rings, without a sound", () => {
    const [phone, effects] = after(...IDLE, accepted, said(RING));
    expect([phaseOf(phone), phone.expected]).toEqual(["answering", null]);
    expect(sent(effects)).toEqual([{ type: "ringing", leg: "leg_1" }]);
    expect(kinds(effects)).toContain("make_offer");
  });

  test.each([
    ["of another escalation", { escalation: "esc_2" }],
    ["of another call", { escalation: null, interaction: "int_2" }],
    ["that names neither", { escalation: null, interaction: null }],
  ])("a ring %s is never answered by itself", (_, other) => {
    expect(phaseOf(after(...IDLE, accepted, said({ ...RING, ...other } as FromCentre))[0])).toBe("ringing");
  });

  test("accepting another case leaves a ringing phone alone", () => {
    const other: PhoneEvent = { type: "accepted", accepted: { escalation: "esc_2", interaction: "int_2" } };
    expect(phaseOf(after(...RINGING, other)[0])).toBe("ringing");
  });
});

describe("a call that we dial", () => {
  const dialled: PhoneEvent = { type: "dialled", number: "5001" };

  test("offers first and gets its name from the centre", () => {
    expect(kinds(after(...IDLE, dialled)[1])).toEqual(["make_offer"]);
    expect(sent(after(...IDLE, dialled, OFFER)[1])).toEqual([{ type: "call", called: "5001", sdp: "v=0" }]);
    const [phone] = after(...IDLE, dialled, OFFER, said({ type: "calling", leg: "leg_1" }), connected);
    expect(phaseOf(phone)).toBe("talking");
  });

  test("hung up before it had a name is ended as soon as it has one", () => {
    const named = said({ type: "calling", leg: "leg_1" });
    const [phone, effects] = after(...IDLE, dialled, OFFER, { type: "hang_up_pressed" }, named);
    expect(sent(effects)).toEqual([{ type: "hang_up", leg: "leg_1" }]);
    expect(phaseOf(phone)).toBe("idle");
  });

  test("is not made while another call goes on", () => {
    expect(after(...TALKING, dialled)[1]).toEqual([]);
  });

  test("refused by the centre it ends with the centre's words", () => {
    const refused = said({ type: "error", code: "unknown_number", message: "No such number." });
    const [phone] = after(...IDLE, dialled, OFFER, refused);
    expect([phaseOf(phone), phone.problem?.message]).toEqual(["idle", "No such number."]);
  });
});

describe("in a call", () => {
  test("mute, hold and digits", () => {
    expect(after(...TALKING, { type: "muted", on: true })[1]).toEqual([{ type: "mute", on: true }]);
    const [held, effects] = after(...TALKING, { type: "held", on: true });
    expect([phaseOf(held), sent(effects)]).toEqual(["held", [{ type: "hold", leg: "leg_1", on: true }]]);
    expect(phaseOf(step(held, { type: "held", on: false })[0])).toBe("talking");
    expect(sent(after(...TALKING, { type: "digit_pressed", digit: "#" })[1])).toEqual([
      { type: "dtmf", leg: "leg_1", digit: "#" },
    ]);
  });

  test("a failed media worker ends the call and is told; an ordinary end is not", () => {
    const [phone] = after(...TALKING, ended("media_worker_lost"));
    expect([phaseOf(phone), phone.ended?.code, phone.ended?.caller]).toEqual(["idle", "media_worker_lost", ANA]);
    expect(after(...TALKING, ended("hung_up"))[0].ended).toBeNull();
  });

  test("switching off hangs up first", () => {
    const [phone, effects] = after(...TALKING, { type: "switched_off" });
    expect(sent(effects)).toEqual([{ type: "hang_up", leg: "leg_1" }, { type: "unregister" }]);
    expect(kinds(effects).at(-1)).toBe("close_link");
    expect(phone).toEqual(OFF);
  });
});

describe("when the network changes", () => {
  const kept = said({ ...REGISTERED, resumed: "leg_1" } as FromCentre);
  const back: PhoneEvent[] = [{ type: "link_up" }, kept];

  test("a lost link is resumed as the same phone with its leg, and sound that still flows is left alone", () => {
    const [lost] = after(...TALKING, { type: "link_lost" });
    expect(phaseOf(lost)).toBe("reconnecting");
    const [open, effects] = step(lost, { type: "link_up" });
    expect(sent(effects)).toEqual([{ type: "register", phone: "phone_1", resume: "leg_1" }]);
    expect(step(open, kept)[1]).toEqual([]);
    expect(phaseOf(step(open, kept)[0])).toBe("talking");
  });

  test("lost sound is offered anew on the same leg", () => {
    const [lost, effects] = after(...TALKING, { type: "media_lost" });
    expect([phaseOf(lost), kinds(effects)]).toEqual(["reconnecting", ["make_offer"]]);
    const [offered, offers] = step(lost, OFFER);
    expect(sent(offers)).toEqual([{ type: "reconnect", leg: "leg_1", sdp: "v=0" }]);
    expect(phaseOf(step(offered, { type: "media_up" })[0])).toBe("talking");
  });

  test("sound that the centre calls broken is offered anew, too", () => {
    const broken = said({ type: "error", code: "media_failed", message: "", leg: "leg_1" });
    expect(kinds(after(...TALKING, broken)[1])).toEqual(["make_offer"]);
  });

  test("sound lost together with the link is offered when the link is back", () => {
    const away: PhoneEvent[] = [{ type: "link_lost" }, { type: "media_lost" }];
    expect(after(...TALKING, ...away)[1]).toEqual([]);
    expect(kinds(after(...TALKING, ...away, ...back)[1])).toEqual(["make_offer"]);
  });

  test("sound that stays away after a new offer renews the link, too", () => {
    expect(kinds(after(...TALKING, { type: "media_lost" }, OFFER, { type: "media_lost" })[1])).toEqual(["renew_link"]);
  });

  test("a hold and a mute outlast it", () => {
    const away: PhoneEvent[] = [{ type: "held", on: true }, { type: "muted", on: true }, { type: "media_lost" }];
    const [lost, effects] = after(...TALKING, ...away);
    expect(effects).toEqual([{ type: "make_offer", muted: true }]);
    expect(phaseOf(step(lost, { type: "media_up" })[0])).toBe("held");
  });

  test("an answer that arrived before the link broke is reconnected", () => {
    const offered = [...RINGING, ANSWER, OFFER, { type: "link_lost" } as const, ...back, OFFER];
    expect(sent(after(...offered)[1])).toEqual([{ type: "reconnect", leg: "leg_1", sdp: "v=0" }]);
  });

  test("an answer that was lost with the link is given anew when it rings again", () => {
    const lost = [...RINGING, ANSWER, OFFER, { type: "link_lost" } as const, { type: "link_up" } as const];
    const offered = [...lost, said(REGISTERED), said(RING), OFFER];
    expect(sent(after(...offered)[1])).toEqual([{ type: "answer", leg: "leg_1", sdp: "v=0" }]);
  });

  test("a ring is silent while the link is away and sounds again when it rings again", () => {
    expect(after(...RINGING, { type: "link_lost" })[1]).toEqual([{ type: "ring", on: false }]);
    const back: PhoneEvent[] = [{ type: "link_lost" }, { type: "link_up" }, said(REGISTERED), said(RING)];
    const again = [...RINGING, ...back];
    expect(after(...again)[1]).toEqual([{ type: "ring", on: true }]);
  });

  test("a call whose name we never heard is hung up when the link is back", () => {
    const dialled = [...IDLE, { type: "dialled", number: "5001" } as const, OFFER, { type: "link_lost" } as const];
    const [phone, effects] = after(...dialled, ...back);
    expect(sent(effects)).toEqual([{ type: "hang_up", leg: "leg_1" }]);
    expect([phaseOf(phone), phone.problem?.code]).toEqual(["idle", "link_lost"]);
  });

  test("a leg that the centre has given up ends here, too", () => {
    const [phone] = after(...TALKING, said({ type: "error", code: "no_such_leg", message: "Over.", leg: "leg_1" }));
    expect([phaseOf(phone), phone.problem?.code]).toEqual(["idle", "no_such_leg"]);
  });

  test("a page that is loaded again takes its call up", () => {
    const interrupted = interruptedBy(after(...TALKING)[0]);
    const [loaded] = after({ type: "switched_on", interrupted }, { type: "microphone_ready" });
    const [open, effects] = step(loaded, { type: "link_up" });
    expect(sent(effects)).toEqual([{ type: "register", phone: "phone_1", resume: "leg_1" }]);
    expect(kinds(step(open, kept)[1])).toEqual(["make_offer"]);
    expect(interruptedBy(after(...RINGING)[0])).toEqual({ id: "phone_1", call: null });
  });
});
