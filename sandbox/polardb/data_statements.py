"""SELECT, INSERT, REPLACE, UPDATE, DELETE: from text to rows or counts."""

from __future__ import annotations

from sqlglot import exp

from sandbox.polardb.catalog import Table
from sandbox.polardb.changes import Counts, Placing, Writer
from sandbox.polardb.dialect import parsed
from sandbox.polardb.errors import unsupported
from sandbox.polardb.lexer import Reader
from sandbox.polardb.queries import headers, named
from sandbox.polardb.session import Answer, Done, Rows, Session


def select(session: Session, sql: str) -> Answer:
    """SELECT, WITH, TABLE and parenthesised queries."""
    ansi = "ANSI_QUOTES" in session.variables.modes
    tree = parsed(sql, ansi_quotes=ansi)
    translated, columns = session.queries().translate(tree)
    leftmost = tree
    while isinstance(leftmost, (exp.Union, exp.Subquery)):
        leftmost = leftmost.this
    columns = named(columns, leftmost.expressions, headers(sql, ansi_quotes=ansi))
    if tree.find(exp.Lock):
        session.transaction.lock_for_reading()
    rows = session.fetch(translated)
    return Rows(columns, rows)


def change(session: Session, sql: str) -> Answer:
    """INSERT, REPLACE, UPDATE and DELETE."""
    replacing = sql[:7].upper() == "REPLACE"
    tree = parsed(f"INSERT{sql[7:]}" if replacing else sql, ansi_quotes="ANSI_QUOTES" in session.variables.modes)
    with session.speaking_mysql(), session.transaction.change():
        counts = _run(session, tree, replacing)
    if counts.insert_id:
        session.last_insert_id = counts.insert_id
    return Done(counts.affected, counts.insert_id, counts.info)


def _run(session: Session, tree: exp.Expression, replacing: bool) -> Counts:
    session.placing = Placing(
        strict=bool(session.variables.modes & {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL"}),
        zero_generates="NO_AUTO_VALUE_ON_ZERO" not in session.variables.modes,
    )
    writer = Writer(
        session.connection,
        session.catalog,
        session.queries(),
        session.placing,
        session.database.now,
        session.found_rows,
    )
    if isinstance(tree, exp.Insert):
        table = _target(session, tree.find(exp.Table), "INSERT")
        if replacing or tree.args.get("conflict"):
            session.require("DELETE" if replacing else "UPDATE", table.schema, table.name)
        return writer.insert(tree, table, replacing=replacing)
    if isinstance(tree, exp.Update):
        return writer.update(tree, _target(session, tree.this, "UPDATE"))
    if isinstance(tree, exp.Delete):
        return writer.delete(tree, _target(session, tree.this, "DELETE"))
    raise unsupported(type(tree).__name__.upper())


def _target(session: Session, node: exp.Expression | None, privilege: str) -> Table:
    if not isinstance(node, exp.Table):
        raise unsupported("changes to anything but one table")
    return session.table(node.text("db"), node.name, privilege)


def do(session: Session, sql: str) -> Answer:
    """DO expr: a SELECT whose rows nobody sees."""
    reader = Reader(sql)
    reader.expect("DO")
    select(session, f"SELECT {reader.rest}")
    return Done()
