/** When may I be asked? A specialist's own limits on interruptions, in one short form. */

import { useId, useState } from "preact/hooks";
import { serverNow, shortTime, weekday } from "../clock.ts";
import type { ApiError } from "../api.ts";
import { useDesk } from "../desk.ts";
import type { Me, QuietWindow } from "../documents.ts";
import { useCommand, useNow } from "../hooks.ts";
import { focusOn, useKey } from "../keys.ts";
import { type Focus, formOf, limitsOf, type LimitsForm as Form, mistakeIn, MOST_WINDOWS } from "../limits.ts";
import { t } from "../texts.ts";
import { Problem } from "./bits.tsx";

const NEW_WINDOW: QuietWindow = { weekday: 0, from: "12:00", to: "13:00" };
const DAYS = [0, 1, 2, 3, 4, 5, 6];

export function LimitsForm({ self }: { self: Me }) {
  const { api } = useDesk();
  const command = useCommand();
  const id = useId();
  // What the centre says holds until something is typed here.
  const [typed, setTyped] = useState<Form | null>(null);
  const [tried, setTried] = useState(false);
  const [saved, setSaved] = useState(false);
  const now = useNow();
  const form = typed ?? formOf(self.limits, now);
  const change = (changes: Partial<Form>) => {
    setTyped({ ...form, ...changes });
    setSaved(false);
  };
  const focusError = command.error?.field === "focus_until" ? command.error : null;
  const mistake = tried ? mistakeIn(form) : null;
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (mistakeIn(form)) return;
    if (!(await command.run(() => api.setLimits(limitsOf(form, self.limits?.focus_until ?? null, serverNow()))))) return;
    setTyped(null);
    setTried(false);
    setSaved(true);
  };
  useKey("i", t.keys.toLimits, () => focusOn(".limits input"));
  return (
    <form class="card limits" aria-label={t.limits.region} onSubmit={submit} noValidate>
      <h2>{t.limits.title}</h2>
      {form.focus === "keep" && <p class="fused">{t.limits.focusNow(shortTime(self.limits?.focus_until, now))}</p>}
      <div class="two tight">
        <div class="entry">
          <label for={`${id}-hour`}>{t.limits.perHour}</label>
          <input
            id={`${id}-hour`}
            inputMode="numeric"
            autocomplete="off"
            maxLength={3}
            placeholder={t.limits.perHourHint}
            value={form.perHour}
            aria-invalid={mistake === "per_hour"}
            aria-describedby={mistake === "per_hour" ? `${id}-mistake` : undefined}
            onInput={(event) => change({ perHour: event.currentTarget.value })}
          />
        </div>
        <FocusChoice
          id={`${id}-focus`}
          form={form}
          change={change}
          until={self.limits?.focus_until ?? null}
          error={focusError}
        />
      </div>
      <QuietTimes quiet={form.quiet} change={(quiet) => change({ quiet })} />
      {mistake && (
        <p class="error" role="alert" id={`${id}-mistake`}>
          {mistake === "per_hour" ? t.limits.badPerHour : t.limits.badTimes}
        </p>
      )}
      <div class="row">
        <button type="submit" class="button" disabled={command.busy}>
          {t.limits.save}
        </button>
        <span role="status" class="muted">
          {saved ? t.limits.saved : ""}
        </span>
      </div>
      {!focusError && <Problem error={command.error} />}
    </form>
  );
}

interface FocusProps {
  id: string;
  form: Form;
  until: string | null;
  /** What the centre says against this choice. */
  error: ApiError | null;
  change: (changes: Partial<Form>) => void;
}

function FocusChoice({ id, form, until, error, change }: FocusProps) {
  const now = useNow();
  return (
    <div class="entry">
      <label for={id}>{t.limits.focus}</label>
      <select
        id={id}
        value={form.focus}
        aria-invalid={error !== null}
        aria-describedby={error ? `${id}-error` : undefined}
        onChange={(event) => change({ focus: event.currentTarget.value as Focus })}
      >
        {until && Date.parse(until) > now && <option value="keep">{shortTime(until, now)}</option>}
        {Object.entries(t.limits.focuses).map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </select>
      {error && (
        <div id={`${id}-error`}>
          <Problem error={error} />
        </div>
      )}
    </div>
  );
}

function QuietTimes({ quiet, change }: { quiet: QuietWindow[]; change: (quiet: QuietWindow[]) => void }) {
  const put = (index: number, changes: Partial<QuietWindow>) =>
    change(quiet.map((one, at) => (at === index ? { ...one, ...changes } : one)));
  const last = quiet.at(-1) ?? { ...NEW_WINDOW, weekday: -1 };
  return (
    <fieldset class="quiet-times">
      <legend>{t.limits.quiet}</legend>
      {quiet.length === 0 && <p class="muted">{t.limits.noQuiet}</p>}
      {quiet.map((one, index) => (
        <div class="quiet-time" key={index}>
          <select
            aria-label={t.limits.weekday}
            value={one.weekday}
            onChange={(event) => put(index, { weekday: Number(event.currentTarget.value) })}
          >
            {DAYS.map((number) => (
              <option key={number} value={number}>
                {weekday(number)}
              </option>
            ))}
          </select>
          <input
            type="time"
            aria-label={t.limits.from}
            value={one.from}
            onInput={(event) => put(index, { from: event.currentTarget.value })}
          />
          <span aria-hidden="true">–</span>
          <input
            type="time"
            aria-label={t.limits.to}
            value={one.to}
            onInput={(event) => put(index, { to: event.currentTarget.value })}
          />
          <button
            type="button"
            class="button quiet"
            aria-label={t.limits.remove(weekday(one.weekday), one.from)}
            onClick={() => change(quiet.filter((_, at) => at !== index))}
          >
            <span aria-hidden="true">×</span>
          </button>
        </div>
      ))}
      {quiet.length < MOST_WINDOWS && (
        <button
          type="button"
          class="button quiet"
          onClick={() => change([...quiet, { ...last, weekday: (last.weekday + 1) % 7 }])}
        >
          + {t.limits.add}
        </button>
      )}
    </fieldset>
  );
}
