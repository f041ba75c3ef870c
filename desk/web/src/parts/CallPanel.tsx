/** My call: the customer, who is on the line, and the ways out of it. */

import { useId, useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Escalation, Interaction, Me, ParticipantRole } from "../documents.ts";
import { useCommand, useStore } from "../hooks.ts";
import { focusOn, useKey } from "../keys.ts";
import { isRunning } from "../select.ts";
import { t } from "../texts.ts";
import { Clock, customerName, KeyButton, Problem, Roster } from "./bits.tsx";
import { History } from "./History.tsx";

/** The phone rings: who is it, and what preceded. */
export function IncomingCall({ call }: { call: Interaction }) {
  return (
    <section class="card call ringing" aria-label={t.call.region} data-interaction-id={call.id}>
      <p class="eyebrow" role="status">
        {t.call.incoming} · {call.queue_name}
      </p>
      <CustomerLine call={call} />
      <PickUp />
      <p class="muted">
        {t.call.waitingSince} <Clock from={call.started_at} />
      </p>
      <History history={call.history} />
    </section>
  );
}

/** One key answers the phone in this page; other phones are lifted. */
function PickUp() {
  const { phone } = useDesk();
  const rings = useStore(phone.state).call?.stage === "ringing";
  if (!rings) return <p class="lead">{t.call.pickUp}</p>;
  return (
    <KeyButton
      k="a"
      label={t.browserPhone.answer}
      class="button primary big"
      onClick={() => phone.tell({ type: "answer_pressed" })}
    />
  );
}

interface Props {
  self: Me;
  call: Interaction;
  role: ParticipantRole;
  escalation: Escalation | null;
}

export function CallPanel({ self, call, role, escalation }: Props) {
  const { api } = useDesk();
  const leave = useCommand();
  const specialistTalks = call.participants.some((one) => one.role === "specialist" && one.state === "talking");
  const mayConsult = role !== "customer" && specialistTalks && call.phase === "conference" && !hasLeft(call);
  const mayLeave = role === "agent" && specialistTalks && !isRunning(escalation);
  return (
    <section class="card call" aria-label={t.call.region} data-interaction-id={call.id} data-phase={call.phase}>
      <div class="call-top">
        <div>
          <p class="eyebrow">
            {call.queue_name} · <span data-testid="phase">{t.call.phases[call.phase]}</span>
          </p>
          <CustomerLine call={call} />
        </div>
        <p class="big-clock">
          <Clock from={call.started_at} label={t.call.since} />
        </p>
      </div>
      <div class="call-bottom">
        <Roster participants={call.participants} self={self.id} />
        <div class="ways-out">
          {mayConsult && <Consult call={call} />}
          {mayLeave && (
            <div class="leave">
              <KeyButton
                k="l"
                label={t.call.leave}
                disabled={leave.busy}
                describedBy="leave-hint"
                onClick={() => void leave.run(() => api.leave(call.id))}
              />
              <small id="leave-hint" class="muted">
                {t.call.leaveHint}
              </small>
            </div>
          )}
        </div>
      </div>
      <Problem error={leave.error} />
    </section>
  );
}

/** Whether agent or specialist is not there any more, so that nobody is left to talk privately with. */
function hasLeft(call: Interaction): boolean {
  return !call.participants.some((one) => one.role === "agent" && one.state === "talking");
}

/** Agent and specialist talk by themselves while the customer hears music. */
function Consult({ call }: { call: Interaction }) {
  const { api } = useDesk();
  const command = useCommand();
  const on = call.consulting === true;
  return (
    <div class={`leave consult ${on ? "is-on" : ""}`}>
      <KeyButton
        k="p"
        label={on ? t.call.backToCustomer : t.call.talkPrivately}
        class={on ? "button primary" : "button"}
        disabled={command.busy}
        describedBy="consult-hint"
        onClick={() => void command.run(() => api.consult(call.id, !on))}
      />
      <small id="consult-hint" class={on ? "warn-text" : "muted"} role="status" data-testid="consulting">
        {on ? t.call.consulting : t.call.talkPrivatelyHint}
      </small>
      <Problem error={command.error} />
    </div>
  );
}

interface CustomerLineProps {
  call: Pick<Interaction, "customer" | "caller_number">;
  level?: "h1" | "h2";
}

export function CustomerLine({ call, level: Heading = "h1" }: CustomerLineProps) {
  return (
    <>
      <Heading class="customer">
        <span data-testid="customer-name">{customerName(call.customer)}</span>
        <span class="phone-number" data-testid="caller-number">
          {call.caller_number}
        </span>
      </Heading>
      {call.customer?.note && <p class="customer-note">{call.customer.note}</p>}
    </>
  );
}

/** End the call for everybody, saying how it ended. */
export function OutcomeForm({ call }: { call: Interaction }) {
  const { api, outcomes } = useDesk();
  const command = useCommand();
  const name = useId();
  const [outcome, setOutcome] = useState(outcomes.get(call.id) ?? "");
  const [resolved, setResolved] = useState<boolean | null>(null);
  const [tried, setTried] = useState(false);
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (resolved === null || outcome.trim() === "") return;
    void command.run(async () => {
      await api.close(call.id, outcome.trim(), resolved);
      outcomes.delete(call.id);
    });
  };
  const type = (text: string) => {
    outcomes.set(call.id, text);
    setOutcome(text);
  };
  useKey("o", t.keys.toOutcome, () => focusOn(".outcome textarea"));
  const lacksOutcome = tried && outcome.trim() === "";
  return (
    <form class="card outcome" onSubmit={submit} aria-label={t.call.outcomeTitle} noValidate>
      <h2>{t.call.outcomeTitle}</h2>
      <fieldset class="choice">
        <legend>{t.call.resolved}</legend>
        {([true, false] as const).map((value) => (
          <label key={String(value)}>
            <input type="radio" name={name} checked={resolved === value} onChange={() => setResolved(value)} />
            {value ? t.call.resolvedYes : t.call.resolvedNo}
          </label>
        ))}
      </fieldset>
      {tried && resolved === null && (
        <p class="error" role="alert">
          {t.call.resolvedMissing}
        </p>
      )}
      <label for={`${name}-outcome`}>{t.call.outcome}</label>
      <textarea
        id={`${name}-outcome`}
        rows={2}
        maxLength={200}
        value={outcome}
        placeholder={t.call.outcomePlaceholder}
        aria-invalid={lacksOutcome}
        aria-describedby={lacksOutcome ? `${name}-error` : undefined}
        onInput={(event) => type(event.currentTarget.value)}
      />
      {lacksOutcome && (
        <p class="error" role="alert" id={`${name}-error`}>
          {t.call.outcomeMissing}
        </p>
      )}
      <div class="row">
        <button type="submit" class="button danger" disabled={command.busy}>
          {t.call.end}
        </button>
        <small class="muted">{t.call.endHint}</small>
      </div>
      <Problem error={command.error} />
    </form>
  );
}
