/** The calls behind a number or bar; each leads to its time line. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { duration, shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import { useNow } from "../hooks.ts";
import { type Behind, BINS, type CallRow, type CallRows, WHOLE } from "../report.ts";
import { count, locale, t } from "../texts.ts";
import { Problem, Scroll } from "./bits.tsx";

interface Props {
  behind: Behind;
  queueName: (queue: string) => string;
  chosen: string | null;
  choose: (interaction: string, customer: string) => void;
  close: () => void;
}

export function CallsBehind({ behind, queueName, chosen, choose, close }: Props) {
  const { api } = useDesk();
  const [found, setFound] = useState<CallRows | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    let isCurrent = true;
    setFound(null);
    setError(null);
    api.callsBehind(behind).then(
      (rows) => isCurrent && setFound(rows),
      (reason: ApiError) => isCurrent && setError(reason),
    );
    top.current?.focus();
    return () => {
      isCurrent = false;
    };
  }, [behind]);
  return (
    <section class="card behind" aria-label={t.report.calls.region} aria-busy={!found && !error}>
      <div class="list-top">
        <h2 tabIndex={-1} ref={top}>
          {titleOf(behind, queueName)}
        </h2>
        {found && <p class="muted">{count(t.report.calls.count, found.count)}</p>}
        <button type="button" class="button quiet" onClick={close}>
          {t.report.calls.close}
        </button>
      </div>
      <Problem error={error} />
      {found?.rows.length === 0 && <p class="muted">{t.report.calls.none}</p>}
      {found && found.rows.length > 0 && <Rows rows={found.rows} chosen={chosen} choose={choose} />}
      {found && found.count > found.rows.length && (
        <p class="muted">{count(t.report.calls.newest, found.rows.length)}</p>
      )}
    </section>
  );
}

function titleOf({ figure, window, queue, bin }: Behind, queueName: (queue: string) => string): string {
  const from = bin === undefined ? undefined : BINS[bin];
  const to = bin === undefined ? undefined : BINS[bin + 1];
  const range = from === undefined ? "" : `${to === undefined ? t.report.lastBar(from) : t.report.bar(from, to)} ${t.units.s}`;
  const where = queue === WHOLE ? "" : queueName(queue);
  return [t.report.figures[figure], range, where, t.report.windows[window]].filter(Boolean).join(" · ");
}

function Rows({ rows, chosen, choose }: { rows: CallRow[]; chosen: string | null; choose: Props["choose"] }) {
  const now = useNow();
  const { began, waited, by, handOver, result } = t.report.calls;
  return (
    <Scroll label={t.report.calls.region}>
      <table>
        <thead>
          <tr>
            {[t.overview.customer, began, t.overview.queue, waited, by, handOver, result].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.interaction} data-interaction-id={row.interaction} class={chosen === row.interaction ? "chosen" : ""}>
              <th scope="row">
                <button
                  type="button"
                  class="link"
                  aria-pressed={chosen === row.interaction}
                  aria-label={t.overview.showTimeline(row.customer_name ?? row.caller_number)}
                  onClick={() => choose(row.interaction, row.customer_name ?? row.caller_number)}
                >
                  {row.customer_name ?? t.call.unknownCustomer}
                </button>
                <small class="muted">{row.caller_number}</small>
              </th>
              <td class="number">{shortTime(row.started_at, now)}</td>
              <td>{row.queue_name}</td>
              <td class="number">{row.wait_s === null ? "–" : duration(row.wait_s)}</td>
              <td>{[row.agent_name, ...row.specialist_names].filter(Boolean).join(", ") || "–"}</td>
              <td class="number">
                {row.hand_over_s === null ? "–" : `${row.hand_over_s.toLocaleString(locale)} ${t.units.s}`}
              </td>
              <td>{resultWords(row)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function resultWords(row: CallRow): string {
  const words = t.report.calls;
  const kind = row.called_back ? [words.callback] : [];
  const promised = row.promised ? [words.promised] : [];
  return [...kind, ...promised, endWords(row)].join(", ");
}

function endWords(row: CallRow): string {
  const words = t.report.calls;
  if (row.running) return words.running;
  if (!row.answered) return words.gaveUp;
  return row.resolved === null ? words.unknown : row.resolved ? words.solved : words.unsolved;
}
