"""The client against a running Wellhead (SERVER_URL) that has zip code 02139 of fhirsim; tests/python/run starts both."""

from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pandas as pd
import pytest
import requests

import wellhead

URL = os.environ["SERVER_URL"]
ZIP = "02139"


@pytest.fixture
def client() -> Iterator[wellhead.Client]:
    with wellhead.Client(URL) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    with wellhead.Client(URL) as client:
        assert client.load(ZIP)["state"] == "complete"


def items(path: str) -> list[dict[str, object]]:
    """All of a list, by the API itself."""
    found: list[dict[str, object]] = []
    page = requests.get(f"{URL}/v1{path}", timeout=60).json()
    found += page["items"]
    while page["next"]:
        page = requests.get(URL + page["next"], timeout=60).json()
        found += page["items"]
    return found


def test_patients_are_those_of_the_api(client: wellhead.Client) -> None:
    patients = client.patients(zipcode=ZIP)
    expected = items(f"/patients?zipcode={ZIP}&limit=500")
    assert len(patients) == len(expected) > 0
    by_id = patients.set_index("id")
    for item in expected:
        row = by_id.loc[str(item["id"])]
        assert row["family"] == item["family"]
        assert row["birth_date"] == pd.Timestamp(str(item["birth_date"]))
        assert row["loaded_at"] == pd.Timestamp(str(item["loaded_at"]))
        assert pd.isna(row["deceased"]) if "deceased" not in item else row["deceased"] == item["deceased"]


def test_columns_have_the_types_of_the_document(client: wellhead.Client) -> None:
    types = client.patients(zipcode=ZIP).dtypes.astype(str)
    assert types["family"] == "string"
    assert types["birth_date"] == "datetime64[s]"
    assert types["deceased_at"] == "datetime64[us, UTC]"
    assert types["deceased"] == "boolean"
    assert types["run_id"] == "Int64"
    assert client.observations(zipcode=ZIP, limit=10)["value_number"].dtype == "float64"


def test_an_answer_without_rows_has_the_same_types(client: wellhead.Client) -> None:
    nobody = client.patients(zipcode=ZIP, last_name="zzzz")
    assert nobody.empty
    pd.testing.assert_series_equal(nobody.dtypes, client.patients(zipcode=ZIP).dtypes)


def test_filters_fields_sort_and_limit(client: wellhead.Client) -> None:
    born = client.patients(zipcode=ZIP, birth_date=["ge1960", "lt1990"], fields=["id", "birth_date"], sort="-birth_date")
    assert list(born.columns) == ["id", "birth_date"]
    assert not born.empty
    assert born["birth_date"].between(pd.Timestamp("1960-01-01"), pd.Timestamp("1989-12-31")).all()
    assert born["birth_date"].is_monotonic_decreasing
    day = born["birth_date"].iloc[0].date()
    assert born["id"].iloc[0] in set(client.patients(zipcode=ZIP, birth_date=day)["id"])
    assert len(client.patients(zipcode=ZIP, limit=3)) == 3


def test_moments_may_be_filters(client: wellhead.Client) -> None:
    moment = client.observations(zipcode=ZIP, limit=1)["effective_start"].iloc[0].to_pydatetime()
    assert isinstance(moment, datetime.datetime)
    assert not client.observations(zipcode=ZIP, effective=moment).empty


def test_observations_and_components_are_all_there(client: wellhead.Client) -> None:
    observations = client.observations(zipcode=ZIP)
    expected = items(f"/observations?zipcode={ZIP}&limit=500")
    assert set(observations["id"]) == {item["id"] for item in expected}
    components = client.components(zipcode=ZIP)
    assert len(components) == sum(len(item.get("components", [])) for item in expected) > 0  # type: ignore[arg-type, misc]
    assert set(components["observation_id"]) <= set(observations["id"])
    assert components["value_number"].dtype == "float64"


def test_progress_counts_every_row(client: wellhead.Client, capsys: pytest.CaptureFixture[str]) -> None:
    rows = len(client.observations(zipcode=ZIP, progress=True))
    assert f"{rows}/{rows}" in capsys.readouterr().err


def test_what_was_loaded(client: wellhead.Client) -> None:
    assert ZIP in set(client.zipcodes()["zipcode"])
    assert set(client.runs(zipcode=ZIP)["state"]) == {"complete"}
    receipts = client.receipts(zipcode=ZIP).set_index("table")
    assert receipts.loc["patient", "staged"].max() == len(client.patients(zipcode=ZIP))
    assert client.rejects().empty
    stats = client.stats("patients", by=["gender"], zipcode=ZIP)
    assert stats["count"].sum() == len(client.patients(zipcode=ZIP))
    assert {"patients", "observations"} <= set(client.tables())


def test_a_wrong_filter_is_told_in_the_servers_words(client: wellhead.Client) -> None:
    with pytest.raises(wellhead.WellheadError, match="no_such is no parameter") as caught:
        client.patients(no_such="1")
    assert caught.value.status == 400
    assert caught.value.code == "invalid_input"
    assert caught.value.request_id


def test_a_wrong_table_names_those_there_are(client: wellhead.Client) -> None:
    with pytest.raises(wellhead.WellheadError, match="no table nowhere; there are: .*patients"):
        client.table("nowhere")


def test_a_wrong_zip_code_is_refused(client: wellhead.Client) -> None:
    with pytest.raises(wellhead.WellheadError) as caught:
        client.load("213")
    assert caught.value.status == 400


def test_nobody_listens() -> None:
    with pytest.raises(wellhead.WellheadError, match="is `wellhead up` running there"):
        wellhead.Client("http://127.0.0.1:9").zipcodes()


def test_an_answer_that_breaks_off_is_no_table(client: wellhead.Client) -> None:
    """Between the two stands a server that passes the first bytes of a CSV on, and goes."""
    document = requests.get(f"{URL}/openapi.json", timeout=60).content
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for body, whole in ((document, True), (b"id,family\r\np1,Ann\r\n", False)):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                kind = b"application/json" if whole else b"text/csv"
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                )
                connection.sendall(f"{len(body):x}\r\n".encode() + body + b"\r\n")
                if whole:
                    connection.sendall(b"0\r\n\r\n")

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with listener, pytest.raises(wellhead.WellheadError, match="broke off"):
        wellhead.Client(f"http://127.0.0.1:{listener.getsockname()[1]}").patients()
    server.join(timeout=30)


def test_a_server_with_keys_wants_one() -> None:
    """Last, because the server asks everybody for a key from now on."""
    words = [os.environ["SERVER_PROGRAM"], "keys", "create", "--role", "reader", "--zip", "9*", "--json"]
    key = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)["key"]
    while requests.get(f"{URL}/v1/runs", timeout=60).status_code != 401:
        pass
    with pytest.raises(wellhead.WellheadError, match="wellhead keys create") as caught:
        wellhead.Client(URL).zipcodes()
    assert caught.value.status == 401
    assert wellhead.Client(URL, key=key).patients().empty
