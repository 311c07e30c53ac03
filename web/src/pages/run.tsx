// One run: live while it goes, its receipt as a plain answer, what was rejected, and the steps on the time of the run.
import { useEffect, useRef, useState } from "preact/hooks";
import { post, type Problem } from "../api";
import { asProblem, useData } from "../data";
import { clock, duration, full } from "../format";
import { Card, Failure, Head, Shown, State } from "../parts";
import type { Run, RunDetail, RunSteps } from "../types";
import { fractionOf, isOpen, LivePanel, useLive } from "./live";
import { ReceiptTable, Rejects, sentence } from "./receipt";
import { Timeline } from "./timeline";

type Control = "pause" | "resume" | "cancel" | "retry";
const kWords: Record<Control, string> = { pause: "Pause", resume: "Resume", cancel: "Cancel", retry: "Retry" };

function controlsOf(run: Run): Control[] {
  if (isOpen(run)) return [run.paused ? "resume" : "pause", "cancel"];
  return run.state === "failed" || run.state === "cancelled" ? ["retry"] : [];
}

// For who reads by ear: how far it is, in steps of a tenth, and how it ended.
function Announcement(props: { run?: RunDetail }) {
  return <p class="hidden" role="status" aria-label="Progress">{props.run && wordsFor(props.run)}</p>;
}

function wordsFor(run: RunDetail): string {
  const load = `Load of ${run.zipcode}`;
  if (run.state === "failed" || run.state === "cancelled") return `${load} ${ending(run)}`;
  if (!isOpen(run)) return `${load}: ${sentence(run, run.receipts)}`;
  const done = Math.floor(10 * (fractionOf(run.progress) ?? 0)) * 10;
  return `${load}: ${run.paused ? "paused at " : ""}${done}%`;
}

function ending(run: Run): string {
  return run.state === "failed" ? `failed${run.failed_step ? ` at ${run.failed_step.replaceAll("_", " ")}` : ""}` : "cancelled";
}

function Controls(props: { run: Run; done: () => void; failed: (problem?: Problem) => void }) {
  const [busy, setBusy] = useState<Control>();
  const controls = controlsOf(props.run);
  // The button that was used goes with its use: the focus goes back to the heading, not to the page's beginning.
  const used = useRef(false);
  useEffect(() => {
    if (used.current && document.activeElement === document.body) document.querySelector<HTMLElement>("main h1")?.focus();
    used.current = false;
  }, [controls.join()]);
  const act = async (control: Control) => {
    setBusy(control);
    used.current = true;
    props.failed(undefined);
    try {
      await post(`runs/${props.run.run}/${control}`);
      props.done();
    } catch (error) {
      props.failed(asProblem(error));
    }
    setBusy(undefined);
  };
  return (
    <>
      {controls.map((control) => (
        <button key={control} type="button" class={control === "retry" ? "" : control === "cancel" ? "quiet danger" : "quiet"} aria-disabled={busy !== undefined} onClick={() => busy === undefined && void act(control)}>
          {busy === control ? `${kWords[control]}…` : kWords[control]}
        </button>
      ))}
    </>
  );
}

function Answer(props: { run: RunDetail }) {
  const { run } = props;
  if (run.state === "failed" || run.state === "cancelled") {
    return (
      <Card title="How it ended">
        <p class={`answer ${run.state}`}>{ending(run)}.</p>
        {run.error && <p class="error-text">{run.error}</p>}
        <p class="note">What it had loaded stays. A retry goes on from this step; what was finished is not fetched again.</p>
      </Card>
    );
  }
  return (
    <Card title="Receipt" note="What the server says it has, and what became of every entry.">
      <p class={`answer ${run.state}`}>{sentence(run, run.receipts)}</p>
      {run.receipts.length > 0 && <ReceiptTable receipts={run.receipts} />}
    </Card>
  );
}

// Steps are asked for again as the run goes on, but not with each event.
const kStepsEvery = 2000;

export function RunPage(props: { run: number }) {
  const [turn, setTurn] = useState(0);
  const asked = useData<RunDetail>(`runs/${props.run}`);
  const follow = asked.data !== undefined && (isOpen(asked.data) || turn > 0);
  const live = useLive(props.run, follow, turn);
  const [problem, setProblem] = useState<Problem>();
  const detail = (follow ? live.detail : undefined) ?? asked.data;
  const open = detail !== undefined && isOpen(detail);
  const steps = useData<RunSteps>(`runs/${props.run}/steps`, open ? kStepsEvery : 0);
  useEffect(() => {
    if (detail && !isOpen(detail)) steps.reload();
  }, [detail?.state]);
  const again = () => {
    asked.reload();
    setTurn((before) => before + 1);
  };
  return (
    <>
      <Head
        above={<><a href="#/runs">Runs</a>{detail && <> / <a href={`#/zip/${detail.zipcode}`}>{detail.zipcode}</a></>}</>}
        title={<>Run {props.run} {detail && <State state={detail.state} paused={detail.paused} />}</>}
        note={detail && <>
          Zip code {detail.zipcode} from <span class="break">{detail.source_url}</span>, asked for <time dateTime={detail.requested_at} title={full(detail.requested_at)}>{clock(detail.requested_at)}</time>
          {detail.finished_at && detail.seconds !== undefined && <>, took {duration(detail.seconds)}</>}
        </>}
        actions={detail && <Controls run={detail} done={again} failed={setProblem} />}
      />
      <Announcement run={detail} />
      {problem && <Failure problem={problem} />}
      {live.problem && <Failure problem={live.problem} retry={again} />}
      <Shown of={{ ...asked, data: detail }} lines={6}>
        {(run) => (
          <>
            {isOpen(run) ? <Card title="Progress"><LivePanel live={live} detail={run} /></Card> : <Answer run={run} />}
            <Rejects run={run} />
            <Card title="Steps" note="When each ran. A step that fails is tried again by its policy; every attempt is shown.">
              <Timeline steps={steps} />
            </Card>
          </>
        )}
      </Shown>
    </>
  );
}
