/** The case as a live form: it saves itself, shows where each value comes from, and lets a person settle conflicts. */

import { useDesk } from "../desk.ts";
import type { Case } from "../documents.ts";
import { useStore } from "../hooks.ts";
import { draftKey } from "../autosave.ts";
import { focusOn, useKey } from "../keys.ts";
import { count, t } from "../texts.ts";
import { FieldRow } from "./FieldRow.tsx";

const EMPTY_FIELD = ".case .is-missing :is(input, select, textarea)";
const ANY_FIELD = ".case .field :is(input, select, textarea)";

export function CaseForm({ shown }: { shown: Case | null }) {
  const drafts = useStore(useDesk().autosave.drafts);
  useKey("c", t.keys.toCase, () => focusOn(EMPTY_FIELD, ANY_FIELD), shown !== null);
  if (!shown) {
    return (
      <section class="card case" aria-label={t.case.region}>
        <p class="muted">{t.case.gone}</p>
      </section>
    );
  }
  const open = shown.open_required.length;
  return (
    <section class="card case" aria-label={t.case.region} data-case-id={shown.id} data-case-version={shown.version}>
      <div class="list-top">
        <h2>{t.case.title}</h2>
        <p class={open ? "open-count" : "muted"} role="status" data-testid="open-required">
          {open ? count(t.case.openRequired, open) : t.case.complete}
        </p>
      </div>
      {shown.outcome && (
        <p class="result">
          <b>{t.case.outcome}:</b> {shown.outcome}
        </p>
      )}
      <div class="fields">
        {shown.fields.map((field) => (
          <FieldRow
            key={field.key}
            caseId={shown.id}
            field={field}
            draft={drafts.get(draftKey(shown.id, field.key))}
          />
        ))}
      </div>
    </section>
  );
}
