// A zip code: is its data there, whole and plausible?
import { useState } from "preact/hooks";
import { download, post, query, type Problem } from "../api";
import { MonthBars } from "../charts/months";
import { Pyramid } from "../charts/pyramid";
import { asProblem, go, useData } from "../data";
import { saveDictionary } from "../dictionary";
import { ago, clock, duration, percent, plural, since, whole } from "../format";
import { Card, Empty, Failure, Head, Moment, Shown, State, Table, Tiles } from "../parts";
import type { CodeCount, Counts, Page, Run, RunDetail, Schedule, Zipcode } from "../types";
import { CodePanel } from "./code";
import { isOpen } from "./live";
import { sentence } from "./receipt";

function Whole(props: { zipcode: Zipcode; schedule?: Schedule }) {
  const { zipcode, schedule } = props;
  const complete = zipcode.last_complete_run;
  const run = useData<RunDetail>(complete ? `runs/${complete.run}` : null);
  const next = schedule && (schedule.paused ? "its schedule is paused" : schedule.next_at ? `next load ${clock(schedule.next_at)}` : "");
  const latest = zipcode.last_run;
  return (
    <Card title="Is it whole?">
      {!complete && <p class="answer incomplete">No load of this zip code is complete yet. What was seen so far is shown.</p>}
      {complete && <Shown of={run} lines={1}>{(detail) => <p class={`answer ${detail.state}`}>{sentence(detail, detail.receipts)}</p>}</Shown>}
      <p class="note">
        {zipcode.as_of && <>What is shown is as of {ago(since(zipcode.as_of))}, by <a href={`#/runs/${complete!.run}`}>run {complete!.run}</a>. </>}
        {next && <>{next[0].toUpperCase() + next.slice(1)}{schedule!.every_seconds ? `, every ${duration(schedule!.every_seconds)}` : ""}. </>}
        {latest.run !== complete?.run && <>The latest run is <a href={`#/runs/${latest.run}`}>run {latest.run}</a>: <State state={latest.state} />, asked for <Moment at={latest.requested_at} />. </>}
      </p>
    </Card>
  );
}

function Codes(props: { zipcode: string; codes: CodeCount[]; chosen: string }) {
  const [shown, setShown] = useState(12);
  const [search, setSearch] = useState("");
  const words = search.trim().toLowerCase();
  const found = props.codes.filter((one) => !words || `${one.code ?? ""} ${one.display ?? ""}`.toLowerCase().includes(words));
  const most = Math.max(1, ...props.codes.map((one) => one.observations));
  return (
    <>
      <div class="row">
        <label class="field grow"><span>Find a code</span><input type="search" placeholder="4548-4 or glucose" value={search} onInput={(event) => setSearch(event.currentTarget.value)} /></label>
      </div>
      <Table label="Codes by how often they were observed" head={[{ text: "Code" }, { text: "Observations", number: true }, { text: "Share", hide: true, class: "share" }, { text: "Patients", number: true }, { text: "Without a value", number: true }]}>
        {found.slice(0, shown).map((one) => (
          <tr key={one.code ?? ""} class={one.code === props.chosen ? "chosen" : ""}>
            <th scope="row" class="long">
              {one.code ? <a href={`#/zip/${props.zipcode}${query({ code: one.code })}`} aria-current={one.code === props.chosen ? "true" : undefined}>{one.display ?? one.code}</a> : <span class="faint">without a code</span>}
              {one.display && <small class="note code">{one.code}</small>}
            </th>
            <td class="number">{whole(one.observations)}</td>
            <td class="share"><span aria-hidden="true" style={{ width: `${(100 * one.observations) / most}%` }} /></td>
            <td class="number">{whole(one.patients)}</td>
            <td class={`number ${one.missing > 0 ? "" : "faint"}`}>{percent(one.missing, one.observations)}</td>
          </tr>
        ))}
      </Table>
      {found.length === 0 && <Empty><p>No code has this in its name.</p></Empty>}
      {found.length > shown && <div class="more"><button type="button" class="quiet" onClick={() => setShown(shown + 50)}>More of {plural(found.length, "code")}</button></div>}
    </>
  );
}

function Downloads(props: { zipcode: string; code: string }) {
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState("");
  const take = async (name: string, work: () => Promise<void>) => {
    setBusy(name);
    setProblem(undefined);
    await work().catch((error) => setProblem(asProblem(error)));
    setBusy("");
  };
  const csv = (table: string, code = "") => () => download(`${table}${query({ zipcode: props.zipcode, code, format: "csv" })}`, `${table}-${props.zipcode}${code && `-${code}`}.csv`);
  const files: [string, () => Promise<void>][] = [["Patients", csv("patients")], ["Observations", csv("observations")]];
  if (props.code) files.push([`Observations of ${props.code}`, csv("observations", props.code)]);
  files.push(["Data dictionary", saveDictionary]);
  return (
    <Card title="Take it along" note="CSV of all rows, as of the last complete run. The dictionary says what each column means.">
      <div class="actions wrap">
        {files.map(([name, work]) => <button key={name} type="button" class="quiet" disabled={busy !== ""} onClick={() => void take(name, work)}>{busy === name ? "Fetching…" : `${name} (CSV)`}</button>)}
      </div>
      {problem && <Failure problem={problem} />}
    </Card>
  );
}

