"""information_schema: what the catalog and the accounts say, as tables, with only what this user may see.

Since 8.0 the columns are headed in upper case however they were asked for, so `row["table_name"]` fails there and
here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.polardb.accounts import GLOBAL_PRIVILEGES, SCHEMA_PRIVILEGES, Grant
from sandbox.polardb.catalog import Column, Table, quote
from sandbox.polardb.errors import refusal
from sandbox.polardb.scope import Typed
from sandbox.polardb.types import BIGINT, COLLATION, INTEGER_BITS, TEXT_LIMITS, ColumnType

if TYPE_CHECKING:
    from sandbox.polardb.session import Session

_TEXT = ColumnType("varchar", 512)
_NUMBERS = {
    "TABLE_ROWS", "AVG_ROW_LENGTH", "DATA_LENGTH", "INDEX_LENGTH", "AUTO_INCREMENT", "VERSION", "ORDINAL_POSITION",
    "CHARACTER_MAXIMUM_LENGTH", "CHARACTER_OCTET_LENGTH", "NUMERIC_PRECISION", "NUMERIC_SCALE", "DATETIME_PRECISION",
    "NON_UNIQUE", "SEQ_IN_INDEX", "CARDINALITY", "SUB_PART", "POSITION_IN_UNIQUE_CONSTRAINT",
}  # fmt: skip
PROCEDURES = {
    "sync_by_table": 4, "sync_by_map": 5, "sync_by_sql": 2, "show_sync_link": 0, "drop_sync_link": 1,
}  # fmt: skip
Row = tuple[Any, ...]


@dataclass(frozen=True)
class View:
    """The columns in their order, and what gives the rows."""

    columns: tuple[str, ...]
    rows: Callable[[Session], Iterator[Row]]


def source(session: Session, name: str) -> tuple[str, tuple[Typed, ...]]:
    """The temporary table with the view's rows as of now, and its columns. Raises 1109."""
    view = VIEWS.get(name)
    if view is None:
        raise refusal(1109, name, "information_schema")
    stored = f"information_schema.{name}"
    _fill(session, stored, view)
    columns = tuple(Typed("", _kind(column), column, name.upper(), "information_schema") for column in view.columns)
    return stored, columns


def _kind(column: str) -> ColumnType:
    return BIGINT if column in _NUMBERS else _TEXT


def _fill(session: Session, stored: str, view: View) -> None:
    listed = ", ".join(
        quote(column) if column in _NUMBERS else f"{quote(column)} COLLATE {COLLATION}" for column in view.columns
    )
    session.connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {quote(stored)} ({listed})")
    session.connection.execute(f"DELETE FROM temp.{quote(stored)}")
    places = ", ".join("?" for _ in view.columns)
    session.connection.executemany(f"INSERT INTO temp.{quote(stored)} VALUES ({places})", list(view.rows(session)))


_ON_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")


def _visible(session: Session) -> Iterator[Table]:
    return (table for table in session.catalog.tables() if session.sees(table.schema, table.name))


def _with_visible_columns(session: Session) -> Iterator[Table]:
    """Who may only ALTER a table sees it and its indexes, but none of its columns (MySQL 8.0.15, asked)."""
    may = session.may
    return (table for table in _visible(session) if any(may(p, table.schema, table.name) for p in _ON_COLUMNS))


def _schemata(session: Session) -> Iterator[Row]:
    for name in session.catalog.schemas():
        if session.sees(name):
            yield "def", name, "utf8mb4", COLLATION, None


def _tables(session: Session) -> Iterator[Row]:
    for table in _visible(session):
        rows = session.catalog.count(table)
        yield (
            "def", table.schema, table.name, "BASE TABLE", "InnoDB", 10, "Dynamic", rows, 16384 // max(rows, 1),
            16384, 0, _next_number(session, table), table.created, None, COLLATION, "", table.comment,
        )  # fmt: skip
    for name in VIEWS:
        yield "def", "information_schema", name.upper(), "SYSTEM VIEW", None, 10, None, 0, 0, 0, 0, *(None,) * 4, "", ""


def _next_number(session: Session, table: Table) -> int | None:
    if not any(column.auto_increment for column in table.columns):
        return None
    row = session.connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.stored_name,)).fetchone()
    return int(row[0]) + 1 if row else 1


