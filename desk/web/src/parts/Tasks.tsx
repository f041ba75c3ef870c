/** Promises to customers: one that is offered to me now, those that are mine, and all of them for supervisors. */

import { useEffect, useId, useState } from "preact/hooks";
import { serverNow, shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Task } from "../documents.ts";
import { useCommand, useNow } from "../hooks.ts";
import { chime, flashTitle } from "../notice.ts";
import { caseOf, isOverdue, myTasks, openTasks } from "../select.ts";
import type { State } from "../store.ts";
import { centreWords, count, t } from "../texts.ts";
import { KnownAndMissing } from "./ArrivingCase.tsx";
import { ageWords, KeyButton, Problem, Scroll } from "./bits.tsx";
import { CustomerLine } from "./CallPanel.tsx";
import { History } from "./History.tsx";
import { promiseWords } from "./Search.tsx";
import { type Tell, useTaking } from "./TooLate.tsx";

export const taskCustomer = (task: Task) => task.customer?.name ?? task.caller_number;

function question(task: Task): string {
  const name = taskCustomer(task);
  return task.kind === "callback" ? t.tasks.offerCallback(name) : t.tasks.offerTask(name);
}

/** I am free and somebody waits for a promise to be kept: one key takes it. */
export function OfferedTask({ task, state, tell }: { task: Task; state: State; tell: Tell }) {
  const { api } = useDesk();
  const command = useTaking(tell);
  const shown = caseOf(state, task.case) ?? task.case_document ?? null;
  const asks = question(task);
  useEffect(() => {
    chime();
    return flashTitle(asks);
  }, [asks]);
  return (
    <section class="card arriving offered-task" aria-label={t.tasks.offerRegion} data-task-id={task.id}>
      <p class="sr" role="alert">
        {t.tasks.announce(asks)}
      </p>
      <div class="call-top">
        <div>
          <p class="eyebrow">{t.tasks.free}</p>
          <h1>{asks}</h1>
          <CustomerLine call={task} level="h2" />
        </div>
        <Due task={task} />
      </div>
      {task.sentence && <p class="asked-reason">{promiseWords(task, serverNow())}</p>}
      <LastTry task={task} />
      <div class="answer">
        <KeyButton
          k="a"
          label={t.tasks.accept}
          class="button primary big"
          disabled={command.busy}
          onClick={() => void command.take(task)}
        />
        <KeyButton
          k="d"
          label={t.tasks.decline}
          class="button big"
          disabled={command.busy}
          onClick={() => void command.run(() => api.declineTask(task.id))}
        />
        <Problem error={command.error} />
      </div>
      {shown && <KnownAndMissing shown={shown} />}
      {task.history && <History history={task.history} />}
    </section>
  );
}

/** When it is due; late ones with a mark of their own shape. */
function Due({ task }: { task: Task }) {
  const now = useNow();
  const late = isOverdue(task, now);
  const seconds = Math.abs(Date.parse(task.due_at) - now) / 1000;
  const said = late ? t.tasks.overdueBy(ageWords(seconds)) : t.tasks.dueIn(ageWords(seconds));
  return (
    <p class={`due ${late ? "is-overdue" : ""}`} data-overdue={late}>
      <span>
        {t.tasks.due} <time dateTime={task.due_at}>{shortTime(task.due_at, now)}</time>
      </span>
      <b>{said}</b>
      {task.slot && (
        <span class="muted">
          {t.tasks.callbackAt} <time dateTime={task.slot.begins_at}>{shortTime(task.slot.begins_at, now)}</time>
        </span>
      )}
    </p>
  );
}

export function MyTasks({ state, tell }: { state: State; tell: Tell }) {
  const mine = myTasks(state);
  if (mine.length === 0) return null;
  return (
    <section class="card tasks" aria-label={t.tasks.region}>
      <div class="list-top">
        <h2>{t.tasks.title}</h2>
        <TaskCounts tasks={mine} />
      </div>
      <ul>
        {mine.map((task, index) => (
          <MyTask key={task.id} task={task} first={index === 0} tell={tell} />
        ))}
      </ul>
    </section>
  );
}

/** Why the last call of a callback reached nobody. */
function LastTry({ task }: { task: Task }) {
  if (!task.last_cause || task.state === "talking") return null;
  return (
    <p class="muted">
      {t.tasks.lastTry} {t.escalation.shortCauses[task.last_cause] ?? centreWords(task.last_cause_text ?? "", t.escalation.askedStates.ended)}
    </p>
  );
}

function TaskCounts({ tasks }: { tasks: Task[] }) {
  const now = useNow();
  const late = tasks.filter((task) => isOverdue(task, now)).length;
  return (
    <p class="muted">
      {count(t.tasks.counts, tasks.length)}
      {late > 0 && <b class="is-overdue"> · {count(t.tasks.overdueCounts, late)}</b>}
    </p>
  );
}

