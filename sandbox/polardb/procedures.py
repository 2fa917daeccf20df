"""CALL dbms_etl.… and search views: what makes, shows and drops links.

What is documented of them, and what is not, is listed in `sandbox.polardb`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from sandbox.polardb.accounts import Level, any_within
from sandbox.polardb.catalog import Table
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.flink import read_script
from sandbox.polardb.joins import Joins, Member, is_plain, members
from sandbox.polardb.links import SEARCH_VIEW, LinkRequest, LinkStatus
from sandbox.polardb.reader import Reader
from sandbox.polardb.session import Answer, Done, Session, listing
from sandbox.polardb.system_views import PROCEDURES

_COLUMN = r"\s*([^\s.(),]+)\.([^\s.(),]+)\.([^\s.(),]+)\s*"
_FIELD = re.compile(rf"\s*([^\s.(),=]+)\.([^\s(),=]+)\({_COLUMN}\)\s*")
_PAIR = re.compile(rf"\s*([^\s.(),=]+)\.([^\s(),=]+)\s*={_COLUMN}")
Fields = Sequence[tuple[str, str]]


def _refuse(why: str) -> SqlError:
    """A refusal by AutoETL itself: 1644, SQLSTATE 45000."""
    return refusal(1644, why)


# Making links


def _start(session: Session, request: LinkRequest) -> None:
    """Makes the link. Raises 1644 where AutoETL's prerequisites do not hold: binlog, rights, key, types, index."""
    if not session.database.binlog:
        raise _refuse("Binlog is not enabled: set the cluster parameter loose_polar_log_bin to ON")
    every = members(request)
    tables = [_linked(session, member) for member in every]
    for member, table in zip(every, tables, strict=True):
        _check_columns(table, member)
    _check_key(tables[0], request)
    problem = session.database.links.missing_index(request.index) if request.origin != SEARCH_VIEW else None
    if problem:
        raise _refuse(problem)
    table = tables[0]
    if request.query:
        Joins(request.query, request.key).by_key(session.catalog)
    else:
        request = replace(request, fields=tuple((field, table.column(name).name) for field, name in request.fields))
    request = replace(request, key=tuple(table.column(name).name for name in request.key))
    with session.transaction.definition():
        session.database.links.create(session.connection, request, tables)


def _linked(session: Session, member: Member) -> Table:
    table, schema = session.catalog.find(member.schema, member.name), member.schema
    if table is None:
        known = schema in session.catalog.schemas()
        raise _refuse(f"Table '{schema}.{member.name}' doesn't exist" if known else f"Unknown database '{schema}'")
    for privilege in ("ALTER", "SELECT"):
        if not session.may(privilege, Level(table.schema, table.name)):
            who = f"'{session.account.user}'@'{session.peer}'"
            raise _refuse(f"{privilege} command denied to user {who} for table '{table.stored_name}'")
    return table


def _check_columns(table: Table, member: Member) -> None:
    for name in member.used:
        column = table.find(name)
        if column is None:
            raise _refuse(f"Unknown column '{name}' in table '{table.stored_name}'")
        if column.type.family in ("bit", "spatial"):
            raise _refuse(f"Column '{column.name}' has the unsupported type {column.type.name.upper()}")
        if column.type.family == "decimal" and (column.type.length or 0) > 15:
            raise unsupported(f"a link of the column {column.name}, whose {column.type} is no exact number of JSON")
        if column.type.family in ("blob", "real") and name in member.watched:
            raise unsupported(f"a link whose key has the type {column.type.name.upper()}")
        if member.joined and name in member.watched and column.type.family not in ("integer", "text"):
            raise unsupported(f"a link that joins on a column of the type {column.type.name.upper()}")
    if member.joined and not table.is_unique(member.watched):
        raise unsupported(f"a link that joins {table.stored_name} on no unique key of it")


def _check_key(table: Table, request: LinkRequest) -> None:
    if len({field for field, _ in request.fields}) != len(request.fields):
        raise _refuse("A field of the index is mapped twice")
    if not table.keys:
        raise _refuse(f"Table '{table.stored_name}' has no primary key or unique key")
    if sorted(name.lower() for name in request.key) not in [sorted(map(str.lower, key)) for key in table.keys]:
        key = ", ".join(request.key)
        raise _refuse(f"({key}) is neither the primary key nor a unique key of '{table.stored_name}'")


