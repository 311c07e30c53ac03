// The data dictionary of a CSV: its columns as the OpenAPI document describes them, which is what the views say.
import { get, saveBlob } from "./api";

interface Column {
  type?: string | string[];
  format?: string;
  description?: string;
}

interface OpenApi {
  components: { schemas: Record<string, { properties?: Record<string, Column>; required?: string[] }> };
  paths: Record<string, { get?: { responses: Record<string, { content?: Record<string, { schema: unknown }> }> } }>;
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function rowsOf(document: OpenApi, table: string, schema: string): string[][] {
  const { properties = {}, required = [] } = document.components.schemas[schema] ?? {};
  return Object.entries(properties)
    .filter(([, column]) => column.type !== "array")
    .map(([name, column]) => [
      table, name, [column.type].flat().filter((type) => type !== "null").join(" or "), column.format ?? "",
      required.includes(name) ? "always" : "may be empty", column.description ?? "",
    ]);
}

export async function saveDictionary(): Promise<void> {
  const document = await get<OpenApi>("openapi.json");
  const head = ["table", "column", "type", "format", "filled", "description"];
  const rows = [head, ...rowsOf(document, "patients", "Patient"), ...rowsOf(document, "observations", "Observation"), ...rowsOf(document, "observations.components", "ObservationComponents")];
  const text = rows.map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
  saveBlob(new Blob([text], { type: "text/csv" }), "wellhead-data-dictionary.csv");
}
