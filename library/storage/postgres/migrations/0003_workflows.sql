-- Workflows that signal, pause, have children, continue as new and are retried.
ALTER TABLE wellhead_journal.workflow
  DROP CONSTRAINT workflow_state_check,
  ADD CONSTRAINT workflow_state_check
    CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'continued')),
  ADD COLUMN priority smallint NOT NULL DEFAULT 3,
  ADD COLUMN random_seed bigint,
  ADD COLUMN paused boolean NOT NULL DEFAULT false,
  ADD COLUMN parent bigint REFERENCES wellhead_journal.workflow,
  ADD COLUMN parent_sequence integer NOT NULL DEFAULT 0,
  ADD COLUMN on_parent_close text CHECK (on_parent_close IN ('request_cancel', 'abandon')),
  ADD COLUMN previous bigint REFERENCES wellhead_journal.workflow,
  ADD COLUMN retried boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN wellhead_journal.workflow.priority IS 'Lower is earlier: among queued executions, and among activities that wait for a slot.';
COMMENT ON COLUMN wellhead_journal.workflow.random_seed IS 'Of the workflow''s random numbers; NULL: made from execution_id. A retried execution keeps that of the one before it.';
COMMENT ON COLUMN wellhead_journal.workflow.paused IS 'No further step begins.';
COMMENT ON COLUMN wellhead_journal.workflow.parent IS 'The execution that started this one as its step parent_sequence.';
COMMENT ON COLUMN wellhead_journal.workflow.previous IS 'The execution that this one goes on with: it continued as new, or (retried) it failed and its kept history begins this one''s.';
CREATE UNIQUE INDEX workflow_successor ON wellhead_journal.workflow (previous) WHERE previous IS NOT NULL;
CREATE UNIQUE INDEX workflow_child ON wellhead_journal.workflow (parent, parent_sequence) WHERE parent IS NOT NULL AND previous IS NULL;
CREATE INDEX workflow_queue ON wellhead_journal.workflow (priority, execution_id) WHERE state = 'queued';

ALTER TABLE wellhead_journal.event ADD COLUMN digest uuid;
COMMENT ON COLUMN wellhead_journal.event.digest IS 'XXH3-128 of the row, by which a change by hand is noticed; NULL: written by a version that made none.';

CREATE TABLE wellhead_journal.signal (
  signal_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  execution_id  bigint NOT NULL REFERENCES wellhead_journal.workflow,
  name          text NOT NULL,
  payload       text NOT NULL,
  sent_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE wellhead_journal.signal IS 'Signals on their way: the append that journals one as an event deletes it here.';
CREATE INDEX signal_by_execution ON wellhead_journal.signal (execution_id);

-- Nothing is lost when it is empty after a crash: whoever asks, asks again.
CREATE UNLOGGED TABLE wellhead_journal.query (
  query_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  execution_id  bigint NOT NULL,
  name          text NOT NULL,
  answer        text,
  failure       text,
  asked_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE wellhead_journal.query IS 'Questions of other processes to running workflows, and the owner''s answers.';

ALTER TABLE run ADD COLUMN paused boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN run.paused IS 'No further step of it begins until somebody resumes it.';
