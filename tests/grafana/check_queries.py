"""check_queries.py DASHBOARD PROMETHEUS SERVER WELLHEAD: loads and reads until every query of the dashboard has given numbers.

A query that Prometheus does not take fails at once; one that gives nothing within some minutes is named.
"""

import json
import math
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 300
ZIPCODES = ["02139", "02140", "02141"]


def ask(url: str, body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return error.read()


def result(prometheus: str, query: str) -> dict:
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        return json.loads(ask(url))
    except urllib.error.URLError:
        return {"status": "success", "data": {"result": []}}  # it is starting


def has_numbers(answer: dict) -> bool:
    return any(math.isfinite(float(series["value"][1])) for series in answer["data"]["result"])


def queries_of(path: str) -> dict[str, str]:
    """By title. As Grafana asks: all jobs, and over at least four scrapes."""
    with open(path, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    variables = {"$job": ".*", "$__rate_interval": "30s"}
    found = {}
    for panel in panels:
        for target in panel.get("targets", []):
            query = target["expr"]
            for name, value in variables.items():
                query = query.replace(name, value)
            found[f"{panel['title']} ({panel['id']}{target['refId']})"] = query
    return found


def make_work(server: str, wellhead: str, turn: int) -> None:
    """Loads, whole lists, and once an answer that fails: a table that loads seldom write is away for a moment."""
    ask(f"{server}/v1/zipcodes", {"zipcode": ZIPCODES[turn % len(ZIPCODES)]})
    ask(f"{server}/v1/patients?format=csv")
    if turn == 3:
        for rename in ("reject RENAME TO away", "away RENAME TO reject"):
            subprocess.run([wellhead, "psql", "--", "-qc", f"ALTER TABLE {rename}"], check=True)
            ask(f"{server}/v1/rejects")


def main(dashboard: str, prometheus: str, server: str, wellhead: str) -> int:
    waiting = queries_of(dashboard)
    total = len(waiting)
    assert total >= 15, "the dashboard has lost its queries"
    end = time.monotonic() + PATIENCE
    turn = 0
    while waiting and time.monotonic() < end:
        make_work(server, wellhead, turn)
        turn += 1
        for title, query in list(waiting.items()):
            answer = result(prometheus, query)
            if answer["status"] != "success":
                print(f"{title}: {query}\n  {answer.get('error')}", file=sys.stderr)
                return 1
            if has_numbers(answer):
                del waiting[title]
        time.sleep(1)  # Prometheus' next look
    for title, query in waiting.items():
        print(f"{title} gave nothing: {query}", file=sys.stderr)
    if not waiting:
        print(f"all {total} queries of {dashboard} gave numbers")
    return 1 if waiting else 0


sys.exit(main(*sys.argv[1:]))
