/** The events of one interaction, in order, with the time since the first; follows a running interaction. */

import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { offset, withSeconds } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Interaction, TimelineEvent } from "../documents.ts";
import { t } from "../texts.ts";
import { customerName, Problem } from "./bits.tsx";

const SETTLE_MS = 300;

interface Props {
  interaction: string;
  /** The live document, or null when the interaction is closed and gone. */
  shown: Interaction | null;
  /** Who called, where there is no live document to say it. */
  customer?: string;
  close: () => void;
}

export function TimelinePanel({ interaction, shown, customer = "", close }: Props) {
  const { api } = useDesk();
  const [events, setEvents] = useState<TimelineEvent[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [name, setName] = useState(customer);
  useEffect(() => {
    if (shown) setName(customerName(shown.customer));
    let isCurrent = true;
    const look = async () => {
      const found = await api.timeline(interaction).catch((reason: unknown) => {
        if (isCurrent && reason instanceof ApiError) setError(reason);
        return null;
      });
      if (!isCurrent || !found) return;
      setEvents(found);
      setError(null);
    };
    // Several documents change together; one look at the log after they have settled is enough.
    const timer = setTimeout(() => void look(), events === null ? 0 : SETTLE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [interaction, shown]);
  const first = events?.[0]?.at;
  return (
    <section class="card timeline" aria-label={t.overview.timeline} data-interaction-id={interaction}>
      <div class="list-top">
        <h2>
          {[t.overview.timeline, name].filter(Boolean).join(" · ")}
        </h2>
        <button type="button" class="button quiet" onClick={close}>
          {t.overview.closeTimeline}
        </button>
      </div>
      <Problem error={error} />
      {events?.length === 0 && <p class="muted">{t.overview.noEvents}</p>}
      <ol>
        {events?.map((event) => (
          <li key={event.seq} data-event={event.name}>
            <time dateTime={event.at}>{withSeconds(event.at)}</time>
            <small>{first ? offset(first, event.at) : ""}</small>
            <b>{event.name.replaceAll(/[._]/g, " ")}</b>
            <span class="muted">{detail(event.data)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The data of an event in one line: `reason no_answer · specialist eva`. Long digests are cut for the eye. */
export function detail(data: Record<string, unknown>): string {
  return Object.entries(data)
    .filter(([, value]) => value !== null && value !== "")
    .map(([key, value]) => `${key.replace(/^pii_/, "")} ${inShort(value)}`)
    .join(" · ");
}

function inShort(value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}…` : text;
}
