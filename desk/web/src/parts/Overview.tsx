/** The whole centre at a glance for supervisors and administrators, live. */

import { useState } from "preact/hooks";
import { serverNow } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Escalation, Interaction, Person } from "../documents.ts";
import { useNow, useStore } from "../hooks.ts";
import { useKey } from "../keys.ts";
import { escalationOf, interactionOf, interactions, me, people as allPeople, queues } from "../select.ts";
import { inOrder, isResting, lacksPhone } from "../specialists.ts";
import type { State } from "../store.ts";
import { t } from "../texts.ts";
import { Clock, customerName, Scroll, StateMark } from "./bits.tsx";
import { Enrol } from "./Enrol.tsx";
import { QueueTable } from "./Idle.tsx";
import { Because, StateSince } from "./SpecialistList.tsx";
import { RunningEscalations, SupervisePanel } from "./Supervise.tsx";
import { AllTasks } from "./Tasks.tsx";
import { TimelinePanel } from "./Timeline.tsx";

export function Overview() {
  const state = useStore(useDesk().state);
  const [chosen, choose] = useState<string | null>(null);
  const shown = chosen === null ? null : interactionOf(state, chosen);
  const roles = me(state)?.roles ?? [];
  const isSupervisor = roles.includes("supervisor");
  const people = allPeople(state);
  return (
    <div class="overview" role="region" aria-label={t.overview.region}>
      <h1 class="sr">{t.overview.region}</h1>
      <div class="doing">
        {roles.includes("administrator") && <Enrol people={people} />}
        <section class="card" aria-label={t.overview.queues}>
          <h2>{t.overview.queues}</h2>
          <QueueTable queues={queues(state)} />
        </section>
        <RunningEscalations state={state} />
        <section class="card" aria-label={t.overview.interactions}>
          <h2>{t.overview.interactions}</h2>
          <Interactions state={state} chosen={chosen} choose={choose} />
        </section>
        {shown && isSupervisor && <SupervisePanel call={shown} />}
        {chosen ? (
          <TimelinePanel
            key={chosen}
            interaction={chosen}
            shown={shown}
            close={() => choose(null)}
          />
        ) : (
          <p class="muted">{t.overview.chooseOne}</p>
        )}
        <AllTasks state={state} />
      </div>
      <div class="beside">
        <PeopleList people={inOrder(people, [], serverNow())} />
      </div>
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

function PeopleList({ people }: { people: Person[] }) {
  const now = useNow();
  return (
    <section class="card specialists" aria-label={t.overview.people}>
      <h2>{t.overview.people}</h2>
      <ul class="people" tabIndex={0} aria-label={t.overview.people}>
        {people.map((person) => (
          <li key={person.id} class={`person ${isResting(person, now) ? "resting" : person.availability.state}`} data-person-id={person.id}>
            <StateMark state={isResting(person, now) ? "resting" : person.availability.state} />
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
