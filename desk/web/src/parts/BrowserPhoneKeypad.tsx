/** Digits: keys of a phone during a call, a number to call otherwise. */

import { useEffect, useRef, useState } from "preact/hooks";
import { useKey } from "../keys.ts";
import { DIGITS } from "../phone/messages.ts";
import type { Call } from "../phone/phone.ts";
import type { BrowserPhone } from "../phone/runner.ts";
import { t } from "../texts.ts";

interface Props {
  phone: BrowserPhone;
  call: Call | null;
  close: () => void;
}

export function Keypad({ phone, call, close }: Props) {
  const [typed, setTyped] = useState("");
  const entry = useRef<HTMLInputElement>(null);
  const press = (digit: string) => {
    setTyped((before) => before + digit);
    if (call) phone.tell({ type: "digit_pressed", digit });
  };
  const dial = (event: Event) => {
    event.preventDefault();
    const number = typed.trim();
    if (number === "") return;
    phone.tell({ type: "dialled", number });
    close();
  };
  useEffect(() => {
    if (!call) entry.current?.focus();
  }, []);
  return (
    <form class="keypad" onSubmit={dial} aria-label={t.browserPhone.keypad}>
      {call ? (
        <output class="keypad-typed phone-number">{typed || "–"}</output>
      ) : (
        <div class="row">
          <input
            ref={entry}
            type="tel"
            maxLength={32}
            aria-label={t.browserPhone.number}
            placeholder={t.browserPhone.number}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
          <button type="submit" class="button primary">
            {t.browserPhone.call}
          </button>
        </div>
      )}
      <div class="keypad-keys">
        {DIGITS.map((digit) => (
          <DigitKey key={digit} digit={digit} press={press} />
        ))}
      </div>
    </form>
  );
}

function DigitKey({ digit, press }: { digit: string; press: (digit: string) => void }) {
  const label = t.browserPhone.digit(digit);
  useKey(digit, label, () => press(digit));
  return (
    <button type="button" class="button" aria-label={label} aria-keyshortcuts={digit} onClick={() => press(digit)}>
      {digit}
    </button>
  );
}
