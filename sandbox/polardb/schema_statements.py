"""CREATE, ALTER, DROP, RENAME and TRUNCATE of databases, tables and indexes. MySQL commits each by itself.

AutoETL is told of every change, because a link is made of names: a renamed column ends it, a truncated table goes
unseen.
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.polardb.alterations import Alteration, read_alteration
from sandbox.polardb.catalog import SYSTEM_SCHEMAS, Column, Index, Table, quote, table_name
from sandbox.polardb.changes import Placing
from sandbox.polardb.definitions import add_index, qualified, read_key_columns, read_table
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.lexer import Reader
from sandbox.polardb.session import Answer, Done, Session
from sandbox.polardb.types import quoted, stored


def create_database(session: Session, reader: Reader) -> Answer:
    """CREATE DATABASE [IF NOT EXISTS] name [options]."""
    missing_only = reader.accept("IF", "NOT", "EXISTS")
    name, _ = table_name(reader.name(), "")
    _database_options(reader)
    session.require_schema("CREATE", name)
    if session.catalog.has_schema(name):
        if not missing_only:
            raise refusal(1007, name)
        session.warned.note(1007, name)
        return Done(1)
    with session.transaction.definition():
        session.catalog.add_schema(name)
    return Done(1)


def _database_options(reader: Reader) -> None:
    while not reader.done:
        reader.accept("DEFAULT")
        if not (reader.accept("CHARACTER", "SET") or reader.accept_any("CHARSET", "COLLATE")):
            raise reader.error()
        reader.accept("=")
        reader.take()


def drop_database(session: Session, reader: Reader) -> Answer:
    """DROP DATABASE [IF EXISTS] name."""
    existing_only = reader.accept("IF", "EXISTS")
    name = reader.name().lower()
    reader.end()
    session.require_schema("DROP", name)
    if name in SYSTEM_SCHEMAS:
        raise refusal(1044, session.account.user, session.account.host, name)
    if not session.catalog.has_schema(name):
        if not existing_only:
            raise refusal(1008, name)
        session.warned.note(1008, name)
        return Done()
    tables = session.catalog.tables(name)
    with session.transaction.definition():
        for table in tables:
            session.catalog.remove(table)
        session.catalog.remove_schema(name)
    session.schema = "" if session.schema == name else session.schema
    return Done(len(tables))


def create_table(session: Session, reader: Reader) -> Answer:
    """CREATE TABLE [IF NOT EXISTS] name (…) options, or LIKE another."""
    missing_only = reader.accept("IF", "NOT", "EXISTS")
    schema, name = table_name(*qualified(reader, session.schema))
    session.require("CREATE", schema, name)
    if schema in SYSTEM_SCHEMAS:
        raise refusal(1044, session.account.user, session.account.host, schema)
    if not session.catalog.has_schema(schema):
        raise refusal(1049, schema)
    if session.catalog.find(schema, name):
        if not missing_only:
            raise refusal(1050, name)
        session.warned.note(1050, name)
        return Done()
    table = replace(_described(session, reader, schema, name), created=session.database.now())
    with session.transaction.definition():
        session.catalog.build(table)
        session.database.links.altered(session.connection, table, table, {})
    return Done()


def _described(session: Session, reader: Reader, schema: str, name: str) -> Table:
    if reader.accept("LIKE"):
        model = session.table(*qualified(reader, session.schema), "SELECT")
        reader.end()
        return replace(model, schema=schema, name=name)
    if not reader.peek("("):
        raise unsupported("CREATE TABLE … SELECT") if reader.peek("AS") or reader.peek("SELECT") else reader.error()
    return read_table(reader, schema, name)


def drop_table(session: Session, reader: Reader) -> Answer:
    """DROP TABLE [IF EXISTS] a, b."""
    existing_only = reader.accept("IF", "EXISTS")
    names = [qualified(reader, session.schema)]
    while reader.accept(","):
        names.append(qualified(reader, session.schema))
    reader.accept_any("RESTRICT", "CASCADE")
    reader.end()
    for schema, name in names:
        session.require("DROP", schema, name)
    found = [table for schema, name in names if (table := session.catalog.find(schema, name))]
    absent = [f"{schema}.{name}" for schema, name in names if not session.catalog.find(schema, name)]
    if absent and not existing_only:
        raise refusal(1051, ",".join(absent))
    for name in absent:
        session.warned.note(1051, name)
    with session.transaction.definition():
        for table in found:
            session.catalog.remove(table)
    return Done()


def truncate(session: Session, reader: Reader) -> Answer:
    """TRUNCATE TABLE: AutoETL does not see it, so its triggers are out of the way meanwhile."""
    reader.accept("TABLE")
    table = session.table(*qualified(reader, session.schema), "DROP")
    reader.end()
    triggers = session.connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table.stored_name,)
    ).fetchall()
    with session.transaction.definition():
        for name, _ in triggers:
            session.connection.execute(f"DROP TRIGGER {quote(name)}")
        session.connection.execute(f"DELETE FROM {quote(table.stored_name)}")
        if any(column.auto_increment for column in table.columns):
            session.connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.stored_name,))
        for _, sql in triggers:
            session.connection.execute(sql)
    return Done()


def alter_table(session: Session, reader: Reader) -> Answer:
    """ALTER TABLE name action, action."""
    table = session.table(*qualified(reader, session.schema), "ALTER")
    change = read_alteration(reader, table)
    if (change.after.schema, change.after.name) != (table.schema, table.name):
        _check_free(session, change.after)
    _apply(session, change)
    return Done()


def rename_table(session: Session, reader: Reader) -> Answer:
    """RENAME TABLE a TO b."""
    table = session.table(*qualified(reader, session.schema), "ALTER")
    session.require("DROP", table.schema, table.name)
    reader.expect("TO")
    schema, name = table_name(*qualified(reader, session.schema))
    reader.end()
    after = replace(table, schema=schema, name=name)
    _check_free(session, after)
    _apply(session, Alteration(table, after, {column.name: column.name for column in table.columns}))
    return Done()


def _check_free(session: Session, table: Table) -> None:
    session.require("CREATE", table.schema, table.name)
    session.require("INSERT", table.schema, table.name)
    if not session.catalog.has_schema(table.schema):
        raise refusal(1049, table.schema)
    if session.catalog.find(table.schema, table.name):
        raise refusal(1050, table.name)


def _apply(session: Session, change: Alteration) -> None:
    with session.speaking_mysql(), session.transaction.definition():
        if (change.before.columns, change.before.indexes) == (change.after.columns, change.after.indexes) and (
            change.before.stored_name == change.after.stored_name
        ):
            session.catalog.save(change.after)
        else:
            _rebuild(session, change)
        session.database.links.altered(session.connection, change.before, change.after, change.renamed)


def _rebuild(session: Session, change: Alteration) -> None:
    session.connection.execute("DROP TABLE IF EXISTS temp._copy")
    session.connection.execute(f"CREATE TEMP TABLE _copy AS SELECT * FROM {quote(change.before.stored_name)}")
    session.catalog.remove(change.before)
    session.catalog.build(change.after)
    session.placing = Placing()
    values = ", ".join(_moved(session, column, change.origin.get(column.name)) for column in change.after.columns)
    session.connection.execute(
        f"INSERT INTO {quote(change.after.stored_name)} SELECT {values} FROM temp._copy WHERE TRUE"
    )
    session.connection.execute("DROP TABLE temp._copy")


def _moved(session: Session, column: Column, origin: str | None) -> str:
    if origin:
        return f"my_store({quote(origin)}, {session.placing.place(column)})"
    value = _first_value(session, column)
    return "NULL" if value is None else quoted(value) if isinstance(value, str) else repr(value)


def _first_value(session: Session, column: Column) -> str | float | None:
    """What a new column holds in the rows that are there already."""
    if column.default_now:
        return session.database.now()
    if column.default is None and not column.nullable:
        if column.auto_increment or column.type.family in ("temporal", "json", "spatial"):
            raise unsupported(f"ADD COLUMN {column.name} {column.type} NOT NULL without a default")
        return 0 if column.type.numeric else column.type.members[0] if column.type.members else ""
    value: str | float | None = None if column.default is None else stored(column.default, column.type, column.name, 1)
    return value


def create_index(session: Session, reader: Reader, *, unique: bool) -> Answer:
    """CREATE [UNIQUE] INDEX name ON table (columns)."""
    name = reader.name()
    reader.expect("ON")
    table = session.table(*qualified(reader, session.schema), "INDEX")
    columns = read_key_columns(reader)
    reader.end()
    after = add_index(table, Index(name, columns, unique))
    _apply(session, Alteration(table, after, {column.name: column.name for column in table.columns}))
    return Done()


def drop_index(session: Session, reader: Reader) -> Answer:
    """DROP INDEX name ON table."""
    name = reader.name()
    reader.expect("ON")
    table = session.table(*qualified(reader, session.schema), "INDEX")
    reader.end()
    kept = tuple(index for index in table.indexes if index.name.lower() != name.lower())
    if len(kept) == len(table.indexes):
        raise refusal(1091, name)
    after = replace(table, indexes=kept)
    _apply(session, Alteration(table, after, {column.name: column.name for column in table.columns}))
    return Done()