def _sync_by_table(session: Session, source: str, index: str, columns: str) -> None:
    schema, _, name = source.replace("`", "").lower().partition(".")
    if not schema or not name or "." in name:
        raise _refuse(f"Invalid source table '{source}', expected database.table")
    table = session.catalog.find(schema, name)
    every = [column.name for column in table.columns] if table else []
    chosen = every if columns.strip() in ("", "*") else [part.strip(" `\n\t") for part in columns.split(",")]
    key = table.keys[0] if table and table.keys else ()
    _start(session, LinkRequest("sync_by_table", schema, name, index, tuple((one, one) for one in chosen), key))


def _sync_by_map(session: Session, fields: str, keys: str, join: str, condition: str) -> None:
    if join.strip() or condition.strip():
        raise _refuse("The fourth and fifth argument of sync_by_map are not documented; only '' is accepted")
    mapped = _all_of(_FIELD, fields, "field map", "index.field(database.table.column)")
    paired = _all_of(_PAIR, keys, "key map", "index.field=database.table.column")
    places = {(index, schema.lower(), table.lower()) for index, _, schema, table, _ in mapped + paired}
    if len(places) != 1:
        raise _refuse("A link from several tables, or to several indexes, is not supported by the sandbox")
    ((index, schema, table),) = places
    pairs, key = tuple((one[1], one[4]) for one in mapped), tuple(one[4] for one in paired)
    _start(session, LinkRequest("sync_by_map", schema, table, index, pairs, key))


def _all_of(pattern: re.Pattern[str], text: str, what: str, form: str) -> list[tuple[str, ...]]:
    found = []
    for part in text.replace("`", "").split(","):
        match = pattern.fullmatch(part)
        if not match:
            raise _refuse(f"Invalid {what} '{part.strip()}', expected {form}")
        found.append(match.groups())
    return found


def _sync_by_sql(session: Session, script: str) -> None:
    _start(session, read_script(script))


_SYNCS: dict[str, Callable[..., None]] = {
    "sync_by_table": _sync_by_table, "sync_by_map": _sync_by_map, "sync_by_sql": _sync_by_sql,
}  # fmt: skip


# CALL


def call(session: Session, reader: Reader) -> list[Answer]:
    """CALL name(arguments): its result sets, and the count that ends them. Raises 1305, 1318, 1370, 1046, 1644."""
    first = reader.name()
    schema, name = (first, reader.name()) if reader.accept(".") else (session.current(), first)
    empty = reader.done or reader.accept("(", ")")
    arguments = [] if empty else reader.listed(lambda: _argument(reader))
    reader.end()
    _check_callable(session, schema.lower(), name.lower())
    name = name.lower()
    if len(arguments) != PROCEDURES[name]:
        raise refusal(1318, f"{schema}.{name}", PROCEDURES[name], len(arguments))
    if name == "show_sync_link":
        return [_shown_links(session), Done()]
    if name == "drop_sync_link":
        _drop(session, arguments[0])
    elif arguments[0] != "search":
        raise _refuse(f"Unsupported sync target '{arguments[0]}', only 'search' is supported")
    else:
        _SYNCS[name](session, *arguments[1:])
    return [Done()]


def _check_callable(session: Session, schema: str, name: str) -> None:
    known = schema == "dbms_etl" and session.database.has("procedures")
    # A user without rights there is told so before being told that there is nothing.
    allowed = session.may("EXECUTE", Level(schema))
    if not allowed and (known or not any_within(session.grants(), schema)):
        raise refusal(1370, session.account.user, session.peer, f"{schema}.{name}")
    if not known or name not in PROCEDURES:
        raise refusal(1305, "PROCEDURE", f"{schema}.{name}")


def _argument(reader: Reader) -> str:
    if not reader.is_string() and reader.is_name():
        # Under ANSI_QUOTES "search" is the name of a column that does not exist.
        raise refusal(1054, reader.take(), "field list")
    return reader.string() if reader.is_string() else str(reader.integer())


def _links(session: Session, *, views: bool) -> list[LinkStatus]:
    every = session.database.links.every(session.connection)
    return [one for one in every if (one.request.origin == SEARCH_VIEW) == views]


def _shown_links(session: Session) -> Answer:
    headings = ["Link Id", "Type", "Source", "Target", "Status", "Message", "Created_at", "Updated_at"]
    rows = [
        [one.id, "search", f"{one.request.schema}.{one.request.table}", one.request.index, *_state(one)]
        for one in _links(session, views=False)
    ]
    return listing(headings, rows)


