/** How far the escalation is: six steps with their times, and the cause in words if it failed. */

import { offset } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Escalation } from "../documents.ts";
import { useCommand } from "../hooks.ts";
import { isRunning, steps } from "../select.ts";
import { t } from "../texts.ts";
import { Clock, Problem } from "./bits.tsx";

export function EscalationProgress({ escalation }: { escalation: Escalation }) {
  const { api } = useDesk();
  const cancel = useCommand();
  const running = isRunning(escalation);
  const failed = escalation.state === "closed" && escalation.joined_at === null;
  if (escalation.state === "closed" && !failed) return null;
  return (
    <section
      class={`card progress ${failed ? "has-failed" : running ? "is-running" : "is-joined"}`}
      aria-label={t.escalation.region}
      data-escalation-id={escalation.id}
      data-state={escalation.state}
    >
      <div class="progress-top">
        <h2>{titleOf(escalation, failed, running)}</h2>
        {running && escalation.requested_at && <Clock from={escalation.requested_at} label={t.escalation.region} />}
        {running && (
          <button
            type="button"
            class="button"
            disabled={cancel.busy}
            onClick={() => cancel.run(() => api.cancel(escalation.id))}
          >
            {t.escalation.cancel}
          </button>
        )}
      </div>
      <Steps escalation={escalation} />
      <p class="sr" role="status">
        {reachedWords(escalation)}
      </p>
      <p role="status" class={failed ? "cause" : "muted"} data-testid="escalation-cause">
        {failed ? causeOf(escalation) : ""}
        {running ? t.escalation.talkOn : ""}
      </p>
      <Problem error={cancel.error} />
    </section>
  );
}

/** Why it failed, as a sentence; causes we do not know are shown in the server's words. */
export function causeOf(escalation: Escalation): string {
  const say = t.escalation.causes[escalation.cause];
  return say ? say(escalation.specialist_name) : t.escalation.unknownCause(escalation.cause_text || escalation.cause);
}

function titleOf(escalation: Escalation, failed: boolean, running: boolean): string {
  const name = escalation.specialist_name;
  if (failed) return t.escalation.failedTitle(name);
  return running ? t.escalation.title(name) : t.escalation.joinedTitle(name);
}

/** The step reached last, for screen readers. */
function reachedWords(escalation: Escalation): string {
  const last = steps(escalation).findLast((step) => step.mark === "done");
  return last ? t.escalation.steps[last.key] : "";
}

function Steps({ escalation }: { escalation: Escalation }) {
  const start = escalation.requested_at;
  return (
    <ol class="steps">
      {steps(escalation).map((step) => (
        <li key={step.key} class={step.mark} data-step={step.key} data-mark={step.mark}>
          <span class="bead" aria-hidden="true" />
          <span class="step-name">{t.escalation.steps[step.key]}</span>
          <span class="sr">: {t.escalation.marks[step.mark]}</span>
          <small>{step.at && start && step.key !== "requested" ? offset(start, step.at) : "\u00a0"}</small>
        </li>
      ))}
    </ol>
  );
}
