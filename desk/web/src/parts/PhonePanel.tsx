/** My phone: what to type into a softphone, a new password shown once, and hints. */

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import type { Me, NewPhonePassword, Ports } from "../documents.ts";
import { useCommand } from "../hooks.ts";
import { t } from "../texts.ts";
import { Problem } from "./bits.tsx";
import { Secret } from "./Secret.tsx";

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
          <dd>{portWords(phone.ports)}</dd>
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
        {made && <Secret label={t.phone.password} value={made.password} testId="phone-password" hint={t.phone.once} />}
      </div>
      <Softphones />
    </section>
  );
}

/** `UDP 5060 · TLS 5061`, a dash when the node has no phone server. */
export function portWords(ports: Ports): string {
  const open = (["udp", "tcp", "tls"] as const).filter((transport) => ports[transport]);
  return open.map((transport) => `${t.phone[transport]} ${ports[transport]}`).join(" · ") || "–";
}

/** Free softphones for every system, and what to choose in them. */
export function Softphones() {
  return (
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
  );
}
