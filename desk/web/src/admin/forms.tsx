/** The fields of each kind's form. */

import { LEVELS } from "../enrolment.ts";
import { settingWords } from "./columns.tsx";
import { type Lists, nameOf, useOffice } from "./context.ts";
import { Choice, type FieldProps, labelOf, Lines, NumberEntry, Plain, type Sort } from "./controls.tsx";
import type { Content, Kind, Problem, TemplateField, Thing, Value } from "./documents.ts";
import { Entry } from "./Entry.tsx";
import { Ordered, Roles, Skills, Weekdays } from "./groups.tsx";
import type { Draft } from "./model.ts";
import { QueueHours } from "./QueueHours.tsx";
import { TemplateFields } from "./TemplateFields.tsx";
import { a } from "./texts.ts";

interface FormProps {
  kind: Kind;
  thing: Thing | null;
  draft: Draft;
  problems: Problem[];
  error: (field: string) => string;
  set: (content: Content) => void;
}

/** Fields that need nothing but their sort. */
const PLAIN: Partial<Record<Kind, [string, Sort][]>> = {
  people: [["name", "text"], ["title", "text"], ["languages", "codes"], ["off_hook_accepts", "check"]],
  skills: [["name", "text"], ["description", "text"]],
  templates: [["name", "text"]],
  numbers: [["note", "text"]],
  trunks: [["addresses", "lines"], ["outbound_uri", "text"]],
};

export function FormFields(props: FormProps) {
  const { kind, draft, error, set } = props;
  const { lists } = useOffice();
  const put = (field: string) => (value: Value) => set({ ...draft.content, [field]: value });
  const of = (field: string) => ({ field, content: draft.content, error: error(field), set: put(field) });
  const plain = (PLAIN[kind] ?? []).map(([field, sort]) => {
    const label = kind === "people" && field === "name" ? labelOf("person_name") : labelOf(field);
    return <Plain key={field} sort={sort} {...of(field)} label={label} hint={a.hints[field] ?? ""} />;
  });
  const skills = lists.skills.map((one) => one.id);
  switch (kind) {
    case "people":
      return (
        <>
          {plain.slice(0, 2)}
          <Roles {...of("roles")} />
          <Skills {...of("skills")} known={skills} />
          {plain.slice(2, 3)}
          <Voice {...of("channels")} />
          {plain.slice(3)}
        </>
      );
    case "queues":
      return <QueueFields of={of} lists={lists} skills={skills} thing={props.thing} />;
    case "numbers":
      return (
        <>
          <Choice {...of("queue")} options={options(lists.queues)} />
          {plain}
        </>
      );
    case "templates":
      return (
        <>
          {plain}
          <TemplateFields
            fields={draft.content["fields"] as unknown as TemplateField[]}
            problems={props.problems}
            set={(fields) => put("fields")(fields as unknown as Value)}
          />
        </>
      );
    case "settings":
      return props.thing ? <SettingField {...of("value")} thing={props.thing} /> : null;
    default:
      return <>{plain}</>;
  }
}

const options = (things: Thing[]): [string, string][] => things.map((one) => [one.id, nameOf(one)]);

interface QueueProps {
  of: (field: string) => FieldProps;
  lists: Lists;
  skills: string[];
  thing: Thing | null;
}

function QueueFields({ of, lists, skills, thing }: QueueProps) {
  const general = (key: string) => lists.settings.find((one) => one.id === key);
  const centres = (part: string) => general(`promises.hours.${part}`)?.content["value"] ?? [];
  const others = { weekdays: centres("weekdays"), open: centres("open"), holidays: centres("holidays") };
  const timing = (field: string, key: string) => {
    const thing = general(key);
    return <Plain key={field} sort="time" {...of(field)} hint={thing ? `${a.hints["general"]}: ${settingWords(thing)}` : ""} />;
  };
  return (
    <>
      <Plain sort="text" {...of("name")} />
      <div class="two tight">
        <Plain sort="text" {...of("number")} />
        <Choice {...of("template")} options={options(lists.templates)} />
        <Choice {...of("skill")} options={skills.map((one) => [one, one])} />
        <Plain sort="level" {...of("least_level")} />
        <Plain sort="number" {...of("ring_timeout_s")} />
        <Plain sort="number" {...of("wrap_up_s")} />
        <Choice {...of("greeting")} options={options(lists.prompts)} />
        <Choice {...of("deputy")} options={options(lists.people)} none={a.nobody} />
      </div>
      <p class="muted note-line">{a.hints["deputy"]}</p>
      <Ordered {...of("specialist_skills")} known={skills} />
      <div class="two tight">
        {timing("target_s", "escalation.target_s")}
        {timing("ceiling_s", "escalation.ceiling_s")}
        {timing("specialist_ring_s", "escalation.ring_s")}
      </div>
      <QueueHours of={of} others={thing?.other_hours ?? others} />
    </>
  );
}

function Voice({ field, content, error, set }: FieldProps) {
  const channels = content[field] as Record<string, number>;
  return (
    <Entry label={labelOf(field)} error={error} hint={a.hints["channels"] ?? ""} field={field}>
      {(props) => (
        <select
          {...props}
          value={channels["voice"] ?? 0}
          onChange={(event) => set({ ...channels, voice: Number(event.currentTarget.value) })}
        >
          {[0, ...LEVELS].map((level) => (
            <option key={level} value={level}>
              {level}
            </option>
          ))}
        </select>
      )}
    </Entry>
  );
}

function SettingField({ thing, ...field }: FieldProps & { thing: Thing }) {
  const range = typeof thing.least === "number" && typeof thing.most === "number" ? a.settings.range(`${thing.least}`, `${thing.most}`) : "";
  const label = thing.unit === "s" ? `${a.settings.value} (${a.seconds})` : a.settings.value;
  return (
    <>
      <p>{a.settings.reasons[thing.id] ?? thing.reason}</p>
      {thing.form === "weekdays" && <Weekdays {...field} />}
      {(thing.form === "spans" || thing.form === "dates") && (
        <Lines {...field} label={label} hint={thing.form === "spans" ? a.settings.spansHint : a.settings.datesHint} />
      )}
      {(thing.form === "number" || thing.form === "integer") && <NumberEntry {...field} label={label} hint={range} />}
      {thing.form === "text" && <Plain sort="text" {...field} label={label} />}
      <p class="muted">{a.settings.default(settingWords(thing, thing.default))}</p>
      {thing.restart && <p class="note-box">{thing.waits_for_restart ? a.settings.waits : a.settings.restart}</p>}
    </>
  );
}
