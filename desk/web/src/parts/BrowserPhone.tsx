/** The phone in the page: its switch for the header, and the strip that shows what it does and what to do. */

import { useEffect, useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Me } from "../documents.ts";
import { useStore } from "../hooks.ts";
import { useKey } from "../keys.ts";
import { flashTitle } from "../notice.ts";
import { type Call, type Phase, phaseOf, type Phone, type Problem } from "../phone/phone.ts";
import type { BrowserPhone } from "../phone/runner.ts";
import type { Store } from "../store.ts";
import { arriving, interactionOf } from "../select.ts";
import { centreWords, t } from "../texts.ts";
import { Clock, KeyButton } from "./bits.tsx";
import { Keypad } from "./BrowserPhoneKeypad.tsx";
import { Levels, LineQuality } from "./BrowserPhoneLevels.tsx";

/** Press and this page is a phone; it stays one for this person in this browser. */
export function PhoneSwitch({ self }: { self: Me }) {
  const { phone } = useDesk();
  const state = useStore(phone.state);
  const phase = phaseOf(state);
  const inCall = state.call !== null;
  // A press by chance must not end a call; hanging up does.
  const toggle = () => {
    if (!inCall) state.on ? phone.switchOff() : phone.switchOn(self.id);
  };
  useEffect(() => phone.begin(self.id), [phone, self.id]);
  useKey("b", t.browserPhone.keyToggle, toggle, !inCall);
  const words = state.on ? t.browserPhone.name : `${t.browserPhone.name}: ${t.browserPhone.phases[phase]}`;
  return (
    <button
      type="button"
      class={`chip phone-switch ${colourOf(phase)}`}
      aria-pressed={state.on}
      aria-disabled={inCall}
      aria-keyshortcuts="B"
      title={`${words}. ${t.browserPhone.switchHint}`}
      data-testid="phone-switch"
      onClick={toggle}
    >
      <Headset off={!state.on} />
      <span class="word">{words}</span>
    </button>
  );
}

function colourOf(phase: Phase): string {
  if (phase === "error" || phase === "reconnecting") return "bad";
  return phase === "off" || phase === "registering" ? "" : "good";
}

function Headset({ off = false }: { off?: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path d="M2.500 10V8a5.500 5.500 0 0 1 11 0v2" fill="none" stroke="currentColor" stroke-width="1.600" />
      <rect x="1.500" y="8.500" width="3.200" height="5" rx="1.400" fill="currentColor" />
      <rect x="11.300" y="8.500" width="3.200" height="5" rx="1.400" fill="currentColor" />
      {off && <path d="M2 14 14 2" stroke="currentColor" stroke-width="1.800" />}
    </svg>
  );
}

/** For who has no phone at all: here is one. */
export function UsePageAsPhone({ self }: { self: Me }) {
  const { phone } = useDesk();
  if (useStore(phone.state).on) return null;
  return (
    <button type="button" class="button" onClick={() => phone.switchOn(self.id)}>
      {t.browserPhone.useHere}
    </button>
  );
}

interface StripProps {
  /** Whether the page below shows arriving cases with their own way to decline. */
  casesShown: boolean;
  openSettings: () => void;
}

export function PhoneStrip({ casesShown, openSettings }: StripProps) {
  const desk = useDesk();
  const { phone } = desk;
  const state = useStore(phone.state);
  const asked = arriving(useStore(desk.state));
  const phase = phaseOf(state);
  const name = useCallerName(state.call);
  // A keypad belongs to the call it was opened for, or to none: it is gone with the call, at once.
  const here = state.call?.leg ?? "";
  const [keypadAt, setKeypadAt] = useState<string | null>(null);
  const keypad = keypadAt === here;
  const switchKeypad = () => setKeypadAt(keypad ? null : here);
  const mayDial = phase === "idle" || phase === "talking";
  useKey("y", t.browserPhone.keyKeypad, switchKeypad, mayDial);
  useEffect(() => {
    // An arriving case flashes by itself.
    if (phase === "ringing" && state.call?.escalation === null) return flashTitle(t.browserPhone.rings(name));
  }, [phase, state.call?.leg, name]);
  if (phase === "off") return null;
  const caseOnPage = casesShown && asked.some((one) => one.id === state.call?.escalation);
  return (
    <section class={`phone-strip is-${phase}`} aria-label={t.browserPhone.region} data-phase={phase}>
      <Announcer phase={phase} name={name} />
      <div class="phone-line">
        <Who phase={phase} call={state.call} name={name} />
        {state.call && <CallKeys phone={phone} call={state.call} phase={phase} mayDecline={!caseOnPage} />}
        <div class="phone-rest">
          {phase !== "error" && <Levels phone={phone} />}
          {state.call?.stage === "talking" && <LineQuality phone={phone} />}
          {mayDial && (
            <KeyButton
              k="y"
              label={t.browserPhone.keypad}
              class="button small"
              pressed={keypad}
              onClick={switchKeypad}
            />
          )}
          {phase !== "ringing" && (
            <button type="button" class="button quiet small" onClick={openSettings}>
              {t.browserPhone.settings}
            </button>
          )}
        </div>
      </div>
      {state.call?.muted && <p class="phone-note warn">{t.browserPhone.muted}</p>}
      <Trouble phone={phone} state={state} />
      {keypad && mayDial && <Keypad phone={phone} call={state.call} close={() => setKeypadAt(null)} />}
    </section>
  );
}

