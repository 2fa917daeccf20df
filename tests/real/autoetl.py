"""A stand-in for AutoETL on a real MySQL: follows the binlog and fills indexes, as defined in `dbms_etl.links`.

    python -m tests.real.autoetl settings.json

It has one reader and one sender. The reader reads row changes from the binlog, and loads a link's rows when it reaches
the link's own row there, so there is no gap between load and changes. The sender posts the changes collected during its
last bulk request. The position is kept in memory only, since the process ends with the servers of a test session.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pymysql
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.event import QueryEvent
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from sandbox.polardb.flink import read_script
from sandbox.polardb.joins import Joins
from sandbox.polardb.reader import PlainMySQL
from tests.real.documents import Link, bulk_body, document, document_id, failures, joined_document
from tests.real.opensearch import Account

BATCH = 200
ROWS = [WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent]
RENAMING = re.compile(r"\bRENAME\s+COLUMN\b|\bCHANGE\b", re.IGNORECASE)


class Links:
    """The links in `dbms_etl.links`, and the pending changes of each: a document by `_id`, or None to delete it."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.known: dict[int, Link] = {}
        self.pending: dict[int, dict[str, Any]] = {}
        self.dropping: set[int] = set()

    def add(self, link: Link, documents: Iterable[tuple[str, Any]]) -> None:
        with self.lock:
            self.known[link.id] = link
            self.pending[link.id] = dict(documents)
            self.lock.notify_all()

    def put(self, link: int, changes: Iterable[tuple[str, Any]]) -> None:
        with self.lock:
            self.pending[link].update(changes)
            self.lock.notify_all()

    def put_back(self, link: int, changes: Mapping[str, Any]) -> None:
        """Adds changes that could not be delivered, unless there are newer ones of the same `_id`."""
        with self.lock:
            if link in self.pending:
                self.pending[link] = {**changes, **self.pending[link]}

    def forget(self, link: int) -> None:
        """Stops collecting changes of a link; the sender drops it after its last document."""
        with self.lock:
            self.known.pop(link, None)
            self.pending.pop(link, None)
            self.dropping.add(link)
            self.lock.notify_all()

    def take(self) -> tuple[dict[int, dict[str, Any]], set[int]]:
        """Waits for changes. Returns up to BATCH documents of each link, and the links to drop."""
        with self.lock:
            while not (any(self.pending.values()) or self.dropping):
                self.lock.wait()
            taken = {link: dict(list(changes.items())[:BATCH]) for link, changes in self.pending.items() if changes}
            for link, changes in taken.items():
                for key in changes:
                    del self.pending[link][key]
            dropping, self.dropping = self.dropping, set()
            return taken, dropping

    def of(self, schema: str, table: str) -> list[Link]:
        with self.lock:
            return [link for link in self.known.values() if f"{schema}.{table}" in link.tables]


