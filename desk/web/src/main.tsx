import "./styles/tokens.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/parts.css";
import "./styles/case.css";
import "./styles/people.css";
import { render } from "preact";
import { Desk, DeskContext } from "./desk.ts";
import { App } from "./parts/App.tsx";

const root = document.getElementById("app");
if (root) {
  const desk = new Desk();
  void desk.open();
  render(
    <DeskContext.Provider value={desk}>
      <App />
    </DeskContext.Provider>,
    root,
  );
}