/** The customer as our records call him, else as the call says. */
function useCallerName(call: Pick<Call, "caller" | "interaction"> | null): string {
  const docs = useStore(useDesk().state);
  const known = call?.interaction ? interactionOf(docs, call.interaction)?.customer?.name : undefined;
  return known ?? (call?.caller.display || call?.caller.number || t.browserPhone.unknownCaller);
}

/** What people who do not see the page must hear. */
function Announcer({ phase, name }: { phase: Phase; name: string }) {
  const words = t.browserPhone;
  if (phase === "ringing") {
    return (
      <p class="sr" role="alert">
        {words.rings(name)}
      </p>
    );
  }
  return (
    <p class="sr" role="status">
      {phase === "talking" ? words.talksWith(name) : `${words.name}: ${words.phases[phase]}`}
    </p>
  );
}

function Who({ phase, call, name }: { phase: Phase; call: Call | null; name: string }) {
  const { phases, name: phone, idleHint } = t.browserPhone;
  return (
    <div class="phone-who">
      <p class="phone-state" data-testid="phone-state">
        <Headset />
        <span>{call ? phases[phase] : `${phone}: ${phases[phase]}`}</span>
        {call?.since && <Clock from={new Date(call.since).toISOString()} />}
      </p>
      {call && (
        <p class="phone-caller">
          <strong>{name}</strong>
          {phase === "ringing" && name !== call.caller.number && <span class="phone-number">{call.caller.number}</span>}
        </p>
      )}
      {phase === "idle" && <p class="muted">{idleHint}</p>}
    </div>
  );
}

interface CallKeysProps {
  phone: BrowserPhone;
  call: Call;
  phase: Phase;
  mayDecline: boolean;
}

function CallKeys({ phone, call, phase, mayDecline }: CallKeysProps) {
  const words = t.browserPhone;
  if (call.stage === "ringing") {
    return (
      <div class="phone-keys">
        <KeyButton
          k="a"
          label={words.answer}
          class="button primary"
          onClick={() => phone.tell({ type: "answer_pressed" })}
        />
        {mayDecline && (
          <KeyButton k="d" label={words.decline} onClick={() => phone.tell({ type: "decline_pressed" })} />
        )}
      </div>
    );
  }
  const talks = call.stage === "talking";
  return (
    <div class="phone-keys">
      {talks && (
        <KeyButton
          k="t"
          label={call.muted ? words.unmute : words.mute}
          class={call.muted ? "button primary" : "button"}
          onClick={() => phone.tell({ type: "muted", on: !call.muted })}
        />
      )}
      {talks && (
        <KeyButton
          k="h"
          label={call.held ? words.resume : words.hold}
          class={call.held ? "button primary" : "button"}
          disabled={phase === "reconnecting"}
          onClick={() => phone.tell({ type: "held", on: !call.held })}
        />
      )}
      <KeyButton
        k="g"
        label={words.hangUp}
        class="button danger"
        onClick={() => phone.tell({ type: "hang_up_pressed" })}
      />
    </div>
  );
}

/** What went wrong and what to do; and that sound waits for a click. */
function Trouble({ phone, state }: { phone: BrowserPhone; state: Phone }) {
  const sounds = useStore(phone.sounds);
  const { problem, ended } = state;
  const name = useCallerName(ended);
  return (
    <>
      {ended && (
        <p class="phone-note" role="alert" data-testid="phone-ended">
          <span>
            <strong>{t.browserPhone.endedWith(name)}</strong> {causeWords(ended)}
          </span>
          <Dismiss phone={phone} />
        </p>
      )}
      {problem && (
        <p class="phone-note bad" role="alert" data-testid="phone-problem">
          <span>{causeWords(problem)}</span>
          {!state.on && (
            <button type="button" class="button small" onClick={() => phone.tryAgain()}>
              {t.browserPhone.tryAgain}
            </button>
          )}
          <Dismiss phone={phone} />
        </p>
      )}
      {sounds && <Blocked blocked={sounds.blocked} />}
    </>
  );
}

function Dismiss({ phone }: { phone: BrowserPhone }) {
  return (
    <button type="button" class="button quiet small" onClick={() => phone.tell({ type: "dismissed" })}>
      {t.browserPhone.dismiss}
    </button>
  );
}

function Blocked({ blocked }: { blocked: Store<boolean> }) {
  return useStore(blocked) ? <p class="phone-note">{t.browserPhone.blocked}</p> : null;
}

/** Why there is no phone or no call, in the language on screen. */
export function causeWords({ code, message }: Problem): string {
  const ours = t.browserPhone.causes[code];
  return centreWords(message, ours) || ours || t.errors.unknown;
}
