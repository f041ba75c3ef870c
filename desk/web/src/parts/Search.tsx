/** The parts of a running search: who was asked with what result, the choices when nobody is free, the promise. */

import { serverNow, shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { Escalation, Invitation, OfferedChoice, Promised } from "../documents.ts";
import { useCommand, useNow } from "../hooks.ts";
import { centreWords, t } from "../texts.ts";
import { ageWords, Countdown, KeyButton, Problem } from "./bits.tsx";

/** Everybody asked so far, with the result in words and a mark of its own shape. */
export function Invitations({ invitations }: { invitations: Invitation[] }) {
  if (invitations.length === 0) return null;
  return (
    <section class="asked" aria-label={t.escalation.asked}>
      <h3>{t.escalation.asked}</h3>
      <ol>
        {invitations.map((one) => (
          <li key={one.specialist} class={markOf(one)} data-person-id={one.specialist} data-state={one.state}>
            <span class="bead small" aria-hidden="true" />
            <strong>{one.specialist_name}</strong>
            <span>{invitationWords(one)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const markOf = (one: Invitation) =>
  one.state === "ended" ? "failed" : one.state === "joined" || one.state === "accepted" ? "done" : "now";

/** How far it is with one invited specialist, or why it ended, without the name. */
export function invitationWords(one: Invitation): string {
  if (one.state !== "ended") return t.escalation.askedStates[one.state];
  if (one.again_at) return t.report.later.cause(shortTime(one.again_at, serverNow()));
  return t.escalation.shortCauses[one.cause] ?? centreWords(one.cause_text, t.escalation.askedStates.ended);
}

/** Nobody is free: the agent chooses what the customer gets, each choice with an honest estimate. */
export function Choices({ escalation }: { escalation: Escalation }) {
  const { api } = useDesk();
  const command = useCommand();
  return (
    <div class="choosing" role="group" aria-label={t.escalation.choosingTitle}>
      <p class="sr" role="alert">
        {t.escalation.choosingTitle}. {t.escalation.choosingHint}
      </p>
      <p>{t.escalation.choosingHint}</p>
      <div class="choices">
        {(escalation.choices ?? []).map((offered, index) => (
          <KeyButton
            key={offered.choice}
            k={String(index + 1)}
            label={t.escalation.choices[offered.choice]}
            disabled={command.busy}
            class="button choice-button"
            onClick={() => void command.run(() => api.choose(escalation.id, offered.choice))}
          >
            <span>
              <b>{t.escalation.choices[offered.choice]}</b>
              <small>{estimateWords(offered)}</small>
            </span>
          </KeyButton>
        ))}
      </div>
      {escalation.ceiling_at && (
        <p class="muted">
          {t.escalation.choosingUntil} <Countdown until={escalation.ceiling_at} />
        </p>
      )}
      <Problem error={command.error} />
    </div>
  );
}

/** How long it takes; for a promise without an estimate what the customer would be told. */
function estimateWords({ choice, says, estimate_s }: OfferedChoice): string {
  if (estimate_s === undefined || estimate_s === null) {
    return choice === "wait" ? t.escalation.noEstimate : centreWords(says, t.escalation.noEstimate);
  }
  const rounded = estimate_s < 60 ? estimate_s : Math.ceil(estimate_s / 60) * 60;
  return t.escalation.estimates[choice](ageWords(rounded));
}

/** The sentence that the agent reads to the customer, and whose promise it is. */
export function PromiseNote({ promise }: { promise: Promised }) {
  const now = useNow();
  return (
    <section class="promise" aria-label={t.escalation.promise.region} role="status">
      <p class="muted">{t.escalation.promise.read}</p>
      <blockquote data-testid="promise">{promiseWords(promise, now)}</blockquote>
      <p class="muted">
        {t.escalation.promise.owner}: {promise.owner_name ?? t.tasks.nobody}
        {promise.due_at && ` · ${t.escalation.promise.due}: ${shortTime(promise.due_at, now)}`}
      </p>
    </section>
  );
}

export function promiseWords(promise: Promised, now: number): string {
  const owner = promise.owner_name ?? t.escalation.promise.someone;
  const time = shortTime((promise.kind === "callback" && promise.slot?.begins_at) || promise.due_at, now);
  return centreWords(promise.sentence, t.escalation.promise[promise.kind](owner, time));
}
