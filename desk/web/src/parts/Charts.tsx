/** Two small charts, drawn by hand: a line of the day, and bars that can be opened. No library, no colour alone. */

import { useId } from "preact/hooks";
import { heights } from "../report.ts";
import { t } from "../texts.ts";

const WIDTH = 240;
const HEIGHT = 56;

/** From here on in hours: fewer columns would look like a wall. */
const LEAST_HOURS = 8;

export interface Point {
  /** 0 to 1; null where nothing happened. */
  share: number | null;
  says: string;
}

/** A share hour by hour as columns, with the target as a dashed line; read out as one sentence. */
export function DayChart({ points: known, target, label }: { points: Point[]; target: number; label: string }) {
  const id = useId();
  const earlier = Array.from({ length: Math.max(0, LEAST_HOURS - known.length) }, () => ({ share: null, says: "" }));
  const points: Point[] = [...earlier, ...known];
  const step = WIDTH / points.length;
  const said = points.filter((point) => point.share !== null).map((point) => point.says);
  return (
    <svg class="day-chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-labelledby={id}>
      <title id={id}>{`${label}. ${said.join(", ") || t.report.nothing}`}</title>
      <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} class="axis" />
      {points.map(
        ({ share, says }, index) =>
          share !== null && (
            <rect
              key={says}
              class={share < target ? "under" : "good"}
              x={index * step + 1}
              width={Math.max(2, step - 2)}
              y={HEIGHT - Math.max(2, share * (HEIGHT - 4))}
              height={Math.max(2, share * (HEIGHT - 4))}
            />
          ),
      )}
      <line x1="0" x2={WIDTH} y1={HEIGHT - target * (HEIGHT - 4)} y2={HEIGHT - target * (HEIGHT - 4)} class="target" />
    </svg>
  );
}

export interface Bar {
  count: number;
  range: string;
  /** How the bar stands to the two marks. */
  look: "good" | "late" | "over";
}

/** A histogram whose bars are buttons: each opens the calls that make it. */
export function Bars({ bars, label, open }: { bars: Bar[]; label: string; open: (index: number) => void }) {
  const high = heights(bars.map((bar) => bar.count));
  return (
    <div class="histo" role="group" aria-label={label}>
      {bars.map((bar, index) => (
        <button
          key={bar.range}
          type="button"
          class={`histo-bar ${bar.look}`}
          disabled={bar.count === 0}
          aria-label={t.report.barName(bar.range, String(bar.count))}
          data-bin={index}
          onClick={() => open(index)}
        >
          <span aria-hidden="true">{bar.count || "\u00a0"}</span>
          <svg viewBox="0 0 20 48" preserveAspectRatio="none" aria-hidden="true">
            <rect x="0" width="20" y={48 - 46 * (high[index] ?? 0)} height={46 * (high[index] ?? 0)} />
          </svg>
          <small aria-hidden="true">{bar.range}</small>
        </button>
      ))}
    </div>
  );
}
