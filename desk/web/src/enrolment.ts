/** The form that enrols a colleague: the id made from the name, what is wrong, and what is sent. Pure. */

import type { DeskRole, Enrolment, Person } from "./documents.ts";

export type EnrolRole = Exclude<DeskRole, "administrator">;

export interface SkillEntry {
  skill: string;
  level: number;
}

export interface EnrolForm {
  name: string;
  /** What was typed over the proposed id; null or empty while the proposal holds. */
  id: string | null;
  title: string;
  roles: EnrolRole[];
  skills: SkillEntry[];
  languages: string;
  offHookAccepts: boolean;
}

/** The fields that may be wrong, in the order in which they stand. */
export const FIELDS = ["name", "id", "title", "roles", "skills", "languages"] as const;
export type EnrolField = (typeof FIELDS)[number];

export const ROLES: EnrolRole[] = ["specialist", "agent", "supervisor"];
export const LEVELS = [1, 2, 3, 4, 5];
export const MOST_SKILLS = 20;
/** Characters; the centre takes no more. */
export const LONGEST = { name: 80, id: 64, title: 80, languages: 60, skill: 40 };

const NEW_SKILL: SkillEntry = { skill: "", level: 3 };

export const emptyForm = (): EnrolForm => ({
  name: "",
  id: null,
  title: "",
  roles: ["specialist"],
  skills: [NEW_SKILL],
  languages: "",
  offHookAccepts: true,
});

export const withOneMoreSkill = (skills: SkillEntry[]): SkillEntry[] => [...skills, NEW_SKILL];

/** Letters that Unicode does not take apart into a Latin letter and its accent. */
const PLAIN: Record<string, string> = {
  ...{ đ: "d", ð: "d", ł: "l", ø: "o", ß: "ss", æ: "ae", œ: "oe", þ: "th", ı: "i" },
  ...{ а: "a", б: "b", в: "v", г: "g", д: "d", е: "e", ж: "zh", з: "z", и: "i", к: "k", л: "l", м: "m", н: "n" },
  ...{ о: "o", п: "p", р: "r", с: "s", т: "t", у: "u", ф: "f", х: "kh", ц: "ts", ч: "ch", ш: "sh", щ: "shch" },
  ...{ ъ: "", ы: "y", ь: "", э: "e", ю: "yu", я: "ya", і: "i", є: "ye", ґ: "g" },
};

/** `Éva Horvát` becomes `eva.horvat`; nothing when the name has no letters that we can write in ASCII. */
export function proposedId(name: string): string {
  const letters = name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/['’]/g, "");
  const ascii = [...letters].map((letter) => PLAIN[letter] ?? letter).join("");
  return ascii.replace(/[^a-z0-9]+/g, ".").slice(0, LONGEST.id).replace(/^\.+|\.+$/g, "");
}

export const idOf = (form: EnrolForm): string => (form.id || proposedId(form.name)).trim().toLowerCase();

/** Skills that somebody in the company has already, in the order of the alphabet. */
export function knownSkills(people: Person[]): string[] {
  return [...new Set(people.flatMap((person) => Object.keys(person.skills)))].sort((a, b) => a.localeCompare(b));
}

export function languagesOf(form: EnrolForm): string[] {
  return [...new Set(form.languages.toLowerCase().split(/[\s,;]+/).filter(Boolean))];
}

const ID = /^[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]$/;
const SKILL = /^[a-z0-9][a-z0-9 _-]{0,39}$/;
const LANGUAGE = /^[a-z]{2,3}$/;
const MOST_LANGUAGES = 10;

/** The first field that cannot be right, or null. */
export function mistakeIn(form: EnrolForm): EnrolField | null {
  if (form.name.trim() === "") return "name";
  if (!ID.test(idOf(form))) return "id";
  if (form.roles.length === 0) return "roles";
  const skills = namedSkills(form).map((one) => one.skill.toLowerCase());
  if (new Set(skills).size < skills.length || !skills.every((skill) => SKILL.test(skill))) return "skills";
  const languages = languagesOf(form);
  return languages.length <= MOST_LANGUAGES && languages.every((code) => LANGUAGE.test(code)) ? null : "languages";
}

function namedSkills(form: EnrolForm): SkillEntry[] {
  return form.skills.map((one) => ({ ...one, skill: one.skill.trim() })).filter((one) => one.skill !== "");
}

/** What the API takes. A skill typed in other letters than a known one is the known one. */
export function enrolmentOf(form: EnrolForm, known: string[]): Enrolment {
  const spelt = (typed: string) => known.find((skill) => skill.toLowerCase() === typed.toLowerCase()) ?? typed.toLowerCase();
  return {
    id: idOf(form),
    name: form.name.trim(),
    title: form.title.trim(),
    roles: ROLES.filter((role) => form.roles.includes(role)),
    skills: Object.fromEntries(namedSkills(form).map(({ skill, level }) => [spelt(skill), level])),
    languages: languagesOf(form),
    off_hook_accepts: form.offHookAccepts,
  };
}

/** The field of the form that the centre means by `skills.claims` or `languages.0`; null for anything else. */
export function fieldOf(named: string | null): EnrolField | null {
  const first = named?.split(".")[0];
  return FIELDS.find((field) => field === first) ?? null;
}
