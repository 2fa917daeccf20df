"""SHOW and DESCRIBE. Most of them are queries of information_schema, as they are in MySQL 8.0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sandbox.polardb.account_statements import show_grants
from sandbox.polardb.accounts import Level
from sandbox.polardb.catalog import quote
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.functions import like
from sandbox.polardb.queries import query
from sandbox.polardb.reader import Reader
from sandbox.polardb.session import Answer, Session, listing
from sandbox.polardb.types import quoted

_COLUMNS = (
    "SELECT column_name AS `Field`, column_type AS `Type`, is_nullable AS `Null`, column_key AS `Key`,"
    " column_default AS `Default`, extra AS `Extra` FROM information_schema.columns"
    " WHERE {} AND column_name LIKE {} ORDER BY ordinal_position"
)
_INDEXES = (
    "SELECT table_name AS `Table`, non_unique AS `Non_unique`, index_name AS `Key_name`,"
    " seq_in_index AS `Seq_in_index`, column_name AS `Column_name`, collation AS `Collation`,"
    " cardinality AS `Cardinality`, sub_part AS `Sub_part`, packed AS `Packed`, nullable AS `Null`,"
    " index_type AS `Index_type`, comment AS `Comment`, index_comment AS `Index_comment`, is_visible AS `Visible`,"
    " expression AS `Expression` FROM information_schema.statistics WHERE {}"
)


def _pattern(reader: Reader) -> str:
    """What LIKE 'pattern' says; WHERE is refused."""
    pattern = reader.string() if reader.accept("LIKE") else "%"
    if reader.peek("WHERE"):
        raise unsupported("SHOW … WHERE")
    reader.end()
    return pattern


def _headed(name: str, pattern: str) -> str:
    return quote(name if pattern == "%" else f"{name} ({pattern})")


def _databases(session: Session, reader: Reader) -> Answer:
    pattern = _pattern(reader)
    name, where = _headed("Database", pattern), f"schema_name LIKE {quoted(pattern)}"
    return query(session, f"SELECT schema_name AS {name} FROM information_schema.schemata WHERE {where}")


def _tables(session: Session, reader: Reader) -> Answer:
    schema = reader.name().lower() if reader.accept_any("FROM", "IN") else session.current()
    if schema not in session.catalog.schemas():
        raise refusal(1049, schema)
    if not session.sees(schema):
        raise session.denied("", Level(schema))
    pattern = _pattern(reader)
    name, where = _headed(f"Tables_in_{schema}", pattern), f"table_schema = {quoted(schema)}"
    where += f" AND table_name LIKE {quoted(pattern)} ORDER BY 1"
    return query(session, f"SELECT table_name AS {name} FROM information_schema.tables WHERE {where}")


def _table(session: Session, reader: Reader) -> str:
    """A condition that is true for the table's rows. Raises 1142 or 1146."""
    reader.accept_any("FROM", "IN")
    schema, name = reader.qualified(session.schema)
    schema = reader.name().lower() if reader.accept_any("FROM", "IN") else schema
    table = session.table(schema, name, "SELECT")
    return f"table_schema = {quoted(table.schema)} AND table_name = {quoted(table.name)}"


def _columns(session: Session, reader: Reader) -> Answer:
    return query(session, _COLUMNS.format(_table(session, reader), quoted(_pattern(reader))))


def _indexes(session: Session, reader: Reader) -> Answer:
    found = query(session, _INDEXES.format(_table(session, reader)))
    reader.end()
    return found


def _create_table(session: Session, reader: Reader) -> Answer:
    table = session.table(*reader.qualified(session.schema), "SELECT")
    reader.end()
    shown = replace(table, number=session.catalog.number(table))
    return listing(["Table", "Create Table"], [[table.name, str(shown)]])


def _variables(session: Session, reader: Reader, scope: str = "") -> Answer:
    wanted = _wanted(reader)
    rows = [[name, str(value)] for name, value in session.variables.every(scope).items() if wanted(name)]
    return listing(["Variable_name", "Value"], rows)


def _wanted(reader: Reader) -> Callable[[str], bool]:
    """What LIKE 'pattern' or WHERE Variable_name IN (…) lets through; another WHERE is refused."""
    if reader.accept("WHERE", "VARIABLE_NAME", "IN"):
        names = {name.lower() for name in reader.listed(reader.string)}
        reader.end()
        return lambda name: name.lower() in names
    pattern = _pattern(reader)
    return lambda name: bool(like(name, pattern))


def _global_variables(session: Session, reader: Reader) -> Answer:
    return _variables(session, reader, "global")


def _warnings(session: Session, reader: Reader) -> Answer:
    reader.end()
    return listing(["Level", "Code", "Message"], session.warnings)


def show(session: Session, reader: Reader, _word: str) -> Answer:
    """Everything that begins with SHOW, search views excepted."""
    word = reader.accept_any(*_SHOWS)
    if word is None:
        raise unsupported(f"SHOW {reader.rest[:40]}")
    return _SHOWS[word](session, reader)


def describe(session: Session, reader: Reader, word: str) -> Answer:
    """DESC table. EXPLAIN is refused."""
    if word == "EXPLAIN" or reader.peek("SELECT"):
        raise unsupported("EXPLAIN")
    where = _table(session, reader)
    if not reader.done:
        raise unsupported(f"DESCRIBE … {reader.rest}")
    return query(session, _COLUMNS.format(where, "'%'"))


_SHOWS: dict[str, Callable[[Session, Reader], Answer]] = {
    "DATABASES": _databases, "SCHEMAS": _databases, "TABLES": _tables, "COLUMNS": _columns, "FIELDS": _columns,
    "INDEX": _indexes, "INDEXES": _indexes, "KEYS": _indexes, "CREATE TABLE": _create_table,
    "GLOBAL VARIABLES": _global_variables, "SESSION VARIABLES": _variables, "VARIABLES": _variables,
    "WARNINGS": _warnings, "GRANTS": show_grants,
}  # fmt: skip
