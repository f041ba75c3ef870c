/** One line of a form: label, control, what it is for, and what is wrong with it. */

import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

export interface Control {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

interface Props {
  label: string;
  error?: string;
  hint?: string;
  field?: string;
  children: (props: Control) => JSX.Element;
}

export function Entry({ label, error = "", hint = "", field, children }: Props) {
  const id = useId();
  const described = error || hint ? `${id}-note` : undefined;
  return (
    <div class="entry" data-field={field}>
      <label for={id}>{label}</label>
      {children({ id, "aria-invalid": error !== "", "aria-describedby": described })}
      <Note id={`${id}-note`} error={error} hint={hint} />
    </div>
  );
}

interface GroupProps {
  label: string;
  error?: string;
  hint?: string;
  field: string;
  children: ComponentChildren;
}

/** Several controls under one name. */
export function Group({ label, error = "", hint = "", field, children }: GroupProps) {
  const id = useId();
  return (
    <fieldset class="group" data-field={field} aria-describedby={error || hint ? id : undefined}>
      <legend>{label}</legend>
      {children}
      <Note id={id} error={error} hint={hint} />
    </fieldset>
  );
}

export function Note({ id, error, hint }: { id: string; error: string; hint: string }) {
  if (error) {
    return (
      <p class="error note-line" role="alert" id={id}>
        {error}
      </p>
    );
  }
  return hint ? (
    <p class="muted note-line" id={id}>
      {hint}
    </p>
  ) : null;
}
