/** Times on screen. The server's clock rules: ours is corrected by what its answers say. */

import { locale, t } from "./texts.ts";

let offsetMs = 0;

/** Learn the difference of the clocks from a `Date` header (whole seconds, so small differences mean none). */
export function learnServerTime(header: string | null, now: number): void {
  const server = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(server)) return;
  const difference = server + 500 - now;
  offsetMs = Math.abs(difference) < 1_500 ? 0 : difference;
}

export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** `4:07`, `1:02:30`; never negative. */
export function elapsed(fromIso: string, nowMs: number): string {
  return duration((nowMs - Date.parse(fromIso)) / 1000);
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
}

type Style = keyof typeof STYLES;

const STYLES = {
  time: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { day: "numeric", month: "short" },
  date: { day: "numeric", month: "short", year: "numeric" },
  weekday: { weekday: "long", timeZone: "UTC" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(style: Style, at: Date): string {
  const key = `${locale} ${style}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale, STYLES[style]);
  formats.set(key, known);
  return known.format(at);
}

/** The name of a weekday, 0 for Monday. */
export function weekday(number: number): string {
  return format("weekday", new Date(Date.UTC(2024, 0, 1 + number)));
}

/** `10:02` today, `3 Mar 10:02` otherwise, nothing for no time. */
export function shortTime(iso: string | null | undefined, nowMs: number): string {
  const at = new Date(iso ?? Number.NaN);
  if (Number.isNaN(at.getTime())) return "";
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return isToday ? format("time", at) : `${format("day", at)} ${format("time", at)}`;
}

export function withSeconds(iso: string): string {
  return format("second", new Date(iso));
}

export function day(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? "" : format("date", at);
}

/** Seconds between two moments with one decimal, as in `+1.4 s`. */
export function offset(fromIso: string, toIso: string): string {
  const seconds = Math.max(0, (Date.parse(toIso) - Date.parse(fromIso)) / 1000);
  const shown = seconds.toLocaleString(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return `+${shown} ${t.units.s}`;
}
