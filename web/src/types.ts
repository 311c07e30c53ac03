// What the API answers, as far as the pages read it; /openapi.json has all of it.

export type RunState = "queued" | "running" | "complete" | "unverified" | "incomplete" | "failed" | "cancelled";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface Run {
  run: number;
  zipcode: string;
  source_url: string;
  state: RunState;
  requested_at: string;
  started_at?: string;
  finished_at?: string;
  seconds?: number;
  failed_step?: string;
  error?: string;
  paused: boolean;
}

export interface Progress {
  patients_expected?: number;
  patient_pages: number;
  observation_batches: number;
  patients_staged: number;
  patients_covered: number;
  observations_staged: number;
  others_staged?: number;
  rows_loaded: number;
  rejected: number;
  requests: number;
  retries: number;
  bytes_received: number;
}

export interface Receipt {
  resource_type: string;
  table: string;
  verdict: string;
  server_total_before?: number;
  server_total_after?: number;
  entries_received: number;
  duplicates: number;
  out_of_zip: number;
  rejected: number;
  erased: number;
  filtered: number;
  staged: number;
  inserted: number;
  updated: number;
  unchanged: number;
  older: number;
  missing: number;
  no_longer_found: number;
  requests: number;
  retries: number;
  bytes_received: number;
  seconds: number;
  digest?: string;
}

export interface StepSummary {
  name: string;
  steps: number;
  completed: number;
  failed: number;
  cancelled: number;
  running: number;
  failed_attempts: number;
  seconds_min?: number;
  seconds_median?: number;
  seconds_max?: number;
  last_error?: string;
}

export interface RunDetail extends Run {
  progress: Progress;
  receipts: Receipt[];
  steps?: StepSummary[];
  steps_error?: string;
}

export interface Attempt {
  attempt: number;
  started_at?: string;
  ended_at?: string;
  seconds?: number;
  error?: string;
}

export interface Step {
  execution: string;
  sequence: number;
  kind: string;
  name: string;
  state: "scheduled" | "completed" | "failed" | "cancelled";
  scheduled_at?: string;
  ended_at?: string;
  seconds?: number;
  attempts: Attempt[];
}

export interface RunSteps {
  run: number;
  executions: { execution: string; state: string; retried: boolean; started_at?: string; ended_at?: string }[];
  steps: Step[];
}

export interface Reject {
  reject: number;
  run: number;
  resource_type: string;
  table?: string;
  resource_id?: string;
  reason: string;
  bytes: number;
  rejected_at: string;
}

export interface Zipcode {
  zipcode: string;
  patients: number;
  observations: number;
  last_run: { run: number; state: RunState; requested_at: string; finished_at?: string };
  last_complete_run?: { run: number; state: RunState; requested_at: string; finished_at?: string };
  as_of?: string;
  age_seconds?: number;
}

export interface Schedule {
  schedule: string;
  zipcode?: string;
  every_seconds?: number;
  cron?: string;
  paused: boolean;
  next_at?: string;
}

export interface Counts {
  items: { zipcode?: string; gender?: string; age_group?: string; code?: string; month?: string; count: number }[];
  complete: boolean;
}

export interface CodeCount {
  code?: string;
  display?: string;
  observations: number;
  patients: number;
  numbers: number;
  missing: number;
  first?: string;
  last?: string;
}

export interface CodeValues {
  code: string;
  display?: string;
  observations: number;
  patients: number;
  numbers: number;
  missing: number;
  absent: { reason?: string; count: number }[];
  units: { unit?: string; count: number }[];
  coded: { value: string; count: number }[];
  components: { code: string; display?: string; count: number }[];
  unit?: string;
  summary?: { count: number; minimum: number; p5: number; p25: number; median: number; p75: number; p95: number; maximum: number; mean: number };
  bins: { from: number; to: number; count: number }[];
  months: { month: string; count: number; p25: number; median: number; p75: number }[];
}

export interface Patient {
  id: string;
  family?: string;
  given?: string;
  display_name?: string;
  gender?: string;
  birth_date?: string;
  birth_date_text?: string;
  deceased?: boolean;
  deceased_at_text?: string;
  address_line?: string;
  city?: string;
  state?: string;
  postal_code?: string;
  race?: string;
  ethnicity?: string;
  language?: string;
  mrn?: string;
  loaded_at: string;
}

export interface Component {
  component_index: number;
  code?: string;
  code_display?: string;
  value_number?: number;
  value_unit?: string;
  [column: string]: unknown;
}

export interface Observation {
  id: string;
  patient_id: string;
  status?: string;
  category?: string;
  code?: string;
  code_display?: string;
  code_text?: string;
  effective_start?: string;
  effective_start_text?: string;
  value_number?: number;
  value_unit?: string;
  value_comparator?: string;
  data_absent_reason?: string;
  interpretation?: string;
  components: Component[];
  [column: string]: unknown;
}
