"""The client: one method a table."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

import pandas as pd
import requests
import urllib3
from requests.adapters import HTTPAdapter
from tqdm.auto import tqdm

from wellhead import errors, frames

Value = str | int | float | bool | datetime.date
Filter = Value | Sequence[Value]

_CHUNK_ROWS = 50_000
_PAGE_ROWS = 500
_POLL_SECONDS = 0.5
_ENDED = ("complete", "incomplete", "unverified", "failed", "cancelled")
# Lost on the way, or told to come again: asking once more does no harm.
_RETRY = urllib3.Retry(total=4, backoff_factor=0.3, status_forcelist=(429, 502, 503, 504), allowed_methods=("GET",))


class Client:
    """A Wellhead server.

    url: as the browser has it. key: of the API, if it wants one. timeout: seconds without a byte. Not thread-safe:
    make one a thread. Every method raises WellheadError.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        key: str | None = None,
        timeout: float = 60,
        progress: bool = False,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._progress = progress
        self._document: Mapping[str, Any] | None = None
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(max_retries=_RETRY))
        self._session.mount("https://", HTTPAdapter(max_retries=_RETRY))
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Tables, as rows.

    def tables(self) -> list[str]:
        """The tables that patients() and the like read from: `patients`, `observations`, `condition` …"""
        return sorted(
            path.removeprefix("/")
            for path, operations in self._openapi()["paths"].items()
            if path.count("/") == 1 and "text/csv" in _answers(operations)
        )

    def patients(
        self,
        *,
        fields: Sequence[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        progress: bool | None = None,
        **filters: Filter,
    ) -> pd.DataFrame:
        """Patients, one a row: patients(zipcode="02139", birth_date="ge1980")."""
        return self.table("patients", fields=fields, sort=sort, limit=limit, progress=progress, **filters)

    def observations(
        self,
        *,
        fields: Sequence[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        progress: bool | None = None,
        **filters: Filter,
    ) -> pd.DataFrame:
        """Observations, one a row, without their components: observations(zipcode="02139", code="4548-4")."""
        return self.table("observations", fields=fields, sort=sort, limit=limit, progress=progress, **filters)

    def table(
        self,
        name: str,
        *,
        fields: Sequence[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        progress: bool | None = None,
        **filters: Filter,
    ) -> pd.DataFrame:
        """All rows of a table that fit the filters, streamed as CSV; with limit, the first of them."""
        columns = self._columns(f"/{name}")
        query = _query(filters, fields=",".join(fields) if fields else None, sort=sort, limit=limit)
        total = self._total(name, query, limit) if self._shows(progress) else None
        parts = []
        with self._stream(f"/{name}", [*query, ("format", "csv")]) as answer, self._bar(name, total, progress) as bar:
            reader = pd.read_csv(
                cast(TextIO, answer.raw),
                dtype=cast(Any, frames.csv_types(columns)),
                keep_default_na=False,
                na_values=[""],
                chunksize=_CHUNK_ROWS,
            )
            for part in reader:
                parts.append(part)
                bar.update(len(part))
        return frames.with_times(pd.concat(parts, ignore_index=True), columns)

    def components(self, *, progress: bool | None = None, **filters: Filter) -> pd.DataFrame:
        """The components of the observations that fit the filters, one a row, with observation_id and patient_id."""
        query = _query(filters)
        total = self._total("observations", query, None) if self._shows(progress) else None
        rows: list[dict[str, Any]] = []
        with self._stream("/observations", [*query, ("format", "ndjson")]) as answer, self._bar(
            "components", total, progress
        ) as bar:
            for line in answer.iter_lines():
                observation = json.loads(line)
                bar.update(1)
                ids = {"observation_id": observation["id"], "patient_id": observation.get("patient_id")}
                rows += [ids | component for component in observation.get("components", [])]
        schema = self._openapi()["components"]["schemas"]["ObservationComponents"]["properties"]
        text = {"type": "string"}
        return frames.of_items(rows, {"observation_id": text, "patient_id": text} | schema)

    # What was loaded.

    def zipcodes(self) -> pd.DataFrame:
        """What is loaded, and as of when."""
        return self._list("/zipcodes", {})

    def runs(self, **filters: Filter) -> pd.DataFrame:
        """Loads, the latest first: runs(zipcode="02139", state="failed")."""
        return self._list("/runs", filters)

    def receipts(self, **filters: Filter) -> pd.DataFrame:
        """The proofs that nothing is missing, one a run and table."""
        return self._list("/receipts", filters)

    def rejects(self, **filters: Filter) -> pd.DataFrame:
        """What could not become a row, and why."""
        return self._list("/rejects", filters)

    def stats(self, kind: str, *, by: Sequence[str], **filters: Filter) -> pd.DataFrame:
        """Counts for charts: stats("patients", by=["gender", "age_group"], zipcode="02139")."""
        answer = self._json(f"/stats/{kind}", _query(filters, by=",".join(by)))
        return pd.DataFrame(answer["items"], columns=pd.Index([*by, "count"])).convert_dtypes()

    def load(self, zipcode: str, *, wait: bool = True, progress: bool | None = None) -> dict[str, Any]:
        """Queues a load, or joins the one under way; waits for its end unless told otherwise. The run, with its receipts.

        WellheadError when the run failed or was cancelled.
        """
        try:
            answer = self._session.post(f"{self._url}/v1/zipcodes", json={"zipcode": zipcode}, timeout=self._timeout)
        except requests.exceptions.RequestException as error:
            raise errors.of_transport(self._url, error) from error
        if not answer.ok:
            raise errors.of_answer(answer)
        run = int(answer.json()["run"])
        return self._follow(run, progress) if wait else self.run(run)

    def run(self, run: int) -> dict[str, Any]:
        """One load: its state, progress, steps and receipts."""
        return self._json(f"/runs/{run}", [])

    def _follow(self, run: int, progress: bool | None) -> dict[str, Any]:
        detail = self.run(run)
        with self._bar(f"load {detail['zipcode']}", None, progress) as bar:
            while detail["state"] not in _ENDED:
                seen = detail["progress"]
                bar.total = seen.get("patients_expected")
                bar.update(seen.get("patients_covered", 0) - bar.n)
                time.sleep(_POLL_SECONDS)
                detail = self.run(run)
        if detail["state"] in ("failed", "cancelled"):
            why = detail.get("error") or detail["state"]
            raise errors.WellheadError(f"Run {run} of zip code {detail['zipcode']} {detail['state']}: {why}")
        return detail

    # The wire.

    def _openapi(self) -> Mapping[str, Any]:
        if self._document is None:
            self._document = self._json("/openapi.json", [], version="")
        return self._document

    def _columns(self, path: str) -> frames.Columns:
        try:
            return frames.schema_of(self._openapi(), path)
        except KeyError:
            raise errors.WellheadError(
                f"The server has no table {path.removeprefix('/')}; there are: {', '.join(self.tables())}"
            ) from None

    @contextmanager
    def _stream(self, path: str, query: list[tuple[str, str]]) -> Iterator[requests.Response]:
        url = f"{self._url}/v1{path}"
        try:
            with self._session.get(url, params=query, stream=True, timeout=self._timeout) as answer:
                if not answer.ok:
                    raise errors.of_answer(answer)
                answer.raw.decode_content = True
                yield answer
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise errors.of_transport(url, error) from error

    def _json(self, path: str, query: list[tuple[str, str]], *, version: str = "/v1") -> dict[str, Any]:
        url = f"{self._url}{version}{path}"
        try:
            answer = self._session.get(url, params=query, timeout=self._timeout)
        except requests.exceptions.RequestException as error:
            raise errors.of_transport(url, error) from error
        if not answer.ok:
            raise errors.of_answer(answer)
        found: dict[str, Any] = answer.json()
        return found

    def _list(self, path: str, filters: Mapping[str, Filter]) -> pd.DataFrame:
        items: list[dict[str, Any]] = []
        page = self._json(path, _query(filters, limit=_PAGE_ROWS))
        items += page["items"]
        while page.get("next"):
            page = self._json(str(page["next"]), [], version="" if str(page["next"]).startswith("/v1/") else "/v1")
            items += page["items"]
        return frames.of_items(items, self._columns(path))

    def _total(self, name: str, query: list[tuple[str, str]], limit: int | None) -> int:
        asked = [(key, value) for key, value in query if key not in ("fields", "sort", "limit")]
        count = int(self._json(f"/{name}", [*asked, ("limit", "1"), ("count", "exact")])["count"])
        return count if limit is None else min(count, limit)

    def _shows(self, progress: bool | None) -> bool:
        return self._progress if progress is None else progress

    def _bar(self, what: str, total: int | None, progress: bool | None) -> tqdm[Any]:
        return tqdm(desc=what, total=total, unit=" rows", disable=not self._shows(progress))


def _answers(operations: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    return found


def _query(filters: Mapping[str, Filter], **more: Filter | None) -> list[tuple[str, str]]:
    pairs = []
    for name, value in [*filters.items(), *more.items()]:
        if value is None:
            continue
        values = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
        pairs += [(name, _text(one)) for one in values]
    return pairs


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)
