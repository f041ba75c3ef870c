/** The desk of one person: documents, live connection, drafts, and who is logged in. Made once, given to all parts. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { api, ApiError } from "./api.ts";
import { Autosave } from "./autosave.ts";
import { LiveConnection } from "./live.ts";
import { BrowserPhone } from "./phone/runner.ts";
import type { Promised } from "./documents.ts";
import { caseOf, escalations } from "./select.ts";
import { EMPTY, type State, Store } from "./store.ts";

export type Gate = "checking" | "login" | "ended" | "desk";

export class Desk {
  readonly state = new Store<State>(EMPTY);
  readonly gate = new Store<Gate>("checking");
  /** Outlives a log-in that ends in the middle of a call. */
  readonly phone = new BrowserPhone(checkLogin);
  readonly api = api;
  readonly autosave = new Autosave(api, (id) => caseOf(this.state.get(), id));
  /** Outcomes typed but not sent, by interaction: if the customer hangs up first, they become the wrap-up's note. */
  readonly outcomes = new Map<string, string>();
  /** The last promise made in an interaction; it stays readable when its escalation has left the screens. */
  readonly promises = new Map<string, Promised>();
  private readonly live: LiveConnection;
  /** Whose drafts we hold: they wait for the same person to log in again. */
  private person: string | null = null;

  constructor() {
    this.live = new LiveConnection({
      store: this.state,
      checkLogin,
      checkHealth: api.health,
      onLoggedOut: () => this.loggedOut("ended"),
    });
    let link = this.state.get().link;
    this.state.subscribe(() => {
      const now = this.state.get();
      for (const { interaction, promise } of escalations(now)) if (promise) this.promises.set(interaction, promise);
      if (now.link === "open") this.autosave.settle();
      if (now.link === "open" && link !== "open") this.autosave.retryAll();
      link = now.link;
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.autosave.hasUnsaved()) event.preventDefault();
    });
  }

  /** At page load: straight to the desk if the log-in still holds. */
  async open(): Promise<void> {
    const loggedIn = await checkLogin().catch(() => true);
    if (!loggedIn) return this.gate.set("login");
    this.enter();
  }

  async login(person: string, password: string): Promise<void> {
    const who = await this.api.login(person, password);
    if (this.person !== null && this.person !== who.person) this.forget();
    this.person = who.person;
    this.enter();
  }

  async logout(): Promise<void> {
    const more = await this.api.logout().catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 401)) throw error;
    });
    this.phone.leave();
    this.forget();
    this.person = null;
    this.loggedOut("login");
    if (more) location.assign(more.continue_at);
  }

  private forget(): void {
    this.autosave.clear();
    this.outcomes.clear();
    this.promises.clear();
  }

  private enter(): void {
    this.gate.set("desk");
    this.live.start();
  }

  private loggedOut(gate: Gate): void {
    const self = this.state.get().docs.get("me") as { id: string } | undefined;
    if (gate === "ended" && self) this.person = self.id;
    this.live.stop();
    this.gate.set(gate);
  }
}

/** Whether the log-in holds; throws when the server does not answer. */
async function checkLogin(): Promise<boolean> {
  try {
    return await api.amILoggedIn();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false;
    throw error;
  }
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("no desk around this part");
  return desk;
}
