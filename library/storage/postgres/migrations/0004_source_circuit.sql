ALTER TABLE source_budget
  ADD COLUMN circuit_opened_at      timestamptz,
  ADD COLUMN circuit_retry_at       timestamptz,
  ADD COLUMN circuit_failed_probes  integer NOT NULL DEFAULT 0,
  ADD COLUMN circuit_code           text,
  ADD COLUMN circuit_reason         text,
  ADD COLUMN circuit_probe          bigint NOT NULL DEFAULT 0,
  ADD COLUMN circuit_probe_until    timestamptz;
COMMENT ON TABLE source_budget IS 'The request rate and the circuit of a source, shared by all processes: how many requests were taken in the current second, until when the source asked to be left alone, and whether it keeps failing.';
COMMENT ON COLUMN source_budget.circuit_opened_at IS 'Since when the source is left alone because it keeps failing; NULL: the circuit is closed.';
COMMENT ON COLUMN source_budget.circuit_retry_at IS 'When one request may try the source again.';
COMMENT ON COLUMN source_budget.circuit_failed_probes IS 'How many such tries have failed since the circuit opened; the waits between them grow.';
COMMENT ON COLUMN source_budget.circuit_code IS 'The error code of the last failure.';
COMMENT ON COLUMN source_budget.circuit_reason IS 'The last failure, for people.';
COMMENT ON COLUMN source_budget.circuit_probe IS 'Number of the latest try: only its own failure counts.';
COMMENT ON COLUMN source_budget.circuit_probe_until IS 'A try is on its way; if nothing is heard of it until then, another may begin.';
