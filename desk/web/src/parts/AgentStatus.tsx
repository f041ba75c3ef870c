/** Ready or not ready, with the reason; what the agent chose, and what is going on. */

import { useState } from "preact/hooks";
import { shortTime } from "../clock.ts";
import { useDesk } from "../desk.ts";
import type { AgentView } from "../documents.ts";
import { useCommand, useNow } from "../hooks.ts";
import { t } from "../texts.ts";
import { KeyButton, Problem } from "./bits.tsx";

export function AgentStatusSwitch({ agent }: { agent: AgentView }) {
  const { api } = useDesk();
  const command = useCommand();
  const [reason, setReason] = useState("break");
  const isReady = agent.status === "ready";
  const goOffWith = (slug: string) => command.run(() => api.setAgentStatus("not_ready", slug));
  const choose = (slug: string) => {
    setReason(slug);
    if (!isReady) void goOffWith(slug);
  };
  return (
    <div class="status" role="group" aria-label={t.agent.region}>
      <div class="switch">
        <KeyButton
          k="r"
          label={t.agent.ready}
          class="ready"
          pressed={isReady}
          disabled={command.busy}
          onClick={() => void command.run(() => api.setAgentStatus("ready"))}
        />
        <KeyButton
          k="n"
          label={t.agent.notReady}
          class="not-ready"
          pressed={!isReady}
          disabled={command.busy}
          onClick={() => void goOffWith(reason)}
        />
      </div>
      <select
        aria-label={t.agent.reasonLabel}
        value={isReady || !(agent.reason in t.agent.reasons) ? reason : agent.reason}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        {Object.entries(t.agent.reasons).map(([slug, label]) => (
          <option key={slug} value={slug}>
            {label}
          </option>
        ))}
      </select>
      <StatusLine agent={agent} />
      <Problem error={command.error} />
    </div>
  );
}

function StatusLine({ agent }: { agent: AgentView }) {
  const now = useNow();
  const reason = agent.status === "ready" ? "" : reasonText(agent.reason);
  const state = t.agent.states[agent.state];
  const since = t.agent.since(shortTime(agent.since, now));
  // Two parts, so that a narrow header may put one below the other; a long reason is also on the page itself.
  const [first, second] = reason ? [reason, `${state} · ${since}`] : [state, since];
  return (
    <p class="status-line" role="status" data-testid="agent-state" data-state={agent.state} title={reason || undefined}>
      <span>{first}</span>
      <span class="dot"> · </span>
      <span>{second}</span>
    </p>
  );
}

export function reasonText(slug: string): string {
  return t.agent.reasons[slug] ?? t.agent.shownReasons[slug] ?? slug;
}
