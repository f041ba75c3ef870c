/** The whole centre at a glance for supervisors and administrators, live. */

import { useState } from "preact/hooks";
import { serverNow } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { AvailabilityState, Escalation, Interaction, Person } from "../documents.ts";
import { useNow, useStore } from "../hooks.ts";
import { useKey } from "../keys.ts";
import { ENROL } from "../places.ts";
import { type Behind, type Report, reportOf, WHOLE, type Window } from "../report.ts";
import { escalationOf, interactionOf, interactions, me, people as allPeople, queues } from "../select.ts";
import { inOrder, isResting, lacksPhone } from "../specialists.ts";
import type { State } from "../store.ts";
import { t } from "../texts.ts";
import { Clock, customerName, Hint, Scroll, StateMark } from "./bits.tsx";
import { CallsBehind } from "./CallsBehind.tsx";
import { Figures, percent } from "./Figures.tsx";
import { QueueTable } from "./Idle.tsx";
import { QueueFigures } from "./QueueFigures.tsx";
import { Because, StateSince } from "./SpecialistList.tsx";
import { RunningEscalations, SupervisePanel } from "./Supervise.tsx";
import { AllTasks } from "./Tasks.tsx";
import { TimelinePanel } from "./Timeline.tsx";

/** More rows at once help nobody and cost a slow screen. */
const MOST_PEOPLE = 200;

export function Overview() {
  const state = useStore(useDesk().state);
  const [chosen, choose] = useState<string | null>(null);
  const [name, setName] = useState("");
  const [behind, open] = useState<Behind | null>(null);
  const [window, setWindow] = useState<Window>("today");
  const shown = chosen === null ? null : interactionOf(state, chosen);
  const roles = me(state)?.roles ?? [];
  const isSupervisor = roles.includes("supervisor");
  const people = allPeople(state);
  const report = reportOf(state);
  const queueName = (id: string) => queues(state).find((queue) => queue.id === id)?.name ?? id;
  const chooseFromList = (interaction: string, who: string) => {
    choose(interaction);
    setName(who);
  };
  const timeline = chosen && (
    <TimelinePanel key={chosen} interaction={chosen} shown={shown} customer={name} close={() => choose(null)} />
  );
  return (
    <div class="overview" role="region" aria-label={t.overview.region}>
      <h1 class="sr">{t.overview.region}</h1>
      {report && <BelowTarget report={report} queueName={queueName} />}
      {report && <Figures state={state} report={report} window={window} setWindow={setWindow} open={open} />}
      <div class="doing">
        {behind && (
          <CallsBehind
            behind={behind}
            queueName={queueName}
            chosen={chosen}
            choose={chooseFromList}
            close={() => open(null)}
          />
        )}
        {behind && chosen && !shown && timeline}
        <section class="card" aria-label={t.overview.queues}>
          <h2>{t.overview.queues}</h2>
          {report ? (
            <QueueFigures queues={queues(state)} report={report} window={window} open={open} />
          ) : (
            <QueueTable queues={queues(state)} />
          )}
        </section>
        <RunningEscalations state={state} />
        <section class="card" aria-label={t.overview.interactions}>
          <h2>{t.overview.interactions}</h2>
          <Interactions state={state} chosen={chosen} choose={choose} />
        </section>
        {shown && isSupervisor && <SupervisePanel call={shown} />}
        {!(behind && !shown) && timeline}
        {!chosen && <p class="muted">{t.overview.chooseOne}</p>}
        <AllTasks state={state} />
      </div>
      <div class="beside">
        <PeopleList people={inOrder(people, [], serverNow())} canEnrol={roles.includes("administrator")} />
      </div>
    </div>
  );
}

/** Where customers wait too long: said aloud when it begins. */
function BelowTarget({ report, queueName }: { report: Report; queueName: (queue: string) => string }) {
  const target = percent(report.target.answered_share);
  return (
    <div role="alert" class="below-target">
      {report.below_target.map((queue) => (
        <p key={queue} class="banner-line" data-below={queue || "all"}>
          {t.report.below(
            queue === WHOLE ? t.report.whole : queueName(queue),
            percent(report.windows.recent[queue]?.service_level ?? null),
            target,
          )}
        </p>
      ))}
    </div>
  );
}

interface ListProps {
  state: State;
  chosen: string | null;
  choose: (id: string) => void;
}

