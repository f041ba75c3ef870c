/** Keys for every action: parts register theirs while they are on screen; one listener serves the whole page. */

import { useLayoutEffect, useRef } from "preact/hooks";
import { useStore } from "./hooks.ts";
import { Store } from "./store.ts";

export interface KeyAction {
  key: string;
  label: string;
  act: () => void;
}

const STORED = "ringside.keys";

/** What may be pressed now. Several parts may offer the same key; the one that came last has it. */
export const actions = new Store<ReadonlyMap<symbol, KeyAction>>(new Map());
export const keysAreOn = new Store(readSetting());

function readSetting(): boolean {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}

/** Single keys can be switched off, for people whose speech input or tremor presses them by chance (WCAG 2.1.4). */
export function setKeys(on: boolean): void {
  keysAreOn.set(on);
  try {
    localStorage.setItem(STORED, on ? "on" : "off");
  } catch {
    // A browser that forbids storage forgets the choice.
  }
}

/**
 * What a press may mean, best first: the character; else the key's place, so that letters work on a Cyrillic keyboard
 * and digits on one that has accents in their row.
 */
export function namesOf(event: Pick<KeyboardEvent, "key" | "code">): string[] {
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code)?.[1]?.toLowerCase();
  const named = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const foreign = named.length === 1 && !/[\x21-\x7e]/.test(named);
  const digits = place !== undefined && /\d/.test(place);
  return place !== undefined && (foreign || digits) ? [named, place] : [named];
}

/** Where typing belongs to the field, not to us. */
function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== "radio" && target.type !== "checkbox";
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.querySelector("dialog[open]")) return;
  if (isField(event.target)) {
    if (event.key === "Escape" && !event.isComposing) (event.target as HTMLElement).blur();
    return;
  }
  if (!keysAreOn.get()) return;
  const offered = [...actions.get().values()];
  for (const name of namesOf(event)) {
    const action = offered.findLast((one) => one.key === name);
    if (!action) continue;
    event.preventDefault();
    return action.act();
  }
}

/** Offer a key while this part is on screen and `on` holds. */
export function useKey(key: string, label: string, act: () => void, on = true): void {
  const latest = useRef(act);
  latest.current = act;
  // At once with the part that shows the key, not after its painting: whoever sees it may press it.
  useLayoutEffect(() => {
    if (!on || key === "") return;
    const ticket = Symbol(key);
    actions.set(new Map(actions.get()).set(ticket, { key, label, act: () => latest.current() }));
    return () => {
      const left = new Map(actions.get());
      left.delete(ticket);
      actions.set(left);
    };
  }, [key, label, on]);
}

/** What is offered now, each key once, in the order of the keys. */
export function useKeyList(): KeyAction[] {
  const unique = new Map([...useStore(actions).values()].map((action) => [action.key, action]));
  return [...unique.values()].sort((a, b) => a.key.localeCompare(b.key));
}

/** Move the focus to the first thing that the first fitting selector finds. */
export function focusOn(...selectors: string[]): void {
  const found = selectors.map((one) => document.querySelector<HTMLElement>(one)).find((one) => one !== null);
  found?.focus();
}
