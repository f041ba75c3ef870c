/** My phone: what to type into a softphone, a new password shown once, and hints. */

import { Fragment } from "preact";
import { useRef, useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Me, NewPhonePassword } from "../documents.ts";
import { useCommand } from "../hooks.ts";
import { t } from "../texts.ts";
import { Problem } from "./bits.tsx";

export function PhonePanel({ self }: { self: Me }) {
  const { api } = useDesk();
  const command = useCommand();
  const [made, setMade] = useState<NewPhonePassword | null>(null);
  const { phone, mqtt } = self;
  return (
    <section class="phone" aria-label={t.phone.region}>
      <div>
        <h2>{t.phone.title}</h2>
        <p class="muted">{t.phone.intro}</p>
        <dl class="facts">
          <dt>{t.phone.server}</dt>
          <dd>{phone.server || "–"}</dd>
          <dt>{t.phone.user}</dt>
          <dd>{phone.user}</dd>
          <dt>{t.phone.ports}</dt>
          <dd>
            {(["udp", "tcp", "tls"] as const)
              .filter((transport) => phone.ports[transport])
              .map((transport) => `${t.phone[transport]} ${phone.ports[transport]}`)
              .join(" · ") || "–"}
          </dd>
          <dt>{t.phone.mqtt}</dt>
          <dd>
            {mqtt.host ? `${mqtt.host}:${mqtt.port}, ${mqtt.user}` : "–"}
          </dd>
        </dl>
      </div>
      <div>
        <button
          type="button"
          class="button"
          disabled={command.busy}
          onClick={() => command.run(async () => setMade(await api.newPhonePassword()))}
        >
          {t.phone.make}
        </button>
        <p class="muted">{t.phone.makeHint}</p>
        <Problem error={command.error} />
        {made && <Secret password={made.password} />}
      </div>
      <div>
        <h3>{t.phone.softphones}</h3>
        <dl class="facts">
          {t.phone.softphoneList.map(([system, names]) => (
            <Fragment key={system}>
              <dt>{system}</dt>
              <dd>{names}</dd>
            </Fragment>
          ))}
        </dl>
        <p class="muted">{t.phone.softphoneHint}</p>
      </div>
    </section>
  );
}

function Secret({ password }: { password: string }) {
  const shown = useRef<HTMLInputElement>(null);
  const [outcome, setOutcome] = useState("");
  const copy = async () => {
    shown.current?.select();
    const copied = navigator.clipboard?.writeText(password) ?? Promise.reject(new Error("no clipboard"));
    setOutcome(await copied.then(() => t.phone.copied, () => t.phone.copyFailed));
  };
  return (
    <div class="secret">
      <label for="new-phone-password">{t.phone.password}</label>
      <div class="row">
        <input id="new-phone-password" ref={shown} readOnly value={password} data-testid="phone-password" />
        <button type="button" class="button" onClick={copy}>
          {t.phone.copy}
        </button>
      </div>
      <p class="muted" role="status">
        {outcome || t.phone.once}
      </p>
    </div>
  );
}
