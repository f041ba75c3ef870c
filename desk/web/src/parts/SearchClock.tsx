/** The deadline of a search as a small picture: the seconds run against the target and the limit. */

import { serverNow } from "../clock.ts";
import type { Escalation } from "../documents.ts";
import { useNow } from "../hooks.ts";
import { count, t } from "../texts.ts";

export interface Deadline {
  elapsed_s: number;
  target_s: number;
  ceiling_s: number;
  /** Which mark has been passed. */
  stage: "in-time" | "past-target" | "past-ceiling";
}

const LONGEST_SEARCH_MS = 90_000;

/** Where the clock of a search stands. After a wait it began anew, which only `clock_from` says exactly. */
export function deadlineOf(escalation: Escalation, now: number): Deadline | null {
  const target = Date.parse(escalation.target_at ?? "");
  const ceiling = Date.parse(escalation.ceiling_at ?? "");
  if (Number.isNaN(target) || Number.isNaN(ceiling) || ceiling <= target) return null;
  const said = Date.parse(escalation.clock_from ?? escalation.requested_at ?? "");
  const begun = ceiling - said <= LONGEST_SEARCH_MS ? said : ceiling - 3 * (ceiling - target);
  const seconds = (moment: number) => Math.max(0, (moment - begun) / 1000);
  return {
    elapsed_s: seconds(now),
    target_s: seconds(target),
    ceiling_s: seconds(ceiling),
    stage: now < target ? "in-time" : now < ceiling ? "past-target" : "past-ceiling",
  };
}

const WIDTH = 300;

export function SearchClock({ escalation }: { escalation: Escalation }) {
  useNow();
  const deadline = deadlineOf(escalation, serverNow());
  if (!deadline) return null;
  const { elapsed_s, target_s, ceiling_s, stage } = deadline;
  const at = (seconds: number) => Math.min(1, seconds / ceiling_s) * WIDTH;
  const passed = count(t.escalation.clock.words, Math.floor(elapsed_s));
  return (
    <figure class={`search-clock ${stage}`} data-stage={stage}>
      <svg viewBox={`-6 0 ${WIDTH + 12} 26`} role="img" aria-label={t.escalation.clock.region}>
        <rect class="track" x="0" y="12" width={WIDTH} height="10" rx="5" />
        <rect class="run" x="0" y="12" width={Math.max(5, at(elapsed_s))} height="10" rx="5" />
        <path class="target" d={`M${at(target_s) - 6} 1h12l-6 9zM${at(target_s)} 9v13`} />
        <path class="ceiling" d={`M${WIDTH - 5} 1h10v8h-10zM${WIDTH} 9v13`} />
      </svg>
      <figcaption>
        <b class="clock">{passed}</b>
        {stage === "past-target" && <b class="late"> · {t.escalation.clock.pastTarget}</b>}
        {stage === "past-ceiling" && <b class="late"> · {t.escalation.clock.pastCeiling}</b>}
        <span class="legend">
          <span aria-hidden="true">▼ </span>
          {t.escalation.clock.target} {Math.round(target_s)} {t.units.s}
          <span aria-hidden="true"> · ■ </span>
          <span class="sr">, </span>
          {t.escalation.clock.ceiling} {Math.round(ceiling_s)} {t.units.s}
        </span>
      </figcaption>
    </figure>
  );
}
