#!/bin/bash
# Takes the environment of the real image as far as the development server can. That keeps its data in a file of the container, not in
# POSTGRES_SEEDS; what is set for the database is only looked at.
set -euo pipefail
for name in DB DB_PORT DBNAME VISIBILITY_DBNAME POSTGRES_SEEDS POSTGRES_USER POSTGRES_PWD DEFAULT_NAMESPACE; do
  [ -n "${!name:-}" ] || { echo "$name is not set" >&2; exit 1; }
done
exec temporal server start-dev --headless --ip 0.0.0.0 --port 7233 --db-filename /var/lib/temporal/db \
  --namespace "$DEFAULT_NAMESPACE" --log-level "${LOG_LEVEL:-info}"
