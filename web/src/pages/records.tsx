// What other tables have of a patient: conditions, encounters, whatever is loaded.
import { useState } from "preact/hooks";
import { query } from "../api";
import { useCatalog, type Table as Listed } from "../catalog";
import { useData } from "../data";
import { plural } from "../format";
import { Card, Failure } from "../parts";
import type { Page } from "../types";
import { ColumnChoice, Rows, shownColumns, useColumns, type Row } from "./rows";

function Records(props: { table: Listed; patient: string }) {
  const { table } = props;
  const [limit, setLimit] = useState(20);
  const [chosen, setChosen] = useColumns();
  const { data, problem, reload } = useData<Page<Row> & { count?: number }>(`patients/${encodeURIComponent(props.patient)}/${table.name}${query({ limit, count: "exact" })}`);
  // What is there stays while more of it is asked for.
  const [last, setLast] = useState<typeof data>();
  if (data && data !== last) setLast(data);
  const page = data ?? last;
  if (problem) return <Card title={table.title}><Failure problem={problem} retry={reload} /></Card>;
  if (!page || page.items.length === 0) return null;
  const shown = shownColumns(table, page.items, chosen, ["patient_id"]);
  return (
    <Card title={table.title} note={plural(page.count ?? page.items.length, "row")}>
      <ColumnChoice shown={shown} choose={setChosen} chosen={chosen !== undefined} />
      <Rows table={table} rows={page.items} names={shown.names} label={`Rows: ${table.title}`} />
      {page.next && <div class="more"><button type="button" class="quiet" onClick={() => setLimit(Math.min(1000, limit * 5))} aria-disabled={limit >= 1000}>More</button></div>}
    </Card>
  );
}

// Without what the page shows by itself.
export function OtherRecords(props: { patient: string }) {
  const { tables } = useCatalog();
  const others = (tables ?? []).filter((table) => table.ofPatient && table.name !== "observations");
  return <>{others.map((table) => <Records key={table.name} table={table} patient={props.patient} />)}</>;
}
