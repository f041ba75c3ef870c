/** The controls of the forms: each shows one field of a thing with its label, hint and problem. */

import { useState } from "preact/hooks";
import { LEVELS } from "../enrolment.ts";
import type { Content, Problem, Value } from "./documents.ts";
import { Entry } from "./Entry.tsx";
import { listOf, problemOf } from "./model.ts";
import { a, problemWords } from "./texts.ts";

export interface FieldProps {
  field: string;
  content: Content;
  error: string;
  set: (value: Value) => void;
  hint?: string;
  label?: string;
}

export type Sort = "text" | "number" | "time" | "level" | "lines" | "codes" | "check";

export const labelOf = (field: string, label?: string) => label ?? a.fields[field] ?? field;

/** A text, a number, a list, or yes and no. */
export function Plain({ field, content, error, set, sort, hint = "", label }: FieldProps & { sort: Sort }) {
  const value = content[field] ?? null;
  if (sort === "check") {
    return (
      <div class="choice" data-field={field}>
        <label>
          <input type="checkbox" checked={value === true} onChange={(event) => set(event.currentTarget.checked)} />
          {labelOf(field, label)}
        </label>
      </div>
    );
  }
  if (sort === "level") {
    return (
      <Entry label={labelOf(field, label)} error={error} hint={hint} field={field}>
        {(props) => (
          <select {...props} value={String(value)} onChange={(event) => set(Number(event.currentTarget.value))}>
            {LEVELS.map((level) => (
              <option key={level} value={level}>
                {level}
              </option>
            ))}
          </select>
        )}
      </Entry>
    );
  }
  if (sort === "lines") return <Lines field={field} content={content} error={error} set={set} hint={hint} label={labelOf(field, label)} />;
  if (sort === "number" || sort === "time") {
    return <NumberEntry field={field} content={content} error={error} set={set} hint={hint} label={`${labelOf(field, label)} (${a.seconds})`} />;
  }
  if (sort === "codes") return <Codes field={field} content={content} error={error} set={set} hint={hint} />;
  return (
    <Entry label={labelOf(field, label)} error={error} hint={hint} field={field}>
      {(props) => (
        <input
          {...props}
          autocomplete="off"
          maxLength={200}
          value={String(value ?? "")}
          onInput={(event) => set(field === "outbound_uri" ? event.currentTarget.value || null : event.currentTarget.value)}
        />
      )}
    </Entry>
  );
}

/** A number as it is typed; what is no number (yet) is kept on screen and refused by the centre, not swallowed. */
export function NumberEntry({ field, content, error, set, hint = "", label = "" }: FieldProps) {
  const value = content[field] ?? null;
  const [typed, setTyped] = useState<string | null>(null);
  const shown = typed ?? (value === null ? "" : String(value));
  const take = (text: string) => {
    setTyped(text);
    const number = Number(text.replace(",", "."));
    set(text.trim() === "" ? null : Number.isFinite(number) ? number : text);
  };
  return (
    <Entry label={label} error={error} hint={hint} field={field}>
      {(props) => (
        <input
          {...props}
          inputMode="decimal"
          autocomplete="off"
          value={shown}
          onInput={(event) => take(event.currentTarget.value)}
          onBlur={() => typeof value !== "string" && setTyped(null)}
        />
      )}
    </Entry>
  );
}

export function Lines({ field, content, error, set, hint = "", label = "" }: FieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const lines = (content[field] ?? []) as string[];
  return (
    <Entry label={label} error={error} hint={hint} field={field}>
      {(props) => (
        <textarea
          {...props}
          rows={Math.max(3, lines.length + 1)}
          value={typed ?? lines.join("\n")}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            set(event.currentTarget.value.split("\n").map((line) => line.trim()).filter(Boolean));
          }}
          onBlur={() => setTyped(null)}
        />
      )}
    </Entry>
  );
}

function Codes({ field, content, error, set, hint = "" }: FieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const codes = (content[field] ?? []) as string[];
  return (
    <Entry label={labelOf(field)} error={error} hint={hint} field={field}>
      {(props) => (
        <input
          {...props}
          autocapitalize="none"
          autocomplete="off"
          value={typed ?? codes.join(", ")}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            set(listOf(event.currentTarget.value.toLowerCase()));
          }}
          onBlur={() => setTyped(null)}
        />
      )}
    </Entry>
  );
}

interface ChoiceProps extends FieldProps {
  options: [string, string][];
  /** What choosing nobody is called, where that is possible. */
  none?: string;
}

export function Choice({ field, content, error, set, options: given, none, label }: ChoiceProps) {
  const value = String(content[field] ?? "");
  const all = value === "" || given.some(([id]) => id === value) ? given : [...given, [value, value] as [string, string]];
  return (
    <Entry label={labelOf(field, label)} error={error} field={field}>
      {(props) => (
        <select {...props} value={value} onChange={(event) => set(event.currentTarget.value || (none === undefined ? "" : null))}>
          <option value="">{none ?? a.choose}</option>
          {all.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Entry>
  );
}

/** The words for a problem of a part of a list, such as one field of a template. */
export const partError = (problems: Problem[], field: string): string => {
  const problem = problemOf(problems, field);
  return problem ? problemWords(problem) : "";
};
