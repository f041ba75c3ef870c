/** Where a value comes from: source, author, time. Carries the value in its attributes too. */

import { shortTime } from "../clock.ts";
import type { CaseValue } from "../documents.ts";
import { useNow } from "../hooks.ts";
import { t } from "../texts.ts";

export function authorOf(value: CaseValue): string {
  return value.author_name || value.author;
}

export function Origin({ value }: { value: CaseValue }) {
  const now = useNow();
  const source = t.case.sources[value.source] ?? value.source;
  const author = authorOf(value);
  return (
    <p class="origin" data-value-source={value.source} data-value={value.text} data-value-version={value.version}>
      <span class={`source ${value.source}`}>{source}</span>
      {author && author !== value.source && <span>{author}</span>}
      <time dateTime={value.at}>{shortTime(value.at, now)}</time>
    </p>
  );
}
