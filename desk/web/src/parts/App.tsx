/** Which page: log-in, or the desk with the parts that apply to this person. */

import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { DeskRole, Me } from "../documents.ts";
import { useStore } from "../hooks.ts";
import { me } from "../select.ts";
import type { Link } from "../store.ts";
import { language, t } from "../texts.ts";
import { Banner } from "./Banner.tsx";
import { Header, type View } from "./Header.tsx";
import { LoginPage } from "./LoginPage.tsx";
import { Overview } from "./Overview.tsx";
import { WorkPage } from "./WorkPage.tsx";

export function App() {
  const desk = useDesk();
  const gate = useStore(desk.gate);
  const state = useStore(desk.state);
  // Drawn again from the top when the language changes, with all that was typed kept.
  useStore(language);
  if (gate === "login" || gate === "ended") return <LoginPage ended={gate === "ended"} />;
  const self = gate === "desk" ? me(state) : null;
  if (!self) return <Waiting link={state.link} />;
  return <DeskPage self={self} />;
}

function DeskPage({ self }: { self: Me }) {
  const views = viewsOf(self.roles);
  const [chosen, choose] = useHashView();
  const view = views.find((candidate) => candidate === chosen.split("/", 1)[0]) ?? views[0] ?? "work";
  return (
    <>
      <a class="skip" href="#content">
        {t.header.skip}
      </a>
      <Header self={self} views={views} view={view} choose={choose} />
      <Banner />
      <main id="content" tabIndex={-1}>
        <Guard key={view}>
          {view === "administration" && <Administration />}
          {view === "overview" && <Overview />}
          {view === "work" && <WorkPage self={self} />}
        </Guard>
      </main>
    </>
  );
}

/** The pages a person may see; the first is the one he starts on. */
export function viewsOf(roles: DeskRole[]): View[] {
  const works = roles.includes("agent") || roles.includes("specialist");
  const watches = roles.includes("supervisor") || roles.includes("administrator");
  return [
    ...(works || !watches ? (["work"] as const) : []),
    ...(watches ? (["overview"] as const) : []),
    ...(roles.includes("administrator") ? (["administration"] as const) : []),
  ];
}

let loadedOffice: ComponentType | null = null;

/** The administrator's page comes only when somebody opens it: nobody else's first load grows by it. */
function Administration() {
  const [Office, setOffice] = useState<ComponentType | null>(() => loadedOffice);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (Office || failed) return;
    import("../admin/Administration.tsx").then(
      (loaded) => setOffice(() => (loadedOffice = loaded.Administration)),
      () => setFailed(true),
    );
  }, [failed]);
  if (failed) {
    return (
      <section class="card" role="alert">
        <p>{t.errors.noAnswer}</p>
        <button type="button" class="button primary" onClick={() => setFailed(false)}>
          {t.errors.reload}
        </button>
      </section>
    );
  }
  return Office ? <Office /> : <p role="status">{t.link.connecting}</p>;
}

function useHashView(): [string, (view: View) => void] {
  const [hash, setHash] = useState(location.hash.slice(1));
  useEffect(() => {
    const changed = () => setHash(location.hash.slice(1));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return [hash, (view) => (location.hash = view)];
}

function Waiting({ link }: { link: Link }) {
  return (
    <main class="waiting" aria-busy="true">
      <p role="status">{link === "crowded" ? t.link.crowded : t.link.connecting}</p>
    </main>
  );
}

/** A fault in one part must not take the whole desk away in the middle of a call. */
class Guard extends Component<{ children: ComponentChildren }, { failed: boolean }> {
  override state = { failed: false };

  static override getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <section class="card" role="alert">
        <p>{t.errors.crashed}</p>
        <button type="button" class="button primary" onClick={() => location.reload()}>
          {t.errors.reload}
        </button>
      </section>
    );
  }
}
