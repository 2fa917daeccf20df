"""How connectors reach other services when nobody says otherwise: plain HTTP, one request, no retries."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import httpx


class UnknownHost(ConnectionError):
    """No name server knows the host."""


class OverHttp:
    """An `Outbound` that keeps its connections until `close()`."""

    def __init__(self) -> None:
        self._client = httpx.Client(trust_env=False)

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> tuple[int, bytes]:
        """Status and body. Raises UnknownHost, or ConnectionError when there is no answer for another reason."""
        try:
            response = self._client.request(method, url, headers=dict(headers), content=body, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise (UnknownHost if _is_about_the_name(error) else ConnectionError)(type(error).__name__) from None
        return response.status_code, response.content

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _is_about_the_name(error: BaseException | None) -> bool:
    return error is not None and (isinstance(error, socket.gaierror) or _is_about_the_name(error.__context__))
