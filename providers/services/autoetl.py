"""AutoETL's statements, and how its answers are read. Pure.

Its documentation differs from revision to revision; `UNDOCUMENTED` lists what none of them says and is assumed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from .query import Query, QueryColumn
from .select import read_query
from .sqltext import quote
from .tables import TableFacts

UNDOCUMENTED = (
    "show_sync_link() has the columns of SHOW SEARCH VIEW STATUS; the first one is what the drop procedure takes",
    "some column of show_sync_link() names the target index",
    "the drop procedure is dbms_etl.drop_sync_link, where information_schema.routines does not tell",
    "dropping a link keeps its index",
    "sync_by_table takes its columns as a comma-separated list",
    "sync_by_map takes a composite key as a comma-separated list of equalities",
    "DROP SEARCH VIEW drops a search view and keeps its index",
    "a query has JOIN and LEFT JOIN by equality, WHERE, and what MySQL and Flink SQL share in one meaning",
    "a link compares texts as their columns' collation does",
    "the document of a query's row has the first table's key as its id, and follows changes of every table",
)

Backend = Literal["sync_by_map", "sync_by_table", "sync_by_sql", "search_view"]
Revision = tuple[int, ...]
Tables = Mapping[str, TableFacts]
"""What is known of each table of a link, by `<database>.<name>`."""

OF_ONE_TABLE: frozenset[Backend] = frozenset({"sync_by_map", "sync_by_table"})
"""Backends that no documentation shows with more than one table, whatever it says of them."""

FLINK_TYPES = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "mediumint": "INT",
    "int": "INT",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "decimal": "DECIMAL(38, 10)",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
    "year": "INT",
}
"""By MySQL data type; everything else is STRING (Flink CDC docs, MySQL connector, data type mapping)."""

MAP_SYNTAX = frozenset(".,()=; ")
"""What sync_by_map's `index.field(database.table.column)` is written with."""

SHOW_LINKS = "CALL dbms_etl.show_sync_link()"
SHOW_SEARCH_VIEWS = "SHOW SEARCH VIEW STATUS"

FAILING = frozenset({"recovering", "failed", "failing", "error", "stopped", "cancelled", "canceled"})


