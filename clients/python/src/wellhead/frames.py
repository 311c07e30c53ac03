"""DataFrames with the types that the server's OpenAPI document names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

# A column's schema: {"type": "string", "format": "date-time"}.
Columns = Mapping[str, Mapping[str, Any]]


def schema_of(document: Mapping[str, Any], path: str) -> Columns:
    """The columns that a list's items may have; parts (arrays) are left out. KeyError: there is no such list."""
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    items = _resolved(document, _resolved(document, answer)["properties"]["items"]["items"])
    found: dict[str, Mapping[str, Any]] = items["properties"]
    return {name: column for name, column in found.items() if column.get("type") != "array"}


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][str(reference).rpartition("/")[2]]
    return found


def _kind(column: Mapping[str, Any]) -> str:
    kind = column.get("type", "object")
    if isinstance(kind, list):  # JSON Schema has a list where NULL is allowed
        kind = next((one for one in kind if one != "null"), "string")
    return str(column.get("format")) if kind == "string" and column.get("format") in ("date", "date-time") else str(kind)


def csv_types(columns: Columns) -> dict[str, str]:
    """For pandas.read_csv: moments come as text."""
    types = {"integer": "Int64", "number": "float64", "boolean": "boolean", "object": "object"}
    return {name: types.get(_kind(column), "string") for name, column in columns.items()}


def with_times(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Texts of days and moments made into them. By numpy: pandas' nanoseconds end in 1677 and 2262."""
    for name in frame.columns:
        kind = _kind(columns.get(name, {}))
        if kind == "date":
            frame[name] = pd.Series(_times(frame[name], "datetime64[s]"), index=frame.index)
        elif kind == "date-time":
            moments = pd.Series(_times(frame[name], "datetime64[us]"), index=frame.index)
            frame[name] = moments.dt.tz_localize("UTC")
    return frame


def _times(texts: pd.Series[Any], unit: str) -> np.ndarray[Any, Any]:
    return np.array(["NaT" if text is None else text.removesuffix("Z") for text in _or_none(texts)], dtype=unit)


def _or_none(texts: pd.Series[Any]) -> Iterable[str | None]:
    return (None if pd.isna(text) else str(text) for text in texts)


def of_items(items: list[dict[str, Any]], columns: Columns) -> pd.DataFrame:
    """Of JSON items, with every column of the schema, in its order."""
    frame = pd.DataFrame(items, columns=pd.Index(columns), dtype="object")
    return with_times(frame.astype({name: kind for name, kind in csv_types(columns).items()}), columns)
