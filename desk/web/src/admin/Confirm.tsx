/** Asks before something weighty is done, with room for the reason. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { useCommand } from "../hooks.ts";
import { useModal } from "../parts/KeyHelp.tsx";
import { a, refusalWords } from "./texts.ts";

interface Props {
  title: string;
  hint: string;
  yes: string;
  no: string;
  danger?: boolean;
  act: (note: string) => Promise<unknown>;
  close: () => void;
  children?: ComponentChildren;
}

export function Confirm({ title, hint, yes, no, danger = false, act, close, children }: Props) {
  const shown = useModal();
  const id = useId();
  const command = useCommand();
  const [note, setNote] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    void command.run(() => act(note.trim()));
  };
  return (
    <dialog ref={shown} class="card confirm" aria-labelledby={`${id}-title`} onClose={close}>
      <form onSubmit={submit} noValidate>
        <h2 id={`${id}-title`}>{title}</h2>
        {children}
        <p>{hint}</p>
        <div class="entry">
          <label for={`${id}-why`}>{a.why}</label>
          <input id={`${id}-why`} maxLength={200} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </div>
        {command.error && (
          <p class="error" role="alert">
            {refusalWords(command.error)}
          </p>
        )}
        <div class="row">
          <button type="submit" class={`button ${danger ? "danger" : "primary"}`} disabled={command.busy}>
            {yes}
          </button>
          <button type="button" class="button" onClick={() => shown.current?.close()}>
            {no}
          </button>
        </div>
      </form>
    </dialog>
  );
}
