"""CALL dbms_etl.…: the procedures that make, show and drop links.

They exist from revision 8.0.1.1.52 and 8.0.2.2.33 on. What is documented of them, and what is not, is listed in
`sandbox.polardb`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sandbox.polardb.accounts import any_within
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.flink import read_script
from sandbox.polardb.lexer import Reader
from sandbox.polardb.link_rules import check_link, refuse
from sandbox.polardb.links import SEARCH_VIEW, LinkRequest
from sandbox.polardb.session import Answer, Done, Session
from sandbox.polardb.show import table_of
from sandbox.polardb.system_views import PROCEDURES

_FIELD = re.compile(r"\s*([^\s.(),=]+)\.([^\s(),=]+)\(\s*([^\s.(),]+)\.([^\s.(),]+)\.([^\s.(),]+)\s*\)\s*")
_PAIR = re.compile(r"\s*([^\s.(),=]+)\.([^\s(),=]+)\s*=\s*([^\s.(),]+)\.([^\s.(),]+)\.([^\s.(),]+)\s*")
_HEADINGS = ["Link Id", "Type", "Source", "Target", "Status", "Message", "Created_at", "Updated_at"]


def call(session: Session, reader: Reader) -> list[Answer]:
    """CALL name(arguments): its result sets, and the count that ends them. Raises 1305, 1318, 1370, 1046, 1644."""
    first = reader.name()
    name = reader.name() if reader.accept(".") else ""
    schema, name = (first, name) if name else (session.current(), first)
    arguments = _arguments(session, reader)
    procedure = _resolved(session, schema.lower(), name.lower())
    if len(arguments) != PROCEDURES[procedure]:
        raise refusal(1318, f"{schema}.{name}", PROCEDURES[procedure], len(arguments))
    return _PROCEDURES[procedure](session, arguments)


def _resolved(session: Session, schema: str, name: str) -> str:
    known = schema == "dbms_etl" and session.database.has_procedures()
    # A user without rights there is told so before being told that there is nothing.
    if not session.may("EXECUTE", schema, name, "PROCEDURE") and not (
        not known and any_within(session.grants(), schema)
    ):
        raise refusal(1370, session.account.user, session.peer, f"{schema}.{name}")
    if not known or name not in PROCEDURES:
        raise refusal(1305, "PROCEDURE", f"{schema}.{name}")
    return name


def _arguments(session: Session, reader: Reader) -> list[str]:
    if reader.done or not reader.accept("("):
        reader.end()
        return []
    found: list[str] = []
    while not reader.accept(")"):
        if found and not reader.accept(","):
            raise reader.error()
        found.append(_argument(session, reader))
    reader.end()
    return found


def _argument(session: Session, reader: Reader) -> str:
    token = reader.take()
    if token.kind == "name" or (token.kind == "word" and not token.text.isdecimal()):
        # Under ANSI_QUOTES "search" is the name of a column that does not exist.
        raise refusal(1054, token.value, "field list")
    if token.kind not in ("string", "word", "number"):
        raise unsupported(f"{token.text} as an argument of CALL")
    return token.value


def _start(session: Session, request: LinkRequest) -> list[Answer]:
    request, table = check_link(session, request)
    with session.transaction.definition():
        session.database.links.create(session.connection, request, table)
    return [Done()]


def _check_sink(sink: str) -> None:
    if sink != "search":
        raise refuse(f"Unsupported sync target '{sink}', only 'search' is supported")


def _sync_by_table(session: Session, arguments: Sequence[str]) -> list[Answer]:
    sink, source, index, columns = arguments
    _check_sink(sink)
    schema, _, name = source.replace("`", "").lower().partition(".")
    if not schema or not name or "." in name:
        raise refuse(f"Invalid source table '{source}', expected database.table")
    table = session.catalog.find(schema, name)
    every = [column.name for column in table.columns] if table else []
    chosen = every if columns.strip() in ("", "*") else [part.strip(" `\n\t") for part in columns.split(",")]
    fields = tuple((column, column) for column in chosen)
    key = table.keys[0] if table and table.keys else ()
    return _start(session, _request(session, "sync_by_table", schema, name, index, fields, key))


def _sync_by_map(session: Session, arguments: Sequence[str]) -> list[Answer]:
    sink, fields, keys, join, condition = arguments
    _check_sink(sink)
    if join.strip() or condition.strip():
        raise refuse("The fourth and fifth argument of sync_by_map are not documented; only '' is accepted")
    mapped = _all_of(_FIELD, fields, "field map", "index.field(database.table.column)")
    paired = _all_of(_PAIR, keys, "key map", "index.field=database.table.column")
    places = {(index, schema.lower(), table.lower()) for index, _, schema, table, _ in mapped + paired}
    if len(places) != 1:
        raise refuse("A link from several tables, or to several indexes, is not supported by the sandbox")
    ((index, schema, table),) = places
    pairs = tuple((field, column) for _, field, _, _, column in mapped)
    key = tuple(column for *_, column in paired)
    return _start(session, _request(session, "sync_by_map", schema, table, index, pairs, key))


def _all_of(pattern: re.Pattern[str], text: str, what: str, form: str) -> list[tuple[str, ...]]:
    found = []
    for part in text.replace("`", "").split(","):
        match = pattern.fullmatch(part)
        if not match:
            raise refuse(f"Invalid {what} '{part.strip()}', expected {form}")
        found.append(match.groups())
    return found


def _sync_by_sql(session: Session, arguments: Sequence[str]) -> list[Answer]:
    sink, script = arguments
    _check_sink(sink)
    read = read_script(script)
    table = session.catalog.find(read.schema, read.table)
    fields = (
        read.fields if read.fields else tuple((column.name, column.name) for column in table.columns) if table else ()
    )
    return _start(
        session, _request(session, "sync_by_sql", read.schema, read.table, read.index, fields, read.key, script)
    )


def _request(
    session: Session,
    origin: str,
    schema: str,
    table: str,
    index: str,
    fields: tuple[tuple[str, str], ...],
    key: tuple[str, ...],
    statement: str = "",
) -> LinkRequest:
    return LinkRequest(origin, schema, table, index, fields, key, statement=statement, options=options_of(session))


def options_of(session: Session) -> dict[str, str]:
    """The session's esl_* variables that are set: a link keeps them."""
    names = ("esl_link_options", "esl_sink_options", "esl_source_options", "esl_sql_options")
    return {name: value for name in names if (value := str(session.variables.get(name)))}


