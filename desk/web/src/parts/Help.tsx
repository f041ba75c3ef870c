/** What my help changed: the calls I joined, with outcome, first-contact resolution and the customer's word (CE-27). */

import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { day, duration } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { HelpGiven, HelpRow } from "../report.ts";
import { count, t } from "../texts.ts";
import { Problem } from "./bits.tsx";

/** For the time between calls. The outcome of a call is said at its end, perhaps by others, and stored a moment later. */
const LOOK_AGAIN_MS = [4_000, 10_000, 30_000, 300_000];

export function HelpPanel({ specialist }: { specialist: boolean }) {
  const { api } = useDesk();
  const [help, setHelp] = useState<HelpGiven | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const look = () =>
      api.myHelp().then(
        (found) => isCurrent && (setHelp(found), setError(null)),
        (reason: ApiError) => isCurrent && setError(reason),
      );
    let timer: ReturnType<typeof setTimeout>;
    const follow = (times: number) => {
      void look();
      timer = setTimeout(() => follow(times + 1), LOOK_AGAIN_MS[Math.min(times, LOOK_AGAIN_MS.length - 1)]);
    };
    follow(0);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, []);
  const title = specialist ? t.report.help.title : t.report.help.agentTitle;
  return (
    <section class="card help-given" aria-label={title}>
      <div class="list-top">
        <h2>{title}</h2>
        {help !== null && help.known > 0 && (
          <p class="muted">{t.report.help.solved(String(help.resolved), String(help.known))}</p>
        )}
      </div>
      {help === null && <Problem error={error} />}
      {help?.rows.length === 0 && <p class="muted">{specialist ? t.report.help.none : t.report.help.agentNone}</p>}
      {help !== null && help.rows.length > 0 && (
        <ol tabIndex={0} aria-label={title}>
          {help.rows.map((row) => (
            <Row key={`${row.interaction} ${row.joined_at}`} row={row} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Row({ row }: { row: HelpRow }) {
  const words = t.report.help;
  const result = row.resolved === null ? "" : row.resolved ? t.report.calls.solved : t.report.calls.unsolved;
  return (
    <li data-interaction-id={row.interaction}>
      <p>
        <strong>{row.customer_name || t.call.unknownCustomer}</strong>{" "}
        <span class={row.resolved ? "solved" : ""}>{row.closed ? result : words.running}</span>
      </p>
      {row.outcome && <p class="result">{row.outcome}</p>}
      {(row.rating !== null || row.words) && (
        <blockquote>
          {row.rating !== null && <b aria-label={words.ratingLabel}>{words.rating(row.rating)} </b>}
          {row.words}
        </blockquote>
      )}
      <p class="muted">
        <time dateTime={row.joined_at}>{day(row.joined_at)}</time> · {row.queue_name} ·{" "}
        {row.helped === false ? words.withSpecialist(row.specialist_name ?? "") : words.askedBy(row.asked_by)}
        {row.helped !== false && row.specialist_s > 0 && ` · ${words.talked(duration(row.specialist_s))}`}
      </p>
      {row.helped !== false && row.empty_at_join !== null && (
        <p class="muted">
          {count(words.emptyAtJoin, row.empty_at_join)}
          {row.empty_at_close !== null && `, ${count(words.emptyAtClose, row.empty_at_close)}`}
        </p>
      )}
    </li>
  );
}
