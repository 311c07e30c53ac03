// One table: its rows with filters, in any order that the API has, as CSV too; and what its columns mean.
import { useEffect, useRef, useState } from "preact/hooks";
import { download, get, query, type Problem } from "../api";
import { useCatalog, type Filter, type Table as Listed } from "../catalog";
import { asProblem, go, useData } from "../data";
import { estimated } from "../format";
import { Card, Empty, Failure, Head, Loading, Shown, Table } from "../parts";
import type { Page } from "../types";
import { ColumnChoice, Rows, shownColumns, useColumns, words, type Row } from "./rows";

type Chosen = [string, string][];  // filters and their values

function FilterForm(props: { table: Listed; add: (name: string, value: string) => void; sort: string; order: (by: string) => void }) {
  const filters: Filter[] = [...props.table.filters];
  if (props.table.byZipcode) filters.unshift({ name: "zipcode", description: "Of the patients that the zip code's last complete run has seen.", choices: [] });
  const [name, setName] = useState(filters[0]?.name ?? "");
  const [value, setValue] = useState("");
  const filter = filters.find((one) => one.name === name);
  if (!filter) return null;
  const choose = (other: string) => {
    setName(other);
    setValue(filters.find((one) => one.name === other)?.choices[0] ?? "");
  };
  const add = (event: Event) => {
    event.preventDefault();
    if (value.trim()) props.add(name, value.trim());
    setValue(filter.choices[0] ?? "");
  };
  return (
    <form class="stack tight" role="search" aria-label="Filter the rows" onSubmit={add}>
      <div class="row">
        <label class="field"><span>Filter by</span>
          <select value={name} onChange={(event) => choose(event.currentTarget.value)}>{filters.map((one) => <option key={one.name} value={one.name}>{words(one.name)}</option>)}</select>
        </label>
        <label class="field"><span>Value</span>
          {filter.choices.length > 0
            ? <select value={value} aria-describedby="filter-says" onChange={(event) => setValue(event.currentTarget.value)}>{filter.choices.map((one) => <option key={one} value={one}>{one}</option>)}</select>
            : <input required autocomplete="off" spellcheck={false} aria-describedby="filter-says" value={value} onInput={(event) => setValue(event.currentTarget.value)} />}
        </label>
        <button type="submit" class="quiet">Filter</button>
        <label class="field last"><span>Order</span>
          <select value={props.sort || props.table.key} onChange={(event) => props.order(event.currentTarget.value)}>
            {props.table.sorts.map((one) => <><option key={one} value={one}>{words(one)}</option><option key={`-${one}`} value={`-${one}`}>{words(one)}, downwards</option></>)}
          </select>
        </label>
      </div>
      <p class="note" id="filter-says">{filter.description}</p>
    </form>
  );
}

function Chips(props: { filters: Chosen; remove: (at: number) => void }) {
  if (props.filters.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {props.filters.map(([name, value], at) => (
        <li key={`${name}=${value}`}>
          <span>{words(name)}: <strong>{value}</strong></span>
          <button type="button" class="link" aria-label={`Remove the filter ${words(name)} ${value}`} onClick={() => props.remove(at)}>×</button>
        </li>
      ))}
    </ul>
  );
}

function Meanings(props: { table: Listed }) {
  return (
    <Card title="What the columns mean">
      <Table label="Columns" head={[{ text: "Column" }, { text: "Type" }, { text: "Meaning" }]}>
        {props.table.columns.map((column) => (
          <tr key={column.name}>
            <th scope="row" class="code">{column.name}</th>
            <td>{column.part ? "rows of their own" : column.format || column.type}</td>
            <td class="long">{column.description || <span class="faint">–</span>}</td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function Contents(props: { table: Listed; filters: Chosen; sort: string }) {
  const { table, filters, sort } = props;
  const [chosen, setChosen] = useColumns();
  const values: Record<string, string[]> = {};
  for (const [name, value] of filters) (values[name] ??= []).push(value);
  const path = `${table.name}${query({ ...values, sort, limit: 50, count: "estimated" })}`;
  const first = useData<Page<Row> & { count?: number }>(path);
  const [more, setMore] = useState<Page<Row>>({ items: [], next: null });
  const [problem, setProblem] = useState<Problem>();
  const wanted = useRef(path);
  wanted.current = path;
  useEffect(() => setMore({ items: [], next: null }), [path]);
  const show = (others: Chosen, order: string) => {
    const search = new URLSearchParams(others);
    if (order) search.set("sort", order);
    const text = search.toString();
    go(`/tables/${table.name}${text && `?${text}`}`);
  };
  const fetchMore = async (next: string) => {
    try {
      const page = await get<Page<Row>>(next);
      if (wanted.current === path) setMore((before) => ({ items: [...before.items, ...page.items], next: page.next }));
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const save = () => download(`${table.name}${query({ ...values, sort, format: "csv" })}`, `${table.name}.csv`).catch((error) => setProblem(asProblem(error)));
  return (
    <>
      {problem && <Failure problem={problem} />}
      <Card title="Rows" note={first.data?.count !== undefined ? `${estimated(first.data.count)} ${first.data.count === 1 ? "row" : "rows"}` : undefined}
        actions={<button type="button" class="quiet" onClick={() => void save()}>These as CSV</button>}>
        <FilterForm key={table.name} table={table} add={(name, value) => show([...filters, [name, value]], sort)} sort={sort} order={(by) => show(filters, by === table.key ? "" : by)} />
        <Chips filters={filters} remove={(at) => show(filters.filter((_, i) => i !== at), sort)} />
        <Shown of={first} lines={10}>
          {(page) => {
            const rows = [...page.items, ...more.items];
            const next = more.items.length > 0 ? more.next : page.next;
            const shown = shownColumns(table, rows, chosen);
            return rows.length === 0 ? <Empty><p>{filters.length > 0 ? "No row is found." : "The table is empty: no load has filled it yet."}</p></Empty> : (
              <div class="stack">
                <ColumnChoice shown={shown} choose={setChosen} chosen={chosen !== undefined} />
                <Rows table={table} rows={rows} names={shown.names} label={table.title} />
                {next && <div class="more"><button type="button" class="quiet" onClick={() => void fetchMore(next)}>More</button></div>}
              </div>
            );
          }}
        </Shown>
      </Card>
      <Meanings table={table} />
    </>
  );
}

export function TablePage(props: { name: string; query: URLSearchParams }) {
  const { tables, problem } = useCatalog();
  const table = tables?.find((one) => one.name === props.name);
  const known = new Set([...(table?.filters.map((one) => one.name) ?? []), ...(table?.byZipcode ? ["zipcode"] : [])]);
  const filters = [...props.query].filter(([name]) => known.has(name));
  return (
    <>
      <Head above={<a href="#/tables">Tables</a>} title={table?.title ?? props.name} note={table?.description} />
      {problem && <Failure problem={problem} />}
      {!tables && !problem && <Card><Loading lines={8} /></Card>}
      {tables && !table && <Empty><p>There is no table of this name. <a href="#/tables">These</a> are there.</p></Empty>}
      {table && <Contents key={table.name} table={table} filters={filters} sort={props.query.get("sort") ?? ""} />}
    </>
  );
}
