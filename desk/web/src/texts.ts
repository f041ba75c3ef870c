/**
 * Every text on screen in the language of the person. `t` is the catalogue in use: a live binding, so all parts that
 * are drawn again after `speak` show the new language, without a reload and without losing what was typed.
 */

import { Store } from "./store.ts";
import { en, type Texts } from "./texts/en.ts";
import type { Plural } from "./texts/plural.ts";

export type { Plural, Texts };

/** Languages by their own names, in the order of the chooser. */
export const LANGUAGES = {
  en: { name: "English", locale: "en-GB" },
  hr: { name: "Hrvatski", locale: "hr" },
  cs: { name: "Čeština", locale: "cs" },
  pl: { name: "Polski", locale: "pl" },
  ru: { name: "Русский", locale: "ru" },
} as const;

export type Language = keyof typeof LANGUAGES;

const KEY = "ringside.language";

/** English is always there; the others come when they are chosen. */
const LOADERS: Record<Language, () => Promise<Texts>> = {
  en: () => Promise.resolve(en),
  hr: () => import("./texts/hr.ts").then((loaded) => loaded.hr),
  cs: () => import("./texts/cs.ts").then((loaded) => loaded.cs),
  pl: () => import("./texts/pl.ts").then((loaded) => loaded.pl),
  ru: () => import("./texts/ru.ts").then((loaded) => loaded.ru),
};

export let t: Texts = en;
export let locale: string = LANGUAGES.en.locale;
let rules = new Intl.PluralRules(locale);
let wanted: Language = "en";

/** The language on screen; parts that show texts are drawn again when it changes. */
export const language = new Store<Language>("en");

/** Show everything in this language from now on, and remember it in this browser. */
export async function speak(chosen: Language): Promise<void> {
  wanted = chosen;
  const texts = await LOADERS[chosen]();
  if (wanted !== chosen) return;
  t = texts;
  locale = LANGUAGES[chosen].locale;
  rules = new Intl.PluralRules(locale);
  if (typeof document !== "undefined") document.documentElement.lang = chosen;
  language.set(chosen);
}

/** As `speak`, and remembered; a language that cannot be fetched now changes nothing. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  await speak(chosen);
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // A browser that forbids storage forgets the choice; nothing else depends on it.
  }
}

/** The language to begin with: the remembered one, else the browser's first that we have. */
export function firstLanguage(): Language {
  return [remembered(), ...navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())].find(isLanguage) ?? "en";
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const isLanguage = (code: string | null): code is Language => code !== null && code in LANGUAGES;

/** The form of a text that goes with a number; `#` stands for the number, `{name}` for a value. */
export function count(forms: Plural, n: number, values: Record<string, string> = {}): string {
  const form = forms[rules.select(n)] ?? forms.other;
  const text = form.replaceAll("#", n.toLocaleString(locale));
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => values[name] ?? hole);
}

/** The centre speaks English: in English its own, more exact words count; in other languages ours, if we have any. */
export function centreWords(english: string, ours: string | undefined): string {
  return language.get() === "en" ? english || (ours ?? "") : (ours ?? english);
}

/** `a, b and c` in the language on screen. */
export function listed(words: string[]): string {
  return new Intl.ListFormat(locale, { type: "conjunction" }).format(words);
}
