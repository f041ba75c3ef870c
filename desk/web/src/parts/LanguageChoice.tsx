/** The chooser of the language: each language by its own name. */

import { useCommand, useStore } from "../hooks.ts";
import { chooseLanguage, type Language, language, LANGUAGES, t } from "../texts.ts";
import { Problem } from "./bits.tsx";

export function LanguageChoice() {
  const now = useStore(language);
  const command = useCommand();
  return (
    <>
      <select
        class="language"
        aria-label={t.language}
        value={now}
        disabled={command.busy}
        onChange={(event) => void command.run(() => chooseLanguage(event.currentTarget.value as Language))}
      >
        {Object.entries(LANGUAGES).map(([code, { name }]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
      <Problem error={command.error} />
    </>
  );
}
