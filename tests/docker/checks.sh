# Sourced by run: what has to hold of the running services. Each ends the test with a sentence when it does not.

compose() {
  docker compose --env-file .env -f config/docker/docker-compose.yml -f tests/docker/compose.yml --profile demo "$@"
}

fail() { echo "docker: $*" >&2; exit 1; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $limit ] || fail "waited in vain for $what"
    sleep 0.5
  done
}

# json EXPRESSION: of the document on standard input, as `it`.
json() { python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"; }

# api PATH [CURL_OPTION...]: with the admin key.
api() {
  local path=$1
  shift
  curl --silent --show-error --fail-with-body --max-time 60 --noproxy '*' --config "$work/key.curl" "$@" "http://127.0.0.1:$api_port$path"
}

# On the database server, as its superuser.
sql() { compose exec -T postgres psql --no-psqlrc --set=ON_ERROR_STOP=1 --tuples-only --no-align --username=postgres --dbname="$1" --command="$2"; }

check_image() {
  local bytes settings
  bytes=$(docker image inspect --format '{{.Size}}' wellhead:local)
  echo "the image has $((bytes / 1000000)) MB"
  [ "$bytes" -le 150000000 ] || fail "that is more than 150 MB"
  settings=$(docker image inspect --format '{{.Config.User}} {{json .Config.Healthcheck.Test}} {{json .Config.Labels}}' wellhead:local)
  case "$settings" in
    10001:10001*wellhead*health*org.opencontainers.image.licenses*) ;;
    *) fail "user, health check or labels are not as they should be: $settings" ;;
  esac
  docker run --rm --network none --read-only wellhead:local --version
  docker run --rm --network none --read-only --entrypoint sh wellhead:local -c '! touch /usr/x 2>/dev/null && ! command -v g++ cargo postgres'
}

answers() { curl --silent --fail --max-time 10 --noproxy '*' --output /dev/null "http://127.0.0.1:$api_port/health/ready"; }

check_published() {
  local published status
  # The containers have been started; the API may not listen yet.
  wait_for 120 "an answer of the API" answers
  published=$(docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Ports}}' | tr -d ' ' | tr ',' '\n' | grep -e '->')
  echo "published: $published"
  [ "$published" = "127.0.0.1:$api_port->8080/tcp" ] || fail "only the API's port should be published, on loopback"
  status=$(curl --silent --noproxy '*' --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$api_port/v1/patients")
  [ "$status" = 401 ] || fail "without a key /patients answered $status"
  (umask 077; printf 'header = "Authorization: Bearer %s"\n' "$(compose run --rm --no-deps -T admin-key show)" >"$work/key.curl")
  api /v1/audit >/dev/null
}

run_state() { api "/v1/runs/$1" 2>/dev/null | json 'it["state"]' 2>/dev/null || true; }

# The API may not have its database yet.
ended() {
  case "$(run_state "$1")" in complete) ;; queued | running | '') return 1 ;; *) api "/v1/runs/$1" >&2; fail "run $1 is not complete" ;; esac
}

start_load() { api /v1/zipcodes --json "{\"zipcode\": \"$1\"}" | json 'it["run"]'; }

check_load() {
  local run rows
  run=$(start_load "$1")
  wait_for 600 "the load of $1" ended "$run"
  api "/v1/runs/$run" | json 'it["state"], [(r["table"], r["inserted"], r["verdict"]) for r in it["receipts"]]'
  rows=$(api "/v1/patients?zipcode=$1&format=csv" | tail -n +2 | wc -l)
  [ "$rows" = 400 ] || fail "the API gave $rows patients, not 400"
  rows=$(sql wellhead "SELECT count(*) FROM observation")
  [ "$rows" = 8000 ] || fail "there are $rows observations, not 8000"
}

check_wrong_settings() {
  local said code=0
  said=$(compose run --rm --no-deps -T -e WELLHEAD_CONCURENCY=3 worker worker 2>&1) || code=$?
  case "$code $said" in 2*WELLHEAD_CONCURENCY*"Did you mean WELLHEAD_CONCURRENCY?"*) ;; *) fail "a misspelt setting: $code $said" ;; esac
  code=0
  said=$(compose run --rm --no-deps -T -e WELLHEAD_SOURCE_URL= worker load 02139 2>&1) || code=$?
  case "$code $said" in 2*"Set WELLHEAD_SOURCE_URL"*) ;; *) fail "without a source: $code $said" ;; esac
  code=0
  said=$(docker compose --env-file missing.env -f config/docker/docker-compose.yml config 2>&1) || code=$?
  case "$code $said" in 0*) fail "no .env is no error" ;; *missing.env*) ;; *) fail "without a .env: $said" ;; esac
}

# Into a database of its own, by the embedded engine, with blobs in a directory: nothing is shared but the source.
reference_load() {
  local password
  password=$(compose exec -T postgres cat /run/wellhead/wellhead-password)
  sql wellhead "CREATE DATABASE reference OWNER wellhead"
  compose run --rm --no-deps -T -e WELLHEAD_ENGINE=embedded -e WELLHEAD_BLOB_URL=file:///tmp/blobs -e WELLHEAD_DATABASE_URL_FILE= \
    -e "WELLHEAD_DATABASE_URL=postgresql://wellhead:$password@postgres/reference" worker load "$1"
}

