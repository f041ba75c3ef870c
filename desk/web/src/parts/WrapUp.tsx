/** After-call work: its timer, how it ended, a note, and the way back to the queue. */

import { useEffect, useId, useState } from "preact/hooks";
import { serverNow } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { AgentView, Interaction } from "../documents.ts";
import { useCommand, useStore } from "../hooks.ts";
import { useKey } from "../keys.ts";
import { queues } from "../select.ts";
import { t } from "../texts.ts";
import { Countdown, customerName, Hint, Problem, secondsLeft } from "./bits.tsx";
import { NextCall } from "./Idle.tsx";

const SEND_BEFORE_END_MS = 1_500;

export function WrapUp({ agent, call }: { agent: AgentView; call: Interaction | null }) {
  const { api, outcomes, state } = useDesk();
  const command = useCommand();
  const id = useId();
  const [disposition, setDisposition] = useState("resolved");
  const [note, setNote] = useState(call ? (outcomes.get(call.id) ?? "") : "");
  const talksOn = call?.participants.some((one) => one.role === "customer") ?? false;
  const finish = () =>
    void command.run(async () => {
      await api.finishWrapUp(disposition, note.trim());
      if (call) outcomes.delete(call.id);
    });
  const submit = (event: Event) => {
    event.preventDefault();
    finish();
  };
  useEffect(() => {
    // The time runs out by itself at the centre: what was typed until then must not be lost.
    if (!agent.wrap_up_ends_at || note.trim() === "") return;
    const timer = setTimeout(finish, Math.max(0, Date.parse(agent.wrap_up_ends_at) - serverNow() - SEND_BEFORE_END_MS));
    return () => clearTimeout(timer);
  }, [agent.wrap_up_ends_at, disposition, note]);
  useKey("f", t.wrapUp.finish, finish, !command.busy);
  return (
    <section class="card wrap-up" aria-label={t.wrapUp.region}>
      <div class="call-top">
        <div>
          <p class="eyebrow">{t.wrapUp.title}</p>
          {call && <h1>{customerName(call.customer)}</h1>}
          {talksOn && <p class="muted">{t.wrapUp.stillTalking}</p>}
        </div>
        {agent.wrap_up_ends_at && (
          <p class="big-clock">
            <Countdown until={agent.wrap_up_ends_at} />
            <small>{secondsLeft(agent.wrap_up_ends_at) > 0 ? t.wrapUp.left : t.wrapUp.over}</small>
          </p>
        )}
      </div>
      <form onSubmit={submit}>
        <div class="entry">
          <label for={`${id}-how`}>{t.wrapUp.disposition}</label>
          <select id={`${id}-how`} value={disposition} onChange={(event) => setDisposition(event.currentTarget.value)}>
            {Object.entries(t.wrapUp.dispositions).map(([slug, label]) => (
              <option key={slug} value={slug}>
                {label}
              </option>
            ))}
          </select>
        </div>
        <div class="entry">
          <label for={`${id}-note`}>{t.wrapUp.note}</label>
          <textarea id={`${id}-note`} rows={2} maxLength={2000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </div>
        <button type="submit" class="button primary" disabled={command.busy} aria-keyshortcuts="F">
          {t.wrapUp.finish}
          <Hint k="f" />
        </button>
        <Problem error={command.error} />
      </form>
      <NextCall queues={queues(useStore(state))} />
    </section>
  );
}
