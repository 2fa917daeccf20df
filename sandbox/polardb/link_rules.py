"""What must hold before a link is made: the prerequisites of AutoETL's documentation, each refused with a SIGNAL."""

from __future__ import annotations

from dataclasses import replace

from sandbox.polardb.catalog import Table
from sandbox.polardb.errors import SqlError, refusal
from sandbox.polardb.links import SEARCH_VIEW, LinkRequest
from sandbox.polardb.session import Session


def refuse(why: str) -> SqlError:
    """A refusal by AutoETL itself: 1644, SQLSTATE 45000."""
    return refusal(1644, why)


def check_link(session: Session, request: LinkRequest) -> tuple[LinkRequest, Table]:
    """The request, with columns spelled as declared, and its table. Raises 1644: binlog, rights, key, types, index."""
    if not session.database.binlog:
        raise refuse("Binlog is not enabled: set the cluster parameter loose_polar_log_bin to ON")
    table = _source(session, request)
    _check_rights(session, table)
    _check_fields(table, request)
    _check_key(table, request)
    problem = session.database.links.missing_index(request.index) if request.origin != SEARCH_VIEW else None
    if problem:
        raise refuse(problem)
    fields = tuple((field, table.column(name).name) for field, name in request.fields)
    return replace(request, fields=fields, key=tuple(table.column(name).name for name in request.key)), table


def _source(session: Session, request: LinkRequest) -> Table:
    table = session.catalog.find(request.schema, request.table)
    if table is None and not session.catalog.has_schema(request.schema):
        raise refuse(f"Unknown database '{request.schema}'")
    if table is None:
        raise refuse(f"Table '{request.schema}.{request.table}' doesn't exist")
    return table


def _check_rights(session: Session, table: Table) -> None:
    for privilege in ("ALTER", "SELECT"):
        if not session.may(privilege, table.schema, table.name):
            who = f"'{session.account.user}'@'{session.peer}'"
            raise refuse(f"{privilege} command denied to user {who} for table '{table.stored_name}'")


def _check_fields(table: Table, request: LinkRequest) -> None:
    for _, name in (*request.fields, *(("", name) for name in request.key)):
        column = table.find(name)
        if column is None:
            raise refuse(f"Unknown column '{name}' in table '{table.stored_name}'")
        if column.type.family in ("bit", "spatial"):
            raise refuse(f"Column '{column.name}' has the unsupported type {column.type.name.upper()}")
    fields = [field for field, _ in request.fields]
    if len(set(fields)) != len(fields):
        raise refuse("A field of the index is mapped twice")


def _check_key(table: Table, request: LinkRequest) -> None:
    if not table.keys:
        raise refuse(f"Table '{table.stored_name}' has no primary key or unique key")
    if sorted(name.lower() for name in request.key) not in [sorted(map(str.lower, key)) for key in table.keys]:
        raise refuse(f"({', '.join(request.key)}) is neither the primary key nor a unique key of '{table.stored_name}'")
