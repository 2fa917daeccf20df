"""What is between the product and its services: it counts requests and statements, and lets one of them go wrong.

HTTP goes wrong in the transport of the client that `SearchClient` takes, SQL in the cursor of PyMySQL's connection.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import httpx
import pymysql
from pymysql.cursors import DictCursor

from providers.services.sql import Database
from sandbox.polarsearch import PolarSearch
from sandbox.wire import Request

Act = Callable[[], httpx.Response]

NO_HITS = {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}}

PAGE = "<html><head><title>{title}</title></head><body>{echo}</body></html>"


class Killed(BaseException):
    """The run was killed: no handler of the product runs on, and no request is made any more."""


def _echo(request: httpx.Request) -> str:
    """A debugging proxy's answer repeats the request, with all its secrets."""
    return f"{request.headers.get('authorization', '')} {request.url} {request.content.decode()}"


def _error(status: int, request: httpx.Request, headers: dict[str, str] | None = None) -> httpx.Response:
    reason = {"type": "made_to_fail", "reason": f"HTTP {status} for {_echo(request)}"}
    body = {"error": {"root_cause": [reason], **reason}, "status": status}
    return httpx.Response(status, json=body, headers=headers)


def _page(status: int, request: httpx.Request) -> httpx.Response:
    return httpx.Response(status, html=PAGE.format(title=f"Answer {status}", echo=_echo(request)))


def _after(act: Act, answer: Callable[[], httpx.Response]) -> httpx.Response:
    act()
    return answer()


def _raise(error: Exception) -> httpx.Response:
    raise error


def _cut(response: httpx.Response) -> httpx.Response:
    content = response.content
    return httpx.Response(response.status_code, headers={"content-type": "application/json"}, content=content[:-2])


HTTP: dict[str, Callable[[Act, httpx.Request], httpx.Response]] = {
    "503": lambda act, request: _error(503, request),
    "429": lambda act, request: _error(429, request, {"retry-after": "20"}),
    "500": lambda act, request: _error(500, request),
    "502 after acting": lambda act, request: _after(act, lambda: _page(502, request)),
    "504 after acting": lambda act, request: _after(act, lambda: _page(504, request)),
    "connection refused": lambda act, request: _raise(httpx.ConnectError("[Errno 111] Connection refused")),
    "reset before acting": lambda act, request: _raise(httpx.ReadError("[Errno 104] Connection reset by peer")),
    "reset after acting": lambda act, request: _after(
        act, lambda: _raise(httpx.ReadError("[Errno 104] Connection reset by peer"))
    ),
    "silence": lambda act, request: _raise(httpx.ReadTimeout("timed out")),
    "silence after acting": lambda act, request: _after(act, lambda: _raise(httpx.ReadTimeout("timed out"))),
    "200 cut short": lambda act, request: _cut(act()),
    "200 with a page": lambda act, request: _page(200, request),
    "404 with a page": lambda act, request: _page(404, request),
    "200 with another object": lambda act, request: httpx.Response(200, json={"result": "done"}),
}
"""What the client sees of a request, by fault."""

READ_ONLY = "The MySQL server is running with the --read-only option so it cannot execute this statement"

SQL = {
    "connection lost before": (False, 2013, "Lost connection to MySQL server during query"),
    "connection lost after acting": (True, 2013, "Lost connection to MySQL server during query"),
    "gone away": (False, 2006, "MySQL server has gone away"),
    "1290": (False, 1290, READ_ONLY),
    "1205": (False, 1205, "Lock wait timeout exceeded; try restarting transaction"),
    "1213": (False, 1213, "Deadlock found when trying to get lock; try restarting transaction"),
}
"""Whether the statement is carried out, and the error that the client sees, by fault."""

STALE = {"stale search": lambda act, request: httpx.Response(200, json=NO_HITS)}
"""What a search of ML Commons' indexes shows before they are refreshed: nothing yet."""

GONE = {"gone already": lambda act, request: _after(act, act)}
"""Somebody else has deleted it a moment before: a request or a statement is told so."""

KILLED, LATE = "killed", "killed, and the call arrives late"
FAULTS = (*HTTP, *STALE, *SQL, *GONE, KILLED, LATE)


def is_request(call: str) -> bool:
    """Whether a call is an HTTP request; the others are statements."""
    return re.match(r"(GET|PUT|POST|DELETE|HEAD) /", call) is not None


class Wire:
    """Counts every call of one operation, and gives the fault to the one at `index`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.late: Callable[[], object] | None = None
        self.begin()

    def begin(self, index: int = -1, fault: str = "") -> None:
        """Another operation, in which the call at `index` goes wrong."""
        self.calls: list[str] = []
        self._index, self._fault, self._dead = index, fault, False

    def take(self, call: str) -> str:
        """The fault of the next call, which is empty for all but one. Raises Killed once the run is killed."""
        with self._lock:
            if self._dead:
                raise Killed
            self.calls.append(call)
            mine = self._fault if len(self.calls) - 1 == self._index else ""
            self._dead = mine in (KILLED, LATE)
            return mine


class FaultyTransport(httpx.BaseTransport):
    """Requests to a PolarSearch in this process."""

    def __init__(self, wire: Wire, application: PolarSearch) -> None:
        self._wire, self._application = wire, application

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault = self._wire.take(f"{request.method} {request.url.path}")
        request.read()
        if fault == LATE:
            self._wire.late = lambda: self._acted(request)
            raise Killed
        if faulty := {**HTTP, **STALE, **GONE}.get(fault):
            return faulty(lambda: self._acted(request), request)
        response = self._acted(request)
        if fault == KILLED:
            raise Killed
        return response

    def _acted(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        asked = Request.of(request.method, target, dict(request.headers), request.content)
        answer = self._application.handle(asked)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


class FaultyDatabase(Database):
    """Statements to a PolarDB. `settled` returns once AutoETL has done what a statement started."""

    def __init__(self, wire: Wire, settled: Callable[[], None], **options) -> None:
        super().__init__(**options)
        self._cursor = _cursor(wire, settled)

    def _opened(self):
        connection = super()._opened()
        connection.cursorclass = self._cursor
        return connection


def _carry_out(connection: pymysql.Connection, settled: Callable[[], None], query: str, args: Any) -> None:
    """The statement of a connection that is gone, over another."""
    connection.connect()
    with contextlib.suppress(pymysql.MySQLError), closing(connection), connection.cursor(DictCursor) as cursor:
        cursor.execute(query, args)
    settled()


def _cursor(wire: Wire, settled: Callable[[], None]) -> type[DictCursor]:
    class FaultyCursor(DictCursor):
        def execute(self, query, args=None):
            fault = wire.take(" ".join(str(query).split()))
            if fault == LATE:
                wire.late = partial(_carry_out, self.connection, settled, query, args)
                raise Killed
            if fault in GONE:
                super().execute(query, args)
                settled()
            acts, code, reason = SQL.get(fault, (True, 0, ""))
            number = super().execute(query, args) if acts else 0
            if acts and query.startswith("CALL"):
                settled()
            if fault == KILLED:
                raise Killed
            if code == 2013:
                while self.nextset():  # the answer was on its way
                    pass
                self.connection.close()
            if code:
                raise pymysql.OperationalError(code, reason)
            return number

    return FaultyCursor
