/** The page's texts in the language on screen; they come with the page, a language at a time. */

import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { sentence, useStore } from "../hooks.ts";
import { centreWords, type Language, language } from "../texts.ts";
import { admin, type AdminTexts } from "../texts/admin/en.ts";
import type { Problem } from "./documents.ts";
import { problemsOf } from "./model.ts";

const LOADERS: Record<Language, () => Promise<AdminTexts>> = {
  en: () => Promise.resolve(admin),
  hr: () => import("../texts/admin/hr.ts").then((loaded) => loaded.admin),
  cs: () => import("../texts/admin/cs.ts").then((loaded) => loaded.admin),
  pl: () => import("../texts/admin/pl.ts").then((loaded) => loaded.admin),
  ru: () => import("../texts/admin/ru.ts").then((loaded) => loaded.admin),
};

/** The catalogue in use: a live binding, as `t`. */
export let a: AdminTexts = admin;

/** Whether the texts are there; parts below are drawn again when another language has come. */
export function useAdminTexts(): Language | null {
  const wanted = useStore(language);
  const [shown, show] = useState<Language | null>(null);
  useEffect(() => {
    let current = true;
    const take = (texts: AdminTexts) => {
      if (!current) return;
      a = texts;
      show(wanted);
    };
    // A language that cannot be fetched now must not keep anybody from working.
    LOADERS[wanted]().then(take, () => take(admin));
    return () => {
      current = false;
    };
  }, [wanted]);
  return shown;
}

/** What is wrong, in the person's language. */
export function problemWords(problem: Problem): string {
  const ours = a.problems[problem.code]?.(problem.values);
  // The desk's own refusal of a shape names the place in the body, which is nothing for people.
  return problem.code === "invalid_field" && ours ? ours : centreWords(problem.message, ours);
}

/** The sentence for a refusal that is about no field in particular. */
export function refusalWords(error: ApiError): string {
  const [first] = problemsOf(error);
  return first ? problemWords(first) : sentence(error);
}
