/** The business hours of a queue: those of the centre, or its own. */

import { Lines, type FieldProps, labelOf } from "./controls.tsx";
import type { Content, Value } from "./documents.ts";
import { Group } from "./Entry.tsx";
import { Weekdays } from "./groups.tsx";
import { inWords } from "./model.ts";
import { a } from "./texts.ts";

interface Props {
  of: (field: string) => FieldProps;
  /** What counts while the queue has none of its own. */
  others: Content;
}

const named = (part: string) => a.settings.names[`promises.hours.${part}`] ?? part;

export function QueueHours({ of, others }: Props) {
  const { content, set } = of("hours");
  const hours = (content["hours"] ?? null) as Content | null;
  const part = (field: string) => ({
    field,
    content: hours ?? others,
    error: of(`hours.${field}`).error,
    label: named(field),
    set: (value: Value) => set({ ...hours, [field]: value }),
  });
  return (
    <Group label={labelOf("hours")} hint={hours ? "" : a.settings.default(inWords(others, a.words))} field="hours">
      <div class="choice">
        <label>
          <input type="checkbox" checked={hours !== null} onChange={(event) => set(event.currentTarget.checked ? others : null)} />
          {a.ownHours}
        </label>
      </div>
      {hours && (
        <>
          <Weekdays {...part("weekdays")} />
          <div class="two tight">
            <Lines {...part("open")} hint={a.settings.spansHint} />
            <Lines {...part("holidays")} hint={a.settings.datesHint} />
          </div>
        </>
      )}
    </Group>
  );
}
