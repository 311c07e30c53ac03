// The receipt: the plain answer, the sums behind it, and what was rejected.
import { useEffect, useState } from "preact/hooks";
import { useData } from "../data";
import { bytes, clock, pluralOfType, whole } from "../format";
import { Card, RawButton, Shown, Table } from "../parts";
import type { Page, Receipt, Reject, Run, RunDetail } from "../types";

const isFirst = (receipt: Receipt, all: Receipt[]): boolean => all.find((one) => one.resource_type === receipt.resource_type) === receipt;
const nounOf = (receipt: Receipt, all: Receipt[]): string => (isFirst(receipt, all) ? pluralOfType(receipt.resource_type) : `in ${receipt.table}`);

// As `wellhead load` ends with it.
export function sentence(run: Pick<Run, "state" | "finished_at" | "requested_at">, receipts: Receipt[]): string {
  if (receipts.length === 0) return run.state;
  const counts = receipts.map((one) => `${whole(one.staged)} ${nounOf(one, receipts)}`).join(", ");
  const rejected = receipts.reduce((sum, one) => sum + one.rejected, 0);
  const missing = receipts.reduce((sum, one) => sum + (isFirst(one, receipts) ? one.missing : 0), 0);
  const unknown = run.state === "unverified" ? " (the server gives no totals to check against)" : "";
  return `${run.state} as of ${clock(run.finished_at ?? run.requested_at)}: ${counts}, ${whole(rejected)} rejected, ${whole(missing)} missing${unknown}`;
}

type Column = keyof Receipt;
// Parts are what the line before them is the sum of; a whole that is a part of the one before as well ends it.
const kSums: { title: string; key: Column; part?: boolean; last?: boolean }[] = [
  { title: "Entries received", key: "entries_received" },
  { title: "duplicates", key: "duplicates", part: true },
  { title: "of other zip codes", key: "out_of_zip", part: true },
  { title: "rejected", key: "rejected", part: true },
  { title: "of erased patients", key: "erased", part: true },
  { title: "without a row in the view", key: "filtered", part: true },
  { title: "Staged as rows", key: "staged", last: true },
  { title: "inserted", key: "inserted", part: true },
  { title: "updated", key: "updated", part: true },
  { title: "unchanged", key: "unchanged", part: true },
  { title: "older than what was here", key: "older", part: true },
  { title: "Missing against the server's totals", key: "missing" },
  { title: "No longer found", key: "no_longer_found" },
];

function total(receipt: Receipt): string {
  const { server_total_before: before, server_total_after: after } = receipt;
  if (before === undefined) return "–";
  return after === undefined || after === before ? whole(before) : `${whole(before)} – ${whole(after)}`;
}

export function ReceiptTable(props: { receipts: Receipt[] }) {
  const { receipts } = props;
  const name = (one: Receipt) => (isFirst(one, receipts) ? one.resource_type : one.table);
  // A line that is 0 throughout says nothing, but rejected and missing are what people look for.
  const lines = kSums.filter((sum) => !sum.part || sum.key === "rejected" || receipts.some((one) => one[sum.key] !== 0));
  return (
    <Table label="Receipt in figures" head={[{ text: "What", hide: true }, ...receipts.map((one) => ({ text: name(one), number: true }))]}>
      <tr><th scope="row">The server's total</th>{receipts.map((one) => <td key={name(one)} class="number">{total(one)}</td>)}</tr>
      {lines.map((sum, at) => (
        <tr key={sum.key} class={sum.part ? "part" : ""}>
          <th scope="row">{(sum.part || sum.last) && <span class="sign" aria-hidden="true">{sum.part && !lines[at - 1].part ? "=" : "+"}</span>}{sum.title}</th>
          {receipts.map((one) => <td key={name(one)} class={`number ${(sum.key === "missing" || sum.key === "rejected") && one[sum.key] !== 0 ? "bad" : ""}`}>{whole(one[sum.key] as number)}</td>)}
        </tr>
      ))}
      <tr><th scope="row">Requests, of them retries</th>{receipts.map((one) => <td key={name(one)} class="number">{whole(one.requests)}, {whole(one.retries)}</td>)}</tr>
      <tr><th scope="row">Received</th>{receipts.map((one) => <td key={name(one)} class="number">{bytes(one.bytes_received)}</td>)}</tr>
    </Table>
  );
}

export function Rejects(props: { run: RunDetail }) {
  const { run } = props;
  const count = run.receipts.length > 0 ? run.receipts.reduce((sum, one) => sum + one.rejected, 0) : run.progress.rejected;
  const [limit, setLimit] = useState(20);
  const rejects = useData<Page<Reject>>(count > 0 ? `rejects?run=${run.run}&limit=${limit}` : null);
  // More of them come while the run goes on.
  useEffect(() => rejects.reload(), [count]);
  if (count === 0) return null;
  return (
    <Card title="Rejected" note={`${whole(count)} resources could not become a row. They are kept as they were received.`}>
      <Shown of={rejects}>
        {(page) => (
          <>
            <Table label="Rejected resources" head={[{ text: "Resource" }, { text: "Id" }, { text: "Why" }, { text: "Size", number: true }, { text: "Raw", hide: true }]}>
              {page.items.map((reject) => (
                <tr key={reject.reject}>
                  <td>{reject.resource_type}</td>
                  <td class="code">{reject.resource_id ?? <span class="faint">none</span>}</td>
                  <td class="long">{reject.reason}</td>
                  <td class="number">{bytes(reject.bytes)}</td>
                  <td class="number"><RawButton title={`Reject ${reject.reject}`} path={`rejects/${reject.reject}/raw`} label="Raw" /></td>
                </tr>
              ))}
            </Table>
            {page.next && <div class="more"><button type="button" class="quiet" onClick={() => setLimit(Math.min(1000, limit * 5))} disabled={limit >= 1000}>More</button></div>}
          </>
        )}
      </Shown>
    </Card>
  );
}
