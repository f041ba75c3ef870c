/** One field: its input, where its value comes from, whether it is saved, and the choice when two values disagree. */

import type { ComponentChildren } from "preact";
import { useDesk } from "../desk.ts";
import type { CaseField } from "../documents.ts";
import { type Draft, type FieldView, type Mark, view } from "../drafts.ts";
import { t } from "../texts.ts";
import { FieldInput } from "./FieldInput.tsx";
import { authorOf, Origin } from "./Origin.tsx";

interface Props {
  caseId: string;
  field: CaseField;
  draft: Draft | undefined;
}

export function FieldRow({ caseId, field, draft }: Props) {
  const { autosave } = useDesk();
  const shown = view(field, draft);
  const id = `${caseId}-${field.key}`;
  const isEmpty = field.required && shown.text.trim() === "" && shown.conflict.length === 0;
  const newest = field.values.at(-1);
  const classes = ["field", `kind-${field.kind}`, isEmpty ? "is-missing" : "", shown.conflict.length ? "has-conflict" : ""];
  // While two values stand side by side nobody types over them by chance; who is typing already may go on.
  const locked = shown.conflict.length > 0 && draft === undefined;
  return (
    <div class={classes.join(" ")} data-case-id={caseId} data-field-key={field.key} data-mark={shown.mark}>
      <div class="field-top">
        <label for={id}>{field.label}</label>
        {field.required && (
          <span class="required-mark" data-testid="required">
            {t.case.required}
            {isEmpty && <span class="sr">{t.case.stillEmpty}</span>}
          </span>
        )}
      </div>
      <FieldInput
        id={id}
        field={field}
        text={shown.text}
        describedBy={`${id}-origin`}
        invalid={shown.error !== "" && shown.mark !== "saving"}
        locked={locked}
        onFocus={() => locked || autosave.focus(caseId, field.key, shown.text)}
        onText={(text) => autosave.type(caseId, field.key, text)}
        onBlur={() => autosave.blur(caseId, field.key)}
      />
      <div id={`${id}-origin`} class="below">
        {shown.error && (
          <p class="error" role="alert">
            {shown.error}
          </p>
        )}
        {shown.conflict.length === 0 && !shown.beside && newest && newest.text !== "" && <Origin value={newest} />}
        <SaveMark
          mark={shown.mark}
          savedHere={newest !== undefined && autosave.savedHere(caseId, field.key, newest.version)}
        />
      </div>
      {shown.beside && (
        <div class="beside-value" role="status">
          <p>
            {t.case.beside(authorOf(shown.beside))} <q>{shown.beside.text || t.case.emptyText}</q>
          </p>
          <Origin value={shown.beside} />
          <KeepingFocus onClick={() => autosave.follow(caseId, field.key, shown.beside?.text ?? "")}>
            {t.case.takeOver}
          </KeepingFocus>
        </div>
      )}
      {shown.conflict.length > 0 && <Conflict caseId={caseId} field={field} shown={shown} />}
    </div>
  );
}

function Conflict({ caseId, field, shown }: { caseId: string; field: CaseField; shown: FieldView }) {
  const { autosave } = useDesk();
  return (
    <div class="conflict" role="group" aria-label={`${field.label}: ${t.case.marks.conflict}`}>
      <p role="alert">{t.case.conflictTitle}</p>
      {shown.conflict.map((value) => (
        <div key={value.version} class="rival">
          <Origin value={value} />
          <KeepingFocus onClick={() => void autosave.choose(caseId, field.key, value.text)}>
            {t.case.keep(value.text || t.case.emptyText)}
          </KeepingFocus>
        </div>
      ))}
    </div>
  );
}

/** A button that leaves the focus in the field: leaving it would save, and move the button away under the press. */
function KeepingFocus({ onClick, children }: { onClick: () => void; children: ComponentChildren }) {
  return (
    <button type="button" class="button small" onMouseDown={(event) => event.preventDefault()} onClick={onClick}>
      {children}
    </button>
  );
}

/** Says "Saved" only of what was typed here; that other values are saved goes without saying. */
function SaveMark({ mark, savedHere }: { mark: Mark; savedHere: boolean }) {
  return (
    <span class={`save-mark is-${mark}`} data-testid="save-mark">
      {mark !== "saved" || savedHere ? t.case.marks[mark] : ""}
    </span>
  );
}
