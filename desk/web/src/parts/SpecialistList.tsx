/** Who could help, live: by how surely and how soon; one press asks for a skill, or a specialist by name. */

import { useId, useMemo, useState } from "preact/hooks";
import { serverNow, shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Interaction, Me, Person } from "../documents.ts";
import { useCommand, useNow, useStore } from "../hooks.ts";
import { escalationOf, isRunning, people } from "../select.ts";
import type { Wanted } from "../api.ts";
import { focusOn, useKey } from "../keys.ts";
import { countByState, inOrder, isResting, lacksPhone, matches, mayBeAsked, ofRole, shadeOf } from "../specialists.ts";
import { count, t } from "../texts.ts";
import { Age, KeyButton, Problem, StateMark } from "./bits.tsx";
import { becauseWords } from "./because.ts";
import { OverrideDialog } from "./OverrideDialog.tsx";

const FIRST_ROWS = 60;

export function SpecialistList({ self, call }: { self: Me; call: Interaction | null }) {
  const desk = useDesk();
  const state = useStore(desk.state);
  const id = useId();
  const command = useCommand();
  const [search, setSearch] = useState("");
  const [reason, setReason] = useState("");
  const [all, setAll] = useState(false);
  const [overriding, override] = useState<Person | null>(null);
  const now = useNow();
  // The order follows rests and calendars that end by themselves, but not every second.
  const minute = Math.floor(now / 30_000) * 30_000;

  const wanted = call?.wanted_skills ?? [];
  const wantedKey = wanted.join(" ");
  const specialists = useMemo(
    () => inOrder(ofRole(people(state), "specialist", self.id), wanted, serverNow()),
    [state.docs, self.id, wantedKey, minute],
  );
  const found = specialists.filter((person) => matches(person, search));
  const shown = all ? found : found.slice(0, FIRST_ROWS);

  const talks = call?.participants.some((one) => one.person === self.id && one.role === "agent" && one.state === "talking");
  const mayAsk = call?.phase === "talking" && talks === true && !isRunning(escalationOf(state, call.id));
  const ask = async (whom: Wanted) => {
    const said = reason.trim();
    const done = call && (await command.run(() => desk.api.escalate(call.id, { ...whom, ...(said && { reason: said }) })));
    if (done) setReason("");
    if (done || !whom.override_reason) override(null);
    return done === true;
  };
  useKey("/", t.keys.search, () => focusOn(".specialists input[type=search]"));
  useKey("e", t.keys.toList, () => focusOn(".specialists .person button:enabled"));
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
      {talks && wanted.length > 0 && (
        <div class="ask-skill" role="group" aria-label={t.specialists.askSkill}>
          {wanted.map((skill, index) => (
            <KeyButton
              key={skill}
              k={mayAsk && index < 9 ? String(index + 1) : ""}
              label={t.specialists.askFor(skill)}
              class="button"
              disabled={!mayAsk || command.busy}
              onClick={() => void ask({ skill })}
            >
              <span>
                {t.specialists.askFor(skill)}
                <small class="muted">{count(t.specialists.freeNow, freeWith(specialists, skill, now))}</small>
              </span>
            </KeyButton>
          ))}
        </div>
      )}
      {!overriding && <Problem error={command.error} />}
      {overriding && (
        <OverrideDialog
          person={overriding}
          error={command.error}
          busy={command.busy}
          ask={(why) => void ask({ specialist: overriding.id, override_reason: why })}
          close={() => {
            override(null);
            command.forget();
          }}
        />
      )}
      {found.length === 0 && <p class="muted">{specialists.length ? t.specialists.none : t.specialists.noneAtAll}</p>}
      <ul class="people" tabIndex={0} aria-label={t.specialists.title}>
        {shown.map((person) => (
          <Row
            key={person.id}
            person={person}
            wanted={wanted}
            inCall={call?.participants.find((one) => one.person === person.id)?.state ?? null}
            mayAsk={mayAsk && !command.busy}
            ask={(one) => (isResting(one, serverNow()) ? override(one) : void ask({ specialist: one.id }))}
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
  wanted: string[];
  /** His state in my call, or null if he has no part in it. */
  inCall: "ringing" | "talking" | null;
  mayAsk: boolean;
  ask: (person: Person) => void;
}

function Row({ person, wanted, inCall, mayAsk, ask }: RowProps) {
  const { state, checked_at } = person.availability;
  const now = useNow();
  const resting = isResting(person, now);
  const shade = shadeOf(person, now);
  return (
    <li class={`person ${shade}`} data-person-id={person.id} data-state={state} data-resting={resting}>
      <StateMark state={shade} />
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
          class={`button ${state === "free" && !resting ? "primary" : ""}`}
          aria-label={resting ? t.specialists.overrideFor(person.name) : t.specialists.escalateTo(person.name)}
          aria-haspopup={resting ? "dialog" : undefined}
          disabled={!mayAsk || !(resting ? person.registered : mayBeAsked(person, now))}
          onClick={() => ask(person)}
        >
          {resting ? t.specialists.override : t.specialists.escalate}
        </button>
      )}
      <p class="because">
        <StateSince person={person} />
        <Because person={person} />
        {checked_at && (
          <span class="age">
            {" · "}
            <Age at={checked_at} />
          </span>
        )}
        {lacksPhone(person) && <span class="warn-text"> · {t.specialists.noPhone}</span>}
      </p>
    </li>
  );
}

/** How many specialists with a skill may be asked now. */
function freeWith(specialists: Person[], skill: string, now: number): number {
  return specialists.filter((person) => skill in person.skills && mayBeAsked(person, now)).length;
}

/** The state in words, since when, and when it ends if that is known. */
export function StateSince({ person }: { person: Person }) {
  const { since, resting_until, free_again_at } = person.availability;
  const now = useNow();
  const ends = soonWords(free_again_at, now);
  return (
    <>
      <b class="state-word">
        {isResting(person, now)
          ? t.specialists.restingUntil(shortTime(resting_until, now))
          : t.specialists.stateSince(t.specialists.states[shadeOf(person, now)], shortTime(since, now))}
      </b>
      {ends && !isResting(person, now) && <b class="soon"> · {ends}</b>}
    </>
  );
}

/** `free in about 7 min`, a time of day when it is farther away, nothing when it is over or not known. */
export function soonWords(freeAgainAt: string | null | undefined, now: number): string {
  const minutes = Math.ceil((Date.parse(freeAgainAt ?? "") - now) / 60_000);
  if (!(minutes > 0)) return "";
  return minutes <= 60 ? count(t.specialists.freeAgain, minutes) : t.specialists.freeAgainAt(shortTime(freeAgainAt, now));
}

export function Because({ person }: { person: Pick<Person, "availability"> }) {
  const words = becauseWords(person.availability);
  return words ? <> · {words}</> : null;
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