def _state(one: LinkStatus) -> list[str]:
    return [one.status, one.message, one.created_at, one.updated_at]


def _drop(session: Session, number: str) -> None:
    found = next((one for one in _links(session, views=False) if str(one.id) == number.strip()), None)
    if found is None:
        raise _refuse(f"Sync link '{number}' does not exist")
    with session.transaction.definition():
        session.database.links.drop(session.connection, found.id)


# Search views


def create_view(session: Session, reader: Reader, _word: str) -> Answer:
    """CREATE SEARCH VIEW name [(columns, PRIMARY KEY (columns))] AS SELECT …."""
    _check_views(session, reader)
    name = reader.name()
    names: list[str] = []
    key: list[str] = []

    def define() -> None:
        key.extend(reader.listed(reader.name)) if reader.accept("PRIMARY", "KEY") else names.append(reader.name())

    if reader.peek("("):
        reader.listed(define)
    if reader.peek("WITH"):
        raise unsupported("options of a search view")
    reader.expect("AS")
    tree = reader.tree()
    if not is_plain(tree):
        return _view_of_query(session, name, names, key, reader.rest)
    table, columns = _selected(session, tree)
    if names and len(names) != len(columns):
        raise _refuse(f"Search view '{name}' lists {len(names)} columns, its SELECT gives {len(columns)}")
    fields = tuple(zip(names or [given for given, _ in columns], [column for _, column in columns], strict=True))
    _check_free(session, name)
    origin = dict(fields)
    if missing := [one for one in key if one not in origin]:
        raise refusal(1072, missing[0])
    chosen = tuple(origin[one] for one in key) if key else table.keys[0] if table.keys else ()
    _start(session, LinkRequest(SEARCH_VIEW, table.schema, table.name, name, fields, chosen))
    return Done()


def _view_of_query(session: Session, name: str, names: Sequence[str], key: Sequence[str], query: str) -> Answer:
    if not key:
        raise unsupported("a search view of a query without PRIMARY KEY (…)")
    joins = Joins(query)
    fields, columns = joins.fields(names, key)
    first = joins.members[0]
    _check_free(session, name)
    _start(session, LinkRequest(SEARCH_VIEW, first.schema, first.name, name, fields, columns, query))
    return Done()


def _check_free(session: Session, name: str) -> None:
    if _view(session, name):
        raise refusal(1050, name)


def _check_views(session: Session, reader: Reader) -> None:
    """Before the revision that has them, the words are a syntax error."""
    if not session.database.has("views"):
        reader.at -= 2
        raise reader.error()


def _selected(session: Session, tree: exp.Expression) -> tuple[Table, list[tuple[str, str]]]:
    """The table, and (name, column) for each column of the SELECT."""
    source = tree.args["from_"].this
    table = session.table(source.text("db"), source.name, "SELECT")
    return table, [field for item in tree.expressions for field in _fields(item, table)]


def _fields(item: exp.Expression, table: Table) -> Fields:
    inner = item.this if isinstance(item, exp.Alias) else item
    if isinstance(inner, exp.Star) or isinstance(inner.this, exp.Star):
        return [(column.name, column.name) for column in table.columns]
    column = table.column(inner.name)
    return [(item.alias or column.name, column.name)]


def _view(session: Session, name: str) -> LinkStatus | None:
    return next((one for one in _links(session, views=True) if one.request.index.lower() == name.lower()), None)


def drop_view(session: Session, reader: Reader, _word: str) -> Answer:
    """DROP SEARCH VIEW name. The index stays."""
    _check_views(session, reader)
    name = reader.name()
    reader.end()
    view = _view(session, name)
    if view is None:
        raise refusal(1051, name)
    session.require("ALTER", Level(view.request.schema, view.request.table))
    with session.transaction.definition():
        session.database.links.drop(session.connection, view.id)
    return Done()


def show_views(session: Session, reader: Reader, _word: str) -> Answer:
    """SHOW SEARCH VIEW STATUS."""
    _check_views(session, reader)
    reader.end()
    rows = [[one.request.index, "search", *_state(one)] for one in _links(session, views=True)]
    return listing(["View Name", "Type", "Status", "Message", "Created_at", "Updated_at"], rows)
