-- Secrets that all processes of one database share, and nobody else knows.

CREATE TABLE shared_secret (
  name    text PRIMARY KEY,
  secret  bytea NOT NULL CHECK (octet_length(secret) >= 32)
);
COMMENT ON TABLE shared_secret IS 'Random keys that the processes of this database share: what one has sealed another can open. A new one makes all that was sealed invalid.';
COMMENT ON COLUMN shared_secret.name IS 'cursors: of the pages of lists. pseudonyms: of the ids that keys of the role deidentified see.';

-- 122 bits of each are random: pgcrypto, which has more, is not everywhere.
INSERT INTO shared_secret (name, secret)
SELECT name, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
  FROM unnest(ARRAY['cursors', 'pseudonyms']) AS needed (name);
