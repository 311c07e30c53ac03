// What is loaded, what is under way, and the form that begins a load.
import { useState } from "preact/hooks";
import { post, type Problem } from "../api";
import { openApi } from "../catalog";
import { asProblem, go, useData } from "../data";
import { duration, plural, whole } from "../format";
import { Card, Empty, Failure, Head, Moment, Shown, State, Table } from "../parts";
import { session } from "../session";
import { LiveRun } from "./live";
import type { Page, Run, Schedule, Zipcode } from "../types";

function ResourceChoice(props: { chosen: string[]; choose: (names: string[]) => void }) {
  const [names, setNames] = useState<string[]>();
  const look = async () => {
    if (names) return;
    const document = await openApi(session().version);
    const schema = document.paths["/zipcodes"]?.post?.requestBody?.content["application/json"].schema;
    setNames(schema?.properties?.resources?.items?.enum ?? []);
  };
  return (
    <details class="choice" onToggle={() => void look()}>
      <summary>{props.chosen.length > 0 ? `Loads ${props.chosen.join(", ")}` : "What to load"}</summary>
      <fieldset>
        <legend class="note">Nothing chosen: what the server is set to load.</legend>
        {names?.map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={props.chosen.includes(name)}
              onChange={(event) => props.choose(event.currentTarget.checked ? [...props.chosen, name] : props.chosen.filter((one) => one !== name))} />
            {name.replaceAll("_", " ")}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

function StartForm() {
  const [zipcode, setZipcode] = useState("");
  const [resources, setResources] = useState<string[]>([]);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const start = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const run = await post<Run>("zipcodes", resources.length > 0 ? { zipcode, resources } : { zipcode });
      go(`/runs/${run.run}`);
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };
  return (
    <Card title="Load a zip code" note="Its patients and their observations, from the FHIR server into PostgreSQL. What is there already is brought up to date.">
      <form class="row" onSubmit={start}>
        <label class="field">
          <span>Zip code</span>
          <input name="zipcode" inputMode="numeric" pattern="[0-9]{5}" maxLength={5} required autocomplete="off" placeholder="02139" title="Five digits"
            value={zipcode} onInput={(event) => setZipcode(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={busy}>{busy ? "Asking…" : "Load"}</button>
      </form>
      <ResourceChoice chosen={resources} choose={setResources} />
      {problem && <Failure problem={problem} />}
    </Card>
  );
}

function Freshness(props: { zipcode: Zipcode; schedule?: Schedule }) {
  const { zipcode, schedule } = props;
  return (
    <>
      {zipcode.as_of ? <Moment at={zipcode.as_of} relative /> : <span class="faint">never complete</span>}
      {schedule && (
        <small class="note">{schedule.paused ? "schedule paused" : schedule.every_seconds ? `loaded every ${duration(schedule.every_seconds)}` : `loaded by ${schedule.cron}`}</small>
      )}
    </>
  );
}

function Zipcodes(props: { page: Page<Zipcode>; schedules: Schedule[] }) {
  if (props.page.items.length === 0) {
    return <Empty><p><strong>Nothing is loaded yet.</strong> Type a zip code above: it takes seconds for a small one, and this page shows how far it is.</p></Empty>;
  }
  return (
    <Table label="Zip codes" head={[{ text: "Zip code" }, { text: "Patients", number: true }, { text: "Observations", number: true }, { text: "As of" }, { text: "Last run" }]}>
      {props.page.items.map((one) => (
        <tr key={one.zipcode}>
          <th scope="row"><a class="strong" href={`#/zip/${one.zipcode}`}>{one.zipcode}</a></th>
          <td class="number">{whole(one.patients)}</td>
          <td class="number">{whole(one.observations)}</td>
          <td><Freshness zipcode={one} schedule={props.schedules.find((schedule) => schedule.zipcode === one.zipcode)} /></td>
          <td><a class="plain" href={`#/runs/${one.last_run.run}`}><State state={one.last_run.state} /> <span class="faint">run {one.last_run.run}</span></a></td>
        </tr>
      ))}
    </Table>
  );
}

function UnderWay() {
  const running = useData<Page<Run>>("runs?state=running&limit=20", 3000);
  const queued = useData<Page<Run>>("runs?state=queued&limit=20", 3000);
  const runs = [...(running.data?.items ?? []), ...(queued.data?.items ?? [])];
  if (runs.length === 0) return null;
  return (
    <Card title="Under way" note={plural(runs.length, "load")}>
      <ul class="runs">{runs.map((run) => <li key={run.run}><LiveRun run={run} /></li>)}</ul>
    </Card>
  );
}

export function Overview() {
  const zipcodes = useData<Page<Zipcode>>("zipcodes?limit=500", 5000);
  const schedules = useData<Page<Schedule>>("schedules?limit=500", 60000);
  return (
    <>
      <Head title="Zip codes" note="What is loaded, whole and as of when." />
      <StartForm />
      <UnderWay />
      <Card title="Loaded">
        <Shown of={zipcodes} lines={4}>{(page) => <Zipcodes page={page} schedules={schedules.data?.items ?? []} />}</Shown>
      </Card>
    </>
  );
}
