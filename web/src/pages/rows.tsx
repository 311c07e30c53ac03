// The rows of any table: columns by name, those without a value left out unless they are wanted.
import { useState } from "preact/hooks";
import type { Table as Listed } from "../catalog";
import { plural, stamp } from "../format";
import { RawButton, Table } from "../parts";

export type Row = Record<string, unknown>;

// Where a row came from, and how exact its dates are: for who looks closer.
const kBeside = /^(version_id|last_updated|run_id|last_seen_run|loaded_at|.*_precision|.*_system)$/;

const kId = /^(.*_)?id$/;

export interface Shown {
  names: string[];
  rest: string[];  // of columns that are there to be chosen
}

// chosen: by the reader. Otherwise what some row has, without what says nothing that its neighbour does not.
export function shownColumns(table: Listed, rows: Row[], chosen: string[] | undefined, without: string[] = []): Shown {
  const all = table.columns.map((column) => column.name).filter((name) => !without.includes(name));
  const filled = all.filter((name) => rows.some((row) => row[name] !== undefined && row[name] !== null));
  const same = (name: string, other: string) => filled.includes(other) && rows.every((row) => row[name] === row[other]);
  const plain = filled.filter((name) => {
    if (kBeside.test(name)) return false;
    const stem = /^(.*)_text$/.exec(name)?.[1];
    // A date's own column shows how it was written, if that is not whole; and words that are there twice are shown once.
    return stem === undefined || !(filled.includes(`${stem}_precision`) || same(name, `${stem}_display`));
  });
  const wanted = chosen ? all.filter((name) => chosen.includes(name)) : plain;
  // What it is in words tells a person most, ids least.
  const said = wanted.find((name) => name === "code_display") ?? wanted.find((name) => name.endsWith("_display"));
  const rank = (name: string) => (name === said ? 0 : name === "patient_id" ? 2 : kId.test(name) ? 3 : 1);
  const names = [...wanted].sort((a, b) => rank(a) - rank(b));
  return { names, rest: all };
}

export function ColumnChoice(props: { shown: Shown; choose: (names: string[] | undefined) => void; chosen: boolean }) {
  const { names, rest } = props.shown;
  return (
    <details class="choice">
      <summary>{`Columns (${names.length} of ${rest.length})`}</summary>
      <fieldset>
        <legend class="note">Those without a value are left out, unless they are chosen.</legend>
        {rest.map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={names.includes(name)}
              onChange={(event) => props.choose(event.currentTarget.checked ? [...names, name] : names.filter((one) => one !== name))} />
            {words(name)}
          </label>
        ))}
        {props.chosen && <button type="button" class="link" onClick={() => props.choose(undefined)}>As at first</button>}
      </fieldset>
    </details>
  );
}

export const words = (name: string): string => name.replaceAll("_", " ");

// A moment in UTC, or a date as far as the resource has it.
function dateOf(row: Row, name: string): string {
  const written = row[`${name}_text`];
  return typeof written === "string" && written.length <= 10 ? written : stamp(String(row[name]));
}

function Cell(props: { row: Row; name: string; format: string }) {
  const { row, name } = props;
  const value = row[name];
  if (value === undefined || value === null) return <span class="faint">–</span>;
  if (name === "patient_id") return <a class="code id" title={String(value)} href={`#/patients/${encodeURIComponent(String(value))}`}>{String(value)}</a>;
  if (Array.isArray(value)) return <>{value.length === 0 ? "none" : plural(value.length, "row")}</>;
  if (typeof value === "boolean") return <>{value ? "yes" : "no"}</>;
  if (props.format.startsWith("date")) return <time dateTime={String(value)}>{dateOf(row, name)}</time>;
  if (kId.test(name)) return <span class="code id" title={String(value)}>{String(value)}</span>;
  return <span class={/(^|_)code$/.test(name) ? "code" : ""}>{String(value)}</span>;
}

export function Rows(props: { table: Listed; rows: Row[]; names: string[]; label: string }) {
  const { table, rows, names } = props;
  const columns = names.map((name) => table.columns.find((column) => column.name === name)!);
  const isNumber = (type: string) => /number|integer/.test(type);
  const heads = columns.map((column) => ({ text: words(column.name), number: isNumber(column.type), title: column.description }));
  return (
    <Table label={props.label} head={[...heads, { text: "FHIR", hide: true }]}>
      {rows.map((row, at) => {
        const key = String(row[table.key] ?? at);
        return (
          <tr key={key}>
            {columns.map((column, i) => {
              const cell = <Cell row={row} name={column.name} format={column.format} />;
              const kind = isNumber(column.type) ? "number" : /_(display|text|string)$|^description/.test(column.name) ? "long" : "";
              return i === 0 ? <th key={column.name} scope="row" class={kind}>{cell}</th> : <td key={column.name} class={kind}>{cell}</td>;
            })}
            <td class="number"><RawButton title={`${table.name} ${key}`} path={`${table.name}/${encodeURIComponent(key)}/raw`} /></td>
          </tr>
        );
      })}
    </Table>
  );
}

export function useColumns(): [string[] | undefined, (names: string[] | undefined) => void] {
  return useState<string[] | undefined>();
}
