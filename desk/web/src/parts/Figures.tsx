/** The figures of today or of the last half hour: every number and bar leads to the calls that make it. */

import type { ComponentChildren } from "preact";
import { duration, shortTime } from "../clock.ts";
import { useNow } from "../hooks.ts";
import { type Behind, BINS, type Figure, type Figures as Numbers, lateness, type Report, WHOLE, type Window } from "../report.ts";
import { isOverdue, openTasks } from "../select.ts";
import type { State } from "../store.ts";
import { count, locale, t } from "../texts.ts";
import { Bars, DayChart } from "./Charts.tsx";

export const percent = (share: number | null) =>
  share === null ? "–" : share.toLocaleString(locale, { style: "percent", maximumFractionDigits: 1 });

const inSeconds = (value: number | null) =>
  value === null ? "–" : `${value.toLocaleString(locale, { maximumFractionDigits: 1 })} ${t.units.s}`;

interface Props {
  state: State;
  report: Report;
  window: Window;
  setWindow: (window: Window) => void;
  open: (behind: Behind) => void;
}

export function Figures({ state, report, window, setWindow, open }: Props) {
  const whole = report.windows[window][WHOLE];
  if (!whole) return null;
  const show = (figure: Figure, bin?: number) =>
    open({ figure, window, queue: WHOLE, ...(bin !== undefined && { bin }) });
  return (
    <section class="figures" aria-label={t.report.region}>
      <fieldset class="windows">
        <legend class="sr">{t.report.choose}</legend>
        {(["today", "recent"] as const).map((one) => (
          <button key={one} type="button" class="button" aria-pressed={one === window} onClick={() => setWindow(one)}>
            {t.report.windows[one]}
          </button>
        ))}
      </fieldset>
      <div class="tiles">
        <Level report={report} numbers={whole} show={show} />
        <HandOver report={report} numbers={whole} show={show} />
        <Tile title={t.report.fcr} value={percent(whole.resolved_share)}>
          <NumberButton figure="resolved" n={whole.resolved} show={show} />
          <NumberButton figure="unresolved" n={whole.unresolved} show={show} />
          <NumberButton figure="closed" n={whole.closed} show={show} />
        </Tile>
        <Budgets numbers={whole} />
        <Filled numbers={whole} />
        <Promises state={state} />
      </div>
    </section>
  );
}

type Show = (figure: Figure, bin?: number) => void;

function Level({ report, numbers, show }: { report: Report; numbers: Numbers; show: Show }) {
  const { answered_share: target, answer_within_s: seconds } = report.target;
  const now = useNow();
  const points = report.hours.map(({ at, in_time, settled }) => {
    const share = settled ? in_time / settled : null;
    return { share, says: t.report.hour(shortTime(at, now), percent(share)) };
  });
  const under = numbers.service_level !== null && numbers.service_level < target;
  return (
    <Tile title={t.report.level} value={percent(numbers.service_level)} wide under={under}>
      <p class="muted">{t.report.target(percent(target), seconds)}</p>
      <DayChart points={points} target={target} label={t.report.byHour} />
      <p class="day-hours" aria-hidden="true">
        <span>{t.report.byHour}</span>
        <span>{shortTime(report.hours.at(-1)?.at, now)}</span>
      </p>
      <p class="numbers">
        {(["arrived", "in_time", "abandoned", "left_early"] as const).map((figure) => (
          <NumberButton key={figure} figure={figure} n={numbers[figure]} show={show} />
        ))}
        <NumberButton figure="late" n={numbers.late + numbers.waiting_late} show={show} />
      </p>
      {numbers.waiting_late > 0 && <p class="warn-text">{count(t.report.waitingLate, numbers.waiting_late)}</p>}
    </Tile>
  );
}

