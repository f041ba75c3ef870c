/** Who could help, live: free first, then those with the wanted skill; one press asks a specialist in. */

import { useId, useMemo, useState } from "preact/hooks";
import { shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Interaction, Me, Person } from "../documents.ts";
import { useCommand, useNow, useStore } from "../hooks.ts";
import { arrivalOf, escalationOf, isRunning, people } from "../select.ts";
import { countByState, inOrder, lacksPhone, matches, ofRole } from "../specialists.ts";
import { t } from "../texts.ts";
import { Age, Problem, StateMark } from "./bits.tsx";

const FIRST_ROWS = 60;

export function SpecialistList({ self, call }: { self: Me; call: Interaction | null }) {
  const desk = useDesk();
  const state = useStore(desk.state);
  const id = useId();
  const command = useCommand();
  const [search, setSearch] = useState("");
  const [reason, setReason] = useState("");
  const [all, setAll] = useState(false);

  const wanted = call?.wanted_skills ?? [];
  const wantedKey = wanted.join(" ");
  const specialists = useMemo(
    () => inOrder(ofRole(people(state), "specialist", self.id), wanted),
    [state.docs, self.id, wantedKey],
  );
  const found = specialists.filter((person) => matches(person, search));
  const shown = all ? found : found.slice(0, FIRST_ROWS);

  const talks = call?.participants.some((one) => one.person === self.id && one.role === "agent" && one.state === "talking");
  const mayAsk = call?.phase === "talking" && talks === true && !isRunning(escalationOf(state, call.id));
  const ask = async (person: Person) => {
    if (call && (await command.run(() => desk.api.escalate(call.id, person.id, reason.trim())))) setReason("");
  };
  return (
    <section class="card specialists" aria-label={t.specialists.region}>
      <div class="list-top">
        <h2>{t.specialists.title}</h2>
        <p class="muted">{t.specialists.counts(countByState(specialists).free, specialists.length)}</p>
      </div>
      <input
        type="search"
        aria-label={t.specialists.search}
        placeholder={t.specialists.search}
        value={search}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      {talks ? (
        <div class="entry">
          <label for={`${id}-reason`}>{t.specialists.reason}</label>
          <input
            id={`${id}-reason`}
            maxLength={200}
            placeholder={t.specialists.reasonPlaceholder}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </div>
      ) : (
        <p class="muted">{t.specialists.noCall}</p>
      )}
      <Problem error={command.error} />
      {found.length === 0 && <p class="muted">{specialists.length ? t.specialists.none : t.specialists.noneAtAll}</p>}
      <ul class="people" tabIndex={0} aria-label={t.specialists.title}>
        {shown.map((person) => (
          <Row
            key={person.id}
            person={person}
            receivedAt={arrivalOf(state, `person/${person.id}`)}
            wanted={wanted}
            inCall={call?.participants.find((one) => one.person === person.id)?.state ?? null}
            mayAsk={mayAsk && !command.busy}
            ask={ask}
          />
        ))}
      </ul>
      {shown.length < found.length && (
        <button type="button" class="button quiet wide" onClick={() => setAll(true)}>
          {t.specialists.more(found.length - shown.length)}
        </button>
      )}
    </section>
  );
}

interface RowProps {
  person: Person;
  receivedAt: number;
  wanted: string[];
  /** His state in my call, or null if he has no part in it. */
  inCall: "ringing" | "talking" | null;
  mayAsk: boolean;
  ask: (person: Person) => void;
}

function Row({ person, receivedAt, wanted, inCall, mayAsk, ask }: RowProps) {
  const { state, because, freshness_s } = person.availability;
  return (
    <li class={`person ${state}`} data-person-id={person.id} data-state={state}>
      <StateMark state={state} />
      <div class="person-text">
        <p>
          <strong>{person.name}</strong> <span class="muted">{person.title}</span>
        </p>
        <Skills person={person} wanted={wanted} />
      </div>
      {inCall ? (
        <span class="chip good">{inCall === "talking" ? t.specialists.inCall : t.call.ringing}</span>
      ) : (
        <button
          type="button"
          class={`button ${state === "free" ? "primary" : ""}`}
          aria-label={t.specialists.escalateTo(person.name)}
          disabled={!mayAsk || !person.registered || state !== "free"}
          onClick={() => ask(person)}
        >
          {t.specialists.escalate}
        </button>
      )}
      <p class="because">
        <StateSince person={person} /> · {because}
        {freshness_s !== null && (
          <span class="age">
            {" · "}
            <Age seconds={freshness_s} receivedAt={receivedAt} /> {t.ago}
          </span>
        )}
        {lacksPhone(person) && <span class="warn-text"> · {t.specialists.noPhone}</span>}
      </p>
    </li>
  );
}

function StateSince({ person }: { person: Person }) {
  const { state, since } = person.availability;
  const now = useNow();
  return <b class="state-word">{t.specialists.stateSince(t.specialists.states[state], shortTime(since, now))}</b>;
}

function Skills({ person, wanted }: { person: Person; wanted: string[] }) {
  const skills = Object.entries(person.skills).sort((a, b) => b[1] - a[1]);
  return (
    <p class="skills">
      {skills.map(([skill, level]) => (
        <span
          key={skill}
          class={`skill ${wanted.includes(skill) ? "wanted" : ""}`}
          title={t.specialists.level(skill, level) + (wanted.includes(skill) ? `, ${t.specialists.wanted}` : "")}
        >
          {skill} {level}
        </span>
      ))}
      {person.languages.length > 0 && <span class="languages">{person.languages.join(", ")}</span>}
    </p>
  );
}
