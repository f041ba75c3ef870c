/** What this browser remembers of the phone: devices, sound processing, and for whom it is switched on. */

/** `same`: where the call is heard, too; `silent`: the page only shows it; else a second device, besides. */
export type RingChoice = "same" | "silent" | string;

export interface Preferences {
  /** Device ids; empty means what the system prefers. */
  readonly microphone: string;
  readonly speaker: string;
  readonly ring: RingChoice;
  /** Echo cancellation, noise suppression and levelling by the browser. */
  readonly processing: boolean;
  /** The person whose phone is switched on in this browser; another one who logs in here is not. */
  readonly onFor: string;
}

export const DEFAULTS: Preferences = { microphone: "", speaker: "", ring: "same", processing: true, onFor: "" };

const KEY = "ringside.phone";

export function readPreferences(): Preferences {
  try {
    return parsePreferences(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    return DEFAULTS;
  }
}

/** Takes what is there and of the right kind. */
export function parsePreferences(stored: unknown): Preferences {
  if (typeof stored !== "object" || stored === null) return DEFAULTS;
  const fits = ([key, value]: [string, unknown]) => typeof value === typeof DEFAULTS[key as keyof Preferences];
  return { ...DEFAULTS, ...Object.fromEntries(Object.entries(stored).filter(fits)) };
}

export function storePreferences(chosen: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // A browser that forbids storage forgets the choice; nothing else depends on it.
  }
}
