// The patients of a zip code, with search.
import { useEffect, useState } from "preact/hooks";
import { download, get, query as queryOf, type Problem } from "../api";
import { asProblem, go, useData } from "../data";
import { age, estimated } from "../format";
import { Card, Empty, Failure, Head, RawButton, Shown, Table } from "../parts";
import type { Page, Patient } from "../types";

const kFields = ["last_name", "first_name", "gender", "born_from", "born_until"] as const;
type Search = Record<(typeof kFields)[number], string>;

function apiQuery(zipcode: string, search: Search, more: Record<string, string | number>): string {
  const birth_date = [search.born_from && `ge${search.born_from}`, search.born_until && `le${search.born_until}`].filter(Boolean);
  return queryOf({ zipcode, last_name: search.last_name, first_name: search.first_name, gender: search.gender, birth_date, ...more });
}

function SearchForm(props: { zipcode: string; search: Search }) {
  const [typed, setTyped] = useState(props.search);
  const set = (name: keyof Search) => (event: { currentTarget: { value: string } }) => setTyped({ ...typed, [name]: event.currentTarget.value });
  const show = (event: Event) => {
    event.preventDefault();
    go(`/zip/${props.zipcode}/patients${queryOf(typed)}`);
  };
  return (
    <form class="row" role="search" onSubmit={show}>
      <label class="field"><span>Last name</span><input value={typed.last_name} onInput={set("last_name")} placeholder="begins with" autocomplete="off" /></label>
      <label class="field"><span>First name</span><input value={typed.first_name} onInput={set("first_name")} placeholder="begins with" autocomplete="off" /></label>
      <label class="field"><span>Sex</span>
        <select value={typed.gender} onChange={set("gender")}>
          <option value="">all</option>{["female", "male", "other", "unknown"].map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </label>
      <label class="field"><span>Born from</span><input type="date" value={typed.born_from} onInput={set("born_from")} /></label>
      <label class="field"><span>until</span><input type="date" value={typed.born_until} onInput={set("born_until")} /></label>
      <button type="submit">Search</button>
    </form>
  );
}

export function nameOf(patient: Patient): string {
  return patient.display_name ?? ([patient.given, patient.family].filter(Boolean).join(" ") || patient.id);
}

function Rows(props: { patients: Patient[] }) {
  return (
    <Table label="Patients" head={[{ text: "Name" }, { text: "Born" }, { text: "Age", number: true }, { text: "Sex" }, { text: "Address" }, { text: "FHIR", hide: true }]}>
      {props.patients.map((patient) => (
        <tr key={patient.id}>
          <th scope="row"><a class="strong" href={`#/patients/${encodeURIComponent(patient.id)}`}>{nameOf(patient)}</a></th>
          <td>{patient.birth_date_text ?? patient.birth_date ?? "–"}</td>
          <td class="number">{patient.birth_date ? age(patient.birth_date, patient.deceased_at_text) : "–"}{patient.deceased && <span title="has died"> †</span>}</td>
          <td>{patient.gender ?? "–"}</td>
          <td class="long">{[patient.address_line, patient.city].filter(Boolean).join(", ") || "–"}</td>
          <td class="number"><RawButton title={nameOf(patient)} path={`patients/${encodeURIComponent(patient.id)}/raw`} /></td>
        </tr>
      ))}
    </Table>
  );
}

export function Patients(props: { zipcode: string; query: URLSearchParams }) {
  const search = Object.fromEntries(kFields.map((name) => [name, props.query.get(name) ?? ""])) as Search;
  const path = `patients${apiQuery(props.zipcode, search, { limit: 50, count: "estimated" })}`;
  const first = useData<Page<Patient> & { count?: number }>(path);
  const [more, setMore] = useState<Page<Patient>>({ items: [], next: null });
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => setMore({ items: [], next: null }), [path]);
  const fetchMore = async (next: string) => {
    try {
      const page = await get<Page<Patient>>(next);
      setMore((before) => ({ items: [...before.items, ...page.items], next: page.next }));
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const save = () => download(`patients${apiQuery(props.zipcode, search, { format: "csv" })}`, `patients-${props.zipcode}.csv`).catch((error) => setProblem(asProblem(error)));
  return (
    <>
      <Head above={<><a href="#/">Zip codes</a> / <a href={`#/zip/${props.zipcode}`}>{props.zipcode}</a></>} title={`Patients of ${props.zipcode}`}
        actions={<button type="button" class="quiet" onClick={() => void save()}>These as CSV</button>} />
      <Card><SearchForm key={path} zipcode={props.zipcode} search={search} /></Card>
      {problem && <Failure problem={problem} />}
      <Card title="Found" note={first.data && (first.data.count !== undefined ? `${estimated(first.data.count)} patients, by their ids` : "By their ids")}>
        <Shown of={first} lines={10}>
          {(page) => {
            const next = more.items.length > 0 ? more.next : page.next;
            return page.items.length === 0 ? <Empty><p>Nobody is found. Names are compared from their beginning, without case.</p></Empty> : (
              <>
                <Rows patients={[...page.items, ...more.items]} />
                {next && <div class="more"><button type="button" class="quiet" onClick={() => void fetchMore(next)}>More</button></div>}
              </>
            );
          }}
        </Shown>
      </Card>
    </>
  );
}
