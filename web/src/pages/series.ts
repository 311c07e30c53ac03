// A patient's observations as series: one for each code and unit, components of panels as their own.
import { number } from "../format";
import type { Observation } from "../types";

export interface Series {
  key: string;
  code: string;
  name: string;
  panel: string;  // that it is a component of; empty: of none
  unit: string;
  values: { observation: Observation; text: string }[];
  points: { at: number; value: number }[];
  low?: number;   // of the reference range
  high?: number;
}

type Row = Record<string, unknown>;

// Numbers that JSON has no word for are texts (NaN).
export function valueOf(row: Row): { text: string; number?: number } {
  const unit = row.value_unit ? ` ${String(row.value_unit)}` : "";
  if (typeof row.value_number === "number") return { text: `${String(row.value_comparator ?? "")}${number(row.value_number)}${unit}`, number: row.value_comparator ? undefined : row.value_number };
  if (typeof row.value_integer === "number") return { text: number(row.value_integer), number: row.value_integer };
  for (const column of ["value_number", "value_coded_display", "value_coded", "value_text", "value_boolean", "value_range", "value_ratio", "value_period", "value_date_time_text", "value_time"]) {
    if (row[column] !== undefined) return { text: String(row[column]) };
  }
  return { text: row.data_absent_reason ? `none: ${String(row.data_absent_reason)}` : "–" };
}

const kCategories: Record<string, string> = { "vital-signs": "Vital signs", laboratory: "Laboratory", survey: "Surveys", "social-history": "Social history", exam: "Examinations", procedure: "Procedures", therapy: "Therapy", imaging: "Imaging", activity: "Activity" };

function add(all: Map<string, Series>, row: Row, observation: Observation, panel: string): void {
  const code = String(row.code ?? "");
  const unit = String(row.value_unit ?? "");
  const key = `${panel}|${code}|${unit}`;
  const name = String(row.code_display ?? row.code_text ?? (code || "without a code"));
  let series = all.get(key);
  if (!series) all.set(key, (series = { key, code, name, panel, unit, values: [], points: [] }));
  const value = valueOf(row);
  series.values.push({ observation, text: value.text });
  if (value.number !== undefined && observation.effective_start) series.points.push({ at: Date.parse(observation.effective_start), value: value.number });
  if (typeof row.reference_low === "number") series.low = row.reference_low;
  if (typeof row.reference_high === "number") series.high = row.reference_high;
}

// By category, each by name. Observations come in the order of their time.
export function seriesOf(observations: Observation[], wanted: (text: string) => boolean): [string, Series[]][] {
  const categories = new Map<string, Map<string, Series>>();
  for (const observation of observations) {
    const category = kCategories[observation.category ?? ""] ?? observation.category ?? "Others";
    let all = categories.get(category);
    if (!all) categories.set(category, (all = new Map()));
    const components = observation.components ?? [];
    if (components.length === 0 || valueOf(observation).text !== "–") add(all, observation, observation, "");
    const panel = observation.code_text ?? observation.code_display ?? "";
    for (const component of components) add(all, component, observation, panel);
  }
  return [...categories].sort(([a], [b]) => a.localeCompare(b))
    .map(([category, all]): [string, Series[]] => [category, [...all.values()].filter((one) => wanted(`${one.panel} ${one.name} ${one.code}`)).sort((a, b) => a.name.localeCompare(b.name))])
    .filter(([, list]) => list.length > 0);
}
