"""What goes wrong, as one exception."""

from __future__ import annotations

import requests


class WellheadError(Exception):
    """What happened, where, and what to do, as far as the server says.

    status: of HTTP; None when there was no answer, or it broke off. code: the server's word for it, such as
    `invalid_input`. request_id: by which the server's log has it.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


def of_answer(response: requests.Response) -> WellheadError:
    """Of an answer that is no success (RFC 9457, or any other body)."""
    try:
        problem = response.json()
    except requests.exceptions.JSONDecodeError:
        problem = {}
    detail = problem.get("detail") or f"The server answered {response.status_code} {response.reason}"
    advice = problem.get("advice")
    if response.status_code == 401:
        advice = advice or "give Client a key=; `wellhead keys create` makes one"
    return WellheadError(
        f"{detail} ({advice})" if advice else str(detail),
        status=response.status_code,
        code=str(problem.get("type", "")).rpartition(":")[2],
        request_id=str(problem.get("request_id", "")),
    )


def of_transport(url: str, error: Exception) -> WellheadError:
    """Of an answer that did not come, or broke off."""
    if isinstance(error, requests.exceptions.ConnectionError) and not isinstance(
        error, requests.exceptions.ChunkedEncodingError
    ):
        return WellheadError(f"There is no Wellhead to be reached at {url}: is `wellhead up` running there?")
    if isinstance(error, requests.exceptions.Timeout):
        return WellheadError(f"{url} did not answer in time")
    return WellheadError(f"The answer of {url} broke off; nothing of it is used. Ask again.")