def _columns(session: Session) -> Iterator[Row]:
    for table in _with_visible_columns(session):
        for position, column in enumerate(table.columns, 1):
            yield _column(session, table, column, position)


def _column(session: Session, table: Table, column: Column, position: int) -> Row:
    kind = column.type
    characters = _characters(kind)
    charset = "utf8mb4" if kind.textual else None
    collation = ("utf8mb4_bin" if kind.binary else COLLATION) if kind.textual else None
    mine = [p.lower() for p in _ON_COLUMNS if session.may(p, table.schema, table.name)]
    return (
        "def", table.schema, table.name, column.name, position, shown_default(column),
        "YES" if column.nullable else "NO", kind.name, characters, _octets(kind, characters), *_precision(kind),
        charset, collation, str(kind), column_key(table, column), extra(column), ",".join(mine), column.comment, "",
    )  # fmt: skip


def _octets(kind: ColumnType, characters: int | None) -> int | None:
    if characters is None:
        return None
    return min(characters * (1 if kind.name in TEXT_LIMITS or kind.family == "blob" else 4), 2**32 - 1)


def shown_default(column: Column) -> str | None:
    """As COLUMN_DEFAULT and SHOW COLUMNS show it."""
    return "CURRENT_TIMESTAMP" if column.default_now else column.default


def _characters(kind: ColumnType) -> int | None:
    if kind.family == "enum":
        return max(len(member) for member in kind.members)
    return TEXT_LIMITS.get(kind.name) or (kind.length if kind.family in ("text", "blob") else None)


def _precision(kind: ColumnType) -> tuple[int | None, int | None, int | None]:
    digits = {"tinyint": 3, "smallint": 5, "mediumint": 7, "int": 10, "bigint": 20 if kind.unsigned else 19}
    if kind.name in INTEGER_BITS:
        return digits[kind.name], 0, None
    if kind.family == "decimal":
        return kind.length or 10, kind.places, None
    if kind.family == "real":
        return (12 if kind.name == "float" else 22), None, None
    if kind.family == "bit":
        return kind.length, None, None
    return None, None, (kind.length or 0) if kind.name in ("datetime", "timestamp", "time") else None


def column_key(table: Table, column: Column) -> str:
    """PRI, UNI, MUL or empty, as COLUMN_KEY says it."""
    if column.name in table.primary_key:
        return "PRI"
    if any(index.unique and index.columns == (column.name,) for index in table.indexes):
        return "UNI" if table.primary_key or column.nullable else "PRI"
    return "MUL" if any(index.columns[0] == column.name for index in table.indexes) else ""


def extra(column: Column) -> str:
    """As EXTRA says it."""
    words = ["auto_increment"] if column.auto_increment else []
    words += ["DEFAULT_GENERATED"] if column.default_now else []
    words += ["on update CURRENT_TIMESTAMP"] if column.on_update_now else []
    return " ".join(words)


def _statistics(session: Session) -> Iterator[Row]:
    for table in _visible(session):
        rows = session.catalog.count(table)
        for index in table.indexes:
            for position, name in enumerate(index.columns, 1):
                nullable = "YES" if table.column(name).nullable else ""
                yield (
                    "def", table.schema, table.name, int(not index.unique), table.schema, index.name, position, name,
                    "A", rows, None, None, nullable, "BTREE", "", "", "YES", None,
                )  # fmt: skip


def _constraints(session: Session) -> Iterator[Row]:
    for table in _visible(session):
        for index in table.indexes:
            if index.unique:
                kind = "PRIMARY KEY" if index.name == "PRIMARY" else "UNIQUE"
                yield "def", table.schema, index.name, table.schema, table.name, kind, "YES"


def _key_columns(session: Session) -> Iterator[Row]:
    for table in _with_visible_columns(session):
        for index in table.indexes:
            for position, name in enumerate(index.columns if index.unique else (), 1):
                yield (
                    "def", table.schema, index.name, "def", table.schema, table.name, name, position, None, None,
                    None, None,
                )  # fmt: skip


