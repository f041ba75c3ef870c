/** What preceded: earlier contacts of the customer, newest first; who, how, when, with what outcome; one can be opened. */

import { useState } from "preact/hooks";
import { day } from "../clock.ts";
import type { PastContact } from "../documents.ts";
import { count, t } from "../texts.ts";
import { TimelinePanel } from "./Timeline.tsx";

const FIRST = 4;

export function History({ history }: { history: PastContact[] }) {
  const [open, setOpen] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  const newestFirst = [...history].sort((a, b) => b.at.localeCompare(a.at));
  const shown = all ? newestFirst : newestFirst.slice(0, FIRST);
  return (
    <section class="history" aria-label={t.history.region}>
      <div class="list-top">
        <h2>{t.history.title}</h2>
        {newestFirst.length > 0 && <p class="muted">{count(t.report.history.count, newestFirst.length)}</p>}
      </div>
      {newestFirst.length === 0 && <p class="muted">{t.history.none}</p>}
      <ol>
        {shown.map((contact) => (
          <Contact
            key={`${contact.at} ${contact.summary}`}
            contact={contact}
            open={open === contact.at}
            toggle={() => setOpen(open === contact.at ? null : contact.at)}
          />
        ))}
      </ol>
      {shown.length < newestFirst.length && (
        <button type="button" class="button quiet wide" onClick={() => setAll(true)}>
          {t.specialists.more(newestFirst.length - shown.length)}
        </button>
      )}
    </section>
  );
}

/** What was agreed, in the words of who wrote it; a slug, where nobody wrote anything, in ours. */
function outcomeWords(outcome: string): string {
  return t.wrapUp.dispositions[outcome] ?? t.escalation.shortCauses[outcome] ?? outcome;
}

function Contact({ contact, open, toggle }: { contact: PastContact; open: boolean; toggle: () => void }) {
  const { at, channel, summary, outcome, handled_by: by, interaction } = contact;
  return (
    <li>
      <p class="muted">
        <time dateTime={at}>{day(at)}</time> · {t.report.history.channels[channel] ?? channel} · {t.history.by(by)}
      </p>
      <p>
        {interaction ? (
          <button
            type="button"
            class="link"
            aria-expanded={open}
            aria-label={open ? t.report.history.hide : t.report.history.show(summary)}
            onClick={toggle}
          >
            {summary}
          </button>
        ) : (
          summary
        )}
      </p>
      {outcome && <p class="result">{outcomeWords(outcome)}</p>}
      {open && interaction && <TimelinePanel interaction={interaction} shown={null} close={toggle} />}
    </li>
  );
}
