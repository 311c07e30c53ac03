# Sourced: a sample FHIR server and a Wellhead over it, for tests by other programs. They end with the script.
# Wants $build, the build directory, and $work, a directory for logs and the own PostgreSQL.

server_pids=()
stop_servers() {
  for pid in "${server_pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${server_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap stop_servers EXIT

# start_server LOG COMMAND...: in the background; sets `line` to the first one that it prints, which says what it listens on.
start_server() {
  local log=$1 output
  shift
  exec {output}< <(exec "$@" 2>"$log")
  server_pids=("$!" "${server_pids[@]}")
  read -r -t 120 line <&"$output" || { echo "$1 did not start:" >&2; cat "$log" >&2; exit 1; }
}

# start_source ARGUMENT...: fhirsim, and a WELLHEAD_HOME for `start_wellhead` or a load before it.
start_source() {
  start_server "$work/fhirsim.log" "$build/app/fhirsim/fhirsim" --port 0 "$@"
  export WELLHEAD_SOURCE_URL=${line#fhirsim: } WELLHEAD_HOME=$work/home WELLHEAD_LISTEN=127.0.0.1:0
  rm -rf "$WELLHEAD_HOME"
}

# Sets SERVER_URL. (wellhead refuses what begins with WELLHEAD_ and is no setting.)
start_wellhead() {
  start_server "$work/wellhead.log" "$build/app/wellhead/wellhead" up --json
  SERVER_URL=$(sed -n 's/.*"api":"\([^"]*\)".*/\1/p' <<<"$line")
}