function LoadAgain(props: { zipcode: string; failed: (problem: Problem) => void }) {
  const start = async () => {
    try {
      go(`/runs/${(await post<Run>("zipcodes", { zipcode: props.zipcode })).run}`);
    } catch (error) {
      props.failed(asProblem(error));
    }
  };
  return <button type="button" onClick={() => void start()}>Load again</button>;
}

function Charts(props: { zipcode: string; code: string; unit: string }) {
  const { zipcode } = props;
  const ages = useData<Counts>(`stats/patients?by=gender,age_group&zipcode=${zipcode}`);
  const months = useData<Counts>(`stats/observations?by=month&zipcode=${zipcode}&limit=10000`);
  const codes = useData<{ items: CodeCount[] }>(`stats/codes?zipcode=${zipcode}&limit=2000`);
  const dated = (months.data?.items ?? []).filter((item) => item.month).map((item) => ({ month: item.month!, count: item.count }));
  const undated = (months.data?.items ?? []).filter((item) => !item.month).reduce((sum, item) => sum + item.count, 0);
  const chosen = props.code || (codes.data?.items.find((one) => one.code && one.numbers > 0)?.code ?? "");
  return (
    <>
      <div class="pair">
        <Card title="Patients by age and sex"><Shown of={ages} lines={8}>{(counts) => (counts.items.length === 0 ? <Empty><p>No patients.</p></Empty> : <Pyramid counts={counts} />)}</Shown></Card>
        <Card title="Observations by month" note={undated > 0 ? `${plural(undated, "observation")} without a date not shown` : undefined}>
          <Shown of={months} lines={8}>{() => (dated.length === 0 ? <Empty><p>No observations.</p></Empty> : <MonthBars months={dated} />)}</Shown>
        </Card>
      </div>
      <Card title="Most frequent codes" note={codes.data && `${plural(codes.data.items.length, "code")}. Choose one to see its values.`}>
        <Shown of={codes} lines={8}>{(list) => (list.items.length === 0 ? <Empty><p>No observations.</p></Empty> : <Codes zipcode={zipcode} codes={list.items} chosen={chosen} />)}</Shown>
      </Card>
      {chosen && <CodePanel key={chosen} zipcode={zipcode} code={chosen} unit={props.unit} />}
      <Downloads zipcode={zipcode} code={chosen} />
    </>
  );
}

export function ZipcodePage(props: { zipcode: string; code: string; unit: string }) {
  const zipcode = useData<Zipcode>(`zipcodes/${props.zipcode}`, 10000);
  const schedules = useData<Page<Schedule>>(`schedules?zipcode=${props.zipcode}`);
  const [problem, setProblem] = useState<Problem>();
  const open = zipcode.data && isOpen(zipcode.data.last_run);
  const unknown = zipcode.problem?.status === 404;
  return (
    <>
      <Head above={<a href="#/">Zip codes</a>} title={props.zipcode}
        actions={<>
          {zipcode.data && <a class="button quiet" href={`#/zip/${props.zipcode}/patients`}>Patients</a>}
          <a class="button quiet" href={`#/runs?zipcode=${props.zipcode}`}>Runs</a>
          {open ? <a class="button" href={`#/runs/${zipcode.data!.last_run.run}`}>Watch the load</a> : <LoadAgain zipcode={props.zipcode} failed={setProblem} />}
        </>} />
      {problem && <Failure problem={problem} />}
      {unknown ? <Empty><p>This zip code was never loaded. <em>Load again</em> loads it for the first time.</p></Empty> : (
        <Shown of={zipcode} lines={8}>
          {(one) => (
            <>
              <Whole zipcode={one} schedule={schedules.data?.items[0]} />
              <Tiles of={[
                { label: "Patients", value: whole(one.patients) },
                { label: "Observations", value: whole(one.observations) },
                { label: "A patient", value: one.patients > 0 ? whole(one.observations / one.patients) : "–", note: "observations on average" },
                { label: "As of", value: one.as_of ? ago(since(one.as_of)) : "–", note: one.as_of && clock(one.as_of) },
              ]} />
              <Charts key={one.last_complete_run?.run ?? 0} zipcode={props.zipcode} code={props.code} unit={props.unit} />
            </>
          )}
        </Shown>
      )}
    </>
  );
}
