/** One prompt: heard, replaced by an upload, given back to the shipped recording; its versions. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api.ts";
import { serverNow, shortTime } from "../clock.ts";
import { useCommand } from "../hooks.ts";
import { Confirm } from "./Confirm.tsx";
import { useOffice } from "./context.ts";
import type { Change, Thing } from "./documents.ts";
import { Entry } from "./Entry.tsx";
import { problemsOf } from "./model.ts";
import { audioOf, office } from "./office.ts";
import { a, problemWords, refusalWords } from "./texts.ts";

const MOST_BYTES = 5 * 1024 * 1024;

interface Props {
  /** Null: a new one. */
  thing: Thing | null;
  close: () => void;
}

export function PromptEditor({ thing, close }: Props) {
  const { reload, say } = useOffice();
  const command = useCommand();
  const title = useRef<HTMLHeadingElement>(null);
  const [id, setId] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [note, setNote] = useState("");
  const [removing, setRemoving] = useState(false);
  useEffect(() => title.current?.focus(), []);
  const name = thing?.id ?? id;
  const problems = problemsOf(command.error);
  const about = (field: string) => problems.find((one) => one.field === field);
  const words = (field: string) => {
    const problem = about(field);
    return problem ? problemWords(problem) : "";
  };
  const upload = (event: Event) => {
    event.preventDefault();
    void command.run(async () => {
      if (!file) throw new ApiError(422, "no_file", "Choose a file first.", "audio", { problems: [noFile()] });
      if (file.size > MOST_BYTES) throw new ApiError(422, "recording_size", "", "audio");
      const done = await office.upload(name.trim(), thing?.version ?? 0, file, note.trim());
      await reload();
      say(done.change ? a.saved(name) : a.unchanged, done);
      close();
    });
  };
  return (
    <section class="card form" aria-label={thing ? a.edit(thing.id) : a.add.prompts}>
      <form onSubmit={upload} noValidate>
        <h2 tabIndex={-1} ref={title}>
          {thing ? a.edit(thing.id) : a.add.prompts}
        </h2>
        {thing && (
          <audio key={thing.version} controls preload="none" src={`${audioOf(thing.id)}?v=${thing.version}`} aria-label={a.prompts.listen(thing.id)} />
        )}
        {!thing && (
          <Entry label={a.ids.prompts} error={words("id")} hint={a.hints["id"] ?? ""}>
            {(props) => (
              <input {...props} maxLength={63} autocapitalize="none" value={id} onInput={(event) => setId(event.currentTarget.value)} />
            )}
          </Entry>
        )}
        <Entry label={a.prompts.file} error={words("audio")} hint={a.prompts.rules}>
          {(props) => (
            <input
              {...props}
              type="file"
              accept=".wav,audio/wav,audio/x-wav"
              onChange={(event) => {
                setFile(event.currentTarget.files?.[0] ?? null);
                command.forget();
              }}
            />
          )}
        </Entry>
        <Entry label={a.why} hint={a.whyHint}>
          {(props) => <input {...props} maxLength={200} value={note} onInput={(event) => setNote(event.currentTarget.value)} />}
        </Entry>
        {command.error && !about("audio") && !about("id") && (
          <p class="error" role="alert">
            {refusalWords(command.error)}
          </p>
        )}
        <div class="row form-buttons">
          <button type="submit" class="button primary" disabled={command.busy}>
            {a.prompts.upload}
          </button>
          <button type="button" class="button" onClick={close}>
            {a.cancel}
          </button>
          {thing?.content["recording"] && (
            <button type="button" class="button quiet remove" onClick={() => setRemoving(true)}>
              {thing.shipped ? a.prompts.backToShipped : a.remove}
            </button>
          )}
        </div>
      </form>
      {thing && <Versions thing={thing} />}
      {removing && thing && (
        <Confirm
          title={thing.shipped ? a.prompts.backTitle(thing.id) : a.removeTitle(thing.id)}
          hint={a.removeHint}
          yes={thing.shipped ? a.prompts.backToShipped : a.remove}
          no={a.dontRemove}
          act={async (why) => {
            const done = await office.remove("prompts", thing.id, thing.version, why);
            setRemoving(false);
            await reload();
            say(thing.shipped ? a.saved(thing.id) : a.removed(thing.id), done);
            close();
          }}
          close={() => setRemoving(false)}
        />
      )}
    </section>
  );
}

const noFile = () => ({ field: "audio", code: "no_file", message: a.prompts.choose, values: {} });

/** Every recording that the name ever had, the newest first, and the shipped one. */
function Versions({ thing }: { thing: Thing }) {
  const [changes, setChanges] = useState<Change[]>([]);
  useEffect(() => {
    let current = true;
    office.changes({ kind: "prompts", subject: thing.id }).then(
      (found) => current && setChanges(found),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [thing.version]);
  const made = changes.filter((change) => change.after !== null);
  if (made.length === 0) return null;
  return (
    <div class="versions">
      <h3>{a.prompts.versions}</h3>
      <ul>
        {made.map((change) => (
          <li key={change.id}>
            <span>
              {a.changedBy(change.by_name, shortTime(change.at, serverNow()))}{" "}
              <span class="muted">{a.prompts.seconds(String(change.after?.["seconds"] ?? ""))}</span>
            </span>
            <audio
              controls
              preload="none"
              src={audioOf(thing.id, String(change.after?.["recording"] ?? ""))}
              aria-label={a.prompts.listen(`${thing.id} ${change.id}`)}
            />
          </li>
        ))}
        {thing.shipped && (
          <li>
            <span>{a.prompts.shipped}</span>
            <audio controls preload="none" src={audioOf(thing.id, "shipped")} aria-label={a.prompts.shipped} />
          </li>
        )}
      </ul>
    </div>
  );
}
