/** A case that arrives before the phone rings: who asks, who is the customer, what is known, what to ask for. */

import { useEffect, useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Case, CaseField, Escalation } from "../documents.ts";
import { type Command, useCommand, useStore } from "../hooks.ts";
import { chime, flashTitle } from "../notice.ts";
import { useRenderedAcknowledgement } from "../rendered.ts";
import { caseOf, interactionOf } from "../select.ts";
import type { State } from "../store.ts";
import { count, t } from "../texts.ts";
import { Clock, customerName, KeyButton, Problem, Roster } from "./bits.tsx";
import { CustomerLine } from "./CallPanel.tsx";
import { causeOf } from "./EscalationProgress.tsx";
import { History } from "./History.tsx";
import { Origin } from "./Origin.tsx";

export function ArrivingCase({ escalation, state }: { escalation: Escalation; state: State }) {
  const shown = caseOf(state, escalation.case);
  const call = interactionOf(state, escalation.interaction);
  useRenderedAcknowledgement(escalation, shown !== null);
  useNotice(escalation);
  return (
    <section
      class={`card arriving ${escalation.state}`}
      aria-label={t.arriving.region}
      data-escalation-id={escalation.id}
      data-case-id={escalation.case}
      data-state={escalation.state}
    >
      <p class="sr" role="alert">
        {t.arriving.announce(escalation.agent_name, customerName(escalation.customer))}
      </p>
      <div class="call-top">
        <div>
          <p class="eyebrow">
            {t.arriving.title(escalation.agent_name)} · <span role="status">{t.arriving.states[escalation.state]}</span>
          </p>
          <CustomerLine call={escalation} />
        </div>
        {escalation.requested_at && (
          <p class="big-clock">
            <Clock from={escalation.requested_at} />
          </p>
        )}
      </div>
      <p class="asked-reason" data-testid="escalation-reason">
        <b>{t.arriving.reason}:</b> {escalation.reason || t.arriving.noReason}
      </p>
      <Answer escalation={escalation} />
      {shown ? <KnownAndMissing shown={shown} /> : <p class="muted">{t.arriving.preparing}</p>}
      <div class="two">
        {call && (
          <section aria-label={t.arriving.onTheLine}>
            <h2>{t.arriving.onTheLine}</h2>
            <Roster participants={call.participants.filter((one) => one.person !== escalation.specialist)} />
          </section>
        )}
        <History history={escalation.history} />
      </div>
    </section>
  );
}

function Answer({ escalation }: { escalation: Escalation }) {
  const { api, phone } = useDesk();
  const command = useCommand();
  const [reason, setReason] = useState("");
  const [later, setLater] = useState(false);
  const inPage = useStore(phone.state).on;
  if (escalation.accepted_by_click || escalation.state === "accepted") {
    return (
      <p class="lead" role="status">
        {inPage ? t.browserPhone.accepted : t.arriving.accepted}
      </p>
    );
  }
  /** Accepting the case and answering the phone in this page are one act. */
  const accept = () => {
    phone.tell({ type: "accepted", accepted: { escalation: escalation.id, interaction: escalation.interaction } });
    return api.accept(escalation.id);
  };
  return (
    <div class="answer">
      <KeyButton
        k="a"
        label={t.arriving.accept}
        class="button primary big"
        disabled={command.busy}
        onClick={() => void command.run(accept)}
      />
      <KeyButton
        k="d"
        label={t.arriving.decline}
        class="button big"
        disabled={command.busy}
        onClick={() => void command.run(() => api.decline(escalation.id, reason.trim()))}
      />
      <KeyButton
        k="l"
        label={t.report.later.label}
        class="button big"
        disabled={command.busy}
        pressed={later}
        onClick={() => setLater(!later)}
      />
      {later && <Later escalation={escalation} command={command} />}
      <input
        aria-label={t.arriving.declineReason}
        placeholder={t.arriving.declineReason}
        maxLength={200}
        value={reason}
        onInput={(event) => setReason(event.currentTarget.value)}
      />
      <p class="muted">{inPage ? t.browserPhone.acceptHint : offHookWords(escalation)}</p>
      <Problem error={command.error} />
    </div>
  );
}

const offHookWords = (escalation: Escalation) =>
  escalation.off_hook_accepts ? t.arriving.offHook : t.arriving.noOffHook;

const LATER_MIN = [5, 15, 30];

/** I have no time now, but soon: the search goes on without me, and I keep the promise if nobody else came. */
function Later({ escalation, command }: { escalation: Escalation; command: Command }) {
  const { api } = useDesk();
  return (
    <div class="later" role="group" aria-label={t.report.later.when}>
      <p>{t.report.later.when}</p>
      <p class="row">
        {LATER_MIN.map((minutes, index) => (
          <KeyButton
            key={minutes}
            k={String(index + 1)}
            label={count(t.report.later.in, minutes)}
            disabled={command.busy}
            onClick={() => void command.run(() => api.later(escalation.id, minutes))}
          />
        ))}
      </p>
      <p class="muted">{t.report.later.hint}</p>
    </div>
  );
}

const isFilled = (field: CaseField) => field.values.some((value) => value.text.trim() !== "");

export function KnownAndMissing({ shown }: { shown: Case }) {
  const missing = shown.fields.filter((field) => shown.open_required.includes(field.key));
  const known = shown.fields.filter(isFilled);
  const empty = shown.fields.filter((field) => !isFilled(field) && !shown.open_required.includes(field.key));
  return (
    <>
      <section class={`ask-for ${missing.length ? "" : "nothing"}`} aria-label={t.arriving.askFor}>
        <h2>{missing.length ? t.arriving.askFor : t.arriving.nothingMissing}</h2>
        <ul>
          {missing.map((field) => (
            <li key={field.key} data-case-id={shown.id} data-field-key={field.key} data-required-empty="true">
              {field.label}
              <span class="sr">{t.case.stillEmpty}</span>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label={t.arriving.known}>
        <h2>{t.arriving.known}</h2>
        <dl class="known">
          {known.map((field) => (
            <div key={field.key} data-case-id={shown.id} data-field-key={field.key}>
              <dt>{field.label}</dt>
              {field.values.map((value) => (
                <dd key={value.version}>
                  <span class="value">{value.text || t.case.emptyText}</span>
                  <Origin value={value} />
                </dd>
              ))}
            </div>
          ))}
        </dl>
        {empty.length > 0 && (
          <p class="muted">
            {t.arriving.notKnown}: {empty.map((field) => field.label).join(", ")}
          </p>
        )}
      </section>
    </>
  );
}

/** The page's title flashes and two tones sound until the case is accepted or gone. */
function useNotice(escalation: Escalation): void {
  const isOpen = escalation.state !== "accepted" && !escalation.accepted_by_click;
  const title = t.arriving.titleFlash(customerName(escalation.customer));
  useEffect(() => {
    if (!isOpen) return;
    chime();
    return flashTitle(title);
  }, [isOpen, title]);
}

export function Missed({ escalation }: { escalation: Escalation }) {
  return (
    <section class="card missed" role="status">
      <p>
        {t.arriving.missed(escalation.agent_name)} {t.arriving.missedCauses[escalation.cause] ?? causeOf(escalation)}
      </p>
    </section>
  );
}
