"""SHOW and DESCRIBE: answers headed and filtered as MySQL's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sandbox.polardb.account_statements import show_grants
from sandbox.polardb.catalog import Column, Table
from sandbox.polardb.definitions import qualified
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.functions import collation_key
from sandbox.polardb.lexer import Reader
from sandbox.polardb.scope import Typed
from sandbox.polardb.session import Answer, Rows, Session
from sandbox.polardb.system_views import column_key, extra, shown_default
from sandbox.polardb.types import BIGINT, VARCHAR, quoted


def table_of(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Rows:
    """A result set; a column of whole numbers is one."""
    listed = [tuple(row) for row in rows]
    kinds = [BIGINT if any(isinstance(row[at], int) for row in listed) else VARCHAR for at in range(len(headings))]
    return Rows([Typed("", kind, name) for kind, name in zip(kinds, headings, strict=True)], listed)


def show(session: Session, reader: Reader) -> Answer:
    """Everything that begins with SHOW, search views excepted."""
    reader.accept("EXTENDED")
    full = reader.accept("FULL")
    for words, handler in _SHOWS:
        if reader.accept(*words.split()):
            return handler(session, reader, full)
    raise unsupported(f"SHOW {reader.rest[:40]}")


def _wanted(reader: Reader) -> Callable[[str], bool]:
    """What LIKE 'pattern' lets through. WHERE is refused."""
    if reader.accept("LIKE"):
        pattern = _like(reader.string())
        reader.end()
        return lambda name: bool(pattern.fullmatch(collation_key(name)))
    if reader.accept("WHERE", "VARIABLE_NAME", "IN", "("):
        names = {reader.string().lower()}
        while reader.accept(","):
            names.add(reader.string().lower())
        reader.accept(")")
        reader.end()
        return lambda name: name.lower() in names
    if reader.peek("WHERE"):
        raise unsupported("SHOW … WHERE")
    reader.end()
    return lambda _name: True


def _like(text: str) -> re.Pattern[str]:
    pieces = re.split(r"(\\.|%|_)", collation_key(text))
    return re.compile(
        "".join({"%": ".*", "_": "."}.get(piece, re.escape(piece.removeprefix("\\"))) for piece in pieces)
    )


def _from(reader: Reader, session: Session) -> str:
    schema = reader.name().lower() if reader.accept_any("FROM", "IN") else session.current()
    if not session.catalog.has_schema(schema):
        raise refusal(1049, schema)
    if not session.sees(schema):
        raise refusal(1044, session.account.user, session.account.host, schema)
    return schema


def _databases(session: Session, reader: Reader, _full: bool) -> Answer:
    wanted = _wanted(reader)
    names = (name for name in session.catalog.schemas() if session.sees(name) and wanted(name))
    return table_of(["Database"], ([name] for name in names))


def _tables(session: Session, reader: Reader, full: bool) -> Answer:
    schema = _from(reader, session)
    wanted = _wanted(reader)
    tables = [
        table for table in session.catalog.tables(schema) if session.sees(schema, table.name) and wanted(table.name)
    ]
    if full:
        return table_of([f"Tables_in_{schema}", "Table_type"], ([table.name, "BASE TABLE"] for table in tables))
    return table_of([f"Tables_in_{schema}"], ([table.name] for table in tables))


def _table_of_columns(session: Session, reader: Reader) -> Table:
    reader.accept_any("FROM", "IN")
    schema, name = qualified(reader, session.schema or "-")
    if reader.accept_any("FROM", "IN"):
        schema = reader.name().lower()
    return session.table("" if schema == "-" else schema, name, "SELECT")


def _columns(session: Session, reader: Reader, full: bool) -> Answer:
    table = _table_of_columns(session, reader)
    wanted = _wanted(reader)
    return columns_of(table, full=full, wanted=wanted)


def columns_of(table: Table, *, full: bool = False, wanted: Callable[[str], bool] = lambda _name: True) -> Rows:
    """SHOW [FULL] COLUMNS."""
    headings = ["Field", "Type", "Null", "Key", "Default", "Extra"]
    if full:
        headings = ["Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"]
    return table_of(headings, (_column(table, one, full) for one in table.columns if wanted(one.name)))


def _column(table: Table, column: Column, full: bool) -> list[str | None]:
    nullable = "YES" if column.nullable else "NO"
    tail = [nullable, column_key(table, column), shown_default(column), extra(column)]
    if not full:
        return [column.name, str(column.type), *tail]
    collation = "utf8mb4_0900_ai_ci" if column.type.textual else None
    return [column.name, str(column.type), collation, *tail, "select,insert,update,references", column.comment]


def describe(session: Session, reader: Reader) -> Answer:
    """DESC table."""
    table = session.table(*_split(qualified(reader, session.schema or "-")), "SELECT")
    column = reader.name() if not reader.done else None
    reader.end()
    return columns_of(table, wanted=lambda name: column is None or name.lower() == column.lower())


def _split(names: tuple[str, str]) -> tuple[str, str]:
    return ("" if names[0] == "-" else names[0]), names[1]


def _indexes(session: Session, reader: Reader, _full: bool) -> Answer:
    table = _table_of_columns(session, reader)
    reader.end()
    rows = session.catalog.count(table)
    headings = [
        "Table",
        "Non_unique",
        "Key_name",
        "Seq_in_index",
        "Column_name",
        "Collation",
        "Cardinality",
        "Sub_part",
        "Packed",
        "Null",
        "Index_type",
        "Comment",
        "Index_comment",
        "Visible",
        "Expression",
    ]
    return table_of(
        headings,
        (
            [
                table.name,
                int(not index.unique),
                index.name,
                at,
                name,
                "A",
                rows,
                None,
                None,
                "YES" if table.column(name).nullable else "",
                "BTREE",
                "",
                "",
                "YES",
                None,
            ]
            for index in table.indexes
            for at, name in enumerate(index.columns, 1)
        ),
    )


def _create_table(session: Session, reader: Reader, _full: bool) -> Answer:
    table = session.table(*_split(qualified(reader, session.schema or "-")), "SELECT")
    reader.end()
    return table_of(["Table", "Create Table"], [[table.name, create_statement(table)]])


def create_statement(table: Table) -> str:
    """The statement that would make `table`, as SHOW CREATE TABLE prints it."""
    lines = [f"  {_column_line(column)}" for column in table.columns]
    for index in table.indexes:
        columns = ",".join(f"`{name}`" for name in index.columns)
        word = "PRIMARY KEY" if index.name == "PRIMARY" else f"{'UNIQUE ' if index.unique else ''}KEY `{index.name}`"
        lines.append(f"  {word} ({columns})")
    comment = f" COMMENT={quoted(table.comment)}" if table.comment else ""
    body = ",\n".join(lines)
    tail = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"
    return f"CREATE TABLE `{table.name}` (\n{body}\n) {tail}{comment}"


def _column_line(column: Column) -> str:
    parts = [f"`{column.name}` {column.type}"]
    if column.type.textual and column.type.binary:
        parts.append("CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    if not column.nullable:
        parts.append("NOT NULL")
    elif column.type.name == "timestamp":
        parts.append("NULL")
    if column.auto_increment:
        parts.append("AUTO_INCREMENT")
    parts += _default_words(column)
    return " ".join(parts) + (f" COMMENT {quoted(column.comment)}" if column.comment else "")


def _default_words(column: Column) -> list[str]:
    words = []
    if column.default_now:
        words.append("DEFAULT CURRENT_TIMESTAMP")
    elif column.default is not None:
        words.append(f"DEFAULT {quoted(column.default)}")
    elif column.nullable and column.type.name not in ("text", "tinytext", "mediumtext", "longtext", "json", "blob"):
        words.append("DEFAULT NULL")
    return words + (["ON UPDATE CURRENT_TIMESTAMP"] if column.on_update_now else [])


def _create_database(session: Session, reader: Reader, _full: bool) -> Answer:
    name = reader.name().lower()
    reader.end()
    if not session.catalog.has_schema(name):
        raise refusal(1049, name)
    text = f"CREATE DATABASE `{name}` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci */"
    return table_of(["Database", "Create Database"], [[name, text]])


def _variables(session: Session, reader: Reader, _full: bool, scope: str = "session") -> Answer:
    wanted = _wanted(reader)
    rows = [[name, value] for name, value in session.variables.every(scope) if wanted(name)]
    return table_of(["Variable_name", "Value"], rows)


def _global_variables(session: Session, reader: Reader, full: bool) -> Answer:
    return _variables(session, reader, full, "global")


def _status(session: Session, reader: Reader, _full: bool) -> Answer:
    wanted = _wanted(reader)
    values = {"Threads_connected": "1", "Uptime": "1", "Ssl_cipher": ""}
    return table_of(["Variable_name", "Value"], ([name, value] for name, value in values.items() if wanted(name)))


def _warnings(session: Session, reader: Reader, _full: bool) -> Answer:
    if reader.accept("LIMIT"):
        reader.integer()
    reader.end()
    return table_of(["Level", "Code", "Message"], session.warned.entries)


def _errors(session: Session, reader: Reader, _full: bool) -> Answer:
    reader.end()
    return table_of(["Level", "Code", "Message"], [entry for entry in session.warned.entries if entry[0] == "Error"])


def _binary_logs(session: Session, reader: Reader, _full: bool) -> Answer:
    reader.end()
    session.require_global("REPLICATION CLIENT")
    if not session.database.binlog:
        raise refusal(1381)
    return table_of(["Log_name", "File_size"], [["mysql-bin.000001", 155]])


def _master_status(session: Session, reader: Reader, _full: bool) -> Answer:
    reader.end()
    session.require_global("REPLICATION CLIENT")
    rows = [["mysql-bin.000001", 155, "", "", ""]] if session.database.binlog else []
    return table_of(["File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB", "Executed_Gtid_Set"], rows)


def _process_list(session: Session, reader: Reader, _full: bool) -> Answer:
    reader.end()
    headings = ["Id", "User", "Host", "db", "Command", "Time", "State", "Info"]
    row = [session.id, session.account.user, session.peer, session.schema or None, "Query", 0, "starting", None]
    return table_of(headings, [row])


def _engines(_session: Session, reader: Reader, _full: bool) -> Answer:
    reader.end()
    row = ["InnoDB", "DEFAULT", "Supports transactions, row-level locking, and foreign keys", "YES", "YES", "YES"]
    return table_of(["Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"], [row])


def _collations(_session: Session, reader: Reader, _full: bool) -> Answer:
    wanted = _wanted(reader)
    rows = [["utf8mb4_0900_ai_ci", "utf8mb4", 255, "Yes", "Yes", 0], ["utf8mb4_bin", "utf8mb4", 46, "", "Yes", 1]]
    headings = ["Collation", "Charset", "Id", "Default", "Compiled", "Sortlen"]
    return table_of(headings, (row for row in rows if wanted(str(row[0]))))


def _table_status(session: Session, reader: Reader, _full: bool) -> Answer:
    schema = _from(reader, session)
    wanted = _wanted(reader)
    headings = ["Name", "Engine", "Version", "Row_format", "Rows", "Create_time", "Collation", "Comment"]
    rows = (
        [
            table.name,
            "InnoDB",
            10,
            "Dynamic",
            session.catalog.count(table),
            table.created,
            "utf8mb4_0900_ai_ci",
            table.comment,
        ]
        for table in session.catalog.tables(schema)
        if session.sees(schema, table.name) and wanted(table.name)
    )
    return table_of(headings, rows)


_SHOWS: tuple[tuple[str, Callable[[Session, Reader, bool], Answer]], ...] = (
    ("DATABASES", _databases),
    ("SCHEMAS", _databases),
    ("TABLES", _tables),
    ("TABLE STATUS", _table_status),
    ("COLUMNS", _columns),
    ("FIELDS", _columns),
    ("INDEX", _indexes),
    ("INDEXES", _indexes),
    ("KEYS", _indexes),
    ("CREATE TABLE", _create_table),
    ("CREATE DATABASE", _create_database),
    ("CREATE SCHEMA", _create_database),
    ("GLOBAL VARIABLES", _global_variables),
    ("SESSION VARIABLES", _variables),
    ("LOCAL VARIABLES", _variables),
    ("VARIABLES", _variables),
    ("GLOBAL STATUS", _status),
    ("SESSION STATUS", _status),
    ("STATUS", _status),
    ("WARNINGS", _warnings),
    ("ERRORS", _errors),
    ("GRANTS", lambda session, reader, _full: show_grants(session, reader)),
    ("BINARY LOGS", _binary_logs),
    ("MASTER LOGS", _binary_logs),
    ("MASTER STATUS", _master_status),
    ("PROCESSLIST", _process_list),
    ("STORAGE ENGINES", _engines),
    ("ENGINES", _engines),
    ("COLLATION", _collations),
)