function MyTask({ task, first, tell }: { task: Task; first: boolean; tell: Tell }) {
  const command = useTaking(tell);
  const [finishing, setFinishing] = useState(false);
  const waits = task.state === "open";
  const name = taskCustomer(task);
  return (
    <li class="task" data-task-id={task.id} data-state={task.state}>
      <div class="task-top">
        <p>
          <span class="chip">{task.kind === "callback" ? t.tasks.callback : t.tasks.task}</span> <strong>{name}</strong>{" "}
          <span class="phone-number">{task.caller_number}</span>
        </p>
        <Due task={task} />
      </div>
      {task.sentence && <p class="muted">{promiseWords(task, serverNow())}</p>}
      <LastTry task={task} />
      <div class="row">
        <span class="state-word">{t.tasks.states[task.state]}</span>
        {waits && (
          <KeyButton
            k={first ? "t" : ""}
            label={task.kind === "callback" ? t.tasks.callNow : t.tasks.takeOn}
            name={`${task.kind === "callback" ? t.tasks.callNow : t.tasks.takeOn}: ${name}`}
            disabled={command.busy}
            onClick={() => void command.take(task)}
          />
        )}
        <button
          type="button"
          class="button"
          aria-expanded={finishing}
          aria-label={t.tasks.finishFor(name)}
          onClick={() => setFinishing(!finishing)}
        >
          {t.tasks.finish}
        </button>
      </div>
      <Problem error={command.error} />
      {finishing && <FinishForm task={task} />}
    </li>
  );
}

function FinishForm({ task }: { task: Task }) {
  const { api } = useDesk();
  const command = useCommand();
  const id = useId();
  const [outcome, setOutcome] = useState("");
  const [resolved, setResolved] = useState<boolean | null>(null);
  const [tried, setTried] = useState(false);
  const lacks = outcome.trim() === "" ? t.call.outcomeMissing : resolved === null ? t.call.resolvedMissing : "";
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (lacks || resolved === null) return;
    void command.run(() => api.finishTask(task.id, outcome.trim(), resolved));
  };
  return (
    <form class="finish" onSubmit={submit} noValidate aria-label={t.tasks.finishFor(taskCustomer(task))}>
      <fieldset class="choice">
        <legend>{t.call.resolved}</legend>
        {([true, false] as const).map((value) => (
          <label key={String(value)}>
            <input type="radio" name={id} checked={resolved === value} onChange={() => setResolved(value)} />
            {value ? t.call.resolvedYes : t.call.resolvedNo}
          </label>
        ))}
      </fieldset>
      <div class="entry">
        <label for={`${id}-outcome`}>{t.call.outcome}</label>
        <textarea
          id={`${id}-outcome`}
          rows={2}
          maxLength={200}
          placeholder={t.call.outcomePlaceholder}
          value={outcome}
          onInput={(event) => setOutcome(event.currentTarget.value)}
        />
      </div>
      {tried && lacks && (
        <p class="error" role="alert">
          {lacks}
        </p>
      )}
      <button type="submit" class="button primary" disabled={command.busy}>
        {t.tasks.finishButton}
      </button>
      <Problem error={command.error} />
    </form>
  );
}

/** All promises that are still to be kept, for supervisors: the late ones stand out. */
export function AllTasks({ state }: { state: State }) {
  const open = openTasks(state);
  return (
    <section class="card" aria-label={t.tasks.all}>
      <div class="list-top">
        <h2>{t.tasks.all}</h2>
        {open.length > 0 && <TaskCounts tasks={open} />}
      </div>
      {open.length === 0 ? (
        <p class="muted">{t.tasks.none}</p>
      ) : (
        <Scroll label={t.tasks.all}>
          <table>
            <thead>
              <tr>
                {[t.tasks.due, t.tasks.what, t.tasks.customer, t.tasks.owner, t.tasks.state].map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {open.map((task) => (
                <tr key={task.id} data-task-id={task.id}>
                  <td>
                    <Due task={task} />
                  </td>
                  <td>
                    {task.kind === "callback" ? t.tasks.callback : t.tasks.task}
                    {task.skill && <small class="muted"> {task.skill}</small>}
                  </td>
                  <th scope="row">
                    {taskCustomer(task)}
                    {task.customer && <small class="muted">{task.caller_number}</small>}
                  </th>
                  <td>{task.owner_name ?? task.owner ?? t.tasks.nobody}</td>
                  <td>{stateOf(task)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function stateOf(task: Task): string {
  if (task.state === "offered" && task.person) return t.tasks.offeredTo(task.person_name ?? task.person);
  return t.tasks.states[task.state];
}
