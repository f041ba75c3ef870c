/** How far the escalation is: the clock against its marks, six steps, who was asked, choices, and how it ended. */

import { offset } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Escalation } from "../documents.ts";
import { useCommand } from "../hooks.ts";
import { isRunning, steps } from "../select.ts";
import { centreWords, t } from "../texts.ts";
import { Clock, KeyButton, Problem } from "./bits.tsx";
import { Choices, invitationWords, Invitations, PromiseNote } from "./Search.tsx";
import { SearchClock } from "./SearchClock.tsx";

/** What an escalation looks like as a whole. */
export type Look = "running" | "choosing" | "waiting" | "joined" | "promised" | "failed" | "over";

export function lookOf(escalation: Escalation): Look {
  const { state } = escalation;
  if (state === "choosing" || state === "waiting" || state === "joined") return state;
  if (state !== "closed") return "running";
  if (escalation.joined_at !== null) return "over";
  return escalation.promise ? "promised" : "failed";
}

export function EscalationProgress({ escalation }: { escalation: Escalation }) {
  const { api } = useDesk();
  const cancel = useCommand();
  const look = lookOf(escalation);
  if (look === "over") return null;
  const invitations = escalation.invitations ?? [];
  const running = isRunning(escalation);
  const showsClock = running && look !== "waiting" && escalation.ceiling_at !== undefined;
  return (
    <section
      class={`card progress is-${look} ${look === "failed" ? "has-failed" : ""}`}
      aria-label={t.escalation.region}
      data-escalation-id={escalation.id}
      data-state={escalation.state}
      data-look={look}
    >
      <div class="progress-top">
        <h2>{titleOf(escalation, look)}</h2>
        {running && !showsClock && escalation.requested_at && <Clock from={escalation.requested_at} label={t.escalation.region} />}
        {running && (
          <KeyButton
            k="x"
            label={look === "waiting" ? t.escalation.stopWaiting : t.escalation.cancel}
            disabled={cancel.busy}
            onClick={() => void cancel.run(() => api.cancel(escalation.id))}
          />
        )}
      </div>
      {showsClock && <SearchClock escalation={escalation} />}
      {showsSteps(escalation, look) && <Steps escalation={escalation} />}
      {look === "choosing" && <Choices escalation={escalation} />}
      {look === "waiting" && <p>{t.escalation.waitingHint}</p>}
      {escalation.promise && <PromiseNote promise={escalation.promise} />}
      {(invitations.length > 1 || !showsSteps(escalation, look)) && <Invitations invitations={invitations} />}
      <p class="sr" role="status">
        {reachedWords(escalation)}
      </p>
      <p role="status" class={look === "failed" ? "cause" : "muted"} data-testid="escalation-cause">
        {look === "failed" || look === "promised" ? causeOf(escalation) : ""}
        {running ? t.escalation.talkOn : ""}
      </p>
      <Problem error={cancel.error} />
    </section>
  );
}

/** The six steps belong to one specialist; a search that ended with several needs none. */
function showsSteps(escalation: Escalation, look: Look): boolean {
  if (look === "running" || look === "joined") return true;
  return look === "failed" && (escalation.invitations?.length ?? 1) <= 1;
}

/** Why it failed, as a sentence; causes we do not know are shown in the centre's words. */
export function causeOf(escalation: Escalation): string {
  const say = t.escalation.causes[escalation.cause];
  if (!say) return t.escalation.unknownCause(centreWords(escalation.cause_text || escalation.cause, ""));
  return say(escalation.specialist_name ?? t.escalation.somebody);
}

export function titleOf(escalation: Escalation, look: Look): string {
  const { specialist_name: name, skill } = escalation;
  const { choosingTitle, waitingTitle, promisedTitle, nobodyTitle, anyTitle } = t.escalation;
  switch (look) {
    case "choosing":
      return choosingTitle;
    case "waiting":
      return waitingTitle;
    case "promised":
      return promisedTitle;
    case "failed":
      return name && (escalation.invitations?.length ?? 1) <= 1 ? t.escalation.failedTitle(name) : nobodyTitle;
    case "joined":
    case "over":
      return t.escalation.joinedTitle(name ?? t.escalation.somebody);
    case "running":
      if (name) return t.escalation.title(name);
      return skill ? t.escalation.skillTitle(skill) : anyTitle;
  }
}

/** What happened last, for screen readers: the last result of a try, and the step that was reached. */
function reachedWords(escalation: Escalation): string {
  const last = steps(escalation).findLast((step) => step.mark === "done");
  const ended = escalation.invitations?.findLast((one) => one.state === "ended");
  return [
    ended && isRunning(escalation) ? `${ended.specialist_name}: ${invitationWords(ended)}.` : "",
    escalation.specialist_name && isRunning(escalation) ? `${escalation.specialist_name}:` : "",
    last ? t.escalation.steps[last.key] : "",
  ]
    .filter(Boolean)
    .join(" ");
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
