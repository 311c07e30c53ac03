"""The processes that a load benchmark needs: PostgreSQL, fhirsim and the program measured, with what they cost."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def run_measured(words, environment):
    """Runs a program to its end; wall and CPU seconds, peak resident bytes. Ends the benchmark if it fails."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            raise SystemExit(f"{words[0]} ended with {process.returncode}:\n{output.read().decode()[-4000:]}")
    return {"wall": wall, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * 1024}


class FhirSim:
    def __init__(self, program, words):
        self.words = [program, "--port", "0", *words]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().removeprefix("fhirsim: ").strip()
        if not self.url:
            raise SystemExit("fhirsim did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def statistics(self):
        with urllib.request.urlopen(self.url.removesuffix("/fhir") + "/admin/statistics") as answer:
            return json.load(answer)

    def cpu_seconds(self):
        return self.statistics()["cpu_seconds"]


class Cluster:
    """Wellhead's own PostgreSQL, with its own settings, kept running by one `wellhead psql` that waits for input."""

    def __init__(self, wellhead, home):
        self.wellhead = wellhead
        self.home = home

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WELLHEAD_", "PG"))}
        return kept | {"WELLHEAD_HOME": str(self.home), "WELLHEAD_LOG_LEVEL": "warn"}

    def __enter__(self):
        words = [self.wellhead, "psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]
        self.session = subprocess.Popen(words, env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1);\n")
        self.session.stdin.flush()
        first = self.session.stdout.readline().strip()
        if not first.isdigit():
            raise SystemExit("wellhead's own PostgreSQL did not start")
        self.postmaster = int(first)
        self.programs = pathlib.Path(os.readlink(f"/proc/{self.postmaster}/exe")).parent
        words = [self.wellhead, "psql", "--print"]
        self.base = subprocess.run(words, env=self.environment(), check=True, capture_output=True, text=True).stdout.strip()
        return self

    def __exit__(self, *_):
        self.session.stdin.close()
        self.session.wait()

    def url(self, database):
        """The cluster's URL with another database in it."""
        head, mark, query = self.base.partition("?")
        return head[: head.rindex("/") + 1] + database + mark + query

    def psql(self, database, *words):
        return [self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), *words]

    def query(self, sql, database="postgres"):
        return subprocess.run(self.psql(database, "-c", sql), check=True, capture_output=True, text=True).stdout.strip()

    def create(self, database):
        self.query(f"CREATE DATABASE {database}")

    def drop(self, database):
        self.query(f"DROP DATABASE {database} WITH (FORCE)")

    def settle(self):
        """Writes out what earlier work left behind, so that nobody pays for another's pages."""
        self.query("CHECKPOINT")

    def count_rows(self, database):
        tables = ("patient", "observation", "observation_component")
        return {table: int(self.query(f"SELECT count(*) FROM {table}", database)) for table in tables}

    def cpu_seconds(self):
        """Of the postmaster, its living children, and those that have ended."""
        total = 0.0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue  # ended meanwhile
            pid = int(text.split(" ", 1)[0])
            fields = text[text.rindex(")") + 2 :].split()
            times = [int(field) / TICKS for field in fields[11:15]]
            if pid == self.postmaster:
                total += sum(times)
            elif int(fields[1]) == self.postmaster:
                total += times[0] + times[1]
        return total
