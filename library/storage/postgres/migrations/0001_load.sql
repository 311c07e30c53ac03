-- What a load leaves behind besides the resources' own rows: runs, staged batches, the ledger, rejects and receipts.
-- The resources' tables (patient, observation …) come from their views, not from migrations.

CREATE TABLE run (
  run_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  zipcode       text NOT NULL CHECK (zipcode ~ '^[0-9]{5}$'),
  source_url    text NOT NULL,
  state         text NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'running', 'complete', 'unverified', 'incomplete', 'failed', 'cancelled')),
  requested_at  timestamptz NOT NULL DEFAULT now(),
  started_at    timestamptz,
  finished_at   timestamptz,
  failed_step   text,
  error         text,
  options       jsonb NOT NULL DEFAULT '{}',
  patients_before  bigint,
  patients_after   bigint
);
COMMENT ON TABLE run IS 'One load of one zip code from one source.';
COMMENT ON COLUMN run.source_url IS 'Base URL of the FHIR server, without credentials.';
COMMENT ON COLUMN run.state IS 'queued and running are open; complete, unverified, incomplete, failed and cancelled are ends.';
COMMENT ON COLUMN run.failed_step IS 'The step that ended a failed run.';
COMMENT ON COLUMN run.error IS 'What happened, where, and what to do; without secrets and without patient data.';
COMMENT ON COLUMN run.options IS 'How the run was asked for: page size, concurrency, observation search mode.';
COMMENT ON COLUMN run.patients_before IS 'The server''s total of the patient search before extraction; NULL when not asked yet or not given.';
COMMENT ON COLUMN run.patients_after IS 'The same after extraction.';
-- Loading a zip code that is already loading joins that run.
CREATE UNIQUE INDEX run_open_zipcode ON run (zipcode) WHERE state IN ('queued', 'running');
CREATE INDEX run_by_zipcode ON run (zipcode, run_id DESC);
CREATE INDEX run_by_state ON run (state, run_id DESC);

CREATE TABLE zipcode (
  zipcode            text PRIMARY KEY CHECK (zipcode ~ '^[0-9]{5}$'),
  last_run           bigint NOT NULL REFERENCES run,
  last_complete_run  bigint REFERENCES run
);
COMMENT ON TABLE zipcode IS 'The zip codes that were ever loaded.';
COMMENT ON COLUMN zipcode.last_complete_run IS 'The latest run that ended complete or unverified: reading by zip code is as of this run.';

CREATE TABLE raw_blob (
  raw_blob_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  blob_key     text NOT NULL UNIQUE,
  bytes        bigint NOT NULL,
  frames       integer NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE raw_blob IS 'Raw FHIR resources as NDJSON in zstd frames; every row of a resource table points into one.';
COMMENT ON COLUMN raw_blob.blob_key IS 'Key in the blob store; holds the SHA-256 of the content.';

CREATE TABLE staged_batch (
  run_id            bigint NOT NULL REFERENCES run,
  batch             bigint NOT NULL,
  resource_type     text NOT NULL,
  raw_blob_id       bigint REFERENCES raw_blob,
  entries_received  bigint NOT NULL,
  duplicates        bigint NOT NULL,
  out_of_zip        bigint NOT NULL,
  rejected          bigint NOT NULL,
  erased            bigint NOT NULL DEFAULT 0,
  staged            bigint NOT NULL,
  missing           bigint NOT NULL DEFAULT 0,
  totals_known      boolean NOT NULL DEFAULT true,
  server_total_before bigint,
  server_total_after  bigint,
  requests          bigint NOT NULL,
  retries           bigint NOT NULL,
  bytes_received    bigint NOT NULL,
  seconds           double precision NOT NULL,
  fetched_at        timestamptz NOT NULL,
  result            jsonb NOT NULL,
  staged_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, batch)
);
COMMENT ON TABLE staged_batch IS 'A finished extraction activity: what it received and where it staged it. A batch that stands here is never fetched again.';
COMMENT ON COLUMN staged_batch.batch IS 'Number within the run, given by the workflow.';
COMMENT ON COLUMN staged_batch.staged IS 'Distinct resources that became rows: entries_received = duplicates + out_of_zip + rejected + erased + staged.';
COMMENT ON COLUMN staged_batch.missing IS 'By how many resources the distinct ids lie outside the range of the totals the server gave before and after; 0 when inside or unknown.';
COMMENT ON COLUMN staged_batch.result IS 'The answer of the activity, given again without a request when it is repeated.';

CREATE TABLE staged_blob (
  run_id      bigint NOT NULL,
  batch       bigint NOT NULL,
  table_name  text NOT NULL,
  blob_key    text NOT NULL,
  rows        bigint NOT NULL,
  bytes       bigint NOT NULL,
  PRIMARY KEY (run_id, batch, table_name),
  FOREIGN KEY (run_id, batch) REFERENCES staged_batch
);
COMMENT ON TABLE staged_blob IS 'The CSV blobs of a staged batch, one a target table.';

