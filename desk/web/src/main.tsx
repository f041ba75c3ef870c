import "./styles/tokens.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/parts.css";
import "./styles/case.css";
import "./styles/people.css";
import "./styles/search.css";
import "./styles/report.css";
import "./styles/dialogs.css";
import "./styles/phone.css";
import "./styles/sessions.css";
import { render } from "preact";
import { Desk, DeskContext } from "./desk.ts";
import { App } from "./parts/App.tsx";
import { firstLanguage, speak } from "./texts.ts";

const root = document.getElementById("app");
if (root) {
  const desk = new Desk();
  void desk.open();
  const show = () =>
    render(
      <DeskContext.Provider value={desk}>
        <App />
      </DeskContext.Provider>,
      root,
    );
  // A language that cannot be fetched must not keep anybody from working: then the desk speaks English.
  speak(firstLanguage()).then(show, show);
}
