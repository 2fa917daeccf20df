"""SHOW and DESCRIBE. Most of them are queries of information_schema, as they are in MySQL 8.0."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.polardb.account_statements import show_grants
from sandbox.polardb.accounts import Level
from sandbox.polardb.catalog import quote
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.functions import like
from sandbox.polardb.queries import query
from sandbox.polardb.reader import Reader, statements
from sandbox.polardb.session import Answer, Session, listing
from sandbox.polardb.types import quoted

_COLUMNS = {"Field": "column_name", "Type": "column_type", "Collation": "collation_name", "Null": "is_nullable",
            "Key": "column_key", "Default": "column_default", "Extra": "extra", "Privileges": "privileges",
            "Comment": "column_comment"}  # fmt: skip
_INDEXES = {"Table": "table_name", "Non_unique": "non_unique", "Key_name": "index_name", "Seq_in_index": "seq_in_index",
            "Column_name": "column_name", "Collation": "collation", "Cardinality": "cardinality",
            "Sub_part": "sub_part", "Packed": "packed", "Null": "nullable", "Index_type": "index_type",
            "Comment": "comment", "Index_comment": "index_comment"}  # fmt: skip


def _pattern(reader: Reader) -> str:
    """What LIKE 'pattern' says; WHERE is refused."""
    pattern = reader.string() if reader.accept("LIKE") else "%"
    if reader.peek("WHERE"):
        raise unsupported("SHOW … WHERE")
    reader.end()
    return pattern


def _headed(name: str, pattern: str) -> str:
    return quote(name if pattern == "%" else f"{name} ({pattern})")


def _schema(session: Session, reader: Reader) -> str:
    schema = reader.name().lower() if reader.accept_any("FROM", "IN") else session.current()
    if schema not in session.catalog.schemas():
        raise refusal(1049, schema)
    if not session.sees(schema):
        raise session.denied("", Level(schema))
    return schema


def _databases(session: Session, reader: Reader) -> Answer:
    pattern = _pattern(reader)
    name, where = _headed("Database", pattern), f"schema_name LIKE {quoted(pattern)}"
    return query(session, f"SELECT schema_name AS {name} FROM information_schema.schemata WHERE {where}")


def _tables(session: Session, reader: Reader, *, full: bool = False) -> Answer:
    schema = _schema(session, reader)
    kind = ", table_type AS Table_type" if full else ""
    pattern = _pattern(reader)
    name = _headed(f"Tables_in_{schema}", pattern)
    where = f"table_schema = {quoted(schema)} AND table_name LIKE {quoted(pattern)}"
    return query(session, f"SELECT table_name AS {name}{kind} FROM information_schema.tables WHERE {where} ORDER BY 1")


def _full_tables(session: Session, reader: Reader) -> Answer:
    return _tables(session, reader, full=True)


def _table(session: Session, reader: Reader) -> str:
    """A condition that is true for the table's rows. Raises 1142 or 1146."""
    reader.accept_any("FROM", "IN")
    schema, name = reader.qualified(session.schema)
    schema = reader.name().lower() if reader.accept_any("FROM", "IN") else schema
    table = session.table(schema, name, "SELECT")
    return f"table_schema = {quoted(table.schema)} AND table_name = {quoted(table.name)}"


def _columns(session: Session, reader: Reader, *, full: bool = False) -> Answer:
    table, columns = _table(session, reader), _COLUMNS
    if not full:
        columns = {name: column for name, column in columns.items() if name not in ("Collation", "Privileges", "Comment")}
    listed = ", ".join(f"{column} AS {quote(name)}" for name, column in columns.items())
    where = f"{table} AND column_name LIKE {quoted(_pattern(reader))} ORDER BY ordinal_position"
    return query(session, f"SELECT {listed} FROM information_schema.columns WHERE {where}")


def _full_columns(session: Session, reader: Reader) -> Answer:
    return _columns(session, reader, full=True)


def _indexes(session: Session, reader: Reader) -> Answer:
    table = _table(session, reader)
    reader.end()
    listed = ", ".join(f"{column} AS {quote(name)}" for name, column in _INDEXES.items())
    return query(session, f"SELECT {listed} FROM information_schema.statistics WHERE {table}")


def _create_table(session: Session, reader: Reader) -> Answer:
    table = session.table(*reader.qualified(session.schema), "SELECT")
    reader.end()
    _, number, _ = session.catalog.facts(table)
    numbered = f"ENGINE=InnoDB AUTO_INCREMENT={number} DEFAULT"
    counted = number > 1 and any(column.auto_increment for column in table.columns)
    shown = str(table).replace("ENGINE=InnoDB DEFAULT", numbered) if counted else str(table)
    return listing(["Table", "Create Table"], [[table.name, shown]])


def _variables(session: Session, reader: Reader, scope: str = "") -> Answer:
    pattern = _pattern(reader)
    rows = [[name, str(value)] for name, value in session.variables.every(scope).items() if like(name, pattern)]
    return listing(["Variable_name", "Value"], rows)


def _global_variables(session: Session, reader: Reader) -> Answer:
    return _variables(session, reader, "global")


def _warnings(session: Session, reader: Reader) -> Answer:
    reader.end()
    return listing(["Level", "Code", "Message"], session.warnings)


def _binary_logs(session: Session, reader: Reader) -> Answer:
    reader.end()
    session.require("REPLICATION CLIENT")
    if not session.database.binlog:
        raise refusal(1381)
    return listing(["Log_name", "File_size"], [["mysql-bin.000001", 155]])


def show(session: Session, reader: Reader, _word: str) -> Answer:
    """Everything that begins with SHOW, search views excepted."""
    word = reader.accept_any(*_SHOWS)
    if word is None:
        raise unsupported(f"SHOW {reader.rest[:40]}")
    return _SHOWS[word](session, reader)


def describe(session: Session, reader: Reader, _word: str) -> Answer:
    """DESC table. EXPLAIN is refused."""
    if reader.peek("SELECT"):
        raise unsupported("EXPLAIN")
    table = session.table(*reader.qualified(session.schema), "SELECT")
    reader.end()
    (columns,) = statements(f"FROM {quote(table.schema)}.{quote(table.name)}")
    return _columns(session, columns)


_SHOWS: dict[str, Callable[[Session, Reader], Answer]] = {
    "DATABASES": _databases, "SCHEMAS": _databases, "TABLES": _tables, "FULL TABLES": _full_tables,
    "COLUMNS": _columns, "FIELDS": _columns, "FULL COLUMNS": _full_columns, "INDEX": _indexes, "INDEXES": _indexes,
    "KEYS": _indexes, "CREATE TABLE": _create_table, "GLOBAL VARIABLES": _global_variables,
    "SESSION VARIABLES": _variables, "VARIABLES": _variables, "WARNINGS": _warnings, "GRANTS": show_grants,
    "BINARY LOGS": _binary_logs,
}  # fmt: skip
