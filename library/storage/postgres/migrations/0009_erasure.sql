-- Patients that were erased, so that no later load brings them back.

CREATE TABLE erased_patient (
  digest     bytea PRIMARY KEY,
  erased_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE erased_patient IS 'HMAC-SHA256 of the ids of erased patients, under a key that is not in the database.';

CREATE TABLE erasure_key (
  single       boolean PRIMARY KEY DEFAULT true CHECK (single),
  fingerprint  text NOT NULL
);
COMMENT ON TABLE erasure_key IS 'Tells whether a process has the key that patients were erased with; tells nothing about it.';

CREATE TABLE erased_blob (
  blob_key   text PRIMARY KEY,
  erased_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE erased_blob IS 'Blobs that an erasure has replaced and that are still to be deleted from the blob store.';

ALTER TABLE run ADD COLUMN retry_barred boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN run.retry_barred IS 'What it has staged holds an erased patient: it cannot go on, the zip code is loaded anew.';
