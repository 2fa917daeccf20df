"""information_schema: what the catalog and the accounts say, as tables, with only what this user may see.

The columns are headed in upper case however they were asked for, so `row["table_name"]` fails here as on MySQL 8.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.polardb.accounts import Level
from sandbox.polardb.catalog import SYSTEM_SCHEMAS, Column, Table, quote
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.types import BIGINT, COLLATION, INTEGER_BITS, TEXT_LIMITS, VARCHAR, ColumnType

PROCEDURES = {"sync_by_table": 4, "sync_by_map": 5, "sync_by_sql": 2, "show_sync_link": 0, "drop_sync_link": 1}
Row = tuple[Any, ...]
_ON_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
_DIGITS = {"tinyint": 3, "smallint": 5, "mediumint": 7, "int": 10, "bigint": 19}
_KNOWN = (
    "character_sets", "collations", "column_privileges", "engines", "events", "partitions", "processlist",
    "schema_privileges", "table_privileges", "triggers", "user_privileges", "views",
)  # fmt: skip


def filled(session: Any, name: str) -> tuple[str, tuple[Column, ...]]:
    """The temporary table with the view's rows as of now, and its columns. Raises 1109, or 1235 for one of MySQL's."""
    if name not in VIEWS:
        raise unsupported(f"information_schema.{name}") if name in _KNOWN else refusal(1109, name, "information_schema")
    names, rows = VIEWS[name]
    # MySQL heads the columns of these two as they were asked for.
    as_asked = name in ("key_column_usage", "table_constraints")
    names = names if as_asked else names.upper()
    columns = tuple(Column(one.strip("#"), BIGINT if one[0] == "#" else VARCHAR) for one in names.split())
    stored, places = f"information_schema.{name}", ", ".join("?" * len(columns))
    listed = ", ".join(f"{one.name} COLLATE {COLLATION}" if one.type is VARCHAR else one.name for one in columns)
    session.connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {quote(stored)} ({listed})")
    session.connection.execute(f"DELETE FROM temp.{quote(stored)}")
    session.connection.executemany(f"INSERT INTO temp.{quote(stored)} VALUES ({places})", list(rows(session)))
    return stored, columns


def _visible(session: Any) -> Iterator[Table]:
    return (table for table in session.catalog.tables() if session.sees(table.schema, table.name))


def _with_visible_columns(session: Any) -> Iterator[tuple[Table, list[str]]]:
    """Who may only ALTER a table sees it and its indexes, but none of its columns (MySQL 8.0.15, asked)."""
    for table in _visible(session):
        level = Level(table.schema, table.name)
        if mine := [privilege for privilege in _ON_COLUMNS if session.may(privilege, level)]:
            yield table, mine


def _schemata(session: Any) -> Iterator[Row]:
    return (("def", name, "utf8mb4", COLLATION) for name in session.catalog.schemas() if session.sees(name))


def _tables(session: Any) -> Iterator[Row]:
    for table in _visible(session):
        created, number, rows = session.catalog.facts(table)
        next_number = number if any(column.auto_increment for column in table.columns) else None
        row = ("def", table.schema, table.name, "BASE TABLE", "InnoDB", 10, "Dynamic", rows, next_number)
        yield (*row, created, COLLATION, table.comment)
    for name in VIEWS:
        yield "def", SYSTEM_SCHEMAS[0], name.upper(), "SYSTEM VIEW", None, 10, None, 0, None, None, None, ""


def _columns(session: Any) -> Iterator[Row]:
    for table, privileges in _with_visible_columns(session):
        for at, column in enumerate(table.columns, 1):
            kind, nullable = column.type, "YES" if column.nullable else "NO"
            extra = ["auto_increment"] if column.auto_increment else []
            extra += ["DEFAULT_GENERATED"] if column.default_now else []
            extra += ["on update CURRENT_TIMESTAMP"] if column.on_update_now else []
            text = kind.family in ("text", "enum")
            row = ("def", table.schema, table.name, column.name, at, column.shown_default, nullable, kind.name)
            row = (*row, *_sizes(kind), "utf8mb4" if text else None, kind.collation if text else None, str(kind))
            yield (*row, table.key_of(column), " ".join(extra), ",".join(privileges).lower(), column.comment)


def _sizes(kind: ColumnType) -> Row:
    """Characters, bytes, digits, digits after the point, digits of a second."""
    if kind.family in ("text", "blob", "enum"):
        members = max(map(len, kind.members), default=0) if kind.name == "enum" else len(",".join(kind.members))
        size = TEXT_LIMITS.get(kind.name.replace("blob", "text")) or kind.length or members
        wide = kind.family == "enum" or kind.name in ("char", "varchar")
        return size, size * (4 if wide else 1), None, None, None
    if kind.name in INTEGER_BITS:
        return None, None, _DIGITS[kind.name] + (kind.unsigned and kind.name == "bigint"), 0, None
    if kind.family == "temporal":
        return None, None, None, None, None if kind.name == "date" else kind.length or 0
    digits = {"float": 12, "double": 22, "bit": kind.length, "decimal": kind.length}.get(kind.name)
    return None, None, digits, kind.places if kind.family == "decimal" else None, None


def _statistics(session: Any) -> Iterator[Row]:
    for table in _visible(session):
        for index in table.indexes:
            for at, name in enumerate(index.columns, 1):
                part = ", ".join(map(quote, index.columns[:at]))
                distinct = f"SELECT COUNT(*) FROM (SELECT DISTINCT {part} FROM {quote(table.stored_name)})"
                [(rows,)], _ = session.execute(distinct)
                row = ("def", table.schema, table.name, int(not index.unique), table.schema, index.name, at, name)
                nullable = "YES" if table.column(name).nullable else ""
                yield (*row, "A", rows, None, None, nullable, "BTREE", "", "", "YES", None)


def _key_columns(session: Any) -> Iterator[Row]:
    for table, _ in _with_visible_columns(session):
        for index in table.indexes:
            for at, name in enumerate(index.columns if index.unique else (), 1):
                yield "def", table.schema, index.name, "def", table.schema, table.name, name, at


def _constraints(session: Any) -> Iterator[Row]:
    for table in _visible(session):
        for index in table.indexes:
            if index.unique:
                kind = "PRIMARY KEY" if index.name == "PRIMARY" else "UNIQUE"
                yield "def", table.schema, index.name, table.schema, table.name, kind


def _routines(session: Any) -> Iterator[Row]:
    for name in PROCEDURES if session.database.list_routines and session.database.has("procedures") else ():
        if session.may("EXECUTE", Level("dbms_etl")):
            yield name, "def", "dbms_etl", name, "PROCEDURE"


VIEWS: Mapping[str, tuple[str, Callable[[Any], Iterator[Row]]]] = {
    "schemata": ("catalog_name schema_name default_character_set_name default_collation_name", _schemata),
    "tables": ("table_catalog table_schema table_name table_type engine #version row_format #table_rows #auto_increment"
               " create_time table_collation table_comment", _tables),
    "columns": ("table_catalog table_schema table_name column_name #ordinal_position column_default is_nullable"
                " data_type #character_maximum_length #character_octet_length #numeric_precision #numeric_scale"
                " #datetime_precision character_set_name collation_name column_type column_key extra privileges"
                " column_comment", _columns),
    "statistics": ("table_catalog table_schema table_name #non_unique index_schema index_name #seq_in_index column_name"
                   " collation #cardinality #sub_part packed nullable index_type comment index_comment"
                   " is_visible expression", _statistics),
    "key_column_usage": ("constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name"
                         " column_name #ordinal_position", _key_columns),
    "table_constraints": ("constraint_catalog constraint_schema constraint_name table_schema table_name"
                          " constraint_type", _constraints),
    "routines": ("specific_name routine_catalog routine_schema routine_name routine_type", _routines),
}  # fmt: skip
