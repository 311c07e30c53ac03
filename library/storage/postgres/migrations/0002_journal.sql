-- The embedded engine's journal: what must outlive a process for workflows to go on where they were.
CREATE SCHEMA wellhead_journal;

CREATE TABLE wellhead_journal.lease (
  name        text PRIMARY KEY,
  epoch       bigint NOT NULL UNIQUE,
  owner       text,
  expires_at  timestamptz NOT NULL
);
COMMENT ON TABLE wellhead_journal.lease IS 'Which process runs the workflows. Whoever writes for it checks the epoch FOR KEY SHARE: that excludes a change of the epoch, which is a key, but not a renewal, which changes only the expiry.';
COMMENT ON COLUMN wellhead_journal.lease.epoch IS 'Grows with every owner. Unique, so that changing it needs the row lock that excludes FOR KEY SHARE.';
COMMENT ON COLUMN wellhead_journal.lease.owner IS 'Process and host, for people; NULL: given up.';
INSERT INTO wellhead_journal.lease VALUES ('engine', 0, NULL, '-infinity');

CREATE TABLE wellhead_journal.workflow (
  execution_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workflow_id       text NOT NULL,
  workflow_type     text NOT NULL,
  state             text NOT NULL DEFAULT 'queued'
                    CHECK (state IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
  input             text NOT NULL,
  cancel_requested  boolean NOT NULL DEFAULT false,
  blocked           text,
  blocked_epoch     bigint,
  result            text,
  failure           text,
  created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at        timestamptz,
  ended_at          timestamptz
);
COMMENT ON TABLE wellhead_journal.workflow IS 'Workflow executions. JSON stands in text columns: it is given back as it was written.';
COMMENT ON COLUMN wellhead_journal.workflow.workflow_id IS 'Chosen by the caller; at most one execution of it is open.';
COMMENT ON COLUMN wellhead_journal.workflow.blocked IS 'Why the program of that lease epoch could not go on with it: its code differs from the history, or is missing.';
CREATE UNIQUE INDEX workflow_open ON wellhead_journal.workflow (workflow_id) WHERE state IN ('queued', 'running');
CREATE INDEX workflow_open_by_state ON wellhead_journal.workflow (state, execution_id) WHERE state IN ('queued', 'running');
CREATE INDEX workflow_by_id ON wellhead_journal.workflow (workflow_id, execution_id DESC);

CREATE TABLE wellhead_journal.event (
  execution_id  bigint NOT NULL REFERENCES wellhead_journal.workflow,
  number        bigint NOT NULL,
  kind          text NOT NULL,
  sequence      integer NOT NULL,
  name          text NOT NULL,
  attempt       integer NOT NULL,
  started_at    timestamptz,
  at            timestamptz NOT NULL,
  payload       text NOT NULL,
  PRIMARY KEY (execution_id, number)
);
COMMENT ON TABLE wellhead_journal.event IS 'The history of each execution: what happened (job events), the turn that took it in (activation), what the workflow commanded.';
COMMENT ON COLUMN wellhead_journal.event.sequence IS 'Which step of the execution it is about; 0: the workflow itself.';
COMMENT ON COLUMN wellhead_journal.event.started_at IS 'When the attempt began that ended at `at`.';