def _routines(session: Session) -> Iterator[Row]:
    shown = session.database.list_routines and session.database.has_procedures()
    for name in PROCEDURES if shown else ():
        if session.may("EXECUTE", "dbms_etl", name, "PROCEDURE"):
            yield name, "def", "dbms_etl", name, "PROCEDURE", "SQL", "CONTAINS SQL", "DEFINER", ""


def _grants_of_all(session: Session) -> Iterator[tuple[str, Grant]]:
    everything = session.may("SELECT", "mysql")
    for account in session.accounts.accounts() if everything else [session.account]:
        for grant in session.accounts.grants(account):
            yield f"'{account.user}'@'{account.host}'", grant


def _yes(grant: Grant) -> str:
    return "YES" if grant.grantable else "NO"


def _user_privileges(session: Session) -> Iterator[Row]:
    found: set[str] = set()
    for who, grant in _grants_of_all(session):
        if not grant.schema and grant.privilege in GLOBAL_PRIVILEGES:
            found.add(who)
            yield who, "def", grant.privilege, _yes(grant)
    me = f"'{session.account.user}'@'{session.account.host}'"
    if me not in found:
        yield me, "def", "USAGE", "NO"


def _schema_privileges(session: Session) -> Iterator[Row]:
    for who, grant in _grants_of_all(session):
        if grant.schema and not grant.object and grant.privilege in SCHEMA_PRIVILEGES:
            yield who, "def", grant.schema, grant.privilege, _yes(grant)


def _table_privileges(session: Session) -> Iterator[Row]:
    for who, grant in _grants_of_all(session):
        if grant.object and grant.kind == "TABLE":
            yield who, "def", grant.schema, grant.object, grant.privilege, _yes(grant)


def _engines(_session: Session) -> Iterator[Row]:
    yield "InnoDB", "DEFAULT", "Supports transactions, row-level locking, and foreign keys", "YES", "YES", "YES"


def _no_rows(_session: Session) -> Iterator[Row]:
    return iter(())


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.upper().split())


VIEWS: dict[str, View] = {
    "schemata": View(
        _names("catalog_name schema_name default_character_set_name default_collation_name sql_path"), _schemata
    ),
    "tables": View(
        _names(
            "table_catalog table_schema table_name table_type engine version row_format table_rows avg_row_length"
            " data_length"
            " index_length auto_increment create_time update_time table_collation create_options table_comment"
        ),
        _tables,
    ),
    "columns": View(
        _names(
            "table_catalog table_schema table_name column_name ordinal_position column_default is_nullable data_type"
            " character_maximum_length character_octet_length numeric_precision numeric_scale datetime_precision"
            " character_set_name collation_name column_type column_key extra privileges column_comment"
            " generation_expression"
        ),
        _columns,
    ),
    "statistics": View(
        _names(
            "table_catalog table_schema table_name non_unique index_schema index_name seq_in_index column_name"
            " collation"
            " cardinality sub_part packed nullable index_type comment index_comment is_visible expression"
        ),
        _statistics,
    ),
    "table_constraints": View(
        _names("constraint_catalog constraint_schema constraint_name table_schema table_name constraint_type enforced"),
        _constraints,
    ),
    "key_column_usage": View(
        _names(
            "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name column_name"
            " ordinal_position position_in_unique_constraint referenced_table_schema referenced_table_name"
            " referenced_column_name"
        ),
        _key_columns,
    ),
    "routines": View(
        _names(
            "specific_name routine_catalog routine_schema routine_name routine_type routine_body sql_data_access"
            " security_type routine_comment"
        ),
        _routines,
    ),
    "user_privileges": View(_names("grantee table_catalog privilege_type is_grantable"), _user_privileges),
    "schema_privileges": View(
        _names("grantee table_catalog table_schema privilege_type is_grantable"), _schema_privileges
    ),
    "table_privileges": View(
        _names("grantee table_catalog table_schema table_name privilege_type is_grantable"), _table_privileges
    ),
    "column_privileges": View(
        _names("grantee table_catalog table_schema table_name column_name privilege_type is_grantable"), _no_rows
    ),
    "views": View(_names("table_catalog table_schema table_name view_definition"), _no_rows),
    "triggers": View(_names("trigger_catalog trigger_schema trigger_name event_manipulation"), _no_rows),
    "engines": View(_names("engine support comment transactions xa savepoints"), _engines),
}
