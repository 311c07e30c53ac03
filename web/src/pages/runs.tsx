// The list of runs, by zip code and state.
import { useEffect, useState } from "preact/hooks";
import { get, query, type Problem } from "../api";
import { asProblem, go, useData } from "../data";
import { duration } from "../format";
import { Card, Empty, Failure, Head, Moment, Shown, State, Table } from "../parts";
import type { Page, Run } from "../types";

const kStates = ["queued", "running", "complete", "unverified", "incomplete", "failed", "cancelled"];

function Rows(props: { runs: Run[] }) {
  return (
    <Table label="Runs" head={[{ text: "Run", number: true }, { text: "Zip code" }, { text: "State" }, { text: "Asked for" }, { text: "Took", number: true }, { text: "What happened" }]}>
      {props.runs.map((run) => (
        <tr key={run.run}>
          <th scope="row" class="number"><a class="strong" href={`#/runs/${run.run}`}>{run.run}</a></th>
          <td><a href={`#/zip/${run.zipcode}`}>{run.zipcode}</a></td>
          <td><State state={run.state} paused={run.paused} /></td>
          <td><Moment at={run.requested_at} /></td>
          <td class="number">{run.seconds === undefined ? "–" : duration(run.seconds)}</td>
          <td class="long">{run.error ? <span class="clip" title={run.error}>{run.failed_step && `${run.failed_step}: `}{run.error}</span> : <span class="faint">–</span>}</td>
        </tr>
      ))}
    </Table>
  );
}

function Filters(props: { zipcode: string; state: string }) {
  const [zipcode, setZipcode] = useState(props.zipcode);
  const show = (state: string) => go(`/runs${query({ zipcode, state })}`);
  return (
    <form class="row" onSubmit={(event) => { event.preventDefault(); show(props.state); }}>
      <label class="field">
        <span>Zip code</span>
        <input inputMode="numeric" pattern="[0-9]{5}" maxLength={5} title="Five digits" placeholder="all" value={zipcode} onInput={(event) => setZipcode(event.currentTarget.value)} />
      </label>
      <label class="field">
        <span>State</span>
        <select value={props.state} onChange={(event) => show(event.currentTarget.value)}>
          <option value="">all</option>
          {kStates.map((state) => <option key={state} value={state}>{state}</option>)}
        </select>
      </label>
      <button type="submit" class="quiet">Show</button>
    </form>
  );
}

export function Runs(props: { zipcode: string; state: string }) {
  const path = `runs${query({ zipcode: props.zipcode, state: props.state, limit: 50 })}`;
  const runs = useData<Page<Run>>(path, 4000);
  const [older, setOlder] = useState<Page<Run>>({ items: [], next: null });
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => setOlder({ items: [], next: null }), [path]);
  const more = async (next: string) => {
    try {
      const page = await get<Page<Run>>(next);
      setOlder((before) => ({ items: [...before.items, ...page.items], next: page.next }));
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <>
      <Head title="Runs" note="Every load, the latest first." />
      <Card title="Loads" actions={<Filters key={path} zipcode={props.zipcode} state={props.state} />}>
        <Shown of={runs} lines={6}>
          {(page) => {
            const next = older.items.length > 0 ? older.next : page.next;
            const known = new Set(page.items.map((run) => run.run));
            return page.items.length === 0 ? <Empty><p>There are no such runs. <a href="#/">Load a zip code</a>.</p></Empty> : (
              <>
                <Rows runs={[...page.items, ...older.items.filter((run) => !known.has(run.run))]} />
                {problem && <Failure problem={problem} />}
                {next && <div class="more"><button type="button" class="quiet" onClick={() => void more(next)}>Older runs</button></div>}
              </>
            );
          }}
        </Shown>
      </Card>
    </>
  );
}