def _show_sync_link(session: Session, _arguments: Sequence[str]) -> list[Answer]:
    links = [one for one in session.database.links.every(session.connection) if one.request.origin != SEARCH_VIEW]
    rows = [
        [
            one.id,
            "search",
            f"{one.request.schema}.{one.request.table}",
            one.request.index,
            one.status,
            one.message,
            one.created_at,
            one.updated_at,
        ]
        for one in links
    ]
    return [table_of(_HEADINGS, rows), Done()]


def _drop_sync_link(session: Session, arguments: Sequence[str]) -> list[Answer]:
    links = [one for one in session.database.links.every(session.connection) if one.request.origin != SEARCH_VIEW]
    found = next((one for one in links if str(one.id) == arguments[0].strip()), None)
    if found is None:
        raise refuse(f"Sync link '{arguments[0]}' does not exist")
    with session.transaction.definition():
        session.database.links.drop(session.connection, found.id)
    return [Done()]


_PROCEDURES: dict[str, Callable[[Session, Sequence[str]], list[Answer]]] = {
    "sync_by_table": _sync_by_table,
    "sync_by_map": _sync_by_map,
    "sync_by_sql": _sync_by_sql,
    "show_sync_link": _show_sync_link,
    "drop_sync_link": _drop_sync_link,
}