CREATE TABLE run_patient (
  run_id      bigint NOT NULL REFERENCES run,
  patient_id  text COLLATE "C" NOT NULL,
  batch       bigint NOT NULL,
  ordinal     bigint,
  PRIMARY KEY (run_id, patient_id)
);
COMMENT ON TABLE run_patient IS 'Distinct Patient ids that a run has received: makes a repeated search skip what is there. Emptied when the run is complete.';
COMMENT ON COLUMN run_patient.ordinal IS 'Counts the patients of the zip code from 0 in the order they came; batches of observations are ranges of it. NULL for a patient that is out of the zip code or rejected.';
CREATE UNIQUE INDEX run_patient_by_ordinal ON run_patient (run_id, ordinal);

CREATE TABLE zipcode_patient (
  zipcode         text NOT NULL,
  patient_id      text COLLATE "C" NOT NULL,
  address_index   integer NOT NULL,
  postal_code     text NOT NULL,
  first_seen_run  bigint NOT NULL,
  last_seen_run   bigint NOT NULL,
  PRIMARY KEY (zipcode, patient_id)
);
COMMENT ON TABLE zipcode_patient IS 'Which patients a zip code had in which runs, and by which of their addresses.';
COMMENT ON COLUMN zipcode_patient.address_index IS 'Which entry of Patient.address matched, from 0.';
COMMENT ON COLUMN zipcode_patient.first_seen_run IS 'Visible as of run R when first_seen_run <= R <= last_seen_run.';
CREATE INDEX zipcode_patient_by_patient ON zipcode_patient (patient_id);

CREATE TABLE load_ledger (
  run_id      bigint NOT NULL REFERENCES run,
  batch       bigint NOT NULL,
  table_name  text NOT NULL,
  blob_key    text NOT NULL,
  rows        bigint NOT NULL,
  duplicates  bigint NOT NULL,
  inserted    bigint NOT NULL,
  updated     bigint NOT NULL,
  unchanged   bigint NOT NULL,
  older       bigint NOT NULL,
  loaded_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, batch, table_name, blob_key),
  CHECK (rows = duplicates + inserted + updated + unchanged + older)
);
COMMENT ON TABLE load_ledger IS 'What each staged blob did to its table, written in the transaction that did it. A blob is skipped only if its run already loaded it.';

CREATE TABLE reject (
  reject_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id         bigint NOT NULL REFERENCES run,
  batch          bigint NOT NULL,
  resource_type  text NOT NULL,
  resource_id    text,
  reason         text NOT NULL,
  raw            bytea NOT NULL,
  rejected_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE reject IS 'Resources that could not become a row, with the reason and their JSON as received.';
COMMENT ON COLUMN reject.reason IS 'Names the column and the rule, never the value.';
COMMENT ON COLUMN reject.raw IS 'The JSON as received; bytes, because it may be no valid UTF-8.';
CREATE INDEX reject_by_run ON reject (run_id, resource_type);

CREATE TABLE receipt (
  run_id               bigint NOT NULL REFERENCES run,
  resource_type        text NOT NULL,
  server_total_before  bigint,
  server_total_after   bigint,
  entries_received     bigint NOT NULL,
  duplicates           bigint NOT NULL,
  out_of_zip           bigint NOT NULL,
  rejected             bigint NOT NULL,
  erased               bigint NOT NULL,
  staged               bigint NOT NULL,
  inserted             bigint NOT NULL,
  updated              bigint NOT NULL,
  unchanged            bigint NOT NULL,
  older                bigint NOT NULL,
  missing              bigint NOT NULL,
  no_longer_found      bigint NOT NULL,
  requests             bigint NOT NULL,
  retries              bigint NOT NULL,
  bytes_received       bigint NOT NULL,
  seconds              double precision NOT NULL,
  digest               uuid,
  verdict              text NOT NULL CHECK (verdict IN ('complete', 'unverified', 'incomplete', 'failed')),
  issued_at            timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, resource_type),
  CHECK (entries_received = duplicates + out_of_zip + rejected + erased + staged),
  CHECK (staged = inserted + updated + unchanged + older)
);
COMMENT ON TABLE receipt IS 'The proof of a run, per resource type: what the server said it has, what was received, and what became of every entry.';
COMMENT ON COLUMN receipt.server_total_before IS 'The total the server gave before extraction; NULL when it gives none.';
COMMENT ON COLUMN receipt.missing IS 'How far the distinct ids seen lie outside the range of both totals.';
COMMENT ON COLUMN receipt.no_longer_found IS 'Rows of this zip code that this run did not find any more.';
COMMENT ON COLUMN receipt.digest IS 'Over the row digests of the zip code''s rows in key order: equal receipts mean equal rows.';

CREATE TABLE source_budget (
  source_url     text PRIMARY KEY,
  second         timestamptz NOT NULL,
  taken          integer NOT NULL,
  blocked_until  timestamptz
);
COMMENT ON TABLE source_budget IS 'The request rate of a source, shared by all processes: how many requests were taken in the current second, and until when the source asked to be left alone.';

CREATE TABLE applied_view (
  table_name   text PRIMARY KEY,
  view_digest  text NOT NULL,
  columns      jsonb NOT NULL,
  applied_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE applied_view IS 'The ViewDefinition each resource table was made from.';
