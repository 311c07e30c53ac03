"""token_server.py PORT PUBLIC_KEY FHIRSIM: gives out tokens by SMART Backend Services, to whom has the private key of PUBLIC_KEY, and has
fhirsim take the last one alone: with each new token the one before ends."""

import base64
import http.server
import json
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

PORT, PUBLIC_KEY, FHIRSIM = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
seen = set()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(message, signature):
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        words = ["openssl", "dgst", "-sha384", "-verify", PUBLIC_KEY, "-signature", file.name]
        return subprocess.run(words, input=message.encode(), capture_output=True, check=False).returncode == 0


def refusal(form):
    """Why the request is none that the standard allows; None when it is."""
    if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != ASSERTION or not form.get("scope"):
        return "invalid_request"
    header, claims, signature = form["client_assertion"].split(".")
    head, said = json.loads(decoded(header)), json.loads(decoded(claims))
    fine = head["alg"] == "RS384" and head["typ"] == "JWT" and head["kid"] and signed(f"{header}.{claims}", decoded(signature))
    fine = fine and said["iss"] == said["sub"] == "wellhead" and said["aud"] == f"http://127.0.0.1:{PORT}/oauth2/token"
    fine = fine and time.time() < said["exp"] <= time.time() + 300 and said["jti"] not in seen
    seen.add(said["jti"])
    return None if fine else "invalid_client"


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        wrong = refusal(dict(urllib.parse.parse_qsl(body))) if self.path == "/oauth2/token" else "invalid_request"
        if wrong:
            self.answer(400, {"error": wrong})
            return
        token = secrets.token_urlsafe(16)
        rules = json.dumps([{"kind": "bearer", "token": token}]).encode()
        urllib.request.urlopen(urllib.request.Request(f"{FHIRSIM}/admin/faults", rules, method="PUT"), timeout=60).close()
        self.answer(200, {"access_token": token, "token_type": "bearer", "expires_in": 300, "scope": "system/Patient.read system/Observation.read"})


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
