/** My availability: what colleagues see, why, and the switch to set it myself. */

import { useId, useState } from "preact/hooks";
import { serverNow, shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { ChosenStatus, Me } from "../documents.ts";
import { useCommand, useNow } from "../hooks.ts";
import { focusOn, useKey } from "../keys.ts";
import { endOf } from "../limits.ts";
import { t } from "../texts.ts";
import { becauseWords } from "./because.ts";
import { Age, Problem, StateMark } from "./bits.tsx";

const STATUSES: ChosenStatus[] = ["automatic", "available", "busy", "away", "dnd"];

type Until = keyof typeof t.availability.untils;

export function AvailabilityPanel({ self }: { self: Me }) {
  const { api } = useDesk();
  const command = useCommand();
  const id = useId();
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState<Until>("open");
  const { state } = self.availability;
  const now = useNow();
  const manual = self.availability.sources.find((source) => source.source === "manual")?.status ?? "automatic";
  const set = async (status: ChosenStatus) => {
    const own = status !== "automatic";
    const ends = own ? untilMoment(until, serverNow()) : null;
    const done = await command.run(() => api.setAvailability(status, own ? reason.trim() : "", ends));
    if (done) setReason("");
  };
  useKey("u", t.keys.toAvailability, () => focusOn(".availability .switch button"));
  return (
    <section class="card availability" aria-label={t.availability.region}>
      <h2>{t.availability.title}</h2>
      <p class={`fused ${state}`} role="status" data-testid="my-availability" data-state={state}>
        <StateMark state={state} />
        <span>
          <Since self={self} />
          <small>{becauseWords(self.availability)}</small>
        </span>
      </p>
      {self.availability.unconfirmed_since && (
        <div class="unconfirmed" role="alert">
          <p>{t.availability.unconfirmed(shortTime(self.availability.unconfirmed_since, now))}</p>
          <button type="button" class="button primary" disabled={command.busy} onClick={() => void command.run(api.sayIamHere)}>
            {t.availability.iAmHere}
          </button>
        </div>
      )}
      <div class="switch four five" role="group" aria-label={t.availability.choose}>
        {STATUSES.map((status) => (
          <button
            key={status}
            type="button"
            aria-pressed={manual === status}
            disabled={command.busy}
            onClick={() => set(status)}
          >
            {t.availability.statuses[status]}
          </button>
        ))}
      </div>
      {manual === "automatic" && <p class="muted note-line">{t.availability.automaticHint}</p>}
      <div class="two tight">
        <div class="entry">
          <label for={`${id}-reason`}>{t.availability.reason}</label>
          <input
            id={`${id}-reason`}
            maxLength={200}
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </div>
        <div class="entry">
          <label for={`${id}-until`}>{t.availability.until}</label>
          <select
            id={`${id}-until`}
            value={until}
            onChange={(event) => setUntil(event.currentTarget.value as Until)}
          >
            {Object.entries(t.availability.untils).map(([key, label]) => (
              <option key={key} value={key}>
                {label}
              </option>
            ))}
          </select>
        </div>
      </div>
      <Problem error={command.error} />
      <Sources self={self} />
    </section>
  );
}

function Since({ self }: { self: Me }) {
  const { state, since } = self.availability;
  const now = useNow();
  return <strong>{t.specialists.stateSince(t.specialists.states[state], shortTime(since, now))}</strong>;
}

function Sources({ self }: { self: Me }) {
  if (self.availability.sources.length === 0) return null;
  return (
    <details>
      <summary>{t.availability.sources}</summary>
      <ul class="plain">
        {self.availability.sources.map((source) => (
          <li key={source.source}>
            {t.availability.sourceNames[source.source] ?? source.source}:{" "}
            <b>{t.availability.sourceStates[source.status] ?? source.status}</b>{" "}
            {source.at && (
              <span class="muted">
                <Age at={source.at} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The moment a choice of duration means, as the API wants it; null means until changed. */
export function untilMoment(until: Until, now: number): string | null {
  return until === "open" ? null : endOf(until, now);
}
