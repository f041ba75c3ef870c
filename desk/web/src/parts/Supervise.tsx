/** A supervisor's acts: take part in a call in one of three ways, and see or end every running escalation. */

import { useDesk } from "../desk.ts";
import type { Escalation, Interaction, SupervisionMode } from "../documents.ts";
import { useCommand, useStore } from "../hooks.ts";
import { interactionOf, me, runningEscalations, supervisionOf } from "../select.ts";
import type { State } from "../store.ts";
import { t } from "../texts.ts";
import { customerName, KeyButton, Problem } from "./bits.tsx";
import { lookOf, titleOf } from "./EscalationProgress.tsx";
import { Invitations, PromiseNote } from "./Search.tsx";
import { SearchClock } from "./SearchClock.tsx";

const MODES: [SupervisionMode, string][] = [
  ["listen", "l"],
  ["whisper", "w"],
  ["join", "j"],
];

/** Listen, whisper, join: three separate, logged acts on one chosen call. */
export function SupervisePanel({ call }: { call: Interaction }) {
  const { api, state } = useDesk();
  const shown = useStore(state);
  const command = useCommand();
  const all = supervisionOf(shown, call.id)?.supervisors ?? [];
  const mine = all.find((one) => one.person === me(shown)?.id) ?? null;
  const talks = call.participants.some((one) => one.state === "talking" && one.role === "agent");
  return (
    <section class="card supervise" aria-label={t.supervision.region} data-mode={mine?.mode ?? "none"}>
      <div class="list-top">
        <h2>
          {t.supervision.title} · {customerName(call.customer)}
        </h2>
        <p class="muted">{t.supervision.hint}</p>
      </div>
      <div class="modes">
        {MODES.map(([mode, key]) => (
          <div key={mode} class="entry">
            <KeyButton
              k={key}
              label={t.supervision.modes[mode]}
              pressed={mine?.mode === mode}
              class={`button ${mine?.mode === mode ? "is-on" : ""}`}
              describedBy={`supervise-${mode}`}
              disabled={command.busy || mine?.mode === mode || (!talks && mine === null)}
              onClick={() => void command.run(() => api.supervise(call.id, mode))}
            />
            <small id={`supervise-${mode}`} class="muted">
              {t.supervision.modeHints[mode]}
            </small>
          </div>
        ))}
        {mine && (
          <KeyButton
            k="k"
            label={t.supervision.leave}
            class="button danger"
            disabled={command.busy}
            onClick={() => void command.run(() => api.stopSupervising(call.id))}
          />
        )}
      </div>
      <p role="status" class="supervisors">
        {all.map((one) => (
          <span key={one.person} class="chip" data-person-id={one.person} data-mode={one.mode}>
            {one.name} {t.supervision.doing[one.mode]}
            {one.state === "ringing" ? ` (${t.supervision.states.ringing})` : ""}
          </span>
        ))}
      </p>
      <Problem error={command.error} />
    </section>
  );
}

/** Every search that runs now, with its clock. */
export function RunningEscalations({ state }: { state: State }) {
  const running = runningEscalations(state);
  return (
    <section class="card" aria-label={t.supervision.running}>
      <h2>{t.supervision.running}</h2>
      {running.length === 0 && <p class="muted">{t.supervision.noneRunning}</p>}
      <ul class="running">
        {running.map((escalation) => (
          <RunningOne key={escalation.id} escalation={escalation} call={interactionOf(state, escalation.interaction)} />
        ))}
      </ul>
    </section>
  );
}

function RunningOne({ escalation, call }: { escalation: Escalation; call: Interaction | null }) {
  const { api } = useDesk();
  const command = useCommand();
  const look = lookOf(escalation);
  const customer = escalation.customer?.name ?? escalation.caller_number;
  return (
    <li data-escalation-id={escalation.id} data-look={look}>
      <div class="list-top">
        <p>
          <strong>{customer}</strong> · {titleOf(escalation, look)}
          <br />
          <span class="muted">
            {call ? `${call.queue_name} · ` : ""}
            {t.supervision.by(escalation.agent_name)}
          </span>
        </p>
        <button
          type="button"
          class="button"
          aria-label={t.supervision.endOf(customer)}
          disabled={command.busy}
          onClick={() => void command.run(() => api.cancel(escalation.id))}
        >
          {t.supervision.end}
        </button>
      </div>
      {look !== "waiting" && <SearchClock escalation={escalation} />}
      <Invitations invitations={escalation.invitations ?? []} />
      {escalation.promise && <PromiseNote promise={escalation.promise} />}
      <Problem error={command.error} />
    </li>
  );
}
