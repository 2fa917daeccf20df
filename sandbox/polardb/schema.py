"""CREATE, ALTER, DROP, RENAME and TRUNCATE of databases and tables. MySQL commits each by itself.

AutoETL is told of every change of a table, because a link is made of names.
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.polardb.accounts import Level
from sandbox.polardb.catalog import SYSTEM_SCHEMAS, Column, quote
from sandbox.polardb.definitions import Alteration, charset, collation, read_alteration, read_table
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.reader import Reader
from sandbox.polardb.session import Answer, Done, Duplicate, Session
from sandbox.polardb.types import stored


def create_database(session: Session, reader: Reader, _word: str) -> Answer:
    """CREATE DATABASE [IF NOT EXISTS] name."""
    missing_only = reader.accept("IF", "NOT", "EXISTS")
    name = reader.name().lower()
    while word := reader.accept_any("DEFAULT CHARACTER SET", "CHARACTER SET", "CHARSET", "DEFAULT COLLATE", "COLLATE"):
        reader.accept("=")
        if collation(reader) if word.endswith("COLLATE") else charset(reader) != "utf8mb4":
            raise unsupported(f"{word} of a database")
    reader.end()
    session.require("CREATE", Level(name))
    if name in session.catalog.schemas():
        if not missing_only:
            raise refusal(1007, name)
        session.note(1007, name)
        return Done(1)
    with session.transaction.definition():
        session.catalog.add_schema(name)
    return Done(1)


def drop_database(session: Session, reader: Reader, _word: str) -> Answer:
    """DROP DATABASE [IF EXISTS] name."""
    existing_only = reader.accept("IF", "EXISTS")
    name = reader.name().lower()
    reader.end()
    session.require("DROP", Level(name))
    if name in SYSTEM_SCHEMAS:
        raise session.denied("DROP", Level(name))
    if name not in session.catalog.schemas():
        if not existing_only:
            raise refusal(1008, name)
        session.note(1008, name)
        return Done()
    tables = session.catalog.tables(name)
    with session.transaction.definition():
        for table in tables:
            session.catalog.remove(table)
        session.catalog.remove_schema(name)
    session.schema = "" if session.schema == name else session.schema
    return Done(len(tables))


def create_table(session: Session, reader: Reader, _word: str) -> Answer:
    """CREATE TABLE [IF NOT EXISTS] name (…) options."""
    missing_only = reader.accept("IF", "NOT", "EXISTS")
    schema, name = reader.qualified(session.schema)
    session.require("CREATE", Level(schema, name))
    if schema in SYSTEM_SCHEMAS:
        raise session.denied("CREATE", Level(schema))
    if schema not in session.catalog.schemas():
        raise refusal(1049, schema)
    if session.catalog.find(schema, name):
        if not missing_only:
            raise refusal(1050, name)
        session.note(1050, name)
        return Done()
    if not reader.peek("("):
        raise unsupported(f"CREATE TABLE … {reader.rest[:40]}") if reader.rest else refusal(1113)
    table = read_table(reader, schema, name)
    with session.transaction.definition():
        session.catalog.build(table, session.database.now())
        session.database.links.altered(session.connection, table, table, {})
    return Done()


def drop_table(session: Session, reader: Reader, _word: str) -> Answer:
    """DROP TABLE [IF EXISTS] a, b."""
    existing_only = reader.accept("IF", "EXISTS")
    names = [reader.qualified(session.schema)]
    while reader.accept(","):
        names.append(reader.qualified(session.schema))
    reader.end()
    for schema, name in names:
        session.require("DROP", Level(schema, name))
    found = [session.catalog.find(schema, name) for schema, name in names]
    absent = [".".join(name) for name, table in zip(names, found, strict=True) if table is None]
    if absent and not existing_only:
        raise refusal(1051, ",".join(absent))
    for name in absent:
        session.note(1051, name)
    with session.transaction.definition():
        for table in filter(None, found):
            session.catalog.remove(table)
    return Done()


def truncate(session: Session, reader: Reader, _word: str) -> Answer:
    """TRUNCATE TABLE: AutoETL does not see it, so its triggers are out of the way meanwhile."""
    reader.accept("TABLE")
    table = session.table(*reader.qualified(session.schema), "DROP")
    reader.end()
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
    triggers, _ = session.execute(sql, (table.stored_name,))
    with session.transaction.definition():
        for name, _ in triggers:
            session.execute(f"DROP TRIGGER {quote(name)}")
        session.execute(f"DELETE FROM {quote(table.stored_name)}")
        session.catalog.set_number(table, 1)
        for _, statement in triggers:
            session.execute(statement)
    return Done()


def alter_table(session: Session, reader: Reader, _word: str) -> Answer:
    """ALTER TABLE name action, action."""
    change = read_alteration(reader, session.table(*reader.qualified(session.schema), "ALTER"))
    _, _, rows = session.catalog.facts(change.before)
    _apply(session, change)
    return Done(rows if change.copies else 0)


def rename_table(session: Session, reader: Reader, _word: str) -> Answer:
    """RENAME TABLE a TO b, c TO d: from left to right, all or none."""
    renamings = [_renaming(session, reader)]
    while reader.accept(","):
        renamings.append(_renaming(session, reader))
    reader.end()
    with session.transaction.definition():
        for old, new in renamings:
            _rename(session, old, new)
    return Done()


def _renaming(session: Session, reader: Reader) -> tuple[Level, Level]:
    old = Level(*reader.qualified(session.schema))
    reader.expect("TO")
    return old, Level(*reader.qualified(session.schema))


def _rename(session: Session, old: Level, new: Level) -> None:
    table = session.table(old.schema, old.name, "ALTER")
    session.require("DROP", old)
    for privilege in ("CREATE", "INSERT"):
        session.require(privilege, new)
    if new.schema not in session.catalog.schemas():
        raise refusal(1049, new.schema)
    if session.catalog.find(new.schema, new.name):
        raise refusal(1050, new.name)
    after = replace(table, schema=new.schema, name=new.name)
    _change(session, Alteration(table, after, {column.name: column.name for column in table.columns}))


def _apply(session: Session, change: Alteration) -> None:
    with session.transaction.definition():
        _change(session, change)


def _change(session: Session, change: Alteration) -> None:
    before, after = change.before, change.after
    if replace(before, comment=after.comment) == after:
        session.catalog.save(after)
    else:
        _rebuild(session, change)
    session.database.links.altered(session.connection, before, after, change.renamed)


def _rebuild(session: Session, change: Alteration) -> None:
    """Makes the table again, and copies every value by the rules of its new type."""
    created, number, _ = session.catalog.facts(change.before)
    origins = [change.origin.get(column.name) for column in change.after.columns]
    listed = ", ".join(quote(origin) if origin else "NULL" for origin in origins)
    rows, _ = session.execute(f"SELECT {listed} FROM {quote(change.before.stored_name)}")
    session.catalog.remove(change.before)
    session.catalog.build(change.after, created)
    session.catalog.set_number(change.after, number)
    insert = f"INSERT INTO {quote(change.after.stored_name)} VALUES ({', '.join('?' * len(origins))})"
    columns = change.after.columns
    first = [None if origin else _first(session, one) for one, origin in zip(columns, origins, strict=True)]
    for at, row in enumerate(rows, 1):
        parts = zip(columns, origins, row, first, strict=True)
        values = {one.name: stored(value, one.type, one.name, at) if old else new for one, old, value, new in parts}
        if any(values[one.name] is None and not one.nullable for one in change.after.columns):
            raise refusal(1138)
        try:
            session.execute(insert, list(values.values()))
        except Duplicate as duplicate:
            raise change.after.duplicate(duplicate.columns, values) from None


def _first(session: Session, column: Column) -> object:
    """What a new column holds in the rows that are there already."""
    if column.auto_increment:
        raise unsupported("ADD COLUMN … AUTO_INCREMENT")
    if column.default_now:
        return session.database.now()
    if column.default is None and not column.nullable:
        family = column.type.family
        if family in ("temporal", "json", "spatial", "bit", "year", "enum"):
            raise unsupported(f"ADD COLUMN {column.name} {column.type} NOT NULL without a default")
        return stored("" if family in ("text", "blob") else 0, column.type, column.name, 1)
    return stored(column.default, column.type, column.name, 1)