function HandOver({ report, numbers, show }: { report: Report; numbers: Numbers; show: Show }) {
  const { hand_over_target_s: target, hand_over_ceiling_s: ceiling } = report.target;
  const handOver = numbers.hand_over;
  const bars = handOver.histogram.map((n, bin) => ({
    count: n,
    range: bin + 1 < BINS.length ? t.report.bar(BINS[bin] ?? 0, BINS[bin + 1] ?? 0) : t.report.lastBar(BINS[bin] ?? 0),
    look: lateness(bin, target, ceiling),
  }));
  const times = [
    [t.report.half, handOver.p50_s],
    [t.report.most, handOver.p95_s],
    [t.report.longest, handOver.max_s],
  ] as const;
  return (
    <Tile title={t.report.handOver} value={inSeconds(handOver.p95_s)} wide under={(handOver.p95_s ?? 0) > target}>
      <p class="muted">{t.report.marks(target, ceiling)}</p>
      <Bars bars={bars} label={t.report.bars} open={(bin) => show("joined", bin)} />
      <p class="times">
        {times.map(([label, value]) => (
          <span key={label}>
            {label} <b>{inSeconds(value)}</b>
          </span>
        ))}
      </p>
      <p class="numbers">
        {(["asked", "joined", "promised", "ended"] as const).map((figure) => (
          <NumberButton
            key={figure}
            figure={figure}
            n={figure === "joined" ? handOver.joined + handOver.joined_waiting : handOver[figure]}
            show={show}
          />
        ))}
      </p>
    </Tile>
  );
}

function Budgets({ numbers }: { numbers: Numbers }) {
  return (
    <Tile title={t.report.budgets}>
      <dl class="pairs">
        {(Object.keys(t.report.budget) as (keyof typeof t.report.budget)[]).map((key) => (
          <div key={key} data-budget={key}>
            <dt>{t.report.budget[key]}</dt>
            <dd>{numbers.budgets[key] === null ? "–" : duration(numbers.budgets[key] ?? 0)}</dd>
          </div>
        ))}
      </dl>
    </Tile>
  );
}

function Filled({ numbers }: { numbers: Numbers }) {
  return (
    <Tile title={t.report.required}>
      <dl class="pairs">
        {(["at_join", "at_close"] as const).map((key) => (
          <div key={key} data-required={key}>
            <dt>{t.report.required_at[key]}</dt>
            <dd>{percent(numbers.required[key].filled_share)}</dd>
          </div>
        ))}
      </dl>
    </Tile>
  );
}

function Promises({ state }: { state: State }) {
  const now = useNow();
  const open = openTasks(state);
  const late = open.filter((task) => isOverdue(task, now)).length;
  return (
    <Tile title={t.report.promises} under={late > 0}>
      <dl class="pairs">
        <div data-promises="open">
          <dt>{t.report.open}</dt>
          <dd>{open.length}</dd>
        </div>
        <div data-promises="overdue" class={late ? "is-overdue" : ""}>
          <dt>{t.report.overdue}</dt>
          <dd>{late}</dd>
        </div>
      </dl>
    </Tile>
  );
}

interface TileProps {
  title: string;
  value?: string;
  wide?: boolean;
  under?: boolean;
  children: ComponentChildren;
}

function Tile({ title, value, wide = false, under = false, children }: TileProps) {
  return (
    <section class={`card tile ${wide ? "wide" : ""} ${under ? "is-under" : ""}`} aria-label={title}>
      <h2>{title}</h2>
      {value !== undefined && <p class="big-number">{value}</p>}
      {children}
    </section>
  );
}

interface NumberProps {
  figure: Figure;
  n: number;
  show: (figure: Figure) => void;
  /** Without its name, where a table's head says it. */
  bare?: boolean;
}

/** A number that opens the calls behind it. */
export function NumberButton({ figure, n, show, bare = false }: NumberProps) {
  const name = t.report.figures[figure];
  return (
    <button
      type="button"
      class="number-button"
      data-figure={figure}
      disabled={n === 0}
      aria-label={t.report.calls.show(name, n.toLocaleString(locale))}
      onClick={() => show(figure)}
    >
      <b>{n.toLocaleString(locale)}</b>
      {!bare && <span>{name}</span>}
    </button>
  );
}