# What has to be equal: a zip code's rows without when and by which run they came, and its receipt.
rows_of() {
  local lost="{loaded_at,fetched_at,run_id,last_seen_run,first_seen_run,raw_blob_id,raw_frame,raw_index}"
  local patients="(SELECT patient_id FROM zipcode_patient WHERE zipcode = '$2')" table
  for table in "patient WHERE id IN $patients" "observation WHERE patient_id IN $patients" \
    "observation_component WHERE observation_id IN (SELECT id FROM observation WHERE patient_id IN $patients)"; do
    sql "$1" "SELECT '${table%% *}', count(*), md5(string_agg(line, '|' ORDER BY line))
      FROM (SELECT (to_jsonb(t) - '$lost'::text[])::text AS line FROM ${table/ / AS t }) lines"
  done
  sql "$1" "SELECT to_jsonb(r) - '{run_id,requests,retries,bytes_received,seconds,issued_at}'::text[] FROM receipt r JOIN run USING (run_id)
    WHERE zipcode = '$2' ORDER BY resource_type, table_name"
}

# As a crash does it: the container's first process dies at once. Compose's restart policy has to bring it back.
crash() {
  local container pid
  container=$(compose ps --quiet "$1" | head -n 1)
  pid=$(docker inspect --format '{{.State.Pid}}' "$container")
  kill -KILL "$pid"
  wait_for 60 "another process of $1" restarted "$container" "$pid"
}

restarted() { local now; now=$(docker inspect --format '{{.State.Pid}}' "$1"); [ "$now" != "$2" ] && [ "$now" != 0 ]; }

healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$(compose ps --quiet "$1" | head -n 1)")" = healthy ]; }

staged() { [ "$(sql wellhead "SELECT count(*) FROM staged_batch WHERE run_id = $1")" -ge "$2" ]; }

# From now on the source takes its time for observations, and after so many further requests answers none until it is told anew.
let_pass() {
  local rules='[{"kind": "latency", "ms": 250, "match": "Observation"}'
  [ "$1" = all ] || rules="$rules, {\"kind\": \"hold\", \"match\": \"Observation\", \"after\": $1}"
  # shellcheck disable=SC2016: for the shell in the container, which has no HTTP client
  compose exec -T fhirsim bash -euc 'exec 3<>/dev/tcp/127.0.0.1/8480
    printf "PUT /admin/faults HTTP/1.1\r\nHost: fhirsim\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" "${#1}" "$1" >&3
    read -r answer <&3; [[ $answer == *" 200 "* ]]' _ "$rules]" || fail "fhirsim takes no faults"
}

# A source that stops answering keeps the load in its middle, however slow the machine is.
check_kills() {
  local run before expected found
  let_pass 100
  run=$(start_load "$1")
  wait_for 180 "some batches of run $run" staged "$run" 10
  crash worker
  before=$(sql wellhead "SELECT count(*) FROM staged_batch WHERE run_id = $run")
  let_pass 150
  wait_for 300 "further batches after the worker was killed" staged "$run" $((before + 5))
  [ "$(run_state "$run")" = running ] || fail "run $run ended before the database could be killed"
  crash postgres
  wait_for 180 "the database" healthy postgres
  let_pass all
  wait_for 900 "the disturbed load" ended "$run"
  expected=$(rows_of reference "$1")
  found=$(rows_of wellhead "$1")
  echo "$found"
  [ "$found" = "$expected" ] || fail "rows and receipt of the undisturbed load are others: $expected"
  case "$found" in *"observation|8000|"*) ;; *) fail "these are not the rows of 400 patients" ;; esac
}

three_healthy() { [ "$(docker ps --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
  --filter label=com.docker.compose.service=worker --filter health=healthy | wc -l)" = 3 ]; }

check_scale() {
  local run container steps
  compose up --detach --no-recreate --scale worker=3
  wait_for 120 "three healthy workers" three_healthy
  run=$(start_load "$1")
  wait_for 600 "the load by three workers" ended "$run"
  for container in $(compose ps --quiet worker); do
    steps=$(docker exec "$container" bash -c 'exec 3<>/dev/tcp/127.0.0.1/9464
      printf "GET /metrics HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n" >&3; cat <&3' |
      sed -n 's/^wellhead_activity_attempts_total{activity="extract_observations",outcome="completed"} //p')
    echo "a worker staged ${steps:-no} batches"
    [ "$WELLHEAD_ENGINE" != temporal ] || [ -n "$steps" ] || fail "one of three workers did nothing"
  done
}

check_restart() {
  compose run --rm -T worker doctor
  [ "$(compose logs --no-color api worker | wc -l)" -gt 0 ] || fail "the services have written nothing"
  compose down --timeout 60
  compose up --detach --build
  wait_for 120 "an answer of the API" answers
  [ "$(api "/v1/patients?zipcode=02140&format=csv" | tail -n +2 | wc -l)" = 400 ] || fail "the rows of before are gone"
}
