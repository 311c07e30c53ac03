// The data dictionary of a CSV: its columns as the OpenAPI document describes them, which is what the views say.
import { saveBlob } from "./api";
import { openApi, tablesOf, type Column } from "./catalog";
import { session } from "./session";

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// A part is a table of its own: observations.components.
function rowsOf(table: string, columns: Column[]): string[][] {
  const own = columns.filter((column) => !column.part).map((column) => [
    table, column.name, column.type, column.format, column.filled ? "always" : "may be empty", column.description,
  ]);
  return [...own, ...columns.filter((column) => column.part).flatMap((column) => rowsOf(`${table}.${column.name}`, column.part!))];
}

export async function saveDictionary(): Promise<void> {
  const tables = tablesOf(await openApi(session().version));
  const head = ["table", "column", "type", "format", "filled", "description"];
  const rows = [head, ...tables.flatMap((table) => rowsOf(table.name, table.columns))];
  const text = rows.map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
  saveBlob(new Blob([text], { type: "text/csv" }), "wellhead-data-dictionary.csv");
}
