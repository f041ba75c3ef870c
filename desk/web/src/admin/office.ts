/** The administrator's part of the HTTP API. Every failure is an `ApiError`. */

import { ApiError, toError } from "../api.ts";
import type { Change, Content, Done, Kind, Thing } from "./documents.ts";

const TIMEOUT_MS = 15_000;
const UPLOAD_TIMEOUT_MS = 60_000;

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const recording = body instanceof Blob;
  const answer = await fetch(`/api/admin/${path}`, {
    method,
    credentials: "same-origin",
    signal: AbortSignal.timeout(recording ? UPLOAD_TIMEOUT_MS : TIMEOUT_MS),
    ...(method !== "GET" && {
      headers: { "Content-Type": recording ? "audio/wav" : "application/json" },
      body: recording ? body : JSON.stringify(body ?? {}),
    }),
  }).catch(() => {
    throw new ApiError(0, "no_answer", "");
  });
  const content: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw toError(answer.status, content);
  return content as T;
}

const at = (kind: Kind, id: string) => `${kind}/${encodeURIComponent(id)}`;
const query = (values: Record<string, string | number>) => {
  const given = Object.entries(values).filter(([, value]) => value !== "");
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
};

export interface Wanted {
  kind?: string;
  subject?: string;
  by?: string;
  before?: number | "";
}

export const office = {
  things: (kind: Kind) => ask<Thing[]>("GET", kind),
  make: (kind: Kind, id: string, content: Content, note: string) => ask<Done>("POST", kind, { id, content, note }),
  change: (kind: Kind, id: string, version: number, content: Content, note: string) =>
    ask<Done>("PUT", at(kind, id), { version, content, note }),
  remove: (kind: Kind, id: string, version: number, note: string) =>
    ask<Done>("DELETE", `${at(kind, id)}?${query({ version, note })}`),
  upload: (id: string, version: number, recording: Blob, note: string) =>
    ask<Done>("PUT", `${at("prompts", id)}/audio?${query({ version, note })}`, recording),
  changes: ({ kind = "", subject = "", by = "", before = "" }: Wanted) =>
    ask<Change[]>("GET", `changes?${query({ kind, subject, by, before, limit: PAGE })}`),
  undo: (change: number, note: string) => ask<Done>("POST", `changes/${change}/undo`, { note }),
};

export const PAGE = 50;

/** Where a prompt can be heard; `recording` is a digest, `shipped`, or nothing for the one in use. */
export const audioOf = (prompt: string, recording = "") =>
  `/api/admin/${at("prompts", prompt)}/audio${recording && `?recording=${recording}`}`;
