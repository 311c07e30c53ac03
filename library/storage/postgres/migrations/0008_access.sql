-- Who may call the API, and who read what.

CREATE TABLE api_key (
  key_id        text PRIMARY KEY,
  name          text NOT NULL,
  role          text NOT NULL CHECK (role IN ('deidentified', 'reader', 'operator', 'admin')),
  zip_prefixes  text[] NOT NULL DEFAULT '{}',
  hash          text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at    timestamptz,
  revoked_at    timestamptz
);
COMMENT ON TABLE api_key IS 'Keys of the API. While there is none, and no token is accepted, the API serves loopback alone, without keys.';
COMMENT ON COLUMN api_key.key_id IS 'The part of a key that is no secret: it stands in the key and in the audit trail.';
COMMENT ON COLUMN api_key.zip_prefixes IS 'Digits that the zip codes begin with whose patients it may see; empty: all.';
COMMENT ON COLUMN api_key.hash IS 'argon2id of the secret part, which is kept nowhere.';
COMMENT ON COLUMN api_key.expires_at IS 'NULL: never.';

CREATE TABLE audit (
  audit_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL,
  until       timestamptz NOT NULL,
  times       bigint NOT NULL CHECK (times > 0),
  actor       text NOT NULL,
  client      text NOT NULL,
  action      text NOT NULL,
  patient_id  text COLLATE "C",
  request_id  text NOT NULL,
  detail      text
);
COMMENT ON TABLE audit IS 'Who was given something of which patient when, and who changed keys or erased. Rows are only added.';
COMMENT ON COLUMN audit.at IS 'The first of the reads that a row stands for: same actor, client, action and patient, within about a second.';
COMMENT ON COLUMN audit.until IS 'The last of them.';
COMMENT ON COLUMN audit.times IS 'How many they were.';
COMMENT ON COLUMN audit.actor IS 'key_id; issuer and subject of a token; `local` where no key is needed; `command line`.';
COMMENT ON COLUMN audit.client IS 'Address that the request came from.';
COMMENT ON COLUMN audit.action IS 'Operation id of the route, or what was done.';
COMMENT ON COLUMN audit.request_id IS 'X-Request-Id of the first.';
CREATE INDEX audit_by_patient ON audit (patient_id, audit_id) WHERE patient_id IS NOT NULL;
CREATE INDEX audit_by_actor ON audit (actor, audit_id);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
