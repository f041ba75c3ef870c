/** Words that depend on a number. */

/** One text per plural category of the language; `#` stands for the number. */
export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Marks forms in the English catalogue, from which the type of all catalogues is taken. */
export const plural = (forms: Plural): Plural => forms;

/** Sentences about a person from short causes, for languages where the verb would have to agree with the person. */
export function aboutPerson(short: Record<string, string>): Record<string, (name: string) => string> {
  const sentence = ([slug, words]: [string, string]) =>
    [slug, (name: string) => `${IMPERSONAL.has(slug) ? capital(words) : `${name}: ${words}`}.`] as const;
  return Object.fromEntries(Object.entries(short).map(sentence));
}

/** Causes that are not about the person who was asked. */
const IMPERSONAL = new Set([
  "not_a_person",
  "cancelled",
  "customer_left",
  "abandoned",
  "store_silent",
  "completed_elsewhere",
  "promised",
  "node_lost",
  "completed",
]);

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
