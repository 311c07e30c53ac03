// The tables there are: what each holds, and how much.
import { useState } from "preact/hooks";
import { query, type Problem } from "../api";
import { useCatalog, type Table as Listed } from "../catalog";
import { asProblem, useData } from "../data";
import { saveDictionary } from "../dictionary";
import { estimated, plural, whole } from "../format";
import { Card, Empty, Failure, Head, Loading, Table } from "../parts";

function Count(props: { table: string }) {
  const { data, problem } = useData<{ count?: number }>(`${props.table}${query({ limit: 1, count: "estimated" })}`);
  if (problem) return <span class="faint">–</span>;
  return data ? <>{estimated(data.count ?? 0)}</> : <span class="faint">…</span>;
}

function Line(props: { table: Listed }) {
  const { table } = props;
  return (
    <tr>
      <th scope="row"><a class="strong" href={`#/tables/${table.name}`}>{table.title}</a><small class="note code">{table.name}</small></th>
      <td class="number"><Count table={table.name} /></td>
      <td class="number">{whole(table.columns.length)}</td>
      <td class="long">{table.description}</td>
    </tr>
  );
}

export function Tables() {
  const { tables, problem } = useCatalog();
  const [failure, setFailure] = useState<Problem>();
  const save = () => saveDictionary().catch((error) => setFailure(asProblem(error)));
  return (
    <>
      <Head title="Tables" note="What loads fill: built-in tables, and those of your own views."
        actions={<button type="button" class="quiet" onClick={() => void save()}>Data dictionary (CSV)</button>} />
      {failure && <Failure problem={failure} />}
      <Card title="All tables" note={tables && plural(tables.length, "table")}>
        {problem && <Failure problem={problem} />}
        {!tables && !problem && <Loading lines={4} />}
        {tables?.length === 0 && <Empty><p>This server has no tables to show.</p></Empty>}
        {tables && tables.length > 0 && (
          <Table label="Tables" head={[{ text: "Table" }, { text: "Rows", number: true }, { text: "Columns", number: true }, { text: "What it holds" }]}>
            {tables.map((table) => <Line key={table.name} table={table} />)}
          </Table>
        )}
      </Card>
    </>
  );
}
