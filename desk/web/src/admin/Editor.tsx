/** The form of one thing. Nothing typed is lost: neither by a refusal, nor when somebody else changes the same thing. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { useCommand } from "../hooks.ts";
import { Problem } from "../parts/bits.tsx";
import { Confirm } from "./Confirm.tsx";
import { Conflict } from "./Conflict.tsx";
import { nameOf, useOffice } from "./context.ts";
import type { Done, Kind, Thing } from "./documents.ts";
import { Entry } from "./Entry.tsx";
import { FormFields } from "./forms.tsx";
import { type Draft, draftOf, isDirty, problemOf, problemsOf, rebased } from "./model.ts";
import { office } from "./office.ts";
import { a, problemWords } from "./texts.ts";
import { TemplatePreview } from "./TemplateFields.tsx";

interface Props {
  kind: Kind;
  /** The thing as it is now; null while it is new, or when it was removed meanwhile. */
  thing: Thing | null;
  draft: Draft;
  put: (draft: Draft | null) => void;
  /** Back to the list, to the row of this thing. */
  close: (id?: string) => void;
}

export function Editor({ kind, thing, draft, put, close }: Props) {
  const { reload, say } = useOffice();
  const command = useCommand();
  const form = useRef<HTMLFormElement>(null);
  const [removing, setRemoving] = useState(false);
  const title = draft.isNew ? a.add[kind] : a.edit(thing ? titleOf(kind, thing) : draft.id);
  const isStale = thing !== null && !draft.isNew && thing.version !== draft.version;
  const problems = problemsOf(command.error);
  useEffect(() => focusFirst(form.current, "h2"), []);
  useEffect(() => {
    if (isStale && thing && !isDirty(draft)) put(draftOf(thing));
  }, [isStale]);
  useEffect(() => {
    if (command.error?.code === "stale") void reload();
    else if (command.error) focusFirst(form.current, "[aria-invalid=true]");
  }, [command.error]);

  const change = (changes: Partial<Draft>) => {
    put({ ...draft, ...changes });
    command.forget();
  };
  const save = (version: Draft) =>
    command.run(async () => {
      const done = version.isNew
        ? await office.make(kind, version.id.trim(), version.content, version.note)
        : await office.change(kind, version.id, version.version, version.content, version.note);
      await finish(done, done.change ? a.saved(nameOfDraft(kind, version)) : a.unchanged, version.id);
    });
  const finish = async (done: Done, words: string, id: string) => {
    await reload();
    put(null);
    say(words, done);
    close(id);
  };
  const error = (field: string) => {
    const problem = problemOf(problems, field);
    return problem ? problemWords(problem) : "";
  };
  return (
    <section class="card form" aria-label={title}>
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save(draft);
        }}
      >
        <h2 tabIndex={-1}>{title}</h2>
        {!draft.isNew && thing === null && <p class="note-box">{a.gone}</p>}
        {isStale && thing && isDirty(draft) && (
          <Conflict
            draft={draft}
            theirs={thing}
            busy={command.busy}
            keepMine={() => {
              put(rebased(draft, thing));
              void save(rebased(draft, thing));
            }}
            takeTheirs={() => put(draftOf(thing))}
          />
        )}
        {draft.isNew && (
          <Entry label={a.ids[kind]} error={error("id")} hint={kind === "numbers" ? "" : (a.hints["id"] ?? "")}>
            {(props) => (
              <input
                {...props}
                autocomplete="off"
                autocapitalize="none"
                spellcheck={false}
                maxLength={64}
                value={draft.id}
                onInput={(event) => change({ id: event.currentTarget.value })}
              />
            )}
          </Entry>
        )}
        <FormFields kind={kind} thing={thing} draft={draft} error={error} problems={problems} set={(content) => change({ content })} />
        {kind === "templates" && <TemplatePreview content={draft.content} />}
        <Entry label={a.why} hint={a.whyHint} error={error("note")}>
          {(props) => (
            <input {...props} maxLength={200} value={draft.note} onInput={(event) => change({ note: event.currentTarget.value })} />
          )}
        </Entry>
        <General error={command.error} shown={shownFields(form.current, draft.isNew)} />
        <div class="row form-buttons">
          <button type="submit" class="button primary" disabled={command.busy || (thing === null && !draft.isNew)}>
            {a.save}
          </button>
          <button type="button" class="button" onClick={() => close()}>
            {a.cancel}
          </button>
          {isDirty(draft) && (
            <button
              type="button"
              class="button quiet"
              onClick={() => {
                put(null);
                close();
              }}
            >
              {a.discard}
            </button>
          )}
          {thing && !draft.isNew && isRemovable(kind, thing) && (
            <button type="button" class="button quiet remove" onClick={() => setRemoving(true)}>
              {kind === "settings" ? a.settings.backToFile : a.remove}
            </button>
          )}
        </div>
      </form>
      {removing && thing && (
        <Confirm
          title={kind === "settings" ? a.settings.backTitle(titleOf(kind, thing)) : a.removeTitle(titleOf(kind, thing))}
          hint={kind === "people" ? a.removePersonHint : a.removeHint}
          yes={kind === "settings" ? a.settings.backToFile : a.remove}
          no={a.dontRemove}
          danger={kind !== "settings"}
          act={async (note) => {
            const done = await office.remove(kind, thing.id, thing.version, note);
            setRemoving(false);
            const said = kind === "settings" ? a.saved : a.removed;
            await finish(done, said(titleOf(kind, thing)), thing.id);
          }}
          close={() => setRemoving(false)}
        />
      )}
    </section>
  );
}

export const titleOf = (kind: Kind, thing: Thing): string =>
  kind === "settings" ? (a.settings.names[thing.id] ?? thing.id) : nameOf(thing);

const nameOfDraft = (kind: Kind, draft: Draft): string =>
  kind === "settings" ? (a.settings.names[draft.id] ?? draft.id) : String(draft.content["name"] || draft.id);

const isRemovable = (kind: Kind, thing: Thing): boolean =>
  kind === "settings" ? thing.is_own === true : kind !== "skills" || thing.listed === true;

function focusFirst(form: HTMLFormElement | null, selector: string): void {
  form?.querySelector<HTMLElement>(selector)?.focus();
}

function shownFields(form: HTMLFormElement | null, isNew: boolean): string[] {
  const fields = [...(form?.querySelectorAll<HTMLElement>("[data-field]") ?? [])].map((one) => one.dataset["field"] ?? "");
  return [...fields, "note", ...(isNew ? ["id"] : [])];
}

/** A refusal that belongs to no field of the form. */
function General({ error, shown }: { error: ApiError | null; shown: string[] }) {
  if (!error || error.code === "stale") return null;
  const problems = problemsOf(error);
  if (problems.length === 0) return <Problem error={error} />;
  const others = problems.filter((one) => !shown.some((field) => problemOf([one], field)));
  return (
    <>
      {others.map((one) => (
        <p class="error" role="alert" key={one.code + one.field}>
          {problemWords(one)}
        </p>
      ))}
    </>
  );
}
