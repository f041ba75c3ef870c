/** Which microphone, where calls are heard and where it rings; with a test of all three. */

import { useEffect, useId, useState } from "preact/hooks";
import { useDesk } from "../desk.ts";
import { useStore } from "../hooks.ts";
import { type Device, MicrophoneError, openMicrophone } from "../phone/microphone.ts";
import { phaseOf, type Problem } from "../phone/phone.ts";
import type { BrowserPhone } from "../phone/runner.ts";
import { t } from "../texts.ts";
import { causeWords } from "./BrowserPhone.tsx";
import { Level } from "./BrowserPhoneLevels.tsx";

/** Not every browser lets a page choose where it sounds. */
const mayChooseOutput = () => "setSinkId" in HTMLMediaElement.prototype;

export function PhoneSettings() {
  const { phone } = useDesk();
  const on = useStore(phone.state).on;
  const chosen = useStore(phone.preferences);
  const devices = useStore(phone.devices);
  const words = t.browserPhone.devices;
  useEffect(() => void phone.findDevices(), [phone, on]);
  return (
    <section class="phone-settings" aria-label={t.browserPhone.settings} id="phone-settings" tabIndex={-1}>
      <h2>{t.browserPhone.name}</h2>
      <p class="muted">{t.browserPhone.switchHint}</p>
      <Choice
        label={words.microphone}
        value={chosen.microphone}
        fixed={{ "": words.preferred }}
        devices={devices.microphones}
        choose={(microphone) => phone.prefer({ microphone })}
      />
      {mayChooseOutput() ? (
        <>
          <Choice
            label={words.speaker}
            value={chosen.speaker}
            fixed={{ "": words.preferred }}
            devices={devices.speakers}
            choose={(speaker) => phone.prefer({ speaker })}
          />
          <Choice
            label={words.ring}
            value={chosen.ring}
            fixed={{ same: words.same, silent: words.silent }}
            devices={devices.speakers}
            choose={(ring) => phone.prefer({ ring })}
          />
        </>
      ) : (
        <p class="muted">{words.noChoice}</p>
      )}
      <Processing phone={phone} />
      <Test phone={phone} />
    </section>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  fixed: Record<string, string>;
  devices: readonly Device[];
  choose: (id: string) => void;
}

function Choice({ label, value, fixed, devices, choose }: ChoiceProps) {
  const id = useId();
  // A chosen device that is unplugged stays chosen for when it comes back; until then the system's one serves.
  const shown = value in fixed || devices.some((one) => one.id === value) ? value : Object.keys(fixed)[0]!;
  return (
    <div class="entry">
      <label for={id}>{label}</label>
      <select id={id} value={shown} onChange={(event) => choose(event.currentTarget.value)}>
        {Object.entries(fixed).map(([key, words]) => (
          <option key={key} value={key}>
            {words}
          </option>
        ))}
        {devices.map((one, index) => (
          <option key={one.id} value={one.id}>
            {one.label || t.browserPhone.devices.unnamed(index + 1)}
          </option>
        ))}
      </select>
    </div>
  );
}

function Processing({ phone }: { phone: BrowserPhone }) {
  const id = useId();
  const { processing } = useStore(phone.preferences);
  return (
    <div class="phone-check">
      <input
        id={id}
        type="checkbox"
        checked={processing}
        aria-describedby={`${id}-hint`}
        onChange={(event) => phone.prefer({ processing: event.currentTarget.checked })}
      />
      <label for={id}>{t.browserPhone.devices.processing}</label>
      <small id={`${id}-hint`} class="muted">
        {t.browserPhone.devices.processingHint}
      </small>
    </div>
  );
}

/** Rings once and shows what the microphone takes up. Needs the phone on; a call has its own meters. */
function Test({ phone }: { phone: BrowserPhone }) {
  const sounds = useStore(phone.sounds);
  const preferences = useStore(phone.preferences);
  const idle = phaseOf(useStore(phone.state)) === "idle";
  const [tested, setTested] = useState<MediaStream | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const stop = () => setTested(null);
  useEffect(() => () => tested?.getTracks().forEach((track) => track.stop()), [tested]);
  useEffect(() => {
    if (!idle) stop();
  }, [idle]);
  const start = async () => {
    setProblem(null);
    try {
      setTested(new MediaStream([await openMicrophone(preferences)]));
      sounds?.tryRing(preferences);
    } catch (error) {
      setProblem(error instanceof MicrophoneError ? error.problem : { code: "no_sound", message: "" });
    }
  };
  if (!sounds || !idle) return null;
  return (
    <div class="phone-test">
      <button type="button" class="button" aria-pressed={tested !== null} onClick={tested ? stop : start}>
        {tested ? t.browserPhone.devices.stopTest : t.browserPhone.devices.test}
      </button>
      {tested && <Level sounds={sounds} stream={tested} label={t.browserPhone.spoken} />}
      {tested && <small class="muted">{t.browserPhone.devices.testHint}</small>}
      {problem && (
        <p class="error" role="alert">
          {causeWords(problem)}
        </p>
      )}
    </div>
  );
}
