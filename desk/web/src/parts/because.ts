/**
 * Why somebody's state is what it is: the centre's words in English, else by its kind or by the source that says so.
 * What stands beside it anyway, the time and that somebody rests, is not said twice.
 */

import type { Availability, AvailabilityState } from "../documents.ts";
import { centreWords, t } from "../texts.ts";

const SAYS: Record<AvailabilityState, string[]> = {
  free: ["available"],
  busy: ["busy", "dnd"],
  away: ["away", "offline"],
  unknown: ["unknown"],
};

export function becauseWords({ because, kind, state, sources }: Availability): string {
  const source = sources.find((one) => SAYS[state].includes(one.status));
  const name = source && t.availability.sourceNames[source.source];
  const bySource = source && name ? `${name}: ${t.availability.sourceStates[source.status] ?? source.status}` : undefined;
  return centreWords(shortened(because), t.specialists.kinds[kind ?? ""] ?? bySource ?? "");
}

/** `in a call since 14:02` is `in a call`; of `resting until 15:00 (focus)` the reason is left. */
function shortened(because: string): string {
  const resting = /^resting until [\d:]+ \((.+)\)$/.exec(because);
  return resting?.[1] ?? because.replace(/ since \d\d:\d\d$/, "");
}
