"""A small FHIR client for the tests against HAPI: nothing but the standard library, and nothing of Wellhead's own code."""

import decimal
import http.client
import json
import pathlib
import subprocess
import urllib.parse

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "app/fhirsim/sample"
BUNDLE = 200


class Server:
    """One FHIR server, over one connection."""

    def __init__(self, base):
        self.base = base
        self.address = urllib.parse.urlsplit(base)
        self.connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=300)

    def request(self, method, target, body=None, headers=None):
        """Status and text; a connection that the server closed meanwhile is opened again once."""
        for attempt in (1, 2):
            try:
                self.connection.request(method, target, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.connection.close()
                if attempt == 2:
                    raise

    def expect(self, *request):
        status, text = self.request(*request)
        if status not in (200, 201):
            raise RuntimeError(f"{request[0]} {request[1]}: {status} {text[:300]!r}")
        # Decimals as they are written: 7.40 is not 7.4.
        return json.loads(text, parse_float=decimal.Decimal) if text else None

    def search(self, query):
        """Every resource that a search gives, page by page, never from the server's cache."""
        url = f"{self.address.path}/{query}"
        while url:
            bundle = self.expect("GET", url, None, {"Cache-Control": "no-cache"})
            for entry in bundle.get("entry", []):
                if entry.get("search", {}).get("mode", "match") == "match":
                    yield entry["resource"]
            following = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), None)
            url = following and urllib.parse.urlunsplit(("", "", *urllib.parse.urlsplit(following)[2:]))

    def put(self, resources):
        """Stores resources (dicts, or JSON texts paired with their place) under their own ids, in transactions."""
        entries = []
        for resource in resources:
            if isinstance(resource, dict):
                resource = (f"{resource['resourceType']}/{resource['id']}", json.dumps(resource))
            place, text = resource
            entries.append(f'{{"resource":{text},"request":{{"method":"PUT","url":"{place}"}}}}')
            if len(entries) == BUNDLE:
                self._transact(entries)
                entries = []
        if entries:
            self._transact(entries)

    def _transact(self, entries):
        body = '{"resourceType":"Bundle","type":"transaction","entry":[' + ",".join(entries) + "]}"
        self.expect("POST", self.address.path, body.encode(),
                    {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"})

    def delete(self, place):
        self.expect("DELETE", f"{self.address.path}/{place}")

    def faults(self, **settings):
        """Switches on the named faults (Faults.java) and all others off."""
        self.request("POST", "/faults?" + urllib.parse.urlencode(settings))

    def faults_struck(self):
        return {int(status): count for status, count in json.loads(self.request("GET", "/faults")[1]).items()}


def sample(kind):
    """The bundled sample's resources of a type, as (dict, JSON text)."""
    text = subprocess.run(["zstd", "-dcq", SAMPLE / f"{kind}.ndjson.zst"], check=True, capture_output=True).stdout.decode()
    for line in text.splitlines():
        yield json.loads(line), line
