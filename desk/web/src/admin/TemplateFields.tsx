/** The fields of a case template: added, moved, removed; and how an agent's form will look. */

import { useEffect, useId, useRef } from "preact/hooks";
import type { CaseField } from "../documents.ts";
import { FieldInput } from "../parts/FieldInput.tsx";
import type { Content, Problem, TemplateField } from "./documents.ts";
import { partError } from "./controls.tsx";
import { Entry, Group } from "./Entry.tsx";
import { Arrows } from "./groups.tsx";
import { keyOf, moved } from "./model.ts";
import { a } from "./texts.ts";

const EMPTY: TemplateField = { key: "", label: "", required: false, kind: "line", choices: [] };

interface Props {
  fields: TemplateField[];
  problems: Problem[];
  set: (fields: TemplateField[]) => void;
}

export function TemplateFields({ fields, problems, set }: Props) {
  const box = useRef<HTMLOListElement>(null);
  const before = useRef(fields.length);
  useEffect(() => {
    if (fields.length > before.current) box.current?.querySelector<HTMLElement>("li:last-child input")?.focus();
    before.current = fields.length;
  }, [fields.length]);
  const put = (index: number, changes: Partial<TemplateField>) =>
    set(fields.map((one, at) => (at === index ? { ...one, ...changes } : one)));
  const whole = problems.filter((one) => one.field === "fields");
  return (
    <Group label={a.fields["fields"] ?? ""} error={partError(whole, "fields")} field="fields">
      <ol class="template-fields" ref={box}>
        {fields.map((field, index) => (
          <OneField
            key={index}
            field={field}
            index={index}
            last={fields.length - 1}
            error={(part) => partError(problems, `fields.${index}.${part}`)}
            put={(changes) => put(index, changes)}
            move={(by) => set(moved(fields, index, by))}
            remove={() => set(fields.filter((_, at) => at !== index))}
          />
        ))}
      </ol>
      <button type="button" class="button quiet" onClick={() => set([...fields, EMPTY])}>
        + {a.template.add}
      </button>
    </Group>
  );
}

interface OneProps {
  field: TemplateField;
  index: number;
  last: number;
  error: (part: string) => string;
  put: (changes: Partial<TemplateField>) => void;
  move: (by: -1 | 1) => void;
  remove: () => void;
}

function OneField({ field, index, last, error, put, move, remove }: OneProps) {
  const name = field.label || a.template.field(index + 1);
  // The key follows the label until it is typed by hand.
  const setLabel = (label: string) => put({ label, ...(field.key === keyOf(field.label) && { key: keyOf(label) }) });
  return (
    <li>
      <div class="template-top">
        <strong>{a.template.field(index + 1)}</strong>
        <Arrows name={name} index={index} last={last} move={move} />
        <button type="button" class="button quiet" aria-label={a.template.remove(name)} onClick={remove}>
          <span aria-hidden="true">×</span>
        </button>
      </div>
      <div class="two tight">
        <Entry label={a.template.label} error={error("label")}>
          {(props) => <input {...props} maxLength={80} value={field.label} onInput={(event) => setLabel(event.currentTarget.value)} />}
        </Entry>
        <Entry label={a.template.key} error={error("key")}>
          {(props) => (
            <input
              {...props}
              maxLength={40}
              autocapitalize="none"
              spellcheck={false}
              value={field.key}
              onInput={(event) => put({ key: event.currentTarget.value })}
            />
          )}
        </Entry>
        <Entry label={a.template.kind}>
          {(props) => (
            <select
              {...props}
              value={field.kind}
              onChange={(event) => {
                const kind = event.currentTarget.value as TemplateField["kind"];
                put({ kind, choices: kind === "choice" ? field.choices : [] });
              }}
            >
              {Object.entries(a.template.kinds).map(([kind, words]) => (
                <option key={kind} value={kind}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Entry>
        <div class="choice required-choice">
          <label>
            <input type="checkbox" checked={field.required} onChange={(event) => put({ required: event.currentTarget.checked })} />
            {a.template.required}
          </label>
        </div>
      </div>
      {field.kind === "choice" && (
        <Entry label={a.template.choices} hint={a.template.choicesHint} error={error("choices")}>
          {(props) => (
            <textarea
              {...props}
              rows={Math.max(3, field.choices.length + 1)}
              value={field.choices.join("\n")}
              onInput={(event) => put({ choices: event.currentTarget.value.split("\n") })}
              onBlur={() => put({ choices: field.choices.map((choice) => choice.trim()).filter(Boolean) })}
            />
          )}
        </Entry>
      )}
    </li>
  );
}

/** The form as agents will see it; what is tried in it goes nowhere. */
export function TemplatePreview({ content }: { content: Content }) {
  const id = useId();
  const fields = content["fields"] as unknown as TemplateField[];
  return (
    <details class="preview">
      <summary>{a.template.preview}</summary>
      <div class="fields">
        {fields.map((field, index) => (
          <div class={`field kind-${field.kind}`} key={index}>
            <label for={`${id}-${index}`}>
              {field.label || a.template.field(index + 1)} {field.required && <span class="required-mark">{a.words.required}</span>}
            </label>
            <FieldInput
              id={`${id}-${index}`}
              field={{ ...field, values: [] } as unknown as CaseField}
              text=""
              describedBy=""
              invalid={false}
              locked={false}
              onFocus={() => undefined}
              onText={() => undefined}
              onBlur={() => undefined}
            />
          </div>
        ))}
      </div>
    </details>
  );
}
