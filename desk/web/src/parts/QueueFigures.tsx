/** Queue by queue: who waits now, and how well customers were answered. */

import type { Queue } from "../documents.ts";
import { type Behind, type Figure, type Report, type Window } from "../report.ts";
import { t } from "../texts.ts";
import { Clock, Scroll } from "./bits.tsx";
import { NumberButton, percent } from "./Figures.tsx";

interface Props {
  queues: Queue[];
  report: Report;
  window: Window;
  open: (behind: Behind) => void;
}

const SHOWN = ["arrived", "late", "abandoned"] as const satisfies Figure[];

export function QueueFigures({ queues, report, window, open }: Props) {
  const { queue, waiting, longest, ready } = t.idle;
  return (
    <Scroll label={t.overview.queues}>
      <table>
        <thead>
          <tr>
            <th scope="col">{queue}</th>
            {[waiting, longest, ready, t.report.level, ...SHOWN.map((one) => t.report.figures[one])].map((title, index) => (
              <th key={`${index} ${title}`} scope="col" class="number">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {queues.map((one) => (
            <Row key={one.id} queue={one} report={report} window={window} open={open} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Row({ queue, report, window, open }: Omit<Props, "queues"> & { queue: Queue }) {
  const numbers = report.windows[window][queue.id];
  const level = numbers?.service_level ?? null;
  const under = level !== null && level < report.target.answered_share;
  return (
    <tr data-queue-id={queue.id} class={queue.waiting > 0 ? "has-waiting" : ""}>
      <th scope="row">
        {queue.name} <small class="muted">{queue.number}</small>
      </th>
      <td class="number">{queue.waiting}</td>
      <td class="number">{queue.longest_wait_since ? <Clock from={queue.longest_wait_since} /> : "–"}</td>
      <td class="number">{queue.agents_ready}</td>
      <td class={`number ${under ? "under" : ""}`} data-testid="queue-level">
        {percent(level)}
      </td>
      {SHOWN.map((figure) => (
        <td key={figure} class="number">
          <NumberButton
            figure={figure}
            n={(numbers?.[figure] ?? 0) + (figure === "late" ? (numbers?.waiting_late ?? 0) : 0)}
            show={() => open({ figure, window, queue: queue.id })}
            bare
          />
        </td>
      ))}
    </tr>
  );
}
