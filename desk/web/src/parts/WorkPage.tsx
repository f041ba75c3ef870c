/** The page of agents and specialists: what is going on now on the left, who could help on the right. */

import { useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Interaction, Me } from "../documents.ts";
import { useStore } from "../hooks.ts";
import { agentInteraction, arriving, caseOf, escalationOf, isRunning, missed, offeredTasks, specialistInteraction } from "../select.ts";
import type { State } from "../store.ts";
import { ArrivingCase, Missed } from "./ArrivingCase.tsx";
import { AvailabilityPanel } from "./Availability.tsx";
import { CallPanel, IncomingCall, OutcomeForm } from "./CallPanel.tsx";
import { CaseForm } from "./CaseForm.tsx";
import { EscalationProgress } from "./EscalationProgress.tsx";
import { HelpPanel } from "./Help.tsx";
import { History } from "./History.tsx";
import { Idle } from "./Idle.tsx";
import { LimitsForm } from "./LimitsForm.tsx";
import { PromiseNote } from "./Search.tsx";
import { SpecialistList } from "./SpecialistList.tsx";
import { MyTasks, OfferedTask } from "./Tasks.tsx";
import { type Lost, TooLate } from "./TooLate.tsx";
import { WrapUp } from "./WrapUp.tsx";

export function WorkPage({ self }: { self: Me }) {
  const state = useStore(useDesk().state);
  const call = specialistInteraction(state) ?? agentInteraction(state);
  const cases = arriving(state);
  const lost = cases.length === 0 && !call ? missed(state) : null;
  const offers = cases.length === 0 ? offeredTasks(state) : [];
  const isSpecialist = self.roles.includes("specialist");
  const [tooLate, tell] = useState<Lost | null>(null);
  return (
    <div class="work">
      <div class="doing">
        {cases.map((escalation) => (
          <ArrivingCase key={escalation.id} escalation={escalation} state={state} />
        ))}
        {lost && <Missed escalation={lost} />}
        {tooLate && <TooLate lost={tooLate} close={() => tell(null)} />}
        {offers.map((task) => (
          <OfferedTask key={task.id} task={task} state={state} tell={tell} />
        ))}
        <Doing self={self} state={state} call={call} quiet={cases.length + offers.length > 0} />
        <MyTasks state={state} tell={tell} />
        {(isSpecialist || self.agent) && !call && cases.length === 0 && <HelpPanel specialist={isSpecialist} />}
      </div>
      <div class="beside">
        {isSpecialist && <AvailabilityPanel self={self} />}
        {isSpecialist && <LimitsForm self={self} />}
        {self.agent && <SpecialistList self={self} call={call} />}
      </div>
    </div>
  );
}

interface DoingProps {
  self: Me;
  state: State;
  call: Interaction | null;
  /** Something more urgent stands above, so an idle page says nothing. */
  quiet: boolean;
}

function Doing({ self, state, call, quiet }: DoingProps) {
  const wrapsUp = self.agent?.state === "wrap_up";
  const mine = call?.participants.find((one) => one.person === self.id);
  if (!call) {
    if (wrapsUp && self.agent) return <WrapUp agent={self.agent} call={null} />;
    return quiet ? null : <Idle self={self} state={state} />;
  }
  if (mine?.role === "agent" && mine.state === "ringing") return <IncomingCall call={call} />;
  const isOver = call.phase === "wrap_up" || call.phase === "closed";
  const leads = !isOver && (!wrapsUp || mine !== undefined);
  const shown = caseOf(state, call.case);
  const escalation = mine?.role === "agent" ? escalationOf(state, call.id) : null;
  return (
    <>
      {wrapsUp && self.agent && mine?.role !== "specialist" && <WrapUp agent={self.agent} call={call} />}
      {leads && <CallPanel self={self} call={call} role={mine?.role ?? "agent"} escalation={escalation} />}
      {escalation && <EscalationProgress escalation={escalation} />}
      {!escalation?.promise && !isRunning(escalation) && <KeptPromise call={call} />}
      <div class="matter">
        <CaseForm shown={shown} />
        <div class="around">
          {leads && <OutcomeForm call={call} />}
          <History history={call.history} />
        </div>
      </div>
    </>
  );
}

/** A promise outlives its escalation on this screen: the agent may still be reading it to the customer. */
function KeptPromise({ call }: { call: Interaction }) {
  const promise = useDesk().promises.get(call.id);
  return promise ? (
    <div class="card">
      <PromiseNote promise={promise} />
    </div>
  ) : null;
}