function Interactions({ state, chosen, choose }: ListProps) {
  const open = interactions(state);
  if (open.length === 0) return <p class="muted">{t.overview.noInteractions}</p>;
  const { customer, queue, phase, inPhase, total, onTheLine, escalation } = t.overview;
  return (
    <Scroll label={t.overview.interactions}>
      <table>
        <thead>
          <tr>
            {[customer, queue, phase, inPhase, total, onTheLine, escalation].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {open.map((call, index) => (
            <InteractionRow key={call.id} call={call} index={index} state={state} chosen={chosen} choose={choose} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function InteractionRow({ call, index, state, chosen, choose }: ListProps & { call: Interaction; index: number }) {
  const escalation = escalationOf(state, call.id);
  const name = call.customer?.name ?? call.caller_number;
  const key = index < 9 ? String(index + 1) : "";
  useKey(key, t.keys.openCall(name), () => choose(call.id));
  return (
    <tr data-interaction-id={call.id} data-phase={call.phase} class={chosen === call.id ? "chosen" : ""}>
      <th scope="row">
        <button
          type="button"
          class="link"
          aria-pressed={chosen === call.id}
          aria-label={t.overview.showTimeline(name)}
          onClick={() => choose(call.id)}
        >
          {customerName(call.customer)}
        </button>
        <small class="muted">{call.caller_number}</small>
      </th>
      <td>{call.queue_name}</td>
      <td>
        <span class={`phase ${call.phase}`}>{t.call.phases[call.phase]}</span>
      </td>
      <td class="number">
        <Clock from={call.phase_since} />
      </td>
      <td class="number">
        <Clock from={call.started_at} />
      </td>
      <td>
        {call.participants
          .filter((one) => one.role !== "customer")
          .map((one) => `${one.name}${one.state === "ringing" ? ` (${t.call.ringing})` : ""}`)
          .join(", ") || "–"}
      </td>
      <td>{escalation ? escalationWords(escalation) : "–"}</td>
    </tr>
  );
}

function escalationWords(escalation: Escalation): string {
  const { state, specialist_name: name } = escalation;
  if (state === "choosing") return t.escalation.choosingTitle;
  if (state === "waiting") return t.escalation.waitingTitle;
  if (state === "closed" && escalation.promise) return t.escalation.promisedTitle;
  const word = state === "closed" ? t.overview.ended : t.escalation.steps[state === "offered" ? "reserved" : state];
  return [name, word.toLowerCase()].filter(Boolean).join(": ");
}

/** The form itself stands on the administrator's page. */
function EnrolLink() {
  useKey("n", t.enrol.open, () => {
    location.hash = ENROL;
  });
  return (
    <a class="button quiet enrol-link" href={`#${ENROL}`} aria-keyshortcuts="N">
      {t.enrol.open}
      <Hint k="n" />
    </a>
  );
}

type Shade = AvailabilityState | "resting";

/** Everybody, and how many are in which state; a press on a state shows only those. */
function PeopleList({ people, canEnrol }: { people: Person[]; canEnrol: boolean }) {
  const now = useNow();
  const [only, setOnly] = useState<Shade | null>(null);
  const shade = (person: Person): Shade => (isResting(person, now) ? "resting" : person.availability.state);
  const shown = only === null ? people : people.filter((person) => shade(person) === only);
  return (
    <section class="card specialists" aria-label={t.overview.people}>
      <div class="list-top">
        <h2>{t.overview.people}</h2>
        {canEnrol && <EnrolLink />}
      </div>
      <div class="by-state" role="group" aria-label={t.report.people}>
        {(["free", "busy", "resting", "away", "unknown"] as const).map((state) => {
          const n = people.filter((person) => shade(person) === state).length;
          const name = t.specialists.states[state];
          return (
            <button
              key={state}
              type="button"
              class={`number-button person ${state}`}
              aria-pressed={only === state}
              aria-label={`${n} ${name}. ${only === state ? t.report.everybody : t.report.onlyState(name)}`}
              disabled={n === 0 && only !== state}
              data-state={state}
              onClick={() => setOnly(only === state ? null : state)}
            >
              <StateMark state={state} />
              <b>{n}</b>
              <span>{name}</span>
            </button>
          );
        })}
      </div>
      <ul class="people" tabIndex={0} aria-label={t.overview.people}>
        {shown.slice(0, MOST_PEOPLE).map((person) => (
          <li key={person.id} class={`person ${shade(person)}`} data-person-id={person.id}>
            <StateMark state={shade(person)} />
            <div class="person-text">
              <p>
                <strong>{person.name}</strong>{" "}
                <span class="muted">{person.roles.map((role) => t.overview.roleNames[role]).join(", ")}</span>
              </p>
              <p class="because">
                <StateSince person={person} />
                <Because person={person} />
                {lacksPhone(person) && <span class="warn-text"> · {t.specialists.noPhone}</span>}
              </p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
