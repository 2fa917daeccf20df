"""The only module that speaks HTTP: JSON to and from PolarSearch.

ML Commons answers some wrong requests with HTTP 500, so 500 is an answer like any other and is never sent again.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable
from typing import Any

import httpx

from . import advice
from .errors import ApiError, NotFound, Rejected, SearchStackError, Unavailable
from .version import Version
from .wait import Clock, try_again

Answer = dict[str, Any]

NOT_NOW = frozenset({429, 503})
"""The service did not act on the request."""

UNCERTAIN = frozenset({502, 504})
"""Something between us and the service gave up: it may have acted."""

STRANGER = "is this really PolarSearch? check `search_url`"

GREETING_PATIENCE = 10.0
"""Seconds for the answer to `GET /`, which PolarSearch gives at once and the port of another service may never give."""

LASTING = re.compile(
    r"\[SSL|[Nn]ame or service not known|nodename nor servname|No address associated|getaddrinfo failed"
)
"""Connections that fail the same way a second later: a certificate that is not trusted, a host that is not known."""

PASSING = re.compile(r"master key has not been initialized|exceed max running task limit|version conflict|is deploying")
"""Refusals that pass by themselves (the first connector on a fresh node, a model that is still deploying)."""


class SearchClient:
    """Requests to one PolarSearch.

    A request is sent again, at most `retries` times with doubling pauses from `pause` seconds, when

    - the service certainly did not act on it: no connection, 429, 503, or a refusal that passes by itself; or
    - it may have acted, but acting twice is harmless: the answer to a `repeatable` request was lost, 502 or 504.

    What makes something is not repeatable: after a lost answer it is looked for, never sent twice.
    """

    def __init__(
        self,
        http: httpx.Client,
        *,
        clock: Clock,
        tell: Callable[[str], None] = lambda _: None,
        retries: int = 5,
        pause: float = 0.5,
        patience: float = GREETING_PATIENCE,
    ) -> None:
        """`tell` hears what is sent again, and why. `patience` is for the greeting alone, in seconds."""
        self._http, self._clock, self._retries, self._pause = http, clock, retries, pause
        self._tell = tell
        self._patience = patience
        self._version: Version | None = None
        self._lock = threading.Lock()

    @classmethod
    def connect(
        cls,
        url: str,
        username: str,
        password: str,
        ca_file: str | None,
        *,
        clock: Clock,
        tell: Callable[[str], None] = lambda _: None,
    ) -> SearchClient:
        """`ca_file` names the certificate authority of an https endpoint; without it the system's are trusted."""
        auth = (username, password) if username else None
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        timeout = httpx.Timeout(60, connect=10)  # six tries at what a firewall drops: one minute, not six
        verify = _trust(url, ca_file)
        http = httpx.Client(base_url=url.rstrip("/"), auth=auth, timeout=timeout, limits=limits, verify=verify)
        return cls(http, clock=clock, tell=tell)

    @property
    def version(self) -> Version:
        """The OpenSearch this PolarSearch is built on, asked for once: `(2, 19, 1)`."""
        with self._lock:
            if self._version is None:
                self._version = _version(self._greeting())
            return self._version

    def _greeting(self) -> Answer:
        try:
            return self.send("GET", "/", repeatable=True, patience=self._patience)
        except NotFound as error:
            raise Rejected(f"{error.request} at {self._http.base_url}", error.status, error.reason, STRANGER) from error

    def get(self, path: str) -> Answer:
        return self.send("GET", path, repeatable=True)

    def put(self, path: str, body: Answer, *, makes: bool = False) -> Answer:
        """`makes`: acting twice is not the same, as for an index, which exists the second time."""
        return self.send("PUT", path, body, repeatable=not makes)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path, repeatable=True)

    def post(self, path: str, body: Answer | None = None, *, repeatable: bool = False) -> Answer:
        """`repeatable`: acting twice is the same as acting once, as for a search or a deploy."""
        return self.send("POST", path, body, repeatable=repeatable)

    def send(
        self,
        method: str,
        path: str,
        body: Answer | None = None,
        *,
        repeatable: bool = False,
        patience: float | None = None,
    ) -> Answer:
        """One request and, where that is safe, its repetitions. Raises ApiError.

        `patience`: the seconds for an answer that comes at once or never; after them it is not sent again.
        """

        def passes(error: SearchStackError) -> bool:
            return isinstance(error, Unavailable) and (error.refused or repeatable)

        return try_again(
            lambda: self._once(method, path, body, patience),
            passes,
            times=self._retries,
            pause=self._pause,
            clock=self._clock,
            tell=self._tell,
        )

    def _once(self, method: str, path: str, body: Answer | None, patience: float | None) -> Answer:
        request = f"{method} {path.split('?')[0]}"
        try:
            timeout = httpx.USE_CLIENT_DEFAULT if patience is None else patience
            response = self._http.request(method, path, json=body, timeout=timeout)
        except httpx.TransportError as error:
            if patience is not None and isinstance(error, httpx.ReadTimeout):
                raise _silent(request, str(self._http.base_url), patience) from error
            raise _no_answer(request, str(self._http.base_url), error) from error
        if response.is_success:
            return _answer(request, response)
        raise _refusal(request, response)


def _trust(url: str, ca_file: str | None) -> ssl.SSLContext | bool:
    if not url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody: to read whom the system trusts takes 60 ms
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SearchStackError(f"search_ca_file {ca_file}: {error}; name a PEM file with the cluster's CA") from error


def _version(answer: Answer) -> Version:
    number = str(answer.get("version", {}).get("number", ""))
    if found := re.match(r"(\d+)\.(\d+)\.(\d+)", number):
        major, minor, patch = map(int, found.groups())
        return major, minor, patch
    raise Rejected("GET /", None, f"version {number or 'missing'}", STRANGER)


def _silent(request: str, base: str, patience: float) -> ApiError:
    return Rejected(f"{request} at {base}", None, f"no answer within {patience:g} s", STRANGER)


def _no_answer(request: str, base: str, error: httpx.TransportError) -> ApiError:
    where, reason = f"{request} at {base}", _one_line(str(error) or type(error).__name__)
    fix = advice.for_transport(reason)
    if LASTING.search(reason):
        return Rejected(where, None, reason, fix)
    refused = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol))
    return Unavailable(where, None, reason, fix, refused=refused)


def _answer(request: str, response: httpx.Response) -> Answer:
    try:
        body = response.json() if response.content else {}
    except json.JSONDecodeError as error:
        raise Rejected(request, response.status_code, "the answer is not JSON", STRANGER) from error
    return dict(body) if isinstance(body, dict) else {"items": body}


def _refusal(request: str, response: httpx.Response) -> ApiError:
    status, reason = response.status_code, _reason(response)
    fix = advice.for_search(status, reason)
    if status in NOT_NOW | UNCERTAIN or PASSING.search(reason):
        return Unavailable(request, status, reason, fix, refused=status not in UNCERTAIN)
    return (NotFound if status == 404 else Rejected)(request, status, reason, fix)


def _reason(response: httpx.Response) -> str:
    """The service's own words on one line: the reason and, where it says more, what caused it."""
    try:
        error = response.json().get("error", "")
    except (json.JSONDecodeError, AttributeError):
        return _one_line(response.text)
    if not isinstance(error, dict):
        return _one_line(str(error))
    reason, cause = str(error.get("reason", "")), str(error.get("caused_by", {}).get("reason", ""))
    return _one_line(reason if cause in reason else f"{reason}: {cause}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:1000].rstrip(".") or "no reason given"
