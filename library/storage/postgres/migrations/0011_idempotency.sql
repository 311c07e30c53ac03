-- Answers to POST requests that came with an Idempotency-Key, so that any process of the API gives them again.

CREATE TABLE idempotency_key (
  caller       text NOT NULL,
  key          text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 200),
  request      text NOT NULL,
  owner        text NOT NULL,
  taken_until  timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  status       smallint,
  headers      text[],
  body         text,
  PRIMARY KEY (caller, key)
);
COMMENT ON TABLE idempotency_key IS 'Idempotency-Keys of the last day, with the answers that are given when they come again. No answer to a POST tells of a patient.';
COMMENT ON COLUMN idempotency_key.caller IS 'key_id, or issuer and subject of a token; empty where no key is needed.';
COMMENT ON COLUMN idempotency_key.request IS 'SHA-256 of method, path, query and body: the key stands for these alone.';
COMMENT ON COLUMN idempotency_key.owner IS 'Who is answering it, or has: random, of one request.';
COMMENT ON COLUMN idempotency_key.taken_until IS 'While there is no answer: when the process that should give it is taken for dead.';
COMMENT ON COLUMN idempotency_key.status IS 'NULL: it is being answered.';
COMMENT ON COLUMN idempotency_key.headers IS 'Names and values in turn, Content-Type first.';
CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at);
