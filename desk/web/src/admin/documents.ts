/** What the administrator's page gets and sends: things of eight kinds, each with its version, and changes. */

export const KINDS = ["people", "skills", "queues", "numbers", "templates", "trunks", "prompts", "settings"] as const;
export type Kind = (typeof KINDS)[number];

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
export type Content = Record<string, Value>;

export interface Stamp {
  by: string;
  by_name: string;
  at: string;
}

/** One thing. What else it carries depends on its kind. */
export interface Thing {
  id: string;
  version: number;
  content: Content;
  changed: Stamp | null;
  /** Queues that refer to it: templates, prompts, skills. */
  uses?: string[];
  /** People who have the skill. */
  people?: string[];
  listed?: boolean;
  /** The business hours that count while a queue has none of its own. */
  other_hours?: Content;
  /** A queue's main number, which is changed at the queue. */
  main?: boolean;
  registered?: boolean | null;
  default_uri?: string;
  shipped?: boolean;
  is_own?: boolean;
  default?: Value;
  unit?: string;
  form?: SettingForm;
  least?: number | null;
  most?: number | null;
  reason?: string;
  restart?: boolean;
  waits_for_restart?: boolean;
}

export type SettingForm = "number" | "integer" | "text" | "weekdays" | "spans" | "dates";

export interface TemplateField {
  key: string;
  label: string;
  required: boolean;
  kind: "line" | "text" | "choice" | "date" | "number";
  choices: string[];
}

export interface Change {
  id: number;
  at: string;
  by: string;
  by_name: string;
  kind: Kind;
  subject: string;
  before: Content | null;
  after: Content | null;
  note: string;
  undoes: number | null;
  can_undo: boolean;
}

export interface Done {
  change: { id: number; kind: Kind; subject: string } | null;
  /** Passwords of somebody who was taken in, this once. */
  access?: import("../documents.ts").Enrolled;
}

export interface Problem {
  field: string;
  code: string;
  message: string;
  values: Record<string, string>;
}
