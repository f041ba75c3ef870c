/** Somebody else changed the same thing while this person typed: both versions side by side, and the choice. */

import { serverNow, shortTime } from "../clock.ts";
import type { Thing } from "./documents.ts";
import { clashes, type Draft, inWords } from "./model.ts";
import { a } from "./texts.ts";

interface Props {
  draft: Draft;
  theirs: Thing;
  busy: boolean;
  keepMine: () => void;
  takeTheirs: () => void;
}

export function Conflict({ draft, theirs, busy, keepMine, takeTheirs }: Props) {
  const both = clashes(draft, theirs);
  const who = theirs.changed?.by_name ?? "";
  return (
    <div class="note-box conflict" role="alert">
      <h3>{a.conflictTitle(who, shortTime(theirs.changed?.at, serverNow()))}</h3>
      <p>{both.length > 0 ? a.conflictHint : a.noClash}</p>
      {both.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{a.field}</th>
              <th scope="col">{a.theirs}</th>
              <th scope="col">{a.mine}</th>
            </tr>
          </thead>
          <tbody>
            {both.map(({ field, theirs: other, mine }) => (
              <tr key={field}>
                <th scope="row">{a.fields[field] ?? field}</th>
                <td>{inWords(other, a.words)}</td>
                <td>{inWords(mine, a.words)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div class="row">
        <button type="button" class="button primary" disabled={busy} onClick={keepMine}>
          {a.keepMine}
        </button>
        <button type="button" class="button" disabled={busy} onClick={takeTheirs}>
          {a.takeTheirs}
        </button>
      </div>
    </div>
  );
}
