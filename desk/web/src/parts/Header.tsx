/** The strip on top of every page: who I am, my agent status, my phone, the views. */

import { useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Me } from "../documents.ts";
import { useCommand, useStore } from "../hooks.ts";
import { system } from "../select.ts";
import { useKey } from "../keys.ts";
import { soundIsOn, setSound } from "../notice.ts";
import { t } from "../texts.ts";
import { AgentStatusSwitch } from "./AgentStatus.tsx";
import { Problem } from "./bits.tsx";
import { PhoneStrip, PhoneSwitch } from "./BrowserPhone.tsx";
import { PhoneSettings } from "./BrowserPhoneSettings.tsx";
import { KeyHelp } from "./KeyHelp.tsx";
import { LanguageChoice } from "./LanguageChoice.tsx";
import { PhonePanel } from "./PhonePanel.tsx";
import { Sessions } from "./Sessions.tsx";

export type View = "work" | "overview" | "administration";

interface Props {
  self: Me;
  views: View[];
  view: View;
  choose: (view: View) => void;
}

export function Header({ self, views, view, choose }: Props) {
  const desk = useDesk();
  const company = system(useStore(desk.state))?.company ?? "";
  const [phoneOpen, setPhoneOpen] = useState(false);
  const logout = useCommand();
  useKey("m", t.header.phonePanel, () => setPhoneOpen(!phoneOpen));
  const other = views.length > 1 ? views[(views.indexOf(view) + 1) % views.length] : undefined;
  useKey("v", t.keys.view, () => other && choose(other), other !== undefined);
  const phoneWords = self.phone.registered ? t.header.phoneOn : t.header.phoneOff;
  return (
    <header class="top">
      <div class="bar">
        <p class="brand">
          <img src="/ringside.svg" alt="" width="28" height="28" />
          <span>
            {t.product}
            <small>{company}</small>
          </span>
        </p>
        {views.length > 1 && <Views views={views} view={view} choose={choose} />}
        {self.agent && <AgentStatusSwitch agent={self.agent} />}
        <div class="self">
          <p class="who" data-testid="my-name">
            <strong>{self.name}</strong>
            <small>{self.title}</small>
          </p>
          <button
            type="button"
            class={`chip ${self.phone.registered ? "good" : "bad"}`}
            aria-expanded={phoneOpen}
            aria-controls="my-phone"
            title={phoneWords}
            onClick={() => setPhoneOpen(!phoneOpen)}
          >
            <PhoneMark off={!self.phone.registered} />
            <span class="sr">{t.header.phonePanel}: </span>
            <span class={self.phone.registered ? "word" : "word urgent"}>{phoneWords}</span>
          </button>
          <PhoneSwitch self={self} />
          {self.roles.includes("specialist") && <SoundSwitch />}
          <LanguageChoice />
          <KeyHelp />
          <button type="button" class="button quiet" onClick={() => logout.run(() => desk.logout())}>
            {t.header.logout}
          </button>
        </div>
      </div>
      <Problem error={logout.error} />
      <PhoneStrip casesShown={view === "work"} openSettings={() => setPhoneOpen(!phoneOpen)} />
      <div id="my-phone" hidden={!phoneOpen}>
        {phoneOpen && <PhoneSettings />}
        {phoneOpen && <PhonePanel self={self} />}
        {phoneOpen && <Sessions self={self} />}
      </div>
    </header>
  );
}

function Views({ views, view, choose }: Omit<Props, "self">) {
  return (
    <nav class="views" aria-label={t.header.views}>
      {views.map((one) => (
        <button
          key={one}
          type="button"
          aria-current={one === view ? "page" : undefined}
          onClick={() => choose(one)}
        >
          {t.header[one]}
        </button>
      ))}
    </nav>
  );
}

function SoundSwitch() {
  const [on, setOn] = useState(soundIsOn());
  const toggle = () => {
    setSound(!on);
    setOn(!on);
  };
  useKey("s", t.keys.sound, toggle);
  const word = on ? t.header.soundOn : t.header.soundOff;
  return (
    <button type="button" class="button quiet" aria-pressed={on} aria-keyshortcuts="S" title={word} onClick={toggle}>
      <SoundMark off={!on} />
      <span class="word">{word}</span>
    </button>
  );
}

function SoundMark({ off }: { off: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d="M2 6h2.600L8.500 2.500v11L4.600 10H2Z" fill="currentColor" />
      {off ? (
        <path d="m10.500 6 4 4m0-4-4 4" stroke="currentColor" stroke-width="1.600" />
      ) : (
        <path d="M10.700 5.200a4 4 0 0 1 0 5.600M12.600 3.300a6.700 6.700 0 0 1 0 9.400" fill="none" stroke="currentColor" stroke-width="1.500" />
      )}
    </svg>
  );
}

function PhoneMark({ off }: { off: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      <path
        d="M3 2.5h2.6l1.1 3-1.6 1.2a8 8 0 0 0 4.2 4.2l1.2-1.6 3 1.1V13c0 .6-.5 1-1 1C6.6 14 2 9.4 2 3.5c0-.5.4-1 1-1Z"
        fill="currentColor"
      />
      {off && <path d="M2 14 14 2" stroke="currentColor" stroke-width="1.8" />}
    </svg>
  );
}
