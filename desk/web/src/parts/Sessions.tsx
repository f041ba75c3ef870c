/** Where I am logged in, and ending it; administrators end the log-ins of colleagues, too. */

import { useEffect, useState } from "preact/hooks";
import { shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Me } from "../documents.ts";
import { useCommand, useNow, useStore } from "../hooks.ts";
import { people } from "../select.ts";
import { browserOf, type Session } from "../sessions.ts";
import { t } from "../texts.ts";
import { Problem } from "./bits.tsx";

export function Sessions({ self }: { self: Me }) {
  const { api } = useDesk();
  const [sessions, setSessions] = useState<Session[] | null>(null);
  const [ended, setEnded] = useState(false);
  const command = useCommand();
  const look = async () => setSessions(await api.mySessions());
  useEffect(() => void command.run(look), []);
  const end = async (action: () => Promise<unknown>) => {
    setEnded(false);
    if (await command.run(() => action().then(look))) setEnded(true);
  };
  const others = sessions?.some((session) => !session.current) ?? false;
  return (
    <section class="sessions" aria-label={t.sessions.region}>
      <div>
        <h2>{t.sessions.title}</h2>
        <p class="muted">{t.sessions.intro}</p>
        <List sessions={sessions ?? []} busy={command.busy} end={(id) => void end(() => api.endSession(id))} />
        {others && (
          <button type="button" class="button" disabled={command.busy} onClick={() => void end(api.endOtherSessions)}>
            {t.sessions.endOthers}
          </button>
        )}
        {sessions && !others && <p class="muted">{t.sessions.onlyThis}</p>}
        <p role="status">{ended ? t.sessions.ended : ""}</p>
        <Problem error={command.error} />
      </div>
      {self.roles.includes("administrator") && <Colleague />}
    </section>
  );
}

/** For administrators: a lost machine, or somebody who has left. */
function Colleague() {
  const desk = useDesk();
  const everybody = [...people(useStore(desk.state))].sort((a, b) => a.name.localeCompare(b.name));
  const [person, setPerson] = useState("");
  const [sessions, setSessions] = useState<Session[] | null>(null);
  const command = useCommand();
  const choose = (chosen: string) => {
    setPerson(chosen);
    setSessions(null);
    if (chosen) void command.run(async () => setSessions(await desk.api.sessionsOf(chosen)));
  };
  const endAll = () => command.run(() => desk.api.endSessionsOf(person).then(() => setSessions([])));
  return (
    <div>
      <h2>{t.sessions.colleague}</h2>
      <div class="entry">
        <label for="sessions-person">{t.sessions.person}</label>
        <select id="sessions-person" value={person} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">{t.sessions.choose}</option>
          {everybody.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </div>
      {sessions && sessions.length > 0 && <List sessions={sessions} busy={command.busy} />}
      <p role="status">{sessions?.length === 0 ? t.sessions.none : ""}</p>
      {sessions && sessions.length > 0 && (
        <button type="button" class="button" disabled={command.busy} onClick={() => void endAll()}>
          {t.sessions.endAll}
        </button>
      )}
      <Problem error={command.error} />
    </div>
  );
}

interface ListProps {
  sessions: Session[];
  busy: boolean;
  end?: (id: string) => void;
}

function List({ sessions, busy, end }: ListProps) {
  const now = useNow();
  return (
    <ul class="session-list">
      {sessions.map((session) => {
        const [browser, system] = browserOf(session.user_agent);
        const name = browser && system ? t.sessions.on(browser, system) : browser || t.sessions.unknownBrowser;
        return (
          <li key={session.id} data-session-id={session.id}>
            <p>
              <strong>{name}</strong> {session.current && end && <span class="chip good">{t.sessions.here}</span>}
              <br />
              <small class="muted">
                {t.sessions.since} {shortTime(session.since, now)} · {t.sessions.used} {shortTime(session.last_used, now)}
                {session.address && ` · ${t.sessions.from} ${session.address}`}
              </small>
            </p>
            {end && !session.current && (
              <button
                type="button"
                class="button quiet"
                disabled={busy}
                aria-label={t.sessions.endOf(`${name}, ${shortTime(session.since, now)}`)}
                onClick={() => end(session.id)}
              >
                {t.sessions.end}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
