/** Every change in the company, newest first, with what it was before and after, and a way back. */

import { useEffect, useId, useState } from "preact/hooks";
import { serverNow, shortTime } from "../clock.ts";
import { useCommand } from "../hooks.ts";
import { Problem } from "../parts/bits.tsx";
import { Confirm } from "./Confirm.tsx";
import { nameOf, useOffice } from "./context.ts";
import { type Change, KINDS } from "./documents.ts";
import { differences, inWords } from "./model.ts";
import { office, PAGE } from "./office.ts";
import { a } from "./texts.ts";

export function ChangeLog({ revision }: { revision: number }) {
  const { lists, reload, say } = useOffice();
  const command = useCommand();
  const [kind, setKind] = useState("");
  const [by, setBy] = useState("");
  const [changes, setChanges] = useState<Change[] | null>(null);
  const [whole, setWhole] = useState(false);
  const [undoing, setUndoing] = useState<Change | null>(null);
  const read = (before: number | "") =>
    command.run(async () => {
      const found = await office.changes({ kind, by, before });
      setChanges((old) => (before === "" ? found : [...(old ?? []), ...found]));
      setWhole(found.length < PAGE);
    });
  useEffect(() => void read(""), [kind, by, revision]);
  return (
    <section class="card list" aria-label={a.log}>
      <h2>{a.log}</h2>
      <p class="muted">{a.intro.log}</p>
      <div class="two tight filters">
        <Filter label={a.changes.filterKind} all={a.changes.allKinds} value={kind} set={setKind} options={KINDS.map((one) => [one, a.kinds[one]])} />
        <Filter
          label={a.changes.filterPerson}
          all={a.changes.everybody}
          value={by}
          set={setBy}
          options={lists.people.filter((one) => (one.content["roles"] as string[]).includes("administrator")).map((one) => [one.id, nameOf(one)])}
        />
      </div>
      <Problem error={command.error} />
      {changes?.length === 0 && <p class="muted">{a.changes.none}</p>}
      <ol class="changes">
        {(changes ?? []).map((change) => (
          <OneChange key={change.id} change={change} undo={() => setUndoing(change)} />
        ))}
      </ol>
      {changes && changes.length > 0 && !whole && (
        <button type="button" class="button" disabled={command.busy} onClick={() => void read(changes.at(-1)?.id ?? "")}>
          {a.changes.more}
        </button>
      )}
      {undoing && (
        <Confirm
          title={a.changes.undoTitle}
          hint={a.changes.undoHint}
          yes={a.undo}
          no={a.changes.keep}
          act={async (note) => {
            const done = await office.undo(undoing.id, note);
            setUndoing(null);
            await reload();
            say(a.undone, done);
          }}
          close={() => setUndoing(null)}
        >
          <p>
            <strong>{whatOf(undoing)}</strong>
          </p>
          <Diff change={undoing} />
        </Confirm>
      )}
    </section>
  );
}

interface FilterProps {
  label: string;
  all: string;
  value: string;
  set: (value: string) => void;
  options: [string, string][];
}

function Filter({ label, all, value, set, options }: FilterProps) {
  const id = useId();
  return (
    <div class="entry">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => set(event.currentTarget.value)}>
        <option value="">{all}</option>
        {options.map(([one, name]) => (
          <option key={one} value={one}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

const whatOf = (change: Change) => {
  const name = String((change.after ?? change.before)?.["name"] ?? "");
  const thing = change.kind === "settings" ? (a.settings.names[change.subject] ?? change.subject) : name || change.subject;
  return `${a.one[change.kind]}: ${thing}`;
};

const didOf = ({ before, after }: Change) => (before === null ? a.changes.made : after === null ? a.changes.removed : a.changes.changed);

function OneChange({ change, undo }: { change: Change; undo: () => void }) {
  return (
    <li data-change={change.id}>
      <div class="change-top">
        <p>
          <strong>{whatOf(change)}</strong> <span class={`did ${change.after === null ? "gone" : ""}`}>{didOf(change)}</span>
          <br />
          <small class="muted">
            #{change.id} · {a.changedBy(change.by_name, shortTime(change.at, serverNow()))}
            {change.undoes !== null && ` · ${a.changes.undid(change.undoes)}`}
          </small>
        </p>
        {change.can_undo && (
          <button type="button" class="button small" aria-label={a.changes.undoOne(change.id)} onClick={undo}>
            {a.undo}
          </button>
        )}
      </div>
      {change.note && <p class="why">“{change.note}”</p>}
      <details>
        <summary aria-label={a.changes.show(change.id)}>{a.changes.did}</summary>
        <Diff change={change} />
      </details>
    </li>
  );
}

function Diff({ change }: { change: Change }) {
  return (
    <table class="diff">
      <thead>
        <tr>
          <th scope="col">{a.field}</th>
          <th scope="col">{a.changes.before}</th>
          <th scope="col">{a.changes.after}</th>
        </tr>
      </thead>
      <tbody>
        {differences(change.before, change.after).map(({ field, before, after }) => (
          <tr key={field}>
            <th scope="row">{a.fields[field] ?? field}</th>
            <td>{change.before ? <del>{inWords(before, a.words)}</del> : "–"}</td>
            <td>{change.after ? <ins>{inWords(after, a.words)}</ins> : "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
