/** The smallest shared pieces: state marks with a shape of their own, clocks, errors. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { duration, elapsed, serverNow } from "../clock.ts";
import type { AvailabilityState, Customer, Participant } from "../documents.ts";
import { sentence, useNow } from "../hooks.ts";
import { useKey } from "../keys.ts";
import { t } from "../texts.ts";

/**
 * Free is a disc with a tick, busy a square with a bar (hollow when by calendar only), away a half moon, resting two bars
 * in a ring, unknown a dashed ring: colour is never alone.
 */
export function StateMark({ state }: { state: AvailabilityState | "resting" | "reachable" }) {
  return (
    <svg class={`mark ${state}`} viewBox="0 0 16 16" width="16" height="16" role="img" aria-label={t.specialists.states[state]}>
      {state === "resting" && (
        <>
          <circle cx="8" cy="8" r="6" class="ring whole" />
          <path d="M6.300 5.500v5M9.700 5.500v5" class="bars" />
        </>
      )}
      {state === "free" && (
        <>
          <circle cx="8" cy="8" r="7" fill="currentColor" />
          <path d="m4.8 8.3 2.2 2.2 4.2-4.7" class="cut" />
        </>
      )}
      {state === "busy" && (
        <>
          <rect x="1.5" y="1.5" width="13" height="13" rx="3" fill="currentColor" />
          <path d="M4.5 8h7" class="cut" />
        </>
      )}
      {state === "reachable" && (
        <>
          <rect x="2" y="2" width="12" height="12" rx="3" class="ring whole" />
          <path d="M5 8h6" class="bars" />
        </>
      )}
      {state === "away" && <path d="M10.5 1.500a6.8 6.8 0 1 0 4 9.300A6 6 0 0 1 10.5 1.500Z" fill="currentColor" />}
      {state === "unknown" && <circle cx="8" cy="8" r="6" class="ring" />}
    </svg>
  );
}

/** Something wide that scrolls sideways on a narrow screen; then the keyboard can reach and scroll it too. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const shown = box.current;
    if (!shown) return;
    const look = new ResizeObserver(() => {
      if (shown.scrollWidth > shown.clientWidth) shown.tabIndex = 0;
      else shown.removeAttribute("tabindex");
    });
    look.observe(shown);
    if (shown.firstElementChild) look.observe(shown.firstElementChild);
    return () => look.disconnect();
  }, []);
  return (
    <div class="scroll" ref={box} role="group" aria-label={label}>
      {children}
    </div>
  );
}

/** Time since a moment, ticking. */
export function Clock({ from, label }: { from: string; label?: string }) {
  const now = useNow();
  return (
    <span class="clock" role="timer" aria-label={label}>
      {elapsed(from, now)}
    </span>
  );
}

/** How long ago something was, in words, ticking. */
export function Age({ at }: { at: string }) {
  const now = useNow();
  return <>{t.ago(ageWords((now - Date.parse(at)) / 1000))}</>;
}

export function ageWords(seconds: number): string {
  const { s, min, h, d } = t.units;
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} ${s}`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} ${min}`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} ${h}` : `${Math.floor(seconds / 86_400)} ${d}`;
}

/** The key of a button, for the eye; screen readers hear it from `aria-keyshortcuts`. */
export function Hint({ k }: { k: string }) {
  return (
    <kbd aria-hidden="true" class="hint">
      {k.toUpperCase()}
    </kbd>
  );
}

interface KeyButtonProps {
  k: string;
  /** What the help says; the button's text where it is the same. */
  label: string;
  name?: string | undefined;
  class?: string;
  disabled?: boolean;
  describedBy?: string;
  pressed?: boolean;
  onClick: () => void;
  children?: ComponentChildren;
}

/** A button with a key of its own. */
export function KeyButton({ k, label, name, disabled = false, describedBy, pressed, onClick, children, ...rest }: KeyButtonProps) {
  useKey(k, label, onClick, !disabled);
  return (
    <button
      type="button"
      class={rest.class ?? "button"}
      disabled={disabled}
      aria-label={name}
      aria-pressed={pressed}
      aria-describedby={describedBy}
      aria-keyshortcuts={k ? k.toUpperCase() : undefined}
      onClick={onClick}
    >
      {children ?? label}
      {k && <Hint k={k} />}
    </button>
  );
}

/** Seconds left until a moment, ticking down to 0:00. */
export function secondsLeft(until: string): number {
  return Math.max(0, Math.ceil((Date.parse(until) - serverNow()) / 1000));
}

export function Countdown({ until }: { until: string }) {
  useNow();
  return (
    <span class="clock" role="timer">
      {duration(secondsLeft(until))}
    </span>
  );
}

export function Problem({ error }: { error: ApiError | null }) {
  return error ? (
    <p class="error" role="alert">
      {sentence(error)}
    </p>
  ) : null;
}

export function customerName(customer: Customer | null): string {
  return customer?.name ?? t.call.unknownCustomer;
}

/** Who is on the line, with role and state. */
export function Roster({ participants, self }: { participants: Participant[]; self?: string }) {
  return (
    <ul class="roster" aria-label={t.call.participants}>
      {participants.map((one) => (
        <li key={`${one.role} ${one.person ?? one.name}`} data-role={one.role} data-state={one.state} class={one.state}>
          <span class="role">{t.call.roles[one.role]}</span>
          <strong>
            {one.name}
            {one.person !== null && one.person === self ? ` (${t.call.you})` : ""}
          </strong>
          <span class="being">
            {one.state === "ringing" ? t.call.ringing : t.call.talking} <Clock from={one.since} />
          </span>
        </li>
      ))}
    </ul>
  );
}