@dataclass
class Reader:
    """Turns the binlog into changes. Runs until the server ends."""

    database: Mapping[str, Any]
    links: Links

    def run(self, file: str, position: int) -> None:
        stream = BinLogStreamReader(
            connection_settings=dict(self.database),
            server_id=1000,
            blocking=True,
            resume_stream=True,
            log_file=file,
            log_pos=position,
            only_events=[*ROWS, QueryEvent],
            enable_logging=False,
        )
        for event in stream:
            if isinstance(event, QueryEvent):
                self._definition(_text(event.query))
            elif (event.schema, event.table) == ("dbms_etl", "links"):
                self._links_changed(event)
            else:
                self._rows_changed(event)

    def _links_changed(self, event: Any) -> None:
        for row in event.rows:
            values = row.get("after_values") or row.get("values")
            if isinstance(event, WriteRowsEvent):
                self.load(values)
            elif values["status"] == "dropping":
                self.links.forget(values["id"])

    def load(self, row: Mapping[str, Any]) -> None:
        """Adds every row of the table; later changes in the binlog are applied again, with the same result."""
        link = _link(row)
        with self._failing(link):
            self.links.add(link, list(self._loaded(link)))

    def _loaded(self, link: Link) -> Iterable[tuple[str, Any]]:
        if link.joins:
            return (joined_document(row, link) for row in _rows(self.database, _text_of(link.joins.rows())))
        rows = _query(self.database, f"SELECT * FROM `{link.table.replace('.', '`.`')}`")
        return ((document_id(row, link), document(row, link)) for row in rows)

    def _rows_changed(self, event: Any) -> None:
        for link in self.links.of(event.schema, event.table):
            with self._failing(link):
                self.links.put(link.id, list(self._changes_of(event, link)))

    def _changes_of(self, event: Any, link: Link) -> Iterable[tuple[str, Any]]:
        if link.joins:
            return self._joined_changes(event, link, link.joins)
        return (change for row in event.rows for change in _changes(row, event, link))

    @contextmanager
    def _failing(self, link: Link) -> Iterator[None]:
        """Fails a link whose rows cannot be read: its table may have changed since the event at hand was written."""
        try:
            yield
        except pymysql.MySQLError as error:
            self._fail(link, str(error.args[1]))
        except KeyError as error:
            self._fail(link, _unknown(error.args[0]))

    def _fail(self, link: Link, why: str) -> None:
        self.links.forget(link.id)
        _note(self.database, link.id, "failed", why, status="failed")

    def _joined_changes(self, event: Any, link: Link, joins: Joins) -> Iterable[tuple[str, Any]]:
        """Yields the rows of the first table that the event concerns, as they are now."""
        keys = dict.fromkeys(key for row in event.rows for key in self._concerned(row, event, joins))
        yield from ((document_id(dict(zip(link.key, key, strict=True)), link), None) for key in keys)
        for key in keys:
            yield from (joined_document(row, link) for row in _rows(self.database, _text_of(joins.row(key))))

    def _concerned(self, row: Mapping[str, Any], event: Any, joins: Joins) -> Iterable[tuple[Any, ...]]:
        """Yields the keys of the first table that a changed row concerns, as it was before and as it is after."""
        versions = [row.get(name) for name in ("before_values", "after_values", "values") if row.get(name)]
        named = [{name.lower(): value for name, value in version.items()} for version in versions]
        for at, member in enumerate(joins.members):
            if (member.schema, member.name) == (event.schema, event.table):
                for version in named:
                    values = tuple(version[name.lower()] for name in member.watched)
                    yield from _rows(self.database, _text_of(joins.concerned(at, values))) if at else [values]

    def _definition(self, statement: str) -> None:
        """Fails a link whose column is renamed, as in AutoETL's rules for DDL."""
        if not (RENAMING.search(statement) and statement.lstrip().upper().startswith("ALTER")):
            return
        with self.links.lock:
            known = list(self.links.known.values())
        for link in known:
            if link.joins:
                with self._failing(link):
                    _rows(self.database, f"{_text_of(link.joins.rows())} LIMIT 0")
                continue
            columns = {name.lower() for name in _columns(self.database, link.table)}
            if gone := [column for column in link.fields.values() if column.lower() not in columns]:
                self._fail(link, _unknown(gone[0]))


