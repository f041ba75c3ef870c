/** How good a call sounds: from two readings of the browser's counters to one figure. Pure. */

/** Counters of one moment; the packets count from the beginning of the peer. */
export interface Sample {
  received: number;
  lost: number;
  jitterMs: number;
  rttMs: number;
}

export interface Reading {
  rttMs: number;
  jitterMs: number;
  lostPercent: number;
}

export type Grade = "good" | "fair" | "poor" | "bad";

/** What happened between two samples; without an earlier one, since the beginning. */
export function readingOf(before: Sample | null, now: Sample): Reading {
  const received = now.received - (before?.received ?? 0);
  // A packet that comes late is taken off the lost ones again, so a difference may be negative.
  const lost = Math.max(0, now.lost - (before?.lost ?? 0));
  const expected = received + lost;
  const lostPercent = expected > 0 ? (100 * lost) / expected : 0;
  return { rttMs: now.rttMs, jitterMs: now.jitterMs, lostPercent };
}

/** Codec frame, look-ahead and the playout buffer's least depth. */
const FIXED_DELAY_MS = 40;
/** Robustness against random loss with concealment: ITU-T G.113 appendix I. */
const LOSS_ROBUSTNESS = 25.1;

/**
 * Mean opinion score, 1 to 4.4, as the E-model estimates it for a call without echo.
 *
 * Source: ITU-T G.107 sections 7.4 (delay, short form of Cole and Rosenbluth), 7.5 (loss), annex B (R to MOS).
 */
export function mosOf({ rttMs, jitterMs, lostPercent }: Reading): number {
  const delay = rttMs / 2 + 2 * jitterMs + FIXED_DELAY_MS;
  const tooLate = Math.max(0, delay - 177.3);
  const r = 93.2 - 0.024 * delay - 0.11 * tooLate - (95 * lostPercent) / (lostPercent + LOSS_ROBUSTNESS);
  const bounded = Math.min(100, Math.max(0, r));
  return Math.max(1, 1 + 0.035 * bounded + 7e-6 * bounded * (bounded - 60) * (100 - bounded));
}

/** The score in a word; bounds as in ITU-T G.107 annex B, where users are satisfied from 4.0 on. */
export function gradeOf(mos: number): Grade {
  if (mos >= 4) return "good";
  if (mos >= 3.6) return "fair";
  return mos >= 3.1 ? "poor" : "bad";
}
