"""Runs the blocks of a page as one bash session, and compares what console blocks show."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

MOST_SECONDS = 600
# What bash needs to know of: servers end with the page; `await` waits for one that was started last.
PRELUDE = r"""
set -euo pipefail
servers=()
at_last() { :; }
end_servers() {
  local code=$?
  trap - EXIT
  for pid in "${servers[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${servers[@]}"; do wait "$pid" 2>/dev/null || true; done
  at_last
  exit $code
}
trap end_servers EXIT
await() {
  until curl --silent --fail --insecure --output /dev/null --max-time 10 --noproxy '*' "$1"; do
    kill -0 "${servers[-1]}" 2>/dev/null || { echo "the server ended:"; cat "$STATE/server.$2"; return 1; }
    sleep 0.1
  done
}
"""
# What a reader has by default where the page says nothing of it.
PORTS = (8080, 8081, 8443, 8480, 8481, 9464)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Session:
    def __init__(self, root, build, page, settings):
        self.root, self.build, self.page, self.settings = root, build, page, settings
        self.folder = root / "build/docs" / re.sub(r"\W+", "-", page.removesuffix(".md"))
        self.state = self.folder.with_suffix(".state")
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.script = []
        self.expected = []  # (block, number of the command, lines shown)

    def prepare(self):
        for folder in (self.folder, self.state):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        # Like a clone that was built, for pages that begin in one.
        for name in ("app", "config", "docs", "scripts", "tools", ".env.example"):
            (self.folder / name).symlink_to(self.root / name)
        shutil.copytree(self.root / "clients", self.folder / "clients")
        (self.folder / "build").mkdir()
        (self.folder / "build/release").symlink_to(self.build)

    def environment(self):
        ours = ("WELLHEAD_", "AWS_", "AZURE_", "TEMPORAL_", "PG", "http_proxy", "HTTP_PROXY")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        programs = [str(self.build / "app/wellhead"), str(self.build / "app/fhirsim")]
        return kept | {
            "HOME": str(self.folder), "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(pathlib.Path.home() / ".cache")), "STATE": str(self.state), "ROOT": str(self.root), "BUILD": str(self.build), "NO_PROXY": "127.0.0.1,localhost", "PIP_NO_COMPILE": "1",
            "API_PORT": str(self.ports[8080]), "FHIR_PORT": str(self.ports[8480]), "TOKEN_PORT": str(self.ports[8481]),
            "PATH": ":".join([*programs, kept["PATH"]]),
            "WELLHEAD_HOME": str(self.folder / "home"), "WELLHEAD_LISTEN": f"127.0.0.1:{self.ports[8080]}",
        }

    def here(self, text):
        """A command as it is here: ports that are free, and servers of ours for those of examples."""
        for name, place in self.settings.instead.items():
            text = text.replace(name, place)
        text = text.replace("https://fhir.example.org/r4", f"http://127.0.0.1:{self.ports[8480]}/fhir")
        text = text.replace("https://fhir.example.org", f"http://127.0.0.1:{self.ports[8481]}")
        text = text.replace("0.0.0.0:", "127.0.0.1:")
        return re.sub(r"\b(" + "|".join(map(str, PORTS)) + r")\b", lambda port: str(self.ports[int(port.group())]), text)

    def add(self, number, block):
        self.script.append(f"printf '%s\\n' {block} >\"$STATE/at\"")
        text = "\n".join(block.lines)
        if block.language == "python":
            self.script.append(f"venv/bin/python - <<'PYTHON'\n{self.here(text)}\nPYTHON")
        elif "server" in block.marks:
            self.add_server(number, self.here(text.strip()))
        elif block.language == "sh":
            self.script.append(self.here(text))
        else:
            for index, (command, shown) in enumerate(console_commands(block.lines)):
                self.script.append(f'{{\n{self.here(command)}\n}} >"$STATE/said.{number}.{index}" 2>&1')
                self.expected.append((block, f"said.{number}.{index}", command, shown))

    def add_server(self, number, command):
        port = re.search(r"listen \S+:(\d+)", command)
        if command.startswith("fhirsim"):
            command, address = f"{command} --port {self.ports[8480]}", f"http://127.0.0.1:{self.ports[8480]}/fhir/metadata"
        elif port or not command.startswith("wellhead worker"):
            scheme = "https" if port and port.group(1) == str(self.ports[8443]) else "http"
            address = f"{scheme}://127.0.0.1:{port.group(1) if port else self.ports[8080]}/health/ready"
        else:
            address = None  # a worker that nobody can ask: what it has to do waits for it
        self.script.append(f'{command} >"$STATE/server.{number}" 2>&1 &\nservers+=($!)')
        if address:
            self.script.append(f"await {address} {number}")

    def run(self):
        text = "\n".join([PRELUDE, self.here(self.settings.before), *self.script, "printf done >\"$STATE/at\""])
        (self.state / "script").write_text(text)
        with (self.state / "log").open("w") as log:
            process = subprocess.Popen(["bash", self.state / "script"], cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(timeout=MOST_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGTERM)
                code = "it took too long"
                process.wait(timeout=60)
        if code != 0:
            at = (self.state / "at").read_text().strip() if (self.state / "at").exists() else "its preparation"
            said = sorted(self.state.glob("said.*"), key=lambda file: file.stat().st_mtime)
            print((self.state / "log").read_text()[-4000:], *(file.read_text()[-2000:] for file in said[-1:]))
            sys.exit(f"{self.page}: the commands at {at} failed ({code}); all of it is in {self.state}")

    def compare(self):
        for block, file, command, shown in self.expected:
            said = (self.state / file).read_text().splitlines()
            if not fits(list(map(shape, shown)), list(map(shape, said))):
                sys.exit(f"{block}: `{command}` shows\n" + "\n".join(shown) + "\nand it said\n" + "\n".join(said))


def console_commands(lines):
    """Commands after `$ `, each with the lines that follow it."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def shape(line):
    """A line without what differs from run to run: addresses, numbers, and how wide a column is."""
    line = re.sub(r"[a-z]+://\S+", "ADDRESS", line)
    line = re.sub(r"\d[\d,.:TZ-]*", "N", line)
    return " ".join(re.sub(r"-{2,}", "--", line).split())


def fits(shown, said):
    """Whether the shown lines are the said ones, where `...` stands for any number of them; empty lines at the ends do not count."""
    if not shown:
        return not any(said)
    if shown[0] == "...":
        return any(fits(shown[1:], said[begin:]) for begin in range(len(said) + 1))
    if not said:
        return not any(shown)
    return shown[0] == said[0] and fits(shown[1:], said[1:])


def run_page(root, build, page, settings, blocks):
    one = Session(root, build, page, settings)
    one.prepare()
    for number, block in enumerate(blocks):
        one.add(number, block)
    one.run()
    one.compare()
    print(f"{page}: {len(blocks)} blocks")
    shutil.rmtree(one.folder, ignore_errors=True)
