"""The way out: the three requests AutoETL makes to PolarSearch, over one HTTP client."""

from __future__ import annotations

import json
from typing import Any, Protocol

import httpx


class SearchDown(Exception):
    """PolarSearch did not answer, or answered the whole request with an error. The text is for a link's Message."""


class SearchSlow(SearchDown):
    """The answer did not come in time; the request may have been carried out."""


class Search(Protocol):
    """Where documents go. Each call raises SearchDown."""

    def bulk(self, body: bytes) -> dict[str, Any]:
        """`POST /_bulk` of NDJSON; the answer as it came."""
        ...

    def has_index(self, index: str) -> bool: ...

    def create_index(self, index: str) -> None:
        """Makes it, with no mapping; an index that is there already is fine."""
        ...


class HttpSearch:
    """PolarSearch at `url`, with basic authentication."""

    def __init__(self, url: str, username: str, password: str, *, timeout: float = 60) -> None:
        self._client = httpx.Client(base_url=url, auth=(username, password), timeout=timeout, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def bulk(self, body: bytes) -> dict[str, Any]:
        response = self._send("POST", "/_bulk", body, "application/x-ndjson")
        _check(response, 200)
        answer: dict[str, Any] = response.json()
        return answer

    def has_index(self, index: str) -> bool:
        response = self._send("HEAD", f"/{index}")
        _check(response, 200, 404)
        return response.status_code == 200

    def create_index(self, index: str) -> None:
        response = self._send("PUT", f"/{index}")
        if "resource_already_exists_exception" not in response.text:
            _check(response, 200)

    def _send(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> httpx.Response:
        headers = {"content-type": kind} if body else {}
        try:
            return self._client.request(method, path, content=body or None, headers=headers)
        except httpx.HTTPError as error:
            slow = isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout)
            why = f"PolarSearch is unreachable: {error or type(error).__name__}"
            raise (SearchSlow if slow else SearchDown)(why) from None


def _check(response: httpx.Response, *expected: int) -> None:
    if response.status_code not in expected:
        reason = _reason(response)
        raise SearchDown(f"PolarSearch answered HTTP {response.status_code}{': ' if reason else ''}{reason}")


def _reason(response: httpx.Response) -> str:
    try:
        error = json.loads(response.content)["error"]
        return f"{error['type']}: {error['reason']}"
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
