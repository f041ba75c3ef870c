/** Something that is shown only once: selectable, with a button that copies it. */

import { useId, useRef, useState } from "preact/hooks";
import { t } from "../texts.ts";

interface Props {
  label: string;
  value: string;
  testId: string;
  /** What to say under it until it is copied. */
  hint?: string;
}

export function Secret({ label, value, testId, hint = "" }: Props) {
  const id = useId();
  const shown = useRef<HTMLInputElement>(null);
  const [outcome, setOutcome] = useState("");
  const copy = async () => {
    shown.current?.select();
    const copied = navigator.clipboard?.writeText(value) ?? Promise.reject(new Error("no clipboard"));
    setOutcome(await copied.then(() => t.phone.copied, () => t.phone.copyFailed));
  };
  return (
    <div class="secret">
      <label for={id}>{label}</label>
      <div class="row">
        <input id={id} ref={shown} readOnly value={value} data-testid={testId} />
        <button type="button" class="button" aria-label={`${t.phone.copy}: ${label}`} onClick={copy}>
          {t.phone.copy}
        </button>
      </div>
      <p class="muted" role="status">
        {outcome || hint}
      </p>
    </div>
  );
}
