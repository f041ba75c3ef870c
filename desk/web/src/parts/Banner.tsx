/** What is wrong with the connection or the system, in one strip under the header. */

import { useDesk } from "../desk.ts";
import { useStore } from "../hooks.ts";
import { system } from "../select.ts";
import { centreWords, t } from "../texts.ts";

export function Banner() {
  const state = useStore(useDesk().state);
  const known = system(state);
  const warnings = known?.warnings
    ? known.warnings.map(({ code, text }) => centreWords(text, t.report.warnings[code]))
    : [...(known?.degraded ?? [])];
  if (known && !known.presence_connected && warnings.length === 0) warnings.push(t.header.presenceOff);
  return (
    <>
      <div role="status" aria-live="polite">
        {state.link !== "open" && (
          <p class="banner lost" data-testid="connection-lost">
            {t.link[state.link]}
          </p>
        )}
      </div>
      <div role="status" aria-live="polite">
        {warnings.length > 0 && (
          <ul class="banner degraded" aria-label={t.header.systemWarnings}>
            {warnings.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        )}
      </div>
    </>
  );
}
