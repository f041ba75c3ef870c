/** Nothing is going on: say plainly what comes next. */

import type { Me, Queue } from "../documents.ts";
import { queues as allQueues } from "../select.ts";
import type { State } from "../store.ts";
import { count, listed, t } from "../texts.ts";
import { reasonText } from "./AgentStatus.tsx";
import { Clock, Scroll } from "./bits.tsx";
import { UsePageAsPhone } from "./BrowserPhone.tsx";

export function Idle({ self, state }: { self: Me; state: State }) {
  const queues = allQueues(state);
  if (!self.agent) {
    return (
      <section class="card idle" aria-label={t.idle.region}>
        <h1>{t.idle.specialistTitle}</h1>
        <p>{t.idle.specialistHint}</p>
        {!self.phone.registered && <NoPhone self={self} />}
      </section>
    );
  }
  const isReady = self.agent.status === "ready";
  return (
    <section class={`card idle ${isReady ? "is-ready" : ""}`} aria-label={t.idle.region}>
      <h1>{isReady ? t.idle.readyTitle : t.idle.notReadyTitle}</h1>
      {isReady ? (
        self.phone.registered && <p>{nextWords(queues)}</p>
      ) : (
        <p>
          {self.agent.reason && <strong>{capital(reasonText(self.agent.reason))}. </strong>}
          {t.idle.notReadyHint}
        </p>
      )}
      {!self.phone.registered && <NoPhone self={self} />}
      <QueueTable queues={queues} />
    </section>
  );
}

/** Who waits now: the next call, while the last one is being written up. */
export function NextCall({ queues }: { queues: Queue[] }) {
  const waiting = queues.filter((queue) => queue.waiting > 0);
  return (
    <p class="next-call" aria-label={t.report.next.title} role="group">
      <b>{t.report.next.title}:</b>{" "}
      {waiting.length === 0 && <span class="muted">{t.report.next.none}</span>}
      {waiting.map((queue) => (
        <span key={queue.id} data-queue-id={queue.id}>
          {queue.name} {count(t.report.next.waiting, queue.waiting)}
          {queue.longest_wait_since && (
            <>
              {" "}
              <Clock from={queue.longest_wait_since} label={t.idle.longest} />
            </>
          )}{" "}
        </span>
      ))}
    </p>
  );
}

function NoPhone({ self }: { self: Me }) {
  return (
    <div class="warn no-phone">
      <p>{t.idle.noPhone}</p>
      <UsePageAsPhone self={self} />
    </div>
  );
}

export function QueueTable({ queues }: { queues: Queue[] }) {
  return (
    <Scroll label={t.overview.queues}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.idle.queue}</th>
            <th scope="col">{t.idle.number}</th>
            <th scope="col" class="number">
              {t.idle.waiting}
            </th>
            <th scope="col" class="number">
              {t.idle.longest}
            </th>
            <th scope="col" class="number">
              {t.idle.ready}
            </th>
          </tr>
        </thead>
        <tbody>
          {queues.map((queue) => (
            <tr key={queue.id} data-queue-id={queue.id} class={queue.waiting > 0 ? "has-waiting" : ""}>
              <th scope="row">{queue.name}</th>
              <td>{queue.number}</td>
              <td class="number">{queue.waiting}</td>
              <td class="number">{queue.longest_wait_since ? <Clock from={queue.longest_wait_since} /> : "–"}</td>
              <td class="number">{queue.agents_ready}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Whose call comes next: mine for sure only if no other agent is ready. */
function nextWords(queues: Queue[]): string {
  if (queues.length === 0) return t.idle.noQueues;
  const names = listed(queues.map((queue) => queue.name));
  const others = Math.max(...queues.map((queue) => queue.agents_ready)) - 1;
  return others > 0 ? count(t.idle.shared, others, { queues: names }) : t.idle.next(names);
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
