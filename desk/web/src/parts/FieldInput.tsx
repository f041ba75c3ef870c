/** The input that fits a field's kind. A value that does not fit its kind is still shown, as text, never hidden. */

import { useLayoutEffect, useRef } from "preact/hooks";
import type { CaseField } from "../documents.ts";
import { t } from "../texts.ts";

const MAX_CHARS = 4_000;
const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/;

interface Props {
  id: string;
  field: CaseField;
  text: string;
  describedBy: string;
  invalid: boolean;
  /** Shown, but not to be typed into now. */
  locked: boolean;
  onFocus: () => void;
  onText: (text: string) => void;
  onBlur: () => void;
}

export function FieldInput({ id, field, text, describedBy, invalid, locked, onFocus, onText, onBlur }: Props) {
  const common = {
    id,
    value: text,
    "aria-describedby": describedBy,
    "aria-invalid": invalid,
    "aria-required": field.required,
    readOnly: locked,
    onFocus,
    onBlur,
  };
  if (field.kind === "text") return <GrowingText {...common} onText={onText} />;
  if (field.kind === "choice") {
    const { readOnly: _, ...choosing } = common;
    const choices = text === "" || field.choices.includes(text) ? field.choices : [...field.choices, text];
    return (
      <select {...choosing} disabled={locked} onChange={(event) => onText(event.currentTarget.value)}>
        <option value="">{t.case.none}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  const onInput = (event: { currentTarget: HTMLInputElement }) => onText(event.currentTarget.value);
  if (field.kind === "date" && (text === "" || ISO_DATE.test(text))) {
    return <input {...common} type="date" onInput={onInput} />;
  }
  const inputMode = field.kind === "number" ? "decimal" : "text";
  return <input {...common} autocomplete="off" inputMode={inputMode} maxLength={MAX_CHARS} onInput={onInput} />;
}

type GrowingProps = Omit<Props, "id" | "field" | "text" | "describedBy" | "invalid" | "locked"> & { id: string; value: string };

/** A text area as high as its text. */
function GrowingText({ onText, ...rest }: GrowingProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const shown = area.current;
    if (!shown) return;
    shown.style.height = "auto";
    shown.style.height = `${shown.scrollHeight + 2}px`;
  }, [rest.value]);
  return (
    <textarea {...rest} ref={area} rows={2} maxLength={MAX_CHARS} onInput={(event) => onText(event.currentTarget.value)} />
  );
}
