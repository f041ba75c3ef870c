/** Controls for several values under one name: roles, skills with levels, an order of skills, days of the week. */

import { useId } from "preact/hooks";
import { weekday } from "../clock.ts";
import { LEVELS } from "../enrolment.ts";
import { type FieldProps, labelOf } from "./controls.tsx";
import { Group } from "./Entry.tsx";
import { moved } from "./model.ts";
import { a } from "./texts.ts";

export function Roles({ field, content, error, set }: FieldProps) {
  const roles = content[field] as string[];
  return (
    <Group label={labelOf(field)} error={error} field={field}>
      <div class="choice">
        {Object.entries(a.people.roles).map(([role, name]) => (
          <label key={role}>
            <input
              type="checkbox"
              aria-invalid={error !== ""}
              checked={roles.includes(role)}
              onChange={(event) => {
                const others = roles.filter((one) => one !== role);
                set((event.currentTarget.checked ? [...others, role] : others).sort());
              }}
            />
            {name}
          </label>
        ))}
      </div>
    </Group>
  );
}

export function Skills({ field, content, error, set, known }: FieldProps & { known: string[] }) {
  const skills = content[field] as Record<string, number>;
  const without = (skill: string) => Object.fromEntries(Object.entries(skills).filter(([one]) => one !== skill));
  return (
    <Group label={labelOf(field)} error={error} field={field}>
      {Object.keys(skills).length === 0 && <p class="muted">{a.skills.none}</p>}
      <ul class="rows">
        {Object.entries(skills).map(([skill, level]) => (
          <li key={skill}>
            <span>{skill}</span>
            <select
              aria-label={a.skills.level(skill)}
              aria-invalid={error !== ""}
              value={level}
              onChange={(event) => set({ ...skills, [skill]: Number(event.currentTarget.value) })}
            >
              {LEVELS.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
            <button type="button" class="button quiet" aria-label={a.skills.remove(skill)} onClick={() => set(without(skill))}>
              <span aria-hidden="true">×</span>
            </button>
          </li>
        ))}
      </ul>
      <AddSkill known={known.filter((one) => !(one in skills))} add={(skill) => set({ ...skills, [skill]: 3 })} />
    </Group>
  );
}

function AddSkill({ known, add }: { known: string[]; add: (skill: string) => void }) {
  const id = useId();
  if (known.length === 0) return null;
  return (
    <div class="row">
      <label class="sr" for={id}>
        {a.skills.other}
      </label>
      <select id={id} class="add-skill" value="" onChange={(event) => event.currentTarget.value && add(event.currentTarget.value)}>
        <option value="">+ {a.skills.add}</option>
        {known.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Skills in the order of how much they are wanted. */
export function Ordered({ field, content, error, set, known }: FieldProps & { known: string[] }) {
  const chosen = content[field] as string[];
  return (
    <Group label={labelOf(field)} error={error} field={field}>
      <ol class="rows">
        {chosen.map((skill, index) => (
          <li key={skill}>
            <span>{skill}</span>
            <Arrows name={skill} index={index} last={chosen.length - 1} move={(by) => set(moved(chosen, index, by))} />
            <button
              type="button"
              class="button quiet"
              aria-label={a.skills.remove(skill)}
              onClick={() => set(chosen.filter((one) => one !== skill))}
            >
              <span aria-hidden="true">×</span>
            </button>
          </li>
        ))}
      </ol>
      <AddSkill known={known.filter((one) => !chosen.includes(one))} add={(skill) => set([...chosen, skill])} />
    </Group>
  );
}

interface ArrowsProps {
  name: string;
  index: number;
  last: number;
  move: (by: -1 | 1) => void;
}

export function Arrows({ name, index, last, move }: ArrowsProps) {
  return (
    <span class="arrows">
      <button type="button" class="button quiet" aria-label={a.list.up(name)} disabled={index === 0} onClick={() => move(-1)}>
        <span aria-hidden="true">↑</span>
      </button>
      <button type="button" class="button quiet" aria-label={a.list.down(name)} disabled={index === last} onClick={() => move(1)}>
        <span aria-hidden="true">↓</span>
      </button>
    </span>
  );
}

export function Weekdays({ field, content, error, set, label }: FieldProps) {
  const days = content[field] as number[];
  return (
    <Group label={label ?? a.settings.value} error={error} field={field}>
      <div class="choice">
        {[1, 2, 3, 4, 5, 6, 7].map((day) => (
          <label key={day}>
            <input
              type="checkbox"
              aria-invalid={error !== ""}
              checked={days.includes(day)}
              onChange={(event) => {
                const others = days.filter((one) => one !== day);
                set((event.currentTarget.checked ? [...others, day] : others).sort((x, y) => x - y));
              }}
            />
            {weekday(day - 1)}
          </label>
        ))}
      </div>
    </Group>
  );
}
