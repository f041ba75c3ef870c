/** What all parts of the administrator's page share: the lists, and how to say that something was done. */

import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import type { Done, Kind, Thing } from "./documents.ts";
import { KINDS } from "./documents.ts";
import { office } from "./office.ts";

export type Lists = Record<Kind, Thing[]>;
export type Section = Kind | "log";

export interface OfficeState {
  lists: Lists;
  reload: () => Promise<void>;
  /** Say what was done; a change can be undone from there. */
  say: (words: string, done?: Done) => void;
  /** Go to another list, and open a thing in it. */
  goTo: (section: Section, id?: string) => void;
}

export const OfficeContext = createContext<OfficeState | null>(null);

export function useOffice(): OfficeState {
  const state = useContext(OfficeContext);
  if (!state) throw new Error("a part of the administrator's page stands alone");
  return state;
}

/** All lists, read again when the number of the last change in the company grows. */
export function useLists(revision: number): { lists: Lists | null; error: ApiError | null; reload: () => Promise<void> } {
  const [lists, setLists] = useState<Lists | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const found = await Promise.all(KINDS.map((kind) => office.things(kind)));
      if (mine !== turn.current) return;
      setLists(Object.fromEntries(KINDS.map((kind, index) => [kind, found[index] ?? []])) as Lists);
      setError(null);
    } catch (reason) {
      if (mine === turn.current) setError(reason as ApiError);
    }
  }, []);
  useEffect(() => void reload(), [revision]);
  return { lists, error, reload };
}

/** A thing's name for people: its own, else its id. */
export const nameOf = (thing: Thing): string =>
  typeof thing.content["name"] === "string" && thing.content["name"] !== "" ? thing.content["name"] : thing.id;

export const named = (things: Thing[], id: unknown): string => {
  const found = things.find((one) => one.id === id);
  return found ? nameOf(found) : String(id ?? "");
};
