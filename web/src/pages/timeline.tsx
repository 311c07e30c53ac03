// The steps of a run on its time: a lane for each kind, every step of it below when opened.
import { useState } from "preact/hooks";
import type { Data } from "../data";
import { clock, duration, plural, stepName } from "../format";
import { Empty, Failure, Loading } from "../parts";
import type { RunSteps, Step } from "../types";

interface Span {
  from: number;
  to: number;
}

const moment = (text: string | undefined, otherwise: number): number => (text ? Date.parse(text) : otherwise);

function spanOf(step: Step, now: number): Span {
  const from = moment(step.attempts[0]?.started_at ?? step.scheduled_at, now);
  return { from, to: Math.max(from, moment(step.ended_at, now)) };
}

// Of the steps alone: the run's own moments are whole seconds.
function wholeSpan(steps: Step[], now: number): Span {
  const spans = steps.map((step) => spanOf(step, now));
  const from = Math.min(...spans.map((span) => span.from));
  return { from, to: Math.max(from + 1, ...spans.map((span) => span.to)) };
}

// The fewest rows on which no two steps overlap, up to some.
const kMostRows = 6;
function rowsFor(spans: Span[]): number[] {
  const ends: number[] = [];
  return spans.map((span) => {
    let row = ends.findIndex((end) => end <= span.from);
    if (row < 0) row = ends.length < kMostRows ? ends.length : ends.indexOf(Math.min(...ends));
    ends[row] = Math.max(ends[row] ?? 0, span.to);
    return row;
  });
}

interface Mark {
  span: Span;
  state: string;
  title: string;
}

// Failed attempts stand in the bar of their step.
function marksOf(step: Step, now: number): Mark[] {
  const name = stepName(step.name);
  const failed = step.attempts.filter((attempt) => attempt.error && attempt.started_at);
  const own: Mark = { span: spanOf(step, now), state: step.state, title: `${name} ${step.sequence}: ${step.state}${step.seconds !== undefined ? `, ${duration(step.seconds)}` : ""}` };
  return [own, ...failed.map((attempt) => ({
    span: { from: Date.parse(attempt.started_at!), to: moment(attempt.ended_at, now) }, state: "failed", title: `${name} ${step.sequence}, attempt ${attempt.attempt}: ${attempt.error}`,
  }))];
}

const kRow = 9;

function Lane(props: { steps: Step[]; all: Span; now: number }) {
  const { all, now } = props;
  const rows = rowsFor(props.steps.map((step) => spanOf(step, now)));
  const height = (Math.max(0, ...rows) + 1) * kRow;
  const length = all.to - all.from;
  const x = (at: number) => ((at - all.from) / length) * 1000;
  return (
    <svg class="lane" viewBox={`0 0 1000 ${height}`} preserveAspectRatio="none" height={height} aria-hidden="true">
      {props.steps.flatMap((step, i) => marksOf(step, now).map((mark, at) => (
        <rect key={`${step.execution}/${step.sequence}/${at}`} class={`step ${mark.state}`} x={x(mark.span.from)} width={Math.max(2, x(mark.span.to) - x(mark.span.from))} y={rows[i] * kRow + 1} height={kRow - 2}>
          <title>{mark.title}</title>
        </rect>
      )))}
    </svg>
  );
}

function counted(steps: Step[]): string {
  const failed = steps.filter((step) => step.state === "failed").length;
  const running = steps.filter((step) => step.state === "scheduled").length;
  const again = steps.reduce((sum, step) => sum + step.attempts.filter((attempt) => attempt.error).length, 0);
  return [plural(steps.length, "step"), running > 0 && `${running} under way`, failed > 0 && `${failed} failed`, again > 0 && `${plural(again, "failed attempt")}`].filter(Boolean).join(", ");
}

function StepRow(props: { step: Step; all: Span; now: number }) {
  const { step, all, now } = props;
  const last = [...step.attempts].reverse().find((attempt) => attempt.error);
  return (
    <li class="step-row">
      <div class="lane-head"><span>{stepName(step.name)} <span class="faint">{step.sequence}</span></span><span class="faint">{step.state === "scheduled" ? "under way" : step.state}{step.seconds !== undefined && `, ${duration(step.seconds)}`}</span></div>
      <Lane steps={[step]} all={all} now={now} />
      {step.attempts.length > 1 && (
        <ol class="attempts">
          {step.attempts.map((attempt) => (
            <li key={attempt.attempt}>Attempt {attempt.attempt}{attempt.seconds !== undefined && <span class="faint">, {duration(attempt.seconds)}</span>}: {attempt.error ? <span class="bad">{attempt.error}</span> : "completed"}</li>
          ))}
        </ol>
      )}
      {step.attempts.length <= 1 && last && <p class="bad">{last.error}</p>}
    </li>
  );
}

const kShown = 200;

function Kind(props: { name: string; steps: Step[]; all: Span; now: number }) {
  const bad = props.steps.some((step) => step.state === "failed");
  // What fails while one looks opens too, until the reader has chosen.
  const [chosen, setChosen] = useState<boolean>();
  const open = chosen ?? bad;
  // What failed first; of many that went well some are enough.
  const order = [...props.steps].sort((a, b) => Number(b.state === "failed") - Number(a.state === "failed") || Number(b.attempts.length > 1) - Number(a.attempts.length > 1));
  return (
    <li class="kind">
      <button type="button" class="lane-head" aria-expanded={open} onClick={() => setChosen(!open)}>
        <span class="strong"><span class="turn" aria-hidden="true">▸</span>{stepName(props.name)}</span>
        <span class="faint">{counted(props.steps)}</span>
      </button>
      <Lane steps={props.steps} all={props.all} now={props.now} />
      {open && (
        <ol class="steps">
          {order.slice(0, kShown).map((step) => <StepRow key={`${step.execution}/${step.sequence}`} step={step} all={props.all} now={props.now} />)}
          {order.length > kShown && <li class="note">and {plural(order.length - kShown, "more step")} that went well</li>}
        </ol>
      )}
    </li>
  );
}

// Of a step that was retried in a later execution the attempts that failed are kept as steps of their own.
function byKind(steps: Step[]): Map<string, Step[]> {
  const kinds = new Map<string, Step[]>();
  for (const step of steps) {
    const list = kinds.get(step.name);
    if (list) list.push(step);
    else kinds.set(step.name, [step]);
  }
  return kinds;
}

export function Timeline(props: { steps: Data<RunSteps> }) {
  const { data, problem, reload } = props.steps;
  if (!data) return problem ? <Failure problem={problem} retry={reload} /> : <Loading />;
  if (data.steps.length === 0) return <Empty><p>No step has begun yet.</p></Empty>;
  const now = Date.now();
  const all = wholeSpan(data.steps, now);
  return (
    <div class="timeline">
      <div class="axis" aria-hidden="true"><span>{clock(new Date(all.from).toISOString())}</span><span>{duration((all.to - all.from) / 1000)}</span></div>
      <ol class="kinds">
        {[...byKind(data.steps)].map(([name, steps]) => <Kind key={name} name={name} steps={steps} all={all} now={now} />)}
      </ol>
    </div>
  );
}
