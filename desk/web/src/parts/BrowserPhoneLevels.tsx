/** How loud we speak and hear, and how good the line is. */

import { useEffect, useState } from "preact/hooks";
import { useStore } from "../hooks.ts";
import { gradeOf } from "../phone/quality.ts";
import type { BrowserPhone } from "../phone/runner.ts";
import type { Sounds } from "../phone/sounds.ts";
import { locale, t } from "../texts.ts";

const LOOK_EVERY_MS = 100;

export function Levels({ phone }: { phone: BrowserPhone }) {
  const sounds = useStore(phone.sounds);
  const spoken = useStore(phone.spoken);
  const heard = useStore(phone.heard);
  if (!sounds) return null;
  return (
    <>
      {spoken && <Level sounds={sounds} stream={spoken} label={t.browserPhone.spoken} />}
      {heard && <Level sounds={sounds} stream={heard} label={t.browserPhone.heard} />}
    </>
  );
}

interface LevelProps {
  sounds: Sounds;
  stream: MediaStream;
  label: string;
}

export function Level({ sounds, stream, label }: LevelProps) {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    const meter = sounds.meter(stream);
    const timer = setInterval(() => setLevel(meter.level()), LOOK_EVERY_MS);
    return () => {
      clearInterval(timer);
      meter.close();
    };
  }, [sounds, stream]);
  const percent = Math.round(level * 100);
  return (
    <div class="level">
      <span aria-hidden="true">{label}</span>
      <div
        class="level-bar"
        role="meter"
        aria-label={label}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span style={{ transform: `scaleX(${level})` }} />
      </div>
    </div>
  );
}

/** A word and the estimated score; the figures behind it on demand. */
export function LineQuality({ phone }: { phone: BrowserPhone }) {
  const quality = useStore(phone.quality);
  if (!quality) return null;
  const words = t.browserPhone;
  const figure = (value: number, digits = 0) =>
    value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const grade = gradeOf(quality.mos);
  const mos = figure(quality.mos, 1);
  const [rtt, jitter, lost] = [figure(quality.rttMs), figure(quality.jitterMs), figure(quality.lostPercent, 1)] as const;
  const details = words.qualityFigures(mos, rtt, jitter, lost);
  return (
    <p class={`line-quality ${grade}`} title={details} data-testid="line-quality">
      <span aria-hidden="true">
        {words.quality}: <strong>{words.grades[grade]}</strong> {mos}
      </span>
      <span class="sr">
        {words.quality}: {words.grades[grade]}. {details}
      </span>
    </p>
  );
}
