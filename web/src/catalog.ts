// Which tables there are, with their columns and filters: from the OpenAPI document, which has them from the views. So tables of
// other resource types and of users' own views need nothing here.
import { useEffect, useState } from "preact/hooks";
import { get, type Problem } from "./api";
import { asProblem, useSession } from "./data";

export interface Column {
  name: string;
  type: string;
  format: string;
  filled: boolean;  // always
  description: string;
  part?: Column[];  // of its rows, where it is a list of them
}

export interface Filter {
  name: string;
  description: string;
  choices: string[];
}

export interface Table {
  name: string;  // of its route
  title: string;
  description: string;
  key: string;   // the column by which a row is asked for
  columns: Column[];
  filters: Filter[];
  sorts: string[];
  byZipcode: boolean;
  ofPatient: boolean;  // there is a list of one patient's
}

interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: string[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

interface Parameter {
  name: string;
  description?: string;
  schema: Schema;
}

interface Operation {
  summary: string;
  description?: string;
  parameters?: Parameter[];
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

export interface OpenApi {
  components: { schemas: Record<string, Schema> };
  paths: Record<string, { get?: Operation; post?: { requestBody?: { content: Record<string, { schema: Schema }> } } }>;
}

// Of every list, and no filters.
const kControls = new Set(["zipcode", "include", "sort", "fields", "count", "format", "limit", "cursor"]);

function resolved(document: OpenApi, schema: Schema | undefined): Schema {
  const name = schema?.$ref?.split("/").at(-1);
  return (name ? document.components.schemas[name] : schema) ?? {};
}

function columnsOf(document: OpenApi, row: Schema): Column[] {
  return Object.entries(row.properties ?? {}).map(([name, column]) => ({
    name, format: column.format ?? "", description: column.description ?? "", filled: row.required?.includes(name) ?? false,
    type: [column.type].flat().filter((type) => type !== "null").join(" or "),
    part: column.type === "array" ? columnsOf(document, resolved(document, column.items)) : undefined,
  }));
}

function filterOf({ name, description, schema }: Parameter): Filter {
  const values = schema.items ?? schema;
  const choices = values.enum ?? (values.type === "boolean" ? ["true", "false"] : []);
  return { name, description: description ?? "", choices };
}

function tableOf(document: OpenApi, name: string, list: Operation): Table {
  const page = resolved(document, list.responses["200"]?.content?.["application/json"]?.schema);
  const row = resolved(document, page.properties?.items?.items);
  const parameters = list.parameters ?? [];
  const sorts = parameters.find((one) => one.name === "sort")?.schema.enum ?? [];
  return {
    name, title: list.summary.replace(/^Rows of /, "").replace(/, page by page$/, ""), description: row.description ?? "",
    key: sorts[0] ?? "id", columns: columnsOf(document, row), sorts: sorts.filter((one) => !one.startsWith("-")),
    filters: parameters.filter((one) => !kControls.has(one.name)).map(filterOf),
    byZipcode: parameters.some((one) => one.name === "zipcode"), ofPatient: document.paths[`/patients/{id}/${name}`] !== undefined,
  };
}

// A table is what has a list, and of each row the resource as it was received; rejects are no table's.
export function tablesOf(document: OpenApi): Table[] {
  const tables: Table[] = [];
  for (const [path, { get: list }] of Object.entries(document.paths)) {
    const name = /^\/([^/{]+)$/.exec(path)?.[1];
    if (name && list && document.paths[`/${name}/{id}`] && document.paths[`/${name}/{id}/raw`]) tables.push(tableOf(document, name, list));
  }
  const order = (table: Table) => ["patients", "observations"].indexOf(table.name) + 1 || 3;
  return tables.sort((a, b) => order(a) - order(b) || a.title.localeCompare(b.title));
}

let known: { version: number; document: Promise<OpenApi> } | undefined;

// Asked for once; again with another key.
export function openApi(version: number): Promise<OpenApi> {
  if (known?.version !== version) {
    const document = get<OpenApi>("openapi.json");
    known = { version, document };
    document.catch(() => (known = undefined));
  }
  return known!.document;
}

export interface Catalog {
  tables?: Table[];
  problem?: Problem;
}

export function useCatalog(): Catalog {
  const [catalog, setCatalog] = useState<Catalog>({});
  const { version } = useSession();
  useEffect(() => {
    let gone = false;
    openApi(version).then(
      (document) => gone || setCatalog({ tables: tablesOf(document) }),
      (error) => gone || setCatalog({ problem: asProblem(error) }));
    return () => void (gone = true);
  }, [version]);
  return catalog;
}
