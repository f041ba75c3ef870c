/** Small hooks: read a store, tick with the clock, run a command with its error. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import { serverNow } from "./clock.ts";
import { Store } from "./store.ts";
import { centreWords, t } from "./texts.ts";

/** The store's value; renders again when it is replaced. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(() => store.get());
  useLayoutEffect(() => {
    setValue(() => store.get());
    return store.subscribe(() => setValue(() => store.get()));
  }, [store]);
  return value;
}

const second = new Store(0);
let watchers = 0;
let ticking: ReturnType<typeof setInterval> | undefined;

/** Server time in milliseconds, renewed every second by one timer for the whole page. */
export function useNow(): number {
  useEffect(() => {
    if (watchers++ === 0) ticking = setInterval(() => second.set(second.get() + 1), 1000);
    return () => {
      if (--watchers === 0) clearInterval(ticking);
    };
  }, []);
  useStore(second);
  return serverNow();
}

export interface Command {
  busy: boolean;
  error: ApiError | null;
  run: (action: () => Promise<unknown>) => Promise<boolean>;
  forget: () => void;
}

/** Run one command at a time; keeps its error until the next try. Resolves to whether it succeeded. */
export function useCommand(): Command {
  const [state, setState] = useState<{ busy: boolean; error: ApiError | null }>({ busy: false, error: null });
  const running = useRef(false);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  const run = useCallback(async (action: () => Promise<unknown>) => {
    if (running.current) return false;
    running.current = true;
    setState({ busy: true, error: null });
    const error = await action().then(
      () => null,
      (reason: unknown) => (reason instanceof ApiError ? reason : new ApiError(0, "bug", String(reason))),
    );
    running.current = false;
    if (mounted.current) setState({ busy: false, error });
    return error === null;
  }, []);
  const forget = useCallback(() => setState((old) => ({ ...old, error: null })), []);
  return { ...state, run, forget };
}

/** The sentence for an error. */
export function sentence(error: ApiError): string {
  if (error.status === 0) return t.errors.noAnswer;
  return centreWords(error.message, t.errors.byCode[error.code] ?? t.report.errors[error.code] ?? t.errors.unknown);
}
