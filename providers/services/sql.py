"""The only module that speaks SQL: statements to PolarDB, over one connection a process.

Values travel as single-quoted literals that PyMySQL escapes, which works with and without ANSI_QUOTES.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import DictCursor

from providers.kit import Clock, Refused, Report, SearchStackError, SqlError, retry, silent
from providers.kit.host import request_in_progress

from . import advice
from .sqltext import Row

TEMPORARY = frozenset({1040, 1205, 1213, 2003, 2006})
"""Too many connections, lock wait, deadlock, no connection, server gone: nothing was done, so it may be sent again."""

LOST = frozenset({0, 2006, 2013, 2014, 2055})
"""The connection broke: another is opened for the next statement."""

ANSWER_LOST = frozenset({2013, 2055})
"""The connection broke after the statement was sent: it may have been carried out."""

UNTRUSTED = 2026
"""MySQL's number for an error of TLS."""

READS = re.compile(r"\s*(SELECT|SHOW)\b", re.IGNORECASE)
"""Statements that may be sent twice."""


class Database:
    """Statements to one PolarDB, one after another over one connection, which is opened again when it was lost."""

    def __init__(
        self, *, clock: Clock, report: Report = silent, retries: int = 3, pause: float = 0.5, **connect: Any
    ) -> None:
        """`report` is called with what is sent again, and why; `connect` is PyMySQL's."""
        self._connect: dict[str, Any] = {"connect_timeout": 10, **connect}
        self._clock, self._report, self._retries, self._pause = clock, report, retries, pause
        self._connection: Connection[DictCursor] | None = None
        self._lock = threading.Lock()

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        user: str,
        password: str,
        tls: str | None,
        *,
        clock: Clock,
        report: Report = silent,
    ) -> Database:
        """`tls`: "true" for a certificate the system trusts, or the path of the CA's.

        None encrypts where the server offers to, without looking at its certificate.
        """
        # PyMySQL would encode a password as Latin-1; MySQL hashes its UTF-8.
        options: dict[str, Any] = {"host": host, "port": port, "user": user, "password": password.encode()}
        return cls(clock=clock, report=report, read_timeout=600, charset="utf8mb4", **options, **_encryption(tls))

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """Returns the rows of one statement, by column name. Raises SqlError.

        A statement that changes something is never sent twice: the connection is tested before it is sent.
        """
        reads = READS.match(statement) is not None

        def is_temporary(error: SearchStackError) -> bool:
            codes = TEMPORARY | ANSWER_LOST if reads else TEMPORARY
            return isinstance(error, SqlError) and error.code in codes

        return retry(
            lambda: self._once(statement, values, test_first=not reads),
            is_temporary,
            times=self._retries,
            pause=self._pause,
            clock=self._clock,
            report=self._report,
        )

    def variables(self, *names: str) -> dict[str, str]:
        """Returns the values of these global variables, without those that the server does not know."""
        listed = ", ".join(["%s"] * len(names))
        rows = self.query(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({listed})", list(names))
        return {str(row["Variable_name"]).lower(): str(row["Value"]) for row in rows}

    def close(self) -> None:
        """Closes the connection; the next statement opens another."""
        with self._lock:
            self._disconnect()

    def _once(self, statement: str, values: Sequence[Any], *, test_first: bool) -> list[Row]:
        doing = f"connect to {self._connect['host']}:{self._connect['port']}"
        with self._lock:
            try:
                connection = self._connected(test_first=test_first)
                doing = statement
                with request_in_progress():
                    return _rows(connection, statement, values)
            except pymysql.MySQLError as error:
                found = _sql_error(doing, error)
                if found.code in LOST or doing != statement:
                    self._disconnect()
                raise found from error
            except BaseException:
                self._disconnect()
                raise

    def _connected(self, *, test_first: bool) -> Connection[DictCursor]:
        if self._connection is not None and test_first:
            try:
                self._connection.ping(reconnect=False)
            except pymysql.MySQLError:
                self._disconnect()
        if self._connection is None:
            self._connection = self._opened()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(pymysql.MySQLError, OSError):
                connection.close()

    def _opened(self) -> Connection[DictCursor]:
        """Connects within seconds, or not at all: PyMySQL itself waits for a greeting as long as for rows."""
        connection = pymysql.connect(defer_connect=True, cursorclass=DictCursor, autocommit=True, **self._connect)
        host, port, timeout = (self._connect[name] for name in ("host", "port", "connect_timeout"))
        connection.connect(_greeted(host, port, timeout))
        return connection


def _greeted(host: str, port: int, timeout: float) -> socket.socket:
    """Returns a connection on which the server has begun to speak, as MySQL does and HTTP does not."""
    try:
        opened = socket.create_connection((host, port), timeout)
    except OSError as error:
        raise pymysql.OperationalError(2003, f"Can't connect to MySQL server on {host!r} ({error})") from error
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        opened.recv(1, socket.MSG_PEEK)
    except OSError as error:
        opened.close()
        raise pymysql.OperationalError(2012, f"no greeting from the server ({error})") from error
    return opened


def _rows(connection: Connection[DictCursor], statement: str, values: Sequence[Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(re.sub(r"%(?!s)", "%%", statement) if values else statement, values or None)
        rows = list(cursor.fetchall())
        while cursor.nextset():  # a CALL answers with its result sets and then its status
            pass
        return [dict(row) for row in rows]


def _encryption(tls: str | None) -> dict[str, Any]:
    if not tls or tls.lower() == "false":
        return {}
    try:
        context = ssl.create_default_context(cafile=None if tls.lower() == "true" else tls)
    except (OSError, ssl.SSLError) as error:
        raise Refused(f"database_tls {tls}: {error}; write true, or the path of a PEM file with the CA") from error
    return {"ssl": context}


def _sql_error(statement: str, error: pymysql.MySQLError) -> SqlError:
    code, reason = (*error.args, 0, str(error))[:2] if len(error.args) >= 2 else (0, str(error))
    # PyMySQL calls a certificate that is not trusted "no connection" (2003), which would be tried again.
    code = UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in str(reason) else int(code)
    line, lost = " ".join(str(reason).split()), code in ANSWER_LOST
    return SqlError(_short(statement), code, line, advice.for_database(code), answer_lost=lost)


def _short(statement: str) -> str:
    """Returns a statement as a person recognises it: one line, its long arguments cut."""
    line = re.sub(r"\s+", " ", statement).strip()
    return line if len(line) <= 120 else f"{line[:119]}…"
