// One patient: who it is, and the observations as tables with a line for each code.
import { useEffect, useState } from "preact/hooks";
import { get, type Problem } from "../api";
import { Sparkline } from "../charts/sparkline";
import { asProblem, useData, useSession } from "../data";
import { age, day, plural, whole } from "../format";
import { Card, Empty, Failure, Head, Loading, RawButton, Shown, Table } from "../parts";
import type { Observation, Page, Patient } from "../types";
import { nameOf } from "./patients";
import { OtherRecords } from "./records";
import { seriesOf, type Series } from "./series";

const kMost = 5000;

function Facts(props: { patient: Patient }) {
  const { patient } = props;
  const facts: [string, string | undefined][] = [
    ["Born", patient.birth_date_text ?? patient.birth_date],
    [patient.deceased ? "Died" : "Age", patient.deceased ? patient.deceased_at_text ?? "yes" : patient.birth_date && `${age(patient.birth_date)} years`],
    ["Sex", patient.gender],
    ["Address", [patient.address_line, patient.city, patient.state, patient.postal_code].filter(Boolean).join(", ") || undefined],
    ["Race", patient.race], ["Ethnicity", patient.ethnicity], ["Language", patient.language], ["Record number", patient.mrn], ["Id", patient.id],
  ];
  return (
    <dl class="facts">
      {facts.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd class={name === "Id" ? "code" : ""}>{value}</dd></div>)}
    </dl>
  );
}

// All observations, page by page, up to some thousands.
function useObservations(id: string) {
  const [found, setFound] = useState<{ items: Observation[]; done: boolean; more: boolean; problem?: Problem }>({ items: [], done: false, more: false });
  const { version } = useSession();
  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      const items: Observation[] = [];
      let next: string | null = `patients/${encodeURIComponent(id)}/observations?limit=1000&sort=effective`;
      while (next && items.length < kMost) {
        const page: Page<Observation> = await get<Page<Observation>>(next, abort.signal);
        items.push(...page.items);
        next = page.next;
        setFound({ items: [...items], done: next === null || items.length >= kMost, more: next !== null });
      }
    };
    read().catch((error) => {
      if (!abort.signal.aborted) setFound((before) => ({ ...before, done: true, problem: asProblem(error) }));
    });
    return () => abort.abort();
  }, [id, version]);
  return found;
}

function Values(props: { series: Series }) {
  return (
    <Table label={`Values of ${props.series.name}`} head={[{ text: "When" }, { text: "Value", number: true }, { text: "Status" }, { text: "FHIR", hide: true }]}>
      {[...props.series.values].reverse().map((one) => (
        <tr key={one.observation.id}>
          <td>{one.observation.effective_start_text ?? "–"}</td>
          <td class="number">{one.text}</td>
          <td class="faint">{one.observation.status}</td>
          <td class="number"><RawButton title={`Observation ${one.observation.id}`} path={`observations/${encodeURIComponent(one.observation.id)}/raw`} /></td>
        </tr>
      ))}
    </Table>
  );
}

function SeriesRow(props: { series: Series }) {
  const { series } = props;
  const [open, setOpen] = useState(false);
  const last = series.values.at(-1)!;
  return (
    <>
      <tr class={open ? "chosen" : ""}>
        <th scope="row" class="long">
          <button type="button" class="link row-button" aria-expanded={open} onClick={() => setOpen(!open)}><span class="turn" aria-hidden="true">▸</span><span>{series.name}</span></button>
          <small class="note"><span class="code">{series.code}</span>{series.panel && `, part of ${series.panel}`}</small>
        </th>
        <td class="number strong">{last.text}</td>
        <td><Sparkline points={series.points} low={series.low} high={series.high} /></td>
        <td class="number">{whole(series.values.length)}</td>
        <td class="nowrap">{last.observation.effective_start ? day(last.observation.effective_start) : "–"}</td>
      </tr>
      {open && <tr class="detail"><td colSpan={5}><Values series={series} /></td></tr>}
    </>
  );
}

function Observations(props: { id: string }) {
  const { items, done, more, problem } = useObservations(props.id);
  const [search, setSearch] = useState("");
  const words = search.trim().toLowerCase();
  const categories = seriesOf(items, (name) => !words || name.toLowerCase().includes(words));
  if (problem) return <Failure problem={problem} />;
  if (!done && items.length === 0) return <Card title="Observations"><Loading lines={8} /></Card>;
  if (items.length === 0) return <Card title="Observations"><Empty><p>There are no observations of this patient.</p></Empty></Card>;
  return (
    <>
      <Card title="Observations" note={`${plural(items.length, "observation")}${more ? ", the oldest of them; there are more" : ""}. A line is the values over time; the grey band is the reference range.`}>
        <label class="field narrow"><span>Find</span><input type="search" placeholder="name or code" value={search} onInput={(event) => setSearch(event.currentTarget.value)} /></label>
      </Card>
      {categories.map(([category, list]) => (
        <Card key={category} title={category}>
          <Table label={`Observations: ${category}`} head={[{ text: "Observation" }, { text: "Last value", number: true }, { text: "Over time" }, { text: "Values", number: true }, { text: "Last" }]}>
            {list.map((series) => <SeriesRow key={series.key} series={series} />)}
          </Table>
        </Card>
      ))}
      {categories.length === 0 && <Empty><p>No observation has this in its name.</p></Empty>}
    </>
  );
}

export function PatientPage(props: { id: string }) {
  const patient = useData<Patient>(`patients/${encodeURIComponent(props.id)}`);
  const zipcode = patient.data?.postal_code?.slice(0, 5);
  return (
    <>
      <Head above={<><a href="#/">Zip codes</a>{zipcode && <> / <a href={`#/zip/${zipcode}`}>{zipcode}</a> / <a href={`#/zip/${zipcode}/patients`}>Patients</a></>}</>}
        title={patient.data ? nameOf(patient.data) : "Patient"}
        actions={patient.data && <RawButton title={nameOf(patient.data)} path={`patients/${encodeURIComponent(props.id)}/raw`} label="FHIR JSON" />} />
      <Shown of={patient} lines={3}>{(one) => <><Card><Facts patient={one} /></Card><Observations id={props.id} /><OtherRecords patient={props.id} /></>}</Shown>
    </>
  );
}

