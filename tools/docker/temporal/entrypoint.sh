#!/bin/bash
# Brings the schemas of POSTGRES_SEEDS' databases up to date, starts Temporal's server on them, and makes DEFAULT_NAMESPACE.
set -euo pipefail
own_address=$(getent ahostsv4 "$(hostname)" | awk 'NR == 1 {print $1}')

sql_tool() {
  SQL_PASSWORD=$POSTGRES_PWD temporal-sql-tool --plugin "$DB" --endpoint "$POSTGRES_SEEDS" --port "$DB_PORT" --user "$POSTGRES_USER" "$@"
}

# update_schema DATABASE NAME
update_schema() {
  sql_tool --db "$1" setup-schema --version 0.0
  sql_tool --db "$1" update-schema --schema-name "postgresql/v12/$2"
}

# datastore DATABASE
datastore() {
  cat <<YAML
      sql:
        pluginName: $DB
        databaseName: $1
        connectAddr: "$POSTGRES_SEEDS:$DB_PORT"
        connectProtocol: tcp
        user: $POSTGRES_USER
        password: "$POSTGRES_PWD"
        maxConns: 20
        maxIdleConns: 20
        maxConnLifetime: 1h
YAML
}

# service NAME PORT MEMBERSHIP_PORT
service() { printf '  %s: {rpc: {grpcPort: %d, membershipPort: %d, bindOnIP: "%s"}}\n' "$1" "$2" "$3" "$own_address"; }

config() {
  cat <<YAML
log: {stdout: true, level: ${LOG_LEVEL:-info}}
persistence:
  numHistoryShards: 4
  defaultStore: default
  visibilityStore: visibility
  datastores:
    default:
$(datastore "$DBNAME")
    visibility:
$(datastore "$VISIBILITY_DBNAME")
global: {membership: {maxJoinDuration: 30s, broadcastAddress: "$own_address"}}
services:
$(service frontend 7233 6933)
$(service matching 7235 6935)
$(service history 7234 6934)
$(service worker 7239 6939)
clusterMetadata:
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "$own_address:7233"}
publicClient: {hostPort: "$own_address:7233"}
YAML
}

make_namespace() {
  until temporal operator cluster health --address "$own_address:7233" 2>/dev/null | grep -q SERVING; do sleep 1; done
  temporal operator namespace describe --address "$own_address:7233" --namespace "$DEFAULT_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --address "$own_address:7233" --namespace "$DEFAULT_NAMESPACE" \
      --retention "$DEFAULT_NAMESPACE_RETENTION"
}

update_schema "$DBNAME" temporal
update_schema "$VISIBILITY_DBNAME" visibility
config >config/docker.yaml
make_namespace &
exec temporal-server --root /etc/temporal --config config --env docker --allow-no-auth start
