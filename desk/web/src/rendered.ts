/** Tells the centre that a case is really on the screen: after its frame was painted, once per digest. */

import { useEffect } from "preact/hooks";
import { useDesk } from "./desk.ts";
import { ApiError } from "./api.ts";
import type { Escalation } from "./documents.ts";

/** What was acknowledged by this page; a later bundle of the same escalation has another digest. */
const acknowledged = new Set<string>();

const MAY_ACKNOWLEDGE = new Set(["offered", "rendered", "ringing"]);
const TRIES = 3;

/** Whether this escalation waits for our acknowledgement. Late is still worth saying, so ringing counts. */
export function awaitsAcknowledgement(escalation: Escalation): boolean {
  return escalation.digest !== "" && escalation.rendered_at === null && MAY_ACKNOWLEDGE.has(escalation.state);
}

/** Call from the part that draws the case; `drawn` says that the case is in what it renders now. */
export function useRenderedAcknowledgement(escalation: Escalation, drawn: boolean): void {
  const { api } = useDesk();
  const due = drawn && awaitsAcknowledgement(escalation);
  const { id, digest } = escalation;
  useEffect(() => {
    const key = `${id} ${digest}`;
    if (!due || acknowledged.has(key)) return;
    acknowledged.add(key);
    afterPaint(() => void tell(() => api.rendered(id, digest), TRIES));
  }, [due, id, digest]);
}

/** The first frame after a change is the one that paints it; the second begins when it has been handed over. */
function afterPaint(then: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(then));
}

async function tell(say: () => Promise<void>, triesLeft: number): Promise<void> {
  try {
    await say();
  } catch (error) {
    // A refusal (too late, another bundle already) needs no answer; a lost request does.
    if (error instanceof ApiError && error.status === 0 && triesLeft > 1) await tell(say, triesLeft - 1);
  }
}
