"""CREATE, DROP and SHOW SEARCH VIEW: a link written as a view. The index has the view's name and is made if it is
absent.

From revision 8.0.1.1.54 and 8.0.2.2.34 on; before, the words are a syntax error. A view of one table, with columns and
their aliases, is read; what else a SELECT can say is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from sandbox.polardb.catalog import Table
from sandbox.polardb.dialect import parsed
from sandbox.polardb.errors import refusal
from sandbox.polardb.lexer import Reader
from sandbox.polardb.link_rules import check_link, refuse
from sandbox.polardb.links import SEARCH_VIEW, LinkRequest, LinkStatus
from sandbox.polardb.procedures import options_of
from sandbox.polardb.session import Answer, Done, Session
from sandbox.polardb.show import table_of


def create_search_view(session: Session, reader: Reader) -> Answer:
    """CREATE SEARCH VIEW name [(columns, PRIMARY KEY (columns))] [WITH (…)] AS SELECT …"""
    name = reader.name()
    names, key = _column_list(reader)
    options = {**options_of(session), **_options(reader)}
    reader.expect("AS")
    table, fields = _selected(session, reader.rest)
    if names:
        if len(names) != len(fields):
            raise refuse(f"Search view '{name}' lists {len(names)} columns, its SELECT gives {len(fields)}")
        fields = [(given, column) for given, (_, column) in zip(names, fields, strict=True)]
    if _find(session, name):
        raise refusal(1050, name)
    request = LinkRequest(
        SEARCH_VIEW, table.schema, table.name, name, tuple(fields), _key(table, fields, key), name, reader.sql, options
    )
    request, table = check_link(session, request)
    with session.transaction.definition():
        session.database.links.create(session.connection, request, table)
    return Done()


def _column_list(reader: Reader) -> tuple[list[str], list[str]]:
    names: list[str] = []
    key: list[str] = []
    if not reader.accept("("):
        return names, key
    while True:
        if reader.accept("PRIMARY", "KEY"):
            key = reader.names()
        else:
            names.append(reader.name())
        if not reader.accept(","):
            break
    reader.expect(")")
    return names, key


def _options(reader: Reader) -> dict[str, str]:
    options: dict[str, str] = {}
    if not reader.accept("WITH"):
        return options
    reader.expect("(")
    while True:
        name = reader.string()
        reader.expect("=")
        options[name] = reader.take().value
        if not reader.accept(","):
            break
    reader.expect(")")
    return options


def _selected(session: Session, sql: str) -> tuple[Table, list[tuple[str, str]]]:
    """The table, and (name, column) for each column of the SELECT."""
    tree = parsed(sql, ansi_quotes="ANSI_QUOTES" in session.variables.modes)
    source = tree.args.get("from_")
    extra = [key for key, value in tree.args.items() if value and key not in ("expressions", "from_")]
    if not isinstance(tree, exp.Select) or extra or not source or not isinstance(source.this, exp.Table):
        raise refuse("Only SELECT of columns from one table is supported by the sandbox as a search view")
    table = session.table(source.this.text("db"), source.this.name, "SELECT")
    fields: list[tuple[str, str]] = []
    for item in tree.expressions:
        fields += _fields(item, table)
    return table, fields


def _fields(item: exp.Expression, table: Table) -> Sequence[tuple[str, str]]:
    inner = item.this if isinstance(item, exp.Alias) else item
    if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
        return [(column.name, column.name) for column in table.columns]
    if not isinstance(inner, exp.Column):
        raise refuse(f"'{inner.sql('mysql')[:60]}' is no column: not supported by the sandbox in a search view")
    column = table.column(inner.name)
    return [(item.alias or column.name, column.name)]


def _key(table: Table, fields: Sequence[tuple[str, str]], wanted: Sequence[str]) -> tuple[str, ...]:
    origin = dict(fields)
    if wanted:
        for name in wanted:
            if name not in origin:
                raise refusal(1072, name)
        return tuple(origin[name] for name in wanted)
    return table.keys[0] if table.keys else ()


def _views(session: Session) -> list[LinkStatus]:
    return [one for one in session.database.links.every(session.connection) if one.request.origin == SEARCH_VIEW]


def _find(session: Session, name: str) -> LinkStatus | None:
    return next((one for one in _views(session) if one.request.name.lower() == name.lower()), None)


def _existing(session: Session, name: str) -> LinkStatus:
    found = _find(session, name)
    if found is None:
        raise refusal(1051, name)
    return found


def drop_search_view(session: Session, reader: Reader) -> Answer:
    """DROP SEARCH VIEW [IF EXISTS] name. The index stays."""
    existing_only = reader.accept("IF", "EXISTS")
    name = reader.name()
    reader.end()
    if existing_only and not _find(session, name):
        session.warned.note(1051, name)
        return Done()
    view = _existing(session, name)
    session.require("ALTER", view.request.schema, view.request.table)
    with session.transaction.definition():
        session.database.links.drop(session.connection, view.id)
    return Done()


def show_status(session: Session, reader: Reader) -> Answer:
    """SHOW SEARCH VIEW STATUS."""
    reader.end()
    rows = [
        [one.request.name, "search", one.status, one.message, one.created_at, one.updated_at] for one in _views(session)
    ]
    return table_of(["View Name", "Type", "Status", "Message", "Created_at", "Updated_at"], rows)


def show_create(session: Session, reader: Reader) -> Answer:
    """SHOW CREATE SEARCH VIEW name."""
    view = _existing(session, reader.name())
    reader.end()
    options = ", ".join(f"{name}={value}" for name, value in view.request.options.items())
    return table_of(["View", "Create View", "Options"], [[view.request.name, view.request.statement, options]])
