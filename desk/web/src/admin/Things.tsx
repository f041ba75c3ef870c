/** All things of one kind in a table with a search, and the form of the chosen one. */

import { useEffect, useRef, useState } from "preact/hooks";
import { shortTime, serverNow } from "../clock.ts";
import { useDesk } from "../desk.ts";
import { useStore } from "../hooks.ts";
import { KeyButton, Scroll } from "../parts/bits.tsx";
import { Enrol } from "../parts/Enrol.tsx";
import { me, people as allPeople } from "../select.ts";
import { cellsOf, columnsOf } from "./columns.tsx";
import { nameOf, useOffice } from "./context.ts";
import type { Kind, Thing } from "./documents.ts";
import { Editor } from "./Editor.tsx";
import { type Draft, draftOf, found, isDirty, newDraft } from "./model.ts";
import { PromptEditor } from "./Prompts.tsx";
import { a } from "./texts.ts";

/** What is being typed, by person, kind and id; it outlives a look at another list. */
const drafts = new Map<string, Draft>();
const NEW = " new";

interface Props {
  kind: Kind;
  /** What to open at first. */
  wanted: string | null;
}

export function Things({ kind, wanted }: Props) {
  const { lists, goTo } = useOffice();
  const self = me(useStore(useDesk().state))?.id ?? "";
  const keyOf = (id: string) => `${self}/${kind}/${id}`;
  const things = lists[kind];
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState<string | null>(wanted);
  const [, redraw] = useState(0);
  const table = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const ask = (event: Event) => {
      if ([...drafts.values()].some(isDirty)) event.preventDefault();
    };
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, []);
  const put = (id: string, draft: Draft | null) => {
    if (draft) drafts.set(keyOf(id), draft);
    else drafts.delete(keyOf(id));
    redraw((n) => n + 1);
  };
  const openThing = (thing: Thing) => (kind === "numbers" && thing.main ? goTo("queues", String(thing.content["queue"])) : setOpen(thing.id));
  const close = (id: string) => {
    setOpen(null);
    requestAnimationFrame(() => {
      const row = table.current?.querySelector<HTMLElement>(`[data-thing="${CSS.escape(id)}"] button`);
      (row ?? table.current?.querySelector<HTMLElement>("input"))?.focus();
    });
  };
  const chosen = open === null ? null : (things.find((thing) => thing.id === open) ?? null);
  const draft = open === null ? null : (drafts.get(keyOf(open)) ?? (chosen ? draftOf(chosen) : newDraft(kind)));
  const canAdd = kind !== "settings" && kind !== "people";
  return (
    <div class={`things ${open !== null ? "has-form" : ""}`}>
      <section class="card list" aria-label={a.kinds[kind]} ref={table}>
        <div class="list-top">
          <h2>{a.kinds[kind]}</h2>
          {canAdd && <KeyButton k="n" label={a.add[kind]} class="button primary" onClick={() => setOpen(NEW)} />}
        </div>
        <p class="muted">{a.intro[kind]}</p>
        {kind === "people" && <EnrolHere />}
        {kind === "trunks" && <FileTrunk things={things} />}
        <div class="entry search-things">
          <label for="search-things">{a.search}</label>
          <input id="search-things" type="search" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </div>
        <Table
          kind={kind}
          things={found(things, typed)}
          none={typed ? a.nothingFound : a.empty}
          open={open}
          isTyped={(id) => {
            const kept = drafts.get(keyOf(id));
            return kept !== undefined && isDirty(kept);
          }}
          choose={openThing}
        />
      </section>
      {open !== null && draft && kind !== "prompts" && (
        <Editor
          key={`${kind}/${open}`}
          kind={kind}
          thing={chosen}
          draft={draft}
          put={(next) => put(open, next)}
          close={(id = open) => close(id)}
        />
      )}
      {open !== null && kind === "prompts" && <PromptEditor key={open} thing={chosen} close={() => close(open)} />}
    </div>
  );
}

function EnrolHere() {
  const state = useStore(useDesk().state);
  return (
    <div class="enrol-here">
      <Enrol people={allPeople(state)} />
      <p class="muted">{a.people.enrol}</p>
    </div>
  );
}

function FileTrunk({ things }: { things: Thing[] }) {
  return (
    <div class="from-file">
      <h3>{a.trunks.fileTitle}</h3>
      <p>
        {a.trunks.fileHint} <code>{things[0]?.default_uri || a.trunks.fileNone}</code>
      </p>
    </div>
  );
}

interface TableProps {
  kind: Kind;
  things: Thing[];
  none: string;
  open: string | null;
  isTyped: (id: string) => boolean;
  choose: (thing: Thing) => void;
}

function Table({ kind, things, none, open, isTyped, choose }: TableProps) {
  const { lists } = useOffice();
  if (things.length === 0) return <p class="muted">{none}</p>;
  return (
    <Scroll label={a.kinds[kind]}>
      <table>
        <thead>
          <tr>
            {columnsOf(kind).map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <th scope="col" class="last-title">
              {a.columns.last}
            </th>
          </tr>
        </thead>
        <tbody>
          {things.map((thing) => (
            <tr key={thing.id} data-thing={thing.id} class={open === thing.id ? "chosen" : ""}>
              <th scope="row">
                <button type="button" class="link" aria-pressed={open === thing.id} onClick={() => choose(thing)}>
                  {kind === "settings" ? (a.settings.names[thing.id] ?? thing.id) : nameOf(thing)}
                </button>
                {nameOf(thing) !== thing.id && <small class="muted">{thing.id}</small>}
                {isTyped(thing.id) && <small class="warn-text">{a.unsaved}</small>}
              </th>
              {cellsOf(kind, thing, lists).map((cell, index) => (
                <td key={index}>{cell}</td>
              ))}
              <td class="muted last">
                {thing.changed ? a.changedBy(thing.changed.by_name, shortTime(thing.changed.at, serverNow())) : "–"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
