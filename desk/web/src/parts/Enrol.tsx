/** Enrolling a colleague: one short form, then what he needs to work at once, shown this once. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { useDesk } from "../desk.ts";
import type { Enrolled, Person } from "../documents.ts";
import {
  emptyForm,
  type EnrolField,
  type EnrolForm,
  enrolmentOf,
  fieldOf,
  idOf,
  knownSkills,
  LEVELS,
  LONGEST,
  mistakeIn,
  MOST_SKILLS,
  ROLES,
  type SkillEntry,
  withOneMoreSkill,
} from "../enrolment.ts";
import { useCommand } from "../hooks.ts";
import { ENROL } from "../places.ts";
import { centreWords, t } from "../texts.ts";
import { KeyButton, Problem } from "./bits.tsx";
import { portWords, Softphones } from "./PhonePanel.tsx";
import { Secret } from "./Secret.tsx";

export function Enrol({ people }: { people: Person[] }) {
  const [open, setOpen] = useState(location.hash.slice(1) === ENROL);
  // Once is enough: who closes the form and comes back to this list is not asked again.
  useEffect(() => {
    if (open) history.replaceState(null, "", "#administration");
  }, []);
  const [enrolled, setEnrolled] = useState<Enrolled | null>(null);
  const opener = useRef<HTMLDivElement>(null);
  const close = () => {
    setOpen(false);
    setEnrolled(null);
    requestAnimationFrame(() => opener.current?.querySelector("button")?.focus());
  };
  if (!open) {
    return (
      <div ref={opener}>
        <KeyButton k="n" label={t.enrol.open} class="button" onClick={() => setOpen(true)} />
      </div>
    );
  }
  return (
    <section class="card enrol" aria-label={t.enrol.region}>
      {enrolled ? (
        <Access enrolled={enrolled} another={() => setEnrolled(null)} close={close} />
      ) : (
        <Form known={knownSkills(people)} done={setEnrolled} close={close} />
      )}
    </section>
  );
}

interface FormProps {
  known: string[];
  done: (enrolled: Enrolled) => void;
  close: () => void;
}

function Form({ known, done, close }: FormProps) {
  const { api } = useDesk();
  const command = useCommand();
  const shown = useRef<HTMLFormElement>(null);
  const [form, setForm] = useState(emptyForm);
  const [tried, setTried] = useState(false);
  const change = (changes: Partial<EnrolForm>) => {
    setForm({ ...form, ...changes });
    command.forget();
  };
  const refused = fieldOf(command.error?.field ?? null);
  const wrong = refused ?? (tried ? mistakeIn(form) : null);
  const focusOnField = (field: EnrolField) => shown.current?.querySelector<HTMLElement>(`[data-field=${field}]`)?.focus();
  useEffect(() => focusOnField("name"), []);
  useEffect(() => {
    if (refused) focusOnField(refused);
  }, [command.error]);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    const mistake = mistakeIn(form);
    if (mistake) return focusOnField(mistake);
    await command.run(async () => done(await api.enrol(enrolmentOf(form, known))));
  };
  const says = (field: EnrolField) => (wrong === field ? wordsFor(field, command.error) : "");
  return (
    <form ref={shown} onSubmit={submit} noValidate>
      <h2>{t.enrol.title}</h2>
      <p class="muted">{t.enrol.intro}</p>
      <div class="two">
        <Line field="name" label={t.enrol.name} value={form.name} error={says("name")} set={(name) => change({ name })} />
        <Line
          field="id"
          label={t.enrol.id}
          hint={t.enrol.idHint}
          value={form.id ?? idOf(form)}
          placeholder={idOf(form)}
          error={says("id")}
          set={(id) => change({ id })}
        />
        <Line field="title" label={t.enrol.jobTitle} value={form.title} error={says("title")} set={(title) => change({ title })} />
        <Line
          field="languages"
          label={t.enrol.languages}
          hint={t.enrol.languagesHint}
          value={form.languages}
          error={says("languages")}
          set={(languages) => change({ languages })}
        />
      </div>
      <Roles form={form} change={change} error={says("roles")} />
      <Skills skills={form.skills} known={known} error={says("skills")} change={(skills) => change({ skills })} />
      <div class="choice">
        <label>
          <input
            type="checkbox"
            checked={form.offHookAccepts}
            onChange={(event) => change({ offHookAccepts: event.currentTarget.checked })}
          />
          {t.enrol.offHook}
        </label>
      </div>
      {!refused && <Problem error={command.error} />}
      <div class="row">
        <button type="submit" class="button primary" disabled={command.busy}>
          {t.enrol.send}
        </button>
        <button type="button" class="button" onClick={close}>
          {t.enrol.cancel}
        </button>
      </div>
    </form>
  );
}

/** What is wrong with a field: the centre's refusal where there is one, else our own rule. */
function wordsFor(field: EnrolField, error: ApiError | null): string {
  const rule = t.enrol.mistakes[field];
  return error && fieldOf(error.field) === field ? centreWords(error.message, t.errors.byCode[error.code] ?? rule) : rule;
}

interface LineProps {
  field: keyof typeof LONGEST & EnrolField;
  label: string;
  value: string;
  error: string;
  hint?: string;
  placeholder?: string;
  set: (text: string) => void;
}

