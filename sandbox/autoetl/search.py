"""The way out: the three requests AutoETL makes to PolarSearch, over one HTTP client."""

from __future__ import annotations

import json
from typing import Any

import httpx

from sandbox.wire import trusted


class SearchDown(Exception):
    """PolarSearch did not answer, or answered the whole request with an error. The text is for a link's Message."""


class SearchSlow(SearchDown):
    """The answer did not come in time; the request may have been carried out."""


class HttpSearch:
    """PolarSearch at `url`, with basic authentication. Every request raises SearchDown."""

    def __init__(self, url: str, username: str, password: str, *, timeout: float = 60) -> None:
        account = (username, password)
        self._client = httpx.Client(base_url=url, auth=account, timeout=timeout, verify=trusted(), trust_env=False)

    def close(self) -> None:
        self._client.close()

    def bulk(self, body: bytes) -> dict[str, Any]:
        """`POST /_bulk` of NDJSON; the answer as it came."""
        answer: dict[str, Any] = self._send("POST", "/_bulk", 200, body=body).json()
        return answer

    def has_index(self, index: str) -> bool:
        return self._send("HEAD", f"/{index}", 200, 404).status_code == 200

    def create_index(self, index: str) -> None:
        """Makes it, with no mapping; an index that is there already is fine."""
        if not self.has_index(index):
            self._send("PUT", f"/{index}", 200)

    def _send(self, method: str, path: str, *expected: int, body: bytes = b"") -> httpx.Response:
        headers = {"content-type": "application/x-ndjson"} if body else {}
        try:
            response = self._client.request(method, path, content=body or None, headers=headers)
        except httpx.HTTPError as error:
            slow = isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout)
            why = f"PolarSearch is unreachable: {error or type(error).__name__}"
            raise (SearchSlow if slow else SearchDown)(why) from None
        if response.status_code not in expected:
            raise SearchDown(f"PolarSearch answered HTTP {response.status_code}{_reason(response)}")
        return response


def _reason(response: httpx.Response) -> str:
    try:
        error = json.loads(response.content)["error"]
        return f": {error['type']}: {error['reason']}"
    except (ValueError, KeyError, TypeError):
        return f": {response.text[:200]}" if response.text else ""