class Route(Protocol):
    """Source and target of a link: `fields` maps fields of `index` to columns of `table`, `key` identifies a row.

    With a `query`, the columns are those of its output, and `table` is its first table.
    """

    @property
    def backend(self) -> Backend: ...
    @property
    def index(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def key(self) -> Sequence[str]: ...
    @property
    def fields(self) -> Mapping[str, str]: ...
    @property
    def query(self) -> str | None: ...


@dataclass(frozen=True)
class Source:
    """One table of a link: the columns used of it, and those that find one row of it.

    A `joined` table is another than the first, and its `key` is what it is joined on.
    """

    table: str
    columns: Sequence[str]
    key: Sequence[str]
    joined: bool = False


@dataclass(frozen=True)
class Link:
    """One row of `show_sync_link()` or `SHOW SEARCH VIEW STATUS`. `others` are handles of links that do the same."""

    handle: str
    message: Mapping[str, str]
    others: tuple[str, ...] = ()

    @property
    def problem(self) -> str:
        """Why no rows arrive; empty while they do. The text of an error may lag a minute or two behind the job."""
        status, errors = self.message.get("jobStatus", ""), self.message.get("errors", "")
        if status.lower() in FAILING or (errors and not status):
            restarts = self.message.get("restart_times", "0")
            return f"{errors or 'no reason given yet'} (job {status or 'unknown'}, restarted {restarts} times)"
        return ""

    @property
    def recovers(self) -> bool:
        """Whether AutoETL itself restarts the job until its cause is mended (PolarDB docs, AutoETL, jobStatus)."""
        return self.message.get("jobStatus", "").lower() == "recovering"


def sources(link: Route) -> list[Source]:
    """Returns the tables of a link, once for each time that its query names one."""
    if link.query is None:
        return [Source(link.table, list(dict.fromkeys([*link.key, *link.fields.values()])), link.key)]
    query = read_query(link.query)
    first, *others = query.tables
    key = [column.name for name in link.key if (column := query.column(name))]
    joined = [Source(other.name, other.columns, other.equal, joined=True) for other in others]
    return [Source(first.name, first.columns, key), *joined]


def statement(link: Route, tables: Tables) -> tuple[str, list[str]]:
    """Returns the statement that makes and starts the link, and its values."""
    if link.backend == "sync_by_map":
        mapped = ",".join(f"{link.index}.{name}({link.table}.{column})" for name, column in link.fields.items())
        keyed = ",".join(f"{link.index}.{_field_of(link, column)}={link.table}.{column}" for column in link.key)
        return "CALL dbms_etl.sync_by_map(%s, %s, %s, %s, %s)", ["search", mapped, keyed, "", ""]
    if link.backend == "sync_by_table":
        columns = ",".join(link.fields.values())
        return "CALL dbms_etl.sync_by_table(%s, %s, %s, %s)", ["search", link.table, link.index, columns]
    if link.backend == "sync_by_sql":
        return "CALL dbms_etl.sync_by_sql(%s, %s)", ["search", flink_script(link, tables)]
    return search_view(link), []


def flink_script(link: Route, tables: Tables) -> str:
    """Returns the Flink SQL that `sync_by_sql` takes (PolarDB docs, AutoETL, ETL stored procedures)."""
    filled = {**{_field_of(link, column): column for column in link.key}, **link.fields}
    sink = {name: _flink_type(_kind_of(link, column), tables) for name, column in filled.items()}
    keyed = [_field_of(link, column) for column in link.key]
    documents = {"connector": "opensearch", "index": link.index}
    insert = f"INSERT INTO {quote(link.index)} {_select(link, filled)};"
    return "\n".join([*_flink_sources(link, tables), _flink_table(link.index, sink, keyed, documents), insert])


def search_view(link: Route) -> str:
    """Returns the statement of a search view, which writes into the index of its own name.

    PolarDB docs, AutoETL, search views.
    """
    names = ", ".join(map(quote, link.fields))
    keys = ", ".join(quote(_field_of(link, column)) for column in link.key)
    return f"CREATE SEARCH VIEW {quote(link.index)} ({names}, PRIMARY KEY ({keys})) AS {_select(link, link.fields)}"


def renamed_fields(fields: Mapping[str, str]) -> list[str]:
    """Returns the fields that are not named like their columns, which sync_by_table cannot express."""
    return [name for name, column in fields.items() if name != column]


def unmapped_key_columns(key: Sequence[str], fields: Mapping[str, str]) -> list[str]:
    """Returns the columns of the key that fill no field; a search view must contain them."""
    return [column for column in key if column not in fields.values()]


def find_link(rows: Iterable[Mapping[str, Any]], index: str) -> Link | None:
    """Returns the link into an index: a column holds its name or, where none does, names it inside a mapping.

    `i` is named in `i.text(db.t.name)`, and not in `db.i`, which is a table.
    """
    named = re.compile(rf"(?<![\w.-]){re.escape(index)}(?![\w-])")
    listed = list(rows)
    exact = [row for row in listed if index in _columns(row)]
    if not (found := exact or [row for row in listed if any(map(named.search, _columns(row)))]):
        return None
    same = [_link(row).handle for row in found[1:] if _purpose(row) == _purpose(found[0])]
    return replace(_link(found[0]), others=tuple(same))


def privileges_on(grants: Iterable[str], table: str) -> frozenset[str] | None:
    """Returns what `SHOW GRANTS` lets this account do with a table; None where a role might add to it."""
    database, name = table.split(".")
    places = {"*.*", f"{database}.*", f"{database}.{name}"}
    found: set[str] = set()
    for grant in grants:
        if not (
            parts := re.match(r"GRANT (.+?) ON (?:TABLE )?((?:PROCEDURE |FUNCTION )?\S+) TO ", grant, re.IGNORECASE)
        ):
            return None
        if re.sub(r"[`\"\\]", "", parts[2]) in places:
            found |= {privilege.split("(")[0].strip().upper() for privilege in _privileges(parts[1])}
    return frozenset({"ALTER", "CREATE", "SELECT"} if found & {"ALL PRIVILEGES", "ALL"} else found)


def revision_of(version: str | None) -> Revision | None:
    """Returns `8.0.1.1.52` as numbers; None where the server does not tell."""
    numbers = re.findall(r"\d+", version or "")
    return tuple(map(int, numbers)) if len(numbers) >= 5 else None


def _field_of(link: Route, column: str) -> str:
    """Returns the field that a key column fills, or would fill under its own name."""
    return next((name for name, source in link.fields.items() if source == column), column)


def _query_of(link: Route) -> Query | None:
    return None if link.query is None else read_query(link.query)


def _select(link: Route, fields: Mapping[str, str]) -> str:
    if query := _query_of(link):
        return query.text(fields)
    return f"SELECT {', '.join(map(quote, fields.values()))} FROM {quote(*link.table.split('.'))}"


def _kind_of(link: Route, column: str) -> QueryColumn | str:
    """Returns the column whose type fills a field, or the type."""
    query = _query_of(link)
    return query.outputs[column].kind if query else QueryColumn(link.table, column)


def _flink_type(kind: QueryColumn | str, tables: Tables) -> str:
    if isinstance(kind, str):
        return kind or "STRING"
    return FLINK_TYPES.get(tables[kind.table].columns.get(kind.name, ""), "STRING")


def _flink_sources(link: Route, tables: Tables) -> Iterator[str]:
    """Yields the declaration of each table, with a key that is its own even where it is joined on another."""
    used: dict[str, dict[str, None]] = {}
    keys: dict[str, Sequence[str]] = {}
    for source in sources(link):
        key = keys.setdefault(source.table, _own_key(source, tables))
        used.setdefault(source.table, {}).update(dict.fromkeys([*key, *source.columns]))
    for table, columns in used.items():
        database, name = table.split(".")
        typed = {column: _flink_type(QueryColumn(table, column), tables) for column in columns}
        rows = {"connector": "mysql", "database-name": database, "table-name": name}
        yield _flink_table(table, typed, keys[table], rows)


def _own_key(source: Source, tables: Tables) -> Sequence[str]:
    return next(iter(tables[source.table].row_keys), source.key) if source.joined else source.key


def _flink_table(name: str, columns: Mapping[str, str], key: Sequence[str], options: Mapping[str, str]) -> str:
    fields = [f"  {quote(column)} {kind}" for column, kind in columns.items()]
    keyed = f"  PRIMARY KEY ({', '.join(map(quote, key))}) NOT ENFORCED"
    given = ",\n".join(f"  {_literal(option)} = {_literal(value)}" for option, value in options.items())
    return f"CREATE TEMPORARY TABLE {quote(*name.split('.'))} (\n{_lines([*fields, keyed])}\n) WITH (\n{given}\n);"


def _literal(text: str) -> str:
    """Returns a string literal of Flink SQL."""
    return "'" + text.replace("'", "''") + "'"


def _lines(parts: Sequence[str]) -> str:
    return ",\n".join(parts)


def _columns(row: Mapping[str, Any]) -> list[str]:
    """What may name an index: neither the Message, which may name anything, nor a column that holds a source table."""
    shown = {name.lower(): str(value) for name, value in row.items()}
    return [value for name, value in shown.items() if name != "message" and not _holds_table(name, value)]


def _purpose(row: Mapping[str, Any]) -> list[Any]:
    """What a link does: all columns but its handle, how it does, and since when."""
    return [value for name, value in list(row.items())[1:] if not re.fullmatch("message|status|.*_at", name.lower())]


def _holds_table(column: str, value: str) -> bool:
    return bool(re.search("source|table", column) and re.fullmatch(r"[^\s.,()=]+(\.[^\s.,()=]+)?", value))


def _link(row: Mapping[str, Any]) -> Link:
    message = next((str(value) for name, value in row.items() if name.lower() == "message"), "")
    return Link(handle=str(next(iter(row.values()))), message=_message(message))


def _message(text: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in json.loads(text).items()}
    except (ValueError, AttributeError):
        return {"errors": text} if text else {}


def _privileges(text: str) -> list[str]:
    """Split at the commas that are not inside a column list."""
    return re.split(r",\s*(?![^(]*\))", text)
