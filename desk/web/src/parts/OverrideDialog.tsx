/** Asks why somebody who rests must be asked now; the reason is kept with the escalation. */

import { useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { shortTime } from "../clock.ts";
import type { Person } from "../documents.ts";
import { useNow } from "../hooks.ts";
import { t } from "../texts.ts";
import { Problem } from "./bits.tsx";
import { useModal } from "./KeyHelp.tsx";

interface Props {
  person: Person;
  error: ApiError | null;
  busy: boolean;
  ask: (why: string) => void;
  close: () => void;
}

export function OverrideDialog({ person, error, busy, ask, close }: Props) {
  const shown = useModal();
  const now = useNow();
  const [why, setWhy] = useState("");
  const [tried, setTried] = useState(false);
  const lacks = tried && why.trim() === "";
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (why.trim() !== "") ask(why.trim());
  };
  return (
    <dialog ref={shown} class="card override" aria-labelledby="override-title" onClose={close}>
      <form onSubmit={submit} noValidate>
        <h2 id="override-title">{t.specialists.overrideTitle(person.name)}</h2>
        <p>{t.specialists.restingUntil(shortTime(person.availability.resting_until, now))}</p>
        <div class="entry">
          <label for="override-reason">{t.specialists.overrideReason}</label>
          <textarea
            id="override-reason"
            rows={2}
            maxLength={200}
            value={why}
            aria-invalid={lacks}
            aria-describedby={lacks ? "override-error" : "override-hint"}
            onInput={(event) => setWhy(event.currentTarget.value)}
          />
        </div>
        {lacks && (
          <p class="error" role="alert" id="override-error">
            {t.specialists.overrideMissing}
          </p>
        )}
        <p class="muted" id="override-hint">
          {t.specialists.overrideHint}
        </p>
        <Problem error={error} />
        <div class="row">
          <button type="submit" class="button primary" disabled={busy}>
            {t.specialists.overrideSend}
          </button>
          <button type="button" class="button" onClick={() => shown.current?.close()}>
            {t.specialists.back}
          </button>
        </div>
      </form>
    </dialog>
  );
}
