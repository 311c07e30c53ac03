-- Several tables may be filled from the resources of one type: a receipt for each of them, with what their views left
-- out. What stood here before was of one table a type.

ALTER TABLE staged_batch ADD COLUMN filtered bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN staged_batch.filtered IS 'Distinct resources of which the view of the type''s first table gives no row, as where its `where` leaves them out.';
COMMENT ON COLUMN staged_batch.staged IS 'Distinct resources that became rows of the type''s first table: entries_received = duplicates + out_of_zip + rejected + erased + filtered + staged.';

CREATE TABLE staged_view (
  run_id      bigint NOT NULL,
  batch       bigint NOT NULL,
  table_name  text NOT NULL,
  staged      bigint NOT NULL,
  filtered    bigint NOT NULL,
  rejected    bigint NOT NULL,
  PRIMARY KEY (run_id, batch, table_name),
  FOREIGN KEY (run_id, batch) REFERENCES staged_batch
);
COMMENT ON TABLE staged_view IS 'What became of a batch''s resources in the further tables of their type: the counts of staged_batch that differ from table to table.';

ALTER TABLE reject ADD COLUMN table_name text;
COMMENT ON COLUMN reject.table_name IS 'The further table that did not take the resource; NULL: the first of its type.';

ALTER TABLE receipt ADD COLUMN table_name text NOT NULL DEFAULT '';
ALTER TABLE receipt ADD COLUMN place integer NOT NULL DEFAULT 0;
ALTER TABLE receipt ADD COLUMN filtered bigint NOT NULL DEFAULT 0;
UPDATE receipt SET table_name = lower(resource_type);
ALTER TABLE receipt DROP CONSTRAINT receipt_pkey;
ALTER TABLE receipt ADD PRIMARY KEY (run_id, resource_type, table_name);
ALTER TABLE receipt DROP CONSTRAINT receipt_check;
ALTER TABLE receipt ADD CONSTRAINT receipt_check
  CHECK (entries_received = duplicates + out_of_zip + rejected + erased + filtered + staged);
COMMENT ON TABLE receipt IS 'The proof of a run, per resource type and table: what the server said it has, what was received, and what became of every entry.';
COMMENT ON COLUMN receipt.table_name IS 'The table that the resources became rows of.';
COMMENT ON COLUMN receipt.place IS 'Among the tables of the resource type, from 0. Requests, bytes and seconds are counted with the first.';
COMMENT ON COLUMN receipt.filtered IS 'Distinct resources of which the table''s view gives no row.';
