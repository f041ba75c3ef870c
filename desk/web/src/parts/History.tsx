/** What preceded: earlier contacts of the customer, newest first. */

import { day } from "../clock.ts";
import type { PastContact } from "../documents.ts";
import { t } from "../texts.ts";

export function History({ history }: { history: PastContact[] }) {
  const newestFirst = [...history].sort((a, b) => b.at.localeCompare(a.at));
  return (
    <section class="history" aria-label={t.history.region}>
      <h2>{t.history.title}</h2>
      {newestFirst.length === 0 && <p class="muted">{t.history.none}</p>}
      <ol>
        {newestFirst.map((contact) => (
          <li key={`${contact.at} ${contact.summary}`}>
            <p class="muted">
              <time dateTime={contact.at}>{day(contact.at)}</time> · {contact.channel} · {t.history.by(contact.handled_by)}
            </p>
            <p>{contact.summary}</p>
            {contact.outcome && <p class="result">{contact.outcome}</p>}
          </li>
        ))}
      </ol>
    </section>
  );
}
