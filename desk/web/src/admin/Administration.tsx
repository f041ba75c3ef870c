/** The administrator's page: a list of kinds, the things of one kind, and the form of one thing beside them. */

import "../styles/admin.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Enrolled } from "../documents.ts";
import { useCommand, useStore } from "../hooks.ts";
import { Problem } from "../parts/bits.tsx";
import { Access } from "../parts/Enrol.tsx";
import { ChangeLog } from "./ChangeLog.tsx";
import { OfficeContext, type Section, useLists } from "./context.ts";
import { type Done, KINDS } from "./documents.ts";
import { office } from "./office.ts";
import { a, refusalWords, useAdminTexts } from "./texts.ts";
import { Things } from "./Things.tsx";

export function Administration() {
  return useAdminTexts() ? <Office /> : <p aria-busy="true" />;
}

interface Said {
  words: string;
  done: Done | undefined;
}

function Office() {
  const state = useStore(useDesk().state);
  const revision = (state.docs.get("administration") as { change: number } | undefined)?.change ?? 0;
  const { lists, error, reload } = useLists(revision);
  const [section, setSection] = useState<Section>("people");
  const [wanted, setWanted] = useState<string | null>(null);
  const [said, setSaid] = useState<Said | null>(null);
  const [access, setAccess] = useState<Enrolled | null>(null);
  const goTo = (next: Section, id?: string) => {
    setSection(next);
    setWanted(id ?? null);
    setSaid(null);
  };
  const say = (words: string, done?: Done) => {
    setSaid({ words, done });
    if (done?.access) setAccess(done.access);
  };
  return (
    <div class="office">
      <h1 class="sr">{a.region}</h1>
      <Sections section={section} choose={goTo} />
      <div class="office-main" role="region" aria-label={a.region}>
        <Told said={said} reload={reload} say={say} />
        {access && (
          <section class="card access-card" aria-label={a.access}>
            <Access enrolled={access} close={() => setAccess(null)} />
          </section>
        )}
        {error && !lists && <Problem error={error} />}
        {!lists && !error && <p role="status">{a.loading}</p>}
        {lists && (
          <OfficeContext.Provider value={{ lists, reload, say, goTo }}>
            {section === "log" ? <ChangeLog revision={revision} /> : <Things key={`${section}/${wanted}`} kind={section} wanted={wanted} />}
          </OfficeContext.Provider>
        )}
      </div>
    </div>
  );
}

/** The kinds: a column on the left, tabs on a narrow screen. */
function Sections({ section, choose }: { section: Section; choose: (section: Section) => void }) {
  const shown = useRef<HTMLElement>(null);
  useEffect(() => {
    const chosen = shown.current?.querySelector<HTMLElement>("[aria-current]");
    if (chosen && shown.current) shown.current.scrollLeft = chosen.offsetLeft - 24;
  }, [section]);
  return (
    <nav class="kinds" aria-label={a.nav} ref={shown}>
      {[...KINDS, "log" as const].map((one) => (
        <button key={one} type="button" aria-current={one === section ? "page" : undefined} onClick={() => choose(one)}>
          {one === "log" ? a.log : a.kinds[one]}
        </button>
      ))}
    </nav>
  );
}

interface ToldProps {
  said: Said | null;
  reload: () => Promise<void>;
  say: (words: string, done?: Done) => void;
}

/** What was just done, with a way back. */
function Told({ said, reload, say }: ToldProps) {
  const command = useCommand();
  const change = said?.done?.change ?? null;
  useEffect(() => command.forget(), [said]);
  const undo = () =>
    command.run(async () => {
      if (!change) return;
      const done = await office.undo(change.id, "");
      await reload();
      say(a.undone, done.access ? { change: null, access: done.access } : undefined);
    });
  return (
    <div class="told" role="status">
      {said && (
        <p class="row">
          <span>{said.words}</span>
          {change && (
            <button type="button" class="button small" disabled={command.busy} onClick={() => void undo()}>
              {a.undo}
            </button>
          )}
        </p>
      )}
      {command.error && <p class="error">{refusalWords(command.error)}</p>}
    </div>
  );
}
