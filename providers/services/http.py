"""The only module that speaks HTTP: JSON to and from PolarSearch.

ML Commons answers some wrong requests with HTTP 500, so 500 is an answer like any other and is never sent again.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Mapping
from typing import Any

import httpx

from providers.kit import ApiError, Clock, NotFound, Rejected, Report, SearchStackError, Unavailable, retry, silent
from providers.kit.host import request_in_progress

from . import advice
from .answers import is_answer
from .version import Version

Answer = dict[str, Any]

NOT_PROCESSED = frozenset({429, 503})
"""The service did not act on the request."""

UNCERTAIN = frozenset({502, 504})
"""Something between us and the service gave up: the service may have acted."""

NOT_POLARSEARCH = "is this really PolarSearch? check `search_url`"

IN_BETWEEN = "something between this machine and PolarSearch answers for it: check the proxy or load balancer"
"""What to do about an answer that is not PolarSearch's own, where it has greeted this process."""

GREETING_TIMEOUT = 10.0
"""Seconds for the answer to `GET /`: PolarSearch gives it at once, the port of another service may never."""

READ_TIMEOUT = 30.0
"""Seconds for the answer to a GET or a DELETE; a PUT or a POST, which may embed a text, has 60."""

LONGEST_PAUSE = 60.0
"""Seconds that are waited at most because a service asks for it."""

NOT_REACHED = "check `embedding.url`, and that this machine may reach it"

PERMANENT = re.compile(
    r"\[SSL|[Nn]ame or service not known|nodename nor servname|No address associated|getaddrinfo failed"
)
"""Connections that fail the same way a second later: a certificate that is not trusted, a host that is not known."""

TEMPORARY = re.compile(
    r"master key has not been initialized|exceed max running task limit|version conflict|is deploying"
)
"""Rejections that end by themselves (the first connector on a fresh node, a model that is still deploying)."""

WARNING = re.compile(r'^299 \S+ "(?P<text>(?:[^"\\]|\\.)*)"')
"""A `Warning` header as OpenSearch writes it (opensearch-core, HeaderWarning)."""


