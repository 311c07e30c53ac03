"""What a page's commands find when they begin, and which test runs them. A page that is not named here has a FHIR server, and no more."""

import dataclasses

SOURCE = """
"$BUILD/app/fhirsim/fhirsim" --port 8480 --generate 40 --observations 5 --conditions 3 --encounters 2 --zip 02139,02115,02155 >"$STATE/server.fhirsim" 2>&1 &
servers+=($!)
await http://127.0.0.1:8480/fhir/metadata fhirsim
"""
KNOWN_SOURCE = SOURCE + "export WELLHEAD_SOURCE_URL=http://127.0.0.1:8480/fhir\n"

# A PostgreSQL of another's, with a user and a database for Wellhead.
DATABASE = """
"$ROOT/tools/runner/test_postgres" start "$STATE/pg"
at_last() { "$ROOT/tools/runner/test_postgres" stop "$STATE/pg"; }
psql -qX -h "$STATE/pg" -U postgres -c 'CREATE USER wellhead' -c 'CREATE DATABASE wellhead OWNER wellhead'
"""

# Run 7 is under way: its first search for observations is not answered. Once the run was cancelled, the searches of its next attempt are.
RUN_SEVEN = KNOWN_SOURCE + """
export WELLHEAD_CONCURRENCY=1
wellhead migrate
wellhead psql -qX -c 'ALTER TABLE run ALTER COLUMN run_id RESTART WITH 7'
curl -fsS -X PUT http://127.0.0.1:8480/admin/faults -d '[{"kind": "hold", "match": "Observation", "times": 1}]'
wellhead up >"$STATE/server.up" 2>&1 &
servers+=($!)
await http://127.0.0.1:8080/health/ready up
curl -fsS --json '{"zipcode": "02139"}' http://127.0.0.1:8080/v1/zipcodes
"""

# A source whose tokens end when a new one is given out, and who gives them to whom has the key.
TOKENS = """
FIRST_TOKEN=first-token
"$BUILD/app/fhirsim/fhirsim" --port 8480 --generate 40 --observations 5 --zip 02139,02115 --fault bearer,token=$FIRST_TOKEN >"$STATE/server.fhirsim" 2>&1 &
servers+=($!)
await http://127.0.0.1:8480/admin/faults fhirsim
python3 "$ROOT/tests/docs/token_server.py" "$TOKEN_PORT" secrets/public-key.pem http://127.0.0.1:8480 >"$STATE/server.tokens" 2>&1 &
servers+=($!)
await "http://127.0.0.1:$TOKEN_PORT/" tokens
"""

MINIO = KNOWN_SOURCE + """
mkdir -p run-secrets minio
printf reader >run-secrets/s3-access-key
printf reader-secret >run-secrets/s3-secret-key
MINIO_ROOT_USER=reader MINIO_ROOT_PASSWORD=reader-secret "$("$ROOT/tools/runner/minio" --installed)" server --quiet --address 127.0.0.1:8481 minio \
  >"$STATE/server.minio" 2>&1 &
servers+=($!)
await http://127.0.0.1:8481/minio/health/live minio
"""

# Where Temporal's development server listens is its own affair but for one port; its UI and metrics are off.
TEMPORAL = KNOWN_SOURCE + """
program=$("$ROOT/tools/runner/temporal_server" --installed)
export PATH=$(dirname "$program"):$PATH
"$program" server start-dev --headless --ip 127.0.0.1 --port 8481 --http-port 0 --log-level error >"$STATE/server.temporal" 2>&1 &
servers+=($!)
export WELLHEAD_ENGINE=temporal TEMPORAL_ADDRESS=127.0.0.1:8481 WELLHEAD_OBSERVATIONS=per-patient
until wellhead doctor; do kill -0 "${servers[-1]}"; sleep 0.5; done
"""


@dataclasses.dataclass
class Settings:
    before: str = KNOWN_SOURCE
    group: str = "plain"
    instead: dict[str, str] = dataclasses.field(default_factory=dict)


DATABASE_URL = {"postgresql://wellhead@db.example.org/wellhead": '"postgresql:///wellhead?host=$STATE/pg&user=wellhead"'}

PAGES = {
    "docs/quickstart.md": Settings(before=""),
    "docs/how-to/source.md": Settings(SOURCE + DATABASE, instead=DATABASE_URL),
    "docs/how-to/scaling.md": Settings(KNOWN_SOURCE + DATABASE, instead=DATABASE_URL),
    "docs/how-to/runs.md": Settings(RUN_SEVEN),
    "docs/how-to/tokens.md": Settings(TOKENS),
    "docs/how-to/views.md": Settings(KNOWN_SOURCE + "patient=$(curl -fsS 'http://127.0.0.1:8480/fhir/Patient?address-postalcode=02139&_count=1' | grep -o '\"id\":\"[^\"]*' | sed -n 's/\"id\":\"//; 2p')\n",
                                     instead={"PATIENT": "'\"$patient\"'"}),
    "docs/how-to/s3.md": Settings(MINIO, "s3", {"https://minio.example.org:9000": "http://127.0.0.1:8481", "/run/secrets": "run-secrets"}),
    "docs/how-to/temporal.md": Settings(TEMPORAL, "temporal", {"temporal.example.org:7233": "127.0.0.1:8481"}),
    "docs/design/orchestration.md": Settings(TEMPORAL + "wellhead worker >\"$STATE/server.worker\" 2>&1 &\nservers+=($!)\nwellhead load 02139\n", "temporal"),
    "docs/how-to/python.md": Settings(KNOWN_SOURCE + "wellhead load 02139\n", "python"),
    "clients/python/README.md": Settings(KNOWN_SOURCE + "wellhead up >\"$STATE/server.up\" 2>&1 &\nservers+=($!)\nawait http://127.0.0.1:8080/health/ready up\n"
                                         "python3 -m venv venv\nexport PATH=$PWD/venv/bin:$PATH\n", "python"),
}


def page_settings(page):
    return PAGES.get(page, Settings())
