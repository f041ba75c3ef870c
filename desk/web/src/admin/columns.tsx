/** What the tables show of each kind, after the name. */

import type { ComponentChildren } from "preact";
import { weekday } from "../clock.ts";
import { count } from "../texts.ts";
import type { Lists } from "./context.ts";
import { named } from "./context.ts";
import type { Content, Kind, Thing, Value } from "./documents.ts";
import { inWords } from "./model.ts";
import { a } from "./texts.ts";

export function columnsOf(kind: Kind): string[] {
  const { fields, columns } = a;
  const word = (key: string) => fields[key] ?? key;
  switch (kind) {
    case "people":
      return [word("person_name"), word("roles"), a.kinds.skills];
    case "skills":
      return [word("name"), columns.people, columns.uses];
    case "queues":
      return [word("name"), word("number"), a.one.skills, word("template")];
    case "numbers":
      return [a.ids.numbers, word("queue"), word("note")];
    case "templates":
      return [word("name"), word("fields"), columns.uses];
    case "trunks":
      return [a.ids.trunks, word("addresses"), word("outbound_uri")];
    case "prompts":
      return [a.ids.prompts, columns.waiting, columns.uses];
    case "settings":
      return [a.ids.settings, a.settings.value, columns.waiting];
  }
}

export function cellsOf(kind: Kind, thing: Thing, lists: Lists): ComponentChildren[] {
  const content = thing.content;
  switch (kind) {
    case "people":
      return [listWords((content["roles"] as string[]).map((role) => a.people.roles[role] ?? role)), skillWords(content)];
    case "skills":
      return [
        <>
          {count(a.peopleCount, thing.people?.length ?? 0)} {!thing.listed && <Mark>{a.notListed}</Mark>}
        </>,
        usedBy(thing, lists),
      ];
    case "queues":
      return [content["number"] as string, content["skill"] as string, named(lists.templates, content["template"])];
    case "numbers":
      return [named(lists.queues, content["queue"]), thing.main ? <Mark>{a.mainNumber}</Mark> : String(content["note"] || "–")];
    case "templates":
      return [(content["fields"] as Value[]).length, usedBy(thing, lists)];
    case "trunks":
      return [(content["addresses"] as string[]).join(", "), String(content["outbound_uri"] || "–")];
    case "prompts":
      return [<Mark>{content["recording"] ? a.ownPrompt : a.shippedPrompt}</Mark>, usedBy(thing, lists)];
    case "settings":
      return [settingWords(thing), <SettingState thing={thing} />];
  }
}

const listWords = (words: string[]) => words.join(", ") || "–";

const skillWords = (content: Content) =>
  listWords(Object.entries(content["skills"] as Record<string, number>).map(([skill, level]) => `${skill} ${level}`));

function usedBy(thing: Thing, lists: Lists) {
  const queues = (thing.uses ?? []).map((id) => named(lists.queues, id));
  return queues.length > 3 ? count(a.uses, queues.length) : listWords(queues);
}

export function Mark({ children }: { children: ComponentChildren }) {
  return <span class="mark-word">{children}</span>;
}

function SettingState({ thing }: { thing: Thing }) {
  if (thing.waits_for_restart) return <Mark>{a.settings.waits}</Mark>;
  return thing.is_own ? <Mark>{a.changedHere}</Mark> : <span class="muted">{a.fromFile}</span>;
}

/** A setting's value as people say it: with its unit, days by their names. */
export function settingWords(thing: Thing, value: Value | undefined = thing.content["value"]): string {
  if (thing.form === "weekdays") return (value as number[]).map((day) => weekday(day - 1)).join(", ");
  const words = inWords(value, a.words);
  return thing.unit === "s" ? a.prompts.seconds(words) : words;
}
