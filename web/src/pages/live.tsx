// A run as it goes. A run's own page follows it by server-sent events; that is one connection a tab, and none while the tab is
// not seen, because a browser has six for a server in all. The overview asks again and again instead.
import { useEffect, useRef, useState } from "preact/hooks";
import { watch, type Problem } from "../api";
import { RateLine } from "../charts/months";
import { asProblem, useData, useSeen, useSession } from "../data";
import { bytes, duration, plural, whole } from "../format";
import { Tiles } from "../parts";
import type { Progress, Run, RunDetail } from "../types";

export const isOpen = (run: { state: string }): boolean => run.state === "queued" || run.state === "running";

interface Sample {
  at: number;
  rows: number;
  covered: number;
}

export interface Live {
  detail?: RunDetail;
  problem?: Problem;
  lost: boolean;
  rate: number;                            // rows a second, over some seconds
  left?: number;                           // seconds until all is received
  rates: { at: number; rate: number }[];   // since it is watched
}

const kWindow = 6;
const kKept = 600;

const rowsOf = (progress: Progress): number => progress.patients_staged + progress.observations_staged + (progress.others_staged ?? 0);

export function fractionOf(progress: Progress): number | undefined {
  const { patients_expected: expected, patients_covered: covered } = progress;
  return expected ? Math.min(1, covered / expected) : undefined;
}

// From the samples of the last seconds; what is left from how long it took so far, which is steadier.
function measure(detail: RunDetail, samples: Sample[], opened: number): Pick<Live, "rate" | "left"> {
  const now = performance.now() / 1000 - opened;
  samples.push({ at: now, rows: rowsOf(detail.progress), covered: detail.progress.patients_covered });
  while (samples.length > 2 && now - samples[0].at > kWindow) samples.shift();
  const first = samples[0];
  const passed = now - first.at;
  const rate = passed > 0 ? (rowsOf(detail.progress) - first.rows) / passed : 0;
  const fraction = fractionOf(detail.progress);
  const gained = fraction === undefined || passed <= 0 ? 0 : (detail.progress.patients_covered - first.covered) / passed;
  const left = gained > 0 ? (detail.progress.patients_expected! - detail.progress.patients_covered) / gained : undefined;
  return { rate, left };
}

// follow: false leaves the run alone. turn: a change begins anew.
export function useLive(run: number, follow: boolean, turn: number): Live {
  const [live, setLive] = useState<Live>({ lost: false, rate: 0, rates: [] });
  const { version } = useSession();
  const seen = useSeen();
  useEffect(() => {
    if (!follow || !seen) return;
    const abort = new AbortController();
    const samples: Sample[] = [];
    const opened = performance.now() / 1000;
    const take = (event: { data: string }) => {
      const detail = JSON.parse(event.data) as RunDetail;
      const measured = measure(detail, samples, opened);
      setLive((before) => ({
        detail, lost: false, ...measured,
        rates: [...before.rates.slice(-kKept), { at: performance.now() / 1000 - opened, rate: measured.rate }],
      }));
    };
    const lost = (away: boolean) => setLive((before) => (before.lost === away ? before : { ...before, lost: away }));
    watch(`runs/${run}/events`, abort.signal, take, lost).catch((error) => setLive((before) => ({ ...before, problem: asProblem(error) })));
    return () => abort.abort();
  }, [run, follow, seen, turn, version]);
  return live;
}

export function Bar(props: { run: Run; progress?: Progress; left?: number }) {
  const fraction = props.progress && fractionOf(props.progress);
  const waits = props.run.state === "queued" ? "waits for its turn" : props.run.paused ? "paused" : undefined;
  const words = waits ?? (fraction === undefined ? "loading" : fraction >= 1 ? "all received; loading and proving it"
    : `${Math.floor(fraction * 100)}%${props.left !== undefined ? `, about ${duration(props.left)} left` : ""}`);
  return (
    <div class="progress">
      <div class="bar" role="progressbar" aria-label={`Load of ${props.run.zipcode}`} aria-valuemin={0} aria-valuemax={100}
        aria-valuenow={fraction === undefined ? undefined : Math.floor(fraction * 100)} aria-valuetext={words}>
        <div class={fraction === undefined && !waits ? "fill unknown" : "fill"} style={{ width: `${(fraction ?? 0) * 100}%` }} />
      </div>
      <span>{words}</span>
    </div>
  );
}

// One line of the overview.
export function LiveRun(props: { run: Run }) {
  const { data } = useData<RunDetail>(`runs/${props.run.run}`, 2000);
  const samples = useRef<Sample[]>([]);
  const [measured, setMeasured] = useState<Pick<Live, "rate" | "left">>({ rate: 0 });
  useEffect(() => {
    if (data) setMeasured(measure(data, samples.current, 0));
  }, [data]);
  const run = data ?? props.run;
  return (
    <a class="live" href={`#/runs/${run.run}`}>
      <span class="strong">{run.zipcode}</span>
      <Bar run={run} progress={data?.progress} left={measured.left} />
      <span class="faint">{data ? `${whole(measured.rate)} rows/s` : `run ${run.run}`}</span>
    </a>
  );
}

export function LivePanel(props: { live: Live; detail: RunDetail }) {
  const { live, detail } = props;
  const { progress } = detail;
  return (
    <div class="stack">
      <Bar run={detail} progress={progress} left={live.left} />
      {live.lost && <p class="message failure" role="status">The connection is lost; trying again. The load goes on without it.</p>}
      <Tiles of={[
        { label: "Patients", value: whole(progress.patients_staged), note: progress.patients_expected !== undefined ? `of ${whole(progress.patients_expected)}` : undefined },
        { label: "Observations", value: whole(progress.observations_staged) },
        { label: "Rows/s", value: whole(live.rate) },
        { label: "Left", value: live.left !== undefined ? duration(live.left) : "–" },
        { label: "Pages", value: whole(progress.patient_pages), note: plural(progress.observation_batches, "batch", "batches") },
        { label: "Retries", value: whole(progress.retries), note: `of ${plural(progress.requests, "request")}` },
        { label: "Rejected", value: whole(progress.rejected) },
        { label: "Received", value: bytes(progress.bytes_received) },
      ]} />
      {live.rates.length > 3 && live.rates.at(-1)!.at - live.rates[0].at > 1 && <RateLine samples={live.rates} />}
    </div>
  );
}
