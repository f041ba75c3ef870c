/** Times on screen. The server's clock rules: ours is corrected by what its answers say. */

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

const timeFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const secondFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dateFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** `10:02` today, `3 Mar 10:02` otherwise, nothing for no time. */
export function shortTime(iso: string | null, nowMs: number): string {
  const at = new Date(iso ?? Number.NaN);
  if (Number.isNaN(at.getTime())) return "";
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return isToday ? timeFormat.format(at) : `${dayFormat.format(at)} ${timeFormat.format(at)}`;
}

export function withSeconds(iso: string): string {
  return secondFormat.format(new Date(iso));
}

export function day(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? "" : dateFormat.format(at);
}

/** Seconds between two moments with one decimal, as in `+1.4 s`. */
export function offset(fromIso: string, toIso: string): string {
  return `+${Math.max(0, (Date.parse(toIso) - Date.parse(fromIso)) / 1000).toFixed(1)} s`;
}