@dataclass
class Sender:
    """Delivers pending changes, and retries until they are accepted. Runs until the process ends."""

    database: Mapping[str, Any]
    search: httpx.Client
    links: Links

    def run(self) -> None:
        restarts: dict[int, int] = {}
        while True:
            taken, dropping = self.links.take()
            for link, changes in taken.items():
                failed, why = self._deliver(link, changes)
                self._note(link, len(failed), why, restarts)
                self.links.put_back(link, failed)
            for link in dropping:
                _execute(self.database, "DELETE FROM dbms_etl.links WHERE id = %s AND status = 'dropping'", link)
            if any(restarts.values()):
                time.sleep(0.2)

    def _deliver(self, link: int, changes: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Returns the changes that were not accepted, and the reason."""
        index = self.links.known[link].index if link in self.links.known else None
        if index is None:
            return {}, ""
        try:
            if self.search.head(f"/{index}").status_code == 404:
                return changes, f"index_not_found_exception: no such index [{index}]"
            answer = self.search.post("/_bulk", content=bulk_body(index, changes), headers=NDJSON)
        except httpx.HTTPError as error:
            return changes, f"PolarSearch is unreachable: {error or type(error).__name__}"
        if answer.status_code != 200:
            return changes, f"PolarSearch answered HTTP {answer.status_code}: {answer.text[:200]}"
        failed = failures(answer.json())
        return {key: changes[key] for key in failed}, next(iter(failed.values()), "")

    def _note(self, link: int, failed: int, why: str, restarts: dict[int, int]) -> None:
        if why:
            restarts[link] = restarts.get(link, 0) + 1
            _note(self.database, link, "recovering", f"{why}; {failed} documents refused", restarts=restarts[link])
        elif restarts.pop(link, 1):
            restarts[link] = 0
            _note(self.database, link, "running", "")


NDJSON = {"content-type": "application/x-ndjson"}


def _changes(row: Mapping[str, Any], event: Any, link: Link) -> Iterable[tuple[str, Any]]:
    before = row.get("before_values") or (row["values"] if isinstance(event, DeleteRowsEvent) else None)
    after = row.get("after_values") or (row["values"] if isinstance(event, WriteRowsEvent) else None)
    if before and (after is None or document_id(before, link) != document_id(after, link)):
        yield document_id(before, link), None
    if after:
        yield document_id(after, link), document(after, link)


def _unknown(column: str) -> str:
    return f"Unknown column '{column}' in 'field list'"


def _link(row: Mapping[str, Any]) -> Link:
    texts = {name: _text(value) for name, value in row.items()}
    if row["origin"] == "sync_by_sql":
        script = read_script(texts["script"])
        joins = Joins(script.query, script.key) if script.query else None
        table = f"{script.schema}.{script.table}"
        return Link(row["id"], table, script.index, dict(script.fields), script.key, joins)
    fields = dict(pair.split("=") for pair in texts["fields"].split(","))
    return Link(row["id"], texts["source"].lower(), texts["target"], fields, texts["keyed"].split(","))


def _note(
    database: Mapping[str, Any], link: int, job: str, errors: str, *, restarts: int = 0, status: str = "active"
) -> None:
    message = {"errors": errors, "others": "", "latency": "0", "jobStatus": job, "restart_times": str(restarts)}
    statement = "UPDATE dbms_etl.links SET message = %s, status = %s WHERE id = %s AND status = 'active'"
    _execute(database, statement, json.dumps(message, ensure_ascii=False), status, link)


def _execute(database: Mapping[str, Any], statement: str, *values: Any) -> None:
    """Executes a statement without writing it to the binlog."""
    with closing(pymysql.connect(**database, autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0")
        cursor.execute(statement, values)


def _query(database: Mapping[str, Any], statement: str, *values: Any) -> list[dict[str, Any]]:
    cursor_class = pymysql.cursors.DictCursor
    with closing(pymysql.connect(**database, cursorclass=cursor_class)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def _rows(database: Mapping[str, Any], statement: str) -> list[tuple[Any, ...]]:
    with closing(pymysql.connect(**database)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _text_of(tree: Any) -> str:
    return str(tree.sql(PlainMySQL))


def _columns(database: Mapping[str, Any], table: str) -> list[str]:
    statement = "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
    return [_text(row["name"]) for row in _query(database, statement, *table.split("."))]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def main(arguments: Sequence[str]) -> None:
    """Reads the settings: `database` for pymysql, and `url`, `username`, `password`, `ca_file` of OpenSearch."""
    settings = json.loads(Path(arguments[0]).read_text())
    database = settings.pop("database")
    account = Account(settings["username"], settings["password"], settings["ca_file"] and Path(settings["ca_file"]))
    links = Links()
    [start] = _query(database, "SHOW MASTER STATUS")
    sender = Sender(database, account.client(settings["url"]), links)
    threading.Thread(target=sender.run, daemon=True).start()
    print("following", start["File"], start["Position"], flush=True)
    Reader(database, links).run(start["File"], start["Position"])


if __name__ == "__main__":
    main(sys.argv[1:])
