/** A promise that I wanted to take and that is somebody else's already: its row vanishes, so who has it is said here. */

import { ApiError } from "../api.ts";
import { useDesk } from "../desk.ts";
import type { Task } from "../documents.ts";
import { sentence, useCommand } from "../hooks.ts";
import { t } from "../texts.ts";
import { KeyButton } from "./bits.tsx";

/** What was lost, and the refusal that says to whom. */
export interface Lost {
  customer: string;
  error: ApiError;
}

export type Tell = (lost: Lost | null) => void;

const LOST = ["too_late", "taken", "kept_elsewhere", "called_off", "unknown_task"];

/** Who was faster, in the person's language. */
export function lostWords(error: ApiError): string {
  const name = (error.details as { by_name?: unknown } | null)?.by_name;
  if (error.code === "too_late" && typeof name === "string") return t.tasks.keptBy(name);
  if (error.code === "taken" && typeof name === "string") return t.tasks.askedNow(name);
  return sentence(error);
}

/** Take a task. Other refusals stay beside the button; one that takes the button away goes to `tell`. */
export function useTaking(tell: Tell) {
  const { api } = useDesk();
  const command = useCommand();
  const take = (task: Task) => {
    tell(null);
    return command.run(() =>
      api.acceptTask(task.id).catch((error: unknown) => {
        if (!(error instanceof ApiError && LOST.includes(error.code))) throw error;
        tell({ customer: task.customer?.name ?? task.caller_number, error });
      }),
    );
  };
  return { ...command, take };
}

export function TooLate({ lost, close }: { lost: Lost; close: () => void }) {
  return (
    <section class="card missed" role="alert">
      <div class="row">
        <p>
          <strong>{lost.customer}:</strong> {lostWords(lost.error)}
        </p>
        <KeyButton k="j" label={t.tasks.understood} class="button quiet" onClick={close} />
      </div>
    </section>
  );
}