function Line({ field, label, value, error, hint, placeholder, set }: LineProps) {
  const id = useId();
  return (
    <div class="entry">
      <label for={id}>{label}</label>
      <input
        id={id}
        data-field={field}
        autocomplete="off"
        autocapitalize={field === "id" || field === "languages" ? "none" : undefined}
        spellcheck={false}
        maxLength={LONGEST[field]}
        value={value}
        placeholder={placeholder}
        aria-invalid={error !== ""}
        aria-describedby={error || hint ? `${id}-note` : undefined}
        onInput={(event) => set(event.currentTarget.value)}
      />
      <Note id={`${id}-note`} error={error} hint={hint} />
    </div>
  );
}

function Note({ id, error, hint }: { id: string; error: string; hint?: string | undefined }) {
  if (error) {
    return (
      <p class="error" role="alert" id={id}>
        {error}
      </p>
    );
  }
  return hint ? (
    <p class="muted note-line" id={id}>
      {hint}
    </p>
  ) : null;
}

interface RolesProps {
  form: EnrolForm;
  error: string;
  change: (changes: Partial<EnrolForm>) => void;
}

function Roles({ form, error, change }: RolesProps) {
  const id = useId();
  return (
    <fieldset class="choice" aria-describedby={error ? id : undefined}>
      <legend>{t.enrol.roles}</legend>
      {ROLES.map((role, index) => (
        <label key={role}>
          <input
            type="checkbox"
            data-field={index === 0 ? "roles" : undefined}
            checked={form.roles.includes(role)}
            onChange={(event) => {
              const others = form.roles.filter((one) => one !== role);
              change({ roles: event.currentTarget.checked ? [...others, role] : others });
            }}
          />
          {t.overview.roleNames[role]}
        </label>
      ))}
      <Note id={id} error={error} />
    </fieldset>
  );
}

interface SkillsProps {
  skills: SkillEntry[];
  known: string[];
  error: string;
  change: (skills: SkillEntry[]) => void;
}

/** Skills with levels; those the company knows are proposed, and any other may be typed. */
function Skills({ skills, known, error, change }: SkillsProps) {
  const id = useId();
  const box = useRef<HTMLFieldSetElement>(null);
  const before = useRef(skills.length);
  // The row that was added, or the last one left, gets the focus: a button that goes must not take it away.
  useEffect(() => {
    if (skills.length !== before.current) [...(box.current?.querySelectorAll("input") ?? [])].at(-1)?.focus();
    before.current = skills.length;
  }, [skills.length]);
  const put = (index: number, changes: Partial<SkillEntry>) =>
    change(skills.map((one, at) => (at === index ? { ...one, ...changes } : one)));
  return (
    <fieldset ref={box} class="enrol-skills" aria-describedby={`${id}-note`}>
      <legend>{t.enrol.skills}</legend>
      <datalist id={`${id}-known`}>
        {known.map((skill) => (
          <option key={skill} value={skill} />
        ))}
      </datalist>
      {skills.map((one, index) => (
        <div class="enrol-skill" key={index}>
          <input
            aria-label={t.enrol.skill(index + 1)}
            data-field={index === 0 ? "skills" : undefined}
            list={`${id}-known`}
            autocomplete="off"
            autocapitalize="none"
            maxLength={LONGEST.skill}
            value={one.skill}
            aria-invalid={error !== ""}
            onInput={(event) => put(index, { skill: event.currentTarget.value })}
          />
          <select
            aria-label={t.enrol.levelOf(index + 1)}
            value={one.level}
            onChange={(event) => put(index, { level: Number(event.currentTarget.value) })}
          >
            {LEVELS.map((level) => (
              <option key={level} value={level}>
                {level}
              </option>
            ))}
          </select>
          <button
            type="button"
            class="button quiet"
            aria-label={t.enrol.removeSkill(index + 1)}
            disabled={skills.length === 1}
            onClick={() => change(skills.filter((_, at) => at !== index))}
          >
            <span aria-hidden="true">×</span>
          </button>
        </div>
      ))}
      <Note id={`${id}-note`} error={error} hint={t.enrol.skillsHint} />
      {skills.length < MOST_SKILLS && (
        <button type="button" class="button quiet" onClick={() => change(withOneMoreSkill(skills))}>
          + {t.enrol.addSkill}
        </button>
      )}
    </fieldset>
  );
}

interface AccessProps {
  enrolled: Enrolled;
  another?: () => void;
  close: () => void;
}

/** The new colleague's two passwords and phone settings; nobody can show them again. */
export function Access({ enrolled, another, close }: AccessProps) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  useEffect(() => {
    // The passwords exist nowhere else: leaving the page by mistake must be asked about.
    const ask = (event: Event) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, []);
  return (
    <div class="access">
      <h2 ref={title} tabIndex={-1}>
        {t.enrol.done(enrolled.name)}
      </h2>
      <p>
        <strong>{t.enrol.once}</strong>
      </p>
      <div class="two">
        <div>
          <h3>{t.enrol.desk}</h3>
          <Facts facts={[[t.login.person, enrolled.person]]} />
          <Secret label={t.enrol.webPassword} value={enrolled.web_password} testId="new-web-password" />
        </div>
        <div>
          <h3>{t.overview.phone}</h3>
          <Facts
            facts={[
              [t.phone.server, enrolled.server || "–"],
              [t.phone.user, enrolled.user],
              [t.phone.ports, portWords(enrolled.ports)],
            ]}
          />
          <Secret label={t.enrol.phonePassword} value={enrolled.phone_password} testId="new-phone-password" />
        </div>
      </div>
      <Softphones />
      <div class="row">
        <button type="button" class="button primary" onClick={close}>
          {t.enrol.close}
        </button>
        {another && (
          <button type="button" class="button" onClick={another}>
            {t.enrol.another}
          </button>
        )}
      </div>
    </div>
  );
}

function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([label, value]) => (
        <div class="fact" key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
