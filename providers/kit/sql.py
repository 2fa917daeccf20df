"""The only module that speaks SQL.

Values travel as single-quoted literals that PyMySQL escapes, which works with and without ANSI_QUOTES.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import DictCursor

from . import advice
from .errors import Refused, SearchStackError, SqlError
from .wait import Clock, try_again

Row = dict[str, Any]
PASSING = frozenset({1040, 1205, 1213, 2003, 2006})
"""Too many connections, lock wait, deadlock, no connection, server gone: nothing was done, so it may be sent again."""

UNTRUSTED = 2026
"""MySQL's number for what is wrong with TLS."""


class Database:
    """Statements to one PolarDB: one short connection a call, since provider processes are short-lived."""

    def __init__(
        self,
        *,
        clock: Clock,
        tell: Callable[[str], None] = lambda _: None,
        retries: int = 3,
        pause: float = 0.5,
        **connect: Any,
    ) -> None:
        """`tell` hears what is sent again, and why; `connect` is PyMySQL's."""
        self._connect: dict[str, Any] = {"connect_timeout": 10, **connect}
        self._clock, self._tell, self._retries, self._pause = clock, tell, retries, pause

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
        tell: Callable[[str], None] = lambda _: None,
    ) -> Database:
        """`tls`: "true" for a certificate the system trusts, or the path of the CA's.

        None encrypts where the server offers to, whoever it is.
        """
        # PyMySQL would encode a password as Latin-1; MySQL hashes its UTF-8.
        options: dict[str, Any] = {"host": host, "port": port, "user": user, "password": password.encode()}
        return cls(clock=clock, tell=tell, read_timeout=600, charset="utf8mb4", **options, **_encryption(tls))

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """The rows of one statement, by column name. Raises SqlError."""
        return try_again(
            lambda: self._once(statement, values),
            _passes,
            times=self._retries,
            pause=self._pause,
            clock=self._clock,
            tell=self._tell,
        )

    def variable(self, name: str) -> str | None:
        """A global variable's value, None where the server does not know it."""
        rows = self.query("SHOW GLOBAL VARIABLES LIKE %s", [name])
        return str(rows[0]["Value"]) if rows else None

    def _once(self, statement: str, values: Sequence[Any]) -> list[Row]:
        doing = f"connect to {self._connect['host']}:{self._connect['port']}"
        try:
            with closing(self._opened()) as connection:
                doing = statement
                return _rows(connection, statement, values)
        except pymysql.MySQLError as error:
            raise _refusal(doing, error) from error

    def _opened(self) -> Connection[DictCursor]:
        """Within seconds, or not at all: PyMySQL itself waits for a greeting as long as for a statement's rows."""
        connection = pymysql.connect(defer_connect=True, cursorclass=DictCursor, autocommit=True, **self._connect)
        host, port, timeout = (self._connect[name] for name in ("host", "port", "connect_timeout"))
        connection.connect(_greeted(host, port, timeout))
        return connection


def quote(*names: str) -> str:
    """`database`.`table`, quoted. Raises Refused for a name that cannot be quoted."""
    for name in names:
        if not name or "`" in name or "\0" in name:
            raise Refused(f"{name!r} is no name for a database object; use letters, digits and _")
    return ".".join(f"`{name}`" for name in names)


def as_text(value: Any) -> str:
    """A text of information_schema: MySQL 8.0 hands over some of them as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _passes(error: SearchStackError) -> bool:
    return isinstance(error, SqlError) and error.code in PASSING


def _greeted(host: str, port: int, timeout: float) -> socket.socket:
    """A connection on which the server has begun to speak, as MySQL does, and HTTP does not."""
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


def _refusal(statement: str, error: pymysql.MySQLError) -> SqlError:
    code, reason = (*error.args, 0, str(error))[:2] if len(error.args) >= 2 else (0, str(error))
    # PyMySQL calls a certificate that it does not trust "no connection" (2003), which would be tried again.
    code = UNTRUSTED if "CERTIFICATE_VERIFY_FAILED" in str(reason) else int(code)
    return SqlError(_short(statement), code, " ".join(str(reason).split()), advice.for_database(code))


def _short(statement: str) -> str:
    """A statement as a person recognises it: one line, its long arguments cut."""
    line = re.sub(r"\s+", " ", statement).strip()
    return line if len(line) <= 120 else f"{line[:119]}…"
