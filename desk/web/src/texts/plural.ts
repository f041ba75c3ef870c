/** Words that depend on a number. */

/** One text per plural category of the language; `#` stands for the number. */
export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Marks forms in the English catalogue, from which the type of all catalogues is taken. */
export const plural = (forms: Plural): Plural => forms;

/** Sentences about a person from short causes, for languages where the verb would have to agree with the person. */
export function aboutPerson(short: Record<string, string>): Record<string, (name: string) => string> {
  return Object.fromEntries(Object.entries(short).map(([slug, words]) => [slug, (name: string) => `${name}: ${words}.`]));
}
