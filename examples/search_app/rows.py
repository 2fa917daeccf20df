"""The rows behind a collection: how many there are, how far AutoETL is with them, and editing one of them.

The sync link that fills an index names its table, so the application is told of no table.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from .search import Problem
from .settings import Database

LINKS = ("CALL dbms_etl.show_sync_link()", "SHOW SEARCH VIEW STATUS")
"""The lists of what fills indexes; a revision may lack either."""

COLUMNS = (
    "SELECT column_name AS name, data_type AS type, column_key AS part, privileges AS may "
    "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"
)
TEXT_TYPES = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
WRONG_ACCOUNT = frozenset({1044, 1045, 1142, 1143, 1227, 1370})
"""MySQL's numbers for an account that is not known, or may not."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """A table, and how far it is synchronized; `lag` in seconds is None before the first change after the load."""

    schema: str
    table: str
    status: str
    lag: float | None


@dataclass(frozen=True)
class Editable:
    """What of a table can be edited: its one-column key, and its texts that this account may UPDATE."""

    source: Source
    key: str
    columns: Sequence[str]


class Rows:
    """A client of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def source(self, index: str) -> Source | None:
        """Returns the table that fills an index; None where no link says so. Raises Problem."""
        with self._open() as ask:
            return source_of(index, _links(ask))

    def count(self, source: Source) -> int:
        """Returns the number of rows. Raises Problem."""
        with self._open() as ask:
            return int(ask(f"SELECT COUNT(*) AS n FROM {_place(source)}")[0]["n"])

    def editable(self, source: Source) -> Editable | None:
        """Returns what of a table can be edited; None where nothing can. Raises Problem."""
        with self._open() as ask:
            return editable(source, ask(COLUMNS, source.schema, source.table))

    def row(self, table: Editable, key: str) -> Row | None:
        """Returns the texts of a row; None where it is gone. Raises Problem."""
        columns = ", ".join(map(quoted, table.columns))
        with self._open() as ask:
            found = ask(f"SELECT {columns} FROM {_place(table.source)} WHERE {quoted(table.key)} = %s", key)
        return found[0] if found else None

    def write(self, table: Editable, key: str, values: Mapping[str, str]) -> None:
        """Changes texts of a row. Raises Problem."""
        changes = ", ".join(f"{quoted(name)} = %s" for name in values)
        with self._open() as ask:
            ask(f"UPDATE {_place(table.source)} SET {changes} WHERE {quoted(table.key)} = %s", *values.values(), key)

    @contextmanager
    def _open(self) -> Iterator[Callable[..., Sequence[Row]]]:
        to = self._database
        try:
            connection = pymysql.connect(
                host=to.host, port=to.port, user=to.user, password=to.password, autocommit=True, charset="utf8mb4",
                connect_timeout=5, read_timeout=10, write_timeout=10, cursorclass=DictCursor,
                ssl=ssl.create_default_context(cafile=to.ca_file) if to.ca_file else None,
            )  # fmt: skip
            with closing(connection), connection.cursor() as cursor:

                def ask(statement: str, *values: Any) -> Sequence[Row]:
                    cursor.execute(statement, values or None)
                    return list(cursor.fetchall())

                yield ask
        except pymysql.MySQLError as error:
            raise problem(error, to) from None


def problem(error: pymysql.MySQLError, database: Database) -> Problem:
    """Returns the sentence for an error of MySQL."""
    number, text = (*error.args, "", "")[:2]
    place = f"{database.host}:{database.port}"
    sentence = (
        "database_account" if number in WRONG_ACCOUNT else "database_down" if number in (2003, 2013) else "database"
    )
    return Problem(sentence, {"place": place, "username": database.user, "reason": str(text)})


def _links(ask: Callable[..., Sequence[Row]]) -> list[Row]:
    found: list[Row] = []
    for statement in LINKS:
        with suppress(pymysql.MySQLError):
            found += ask(statement)
    return found


def source_of(index: str, links: Sequence[Row]) -> Source | None:
    """Returns the table of the link into an index, in AutoETL's words."""
    for link in links:
        if link.get("Target") == index and "." in str(link.get("Source")):
            schema, _, table = str(link["Source"]).replace("`", "").split(",")[0].partition(".")
            return Source(schema, table, str(link.get("Status")), _lag(str(link.get("Message"))))
    return None


def _lag(message: str) -> float | None:
    try:
        latency = int(json.loads(message)["latency"])
    except (ValueError, LookupError, TypeError):
        return None
    return latency / 1000 if latency >= 0 else None


def editable(source: Source, columns: Sequence[Row]) -> Editable | None:
    """Returns what of a table can be edited, from its columns in `information_schema`."""
    keys = [str(column["name"]) for column in columns if column["part"] == "PRI"]
    texts = [
        str(column["name"])
        for column in columns
        if str(column["type"]).lower() in TEXT_TYPES and "update" in str(column["may"]).lower().split(",")
    ]
    texts = [name for name in texts if name not in keys]
    return Editable(source, keys[0], texts) if len(keys) == 1 and texts else None


def quoted(name: str) -> str:
    """Returns a name as SQL takes it."""
    return "`" + name.replace("`", "``") + "`"


def _place(source: Source) -> str:
    return f"{quoted(source.schema)}.{quoted(source.table)}"
