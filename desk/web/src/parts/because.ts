/** Why somebody's state is what it is: the centre's words in English, else by its kind or by the source that says so. */

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
  return centreWords(because, t.specialists.kinds[kind ?? ""] ?? bySource);
}