class SearchClient:
    """Requests to one PolarSearch.

    A request is sent again, at most `retries` times with doubling pauses from `pause` seconds, when

    - the service certainly did not act on it: no connection, 429, 503, or a temporary rejection; or
    - it may have acted, but acting twice is harmless: the answer to an `idempotent` request was lost, 502 or 504.

    A request that makes something is not idempotent: after a lost answer the object is looked for.
    """

    def __init__(
        self,
        http: httpx.Client,
        *,
        clock: Clock,
        report: Report = silent,
        warn: Report = silent,
        retries: int = 5,
        pause: float = 0.5,
        greeting_timeout: float = GREETING_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        """`report` is called with what is sent again, and why; `warn` with the service's warnings, each once."""
        self._http, self._clock, self._retries, self._pause = http, clock, retries, pause
        self._report, self._warn, self._warned = report, warn, set[str]()
        self._greeting_timeout, self._read_timeout = greeting_timeout, read_timeout
        self._silent = False
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
        report: Report = silent,
        warn: Report = silent,
    ) -> SearchClient:
        """`ca_file` names the certificate authority of an https endpoint; without it the system's are trusted."""
        auth = (username, password) if username else None
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        timeout = httpx.Timeout(60, connect=10)  # six tries at what a firewall drops: one minute, not six
        verify = _trusted_authorities(url, ca_file)
        http = httpx.Client(base_url=url.rstrip("/"), auth=auth, timeout=timeout, limits=limits, verify=verify)
        return cls(http, clock=clock, report=report, warn=warn)

    @property
    def version(self) -> Version:
        """The OpenSearch that this PolarSearch is built on, asked for once: `(2, 19, 1)`."""
        with self._lock:
            if self._version is None:
                self._version = _version(self._greeting())
            return self._version

    def _greeting(self) -> Answer:
        try:
            return self.send("GET", "/", idempotent=True, timeout=self._greeting_timeout)
        except NotFound as error:
            where = f"{error.request} at {self._http.base_url}"
            raise Rejected(where, error.status, error.reason, NOT_POLARSEARCH) from error

    def get(self, path: str) -> Answer:
        """Reads. Raises ApiError."""
        return self.send("GET", path, idempotent=True)

    def cluster_settings(self) -> Answer:
        """Reads every setting that is known, with its default. Raises ApiError."""
        return self.get("/_cluster/settings?include_defaults=true&flat_settings=true")

    def put(self, path: str, body: Answer, *, idempotent: bool = True) -> Answer:
        """Writes. Not idempotent where the second request fails, as for an index. Raises ApiError."""
        return self.send("PUT", path, body, idempotent=idempotent)

    def delete(self, path: str) -> Answer:
        """Deletes. Raises ApiError."""
        return self.send("DELETE", path, idempotent=True)

    def post(self, path: str, body: Answer | None = None, *, idempotent: bool = False) -> Answer:
        """Idempotent where acting twice is the same as acting once, as for a search or a deploy. Raises ApiError."""
        return self.send("POST", path, body, idempotent=idempotent)

    def find(self, index: str, body: Answer) -> Answer:
        """Searches the documents of an index without its search pipeline, which may be gone. Raises ApiError."""
        return self.post(f"/{index}/_search?search_pipeline=_none", body, idempotent=True)

    def post_for(self, key: str, path: str, body: Answer) -> str:
        """Posts and returns the id that the answer names under `key`.

        Raises Unavailable where it names none: the answer is another request's, and the object may have been made.
        """
        answer = self.post(path, body)
        if isinstance(id := answer.get(key), str):
            return id
        raise Unavailable(f"POST {path}", None, f"the answer has no {key}", self._doubt(), not_processed=False)

    def send(
        self,
        method: str,
        path: str,
        body: Answer | None = None,
        *,
        idempotent: bool = False,
        timeout: float | None = None,
    ) -> Answer:
        """Sends a request and, where that is safe, sends it again. Raises ApiError.

        `timeout`: the seconds for an answer that comes at once or never; after them it is not sent again. Once a
        request had no answer in time, the next ones wait for a greeting first: a silent service holds a command up for
        less than a minute, however many objects there are.
        """

        def is_temporary(error: SearchStackError) -> bool:
            return isinstance(error, Unavailable) and (error.not_processed or (idempotent and not self._silent))

        if self._silent and timeout is None:
            self._require_answers()
        return retry(
            lambda: self._once(method, path, body, timeout),
            is_temporary,
            times=self._retries,
            pause=self._pause,
            clock=self._clock,
            report=self._report,
        )

    def _once(self, method: str, path: str, body: Answer | None, timeout: float | None) -> Answer:
        request = f"{method} {path.split('?')[0]}"
        try:
            limit = self._limit(method) if timeout is None else timeout
            with request_in_progress():
                response = self._http.request(method, path, json=body, timeout=limit)
        except httpx.TransportError as error:
            if isinstance(error, httpx.ReadTimeout):
                if timeout is not None:
                    raise _silence(request, str(self._http.base_url), timeout) from error
                self._silent = True
            raise _no_answer(request, str(self._http.base_url), error) from error
        self._pass_on_warnings(request, response)
        if response.is_success:
            return self._answer(request, response)
        rejection = _rejection(request, response)
        raise self._believed(rejection, response) if isinstance(rejection, NotFound) and path != "/" else rejection

    def _answer(self, request: str, response: httpx.Response) -> Answer:
        """Returns the JSON object; anything else is no answer of PolarSearch's, which may have acted all the same."""
        body = _json(response)
        if isinstance(body, dict) and is_answer(request, body):
            return body
        found = "an HTML page" if _is_html(response) else f"{'another' if isinstance(body, dict) else 'no'} JSON object"
        raise Unavailable(request, response.status_code, f"the answer is {found}", self._doubt(), not_processed=False)

    def _believed(self, error: NotFound, response: httpx.Response) -> ApiError:
        """Returns NotFound only where PolarSearch itself, which has greeted this process, says so."""
        if is_absence(error.request, _json(response)) and self._has_greeted():
            return error
        return Rejected(error.request, error.status, error.reason, self._doubt())

    def _has_greeted(self) -> bool:
        try:
            return bool(self.version)
        except ApiError:
            return False

    def _doubt(self) -> str:
        return NOT_POLARSEARCH if self._version is None else IN_BETWEEN

    def _limit(self, method: str) -> Any:
        return self._read_timeout if method in ("GET", "DELETE") else httpx.USE_CLIENT_DEFAULT

    def _require_answers(self) -> None:
        """Raises Rejected while the service takes connections and does not answer."""
        self.send("GET", "/", idempotent=True, timeout=self._greeting_timeout / 2)
        self._silent = False

    def _pass_on_warnings(self, request: str, response: httpx.Response) -> None:
        for text in warnings_of(response.headers.get_list("warning")):
            if text not in self._warned:
                self._warned.add(text)
                self._warn(f"{request}: {text}")


def post_elsewhere(url: str, headers: Mapping[str, str], body: str) -> Any:
    """Sends JSON to an embedding service, once, and returns the JSON of its answer. Raises ApiError."""
    request = f"POST {url}"
    try:
        response = httpx.post(url, headers=dict(headers), content=body.encode(), timeout=READ_TIMEOUT)
    except (httpx.TransportError, UnicodeError) as error:
        reason = _one_line(str(error) or type(error).__name__)
        raise Unavailable(request, None, reason, NOT_REACHED, not_processed=False) from error
    if not response.is_success:
        text = _page(response) if _is_html(response) else _one_line(response.text)
        reason = f"Error from remote service: {text}"
        raise Rejected(request, response.status_code, reason, advice.for_search(response.status_code, reason))
    if (answer := _json(response)) is None:
        raise Rejected(request, response.status_code, "the answer is no JSON", "check `embedding.url`")
    return answer


def warnings_of(headers: list[str]) -> list[str]:
    """Returns the texts of `Warning` headers."""
    found = (WARNING.match(header) for header in headers)
    return [match["text"].replace('\\"', '"') for match in found if match]


def retry_after(header: str) -> float:
    """Returns the seconds of a `Retry-After` header, at most LONGEST_PAUSE; 0 for none, and for a date."""
    return min(float(header), LONGEST_PAUSE) if header.isdecimal() else 0


def _trusted_authorities(url: str, ca_file: str | None) -> ssl.SSLContext | bool:
    if not url.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without authorities: to read the system's takes 60 ms
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
    raise Rejected("GET /", None, f"version {number or 'missing'}", NOT_POLARSEARCH)


def _silence(request: str, base: str, timeout: float) -> ApiError:
    return Rejected(f"{request} at {base}", None, f"no answer within {timeout:g} s", NOT_POLARSEARCH)


def _no_answer(request: str, base: str, error: httpx.TransportError) -> ApiError:
    where, reason = f"{request} at {base}", _one_line(str(error) or type(error).__name__)
    fix = advice.for_transport(reason)
    if PERMANENT.search(reason):
        return Rejected(where, None, reason, fix)
    not_processed = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol))
    return Unavailable(where, None, reason, fix, not_processed=not_processed)


def is_absence(request: str, body: Any) -> bool:
    """Tells whether the body of a 404 is OpenSearch's own (recorded: lifecycle.jsonl and others).

    It names its cause, or an alias that is missing; a pipeline that is missing is an empty object.
    """
    if not isinstance(body, dict) or (body and body.get("status") != 404):
        return False
    error = body.get("error")
    if isinstance(error, str):
        return re.match(r"alias(es)? \[.*\] missing", error) is not None
    return isinstance(error, dict) and "root_cause" in error if body else "/pipeline" in request


def _json(response: httpx.Response) -> Any:
    """Returns what the body says as JSON, None where it is not; an empty body is an empty object."""
    try:
        return response.json() if response.content else {}
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def _is_html(response: httpx.Response) -> bool:
    return "<html" in response.text[:2000].lower() or "html" in response.headers.get("content-type", "")


def _rejection(request: str, response: httpx.Response) -> ApiError:
    status, reason = response.status_code, _reason(response)
    fix = advice.for_search(status, reason)
    if status in NOT_PROCESSED | UNCERTAIN or TEMPORARY.search(reason):
        wait = retry_after(response.headers.get("retry-after", ""))
        return Unavailable(request, status, reason, fix, not_processed=status not in UNCERTAIN, retry_after=wait)
    return (NotFound if status == 404 else Rejected)(request, status, reason, fix)


def _reason(response: httpx.Response) -> str:
    """Returns the service's own words on one line: the reason and, where it says more, its cause.

    A page is named by its title.
    """
    body = _json(response)
    if not isinstance(body, dict):
        return _page(response) if _is_html(response) else _one_line(response.text)
    error = body.get("error", "")
    if not isinstance(error, dict):
        return _one_line(str(error))
    reason, cause = str(error.get("reason", "")), str((error.get("caused_by") or {}).get("reason", ""))
    return _one_line(reason if cause in reason else f"{reason}: {cause}")


def _page(response: httpx.Response) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", response.text, re.IGNORECASE | re.DOTALL)
    return f"an HTML page, {_one_line(title[1])[:60]!r}" if title and title[1].strip() else "an HTML page"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:1000].rstrip(".") or "no reason given"
