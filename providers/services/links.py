"""Dropping a sync link or a search view: the one statement whose name differs from cluster to cluster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from providers.kit import Refused, SqlError

from .autoetl import Backend
from .sqltext import quote

if TYPE_CHECKING:
    from .sql import Database

NO_SUCH_PROCEDURE = 1305


def drop_link(database: Database, backend: Backend, index: str, handle: str, procedure: str | None = None) -> None:
    """Drops the link into an index; `procedure` is this cluster's, where it does not tell. Raises Refused, SqlError."""
    if backend == "search_view":
        database.query(f"DROP SEARCH VIEW {quote(index)}")
        return
    procedure = procedure or _drop_procedure(database)
    try:
        database.query(f"CALL {procedure}(%s)", [handle])
    except SqlError as error:
        if error.code != NO_SUCH_PROCEDURE:
            raise
        raise Refused(
            f"CALL {procedure}: {error.reason} ({error.code}); no documentation names the procedure that drops "
            f"links: name this cluster's in `drop_procedure`, run `pulumi up`, and try again"
        ) from error


def _drop_procedure(database: Database) -> str:
    """The procedure's name on this cluster, where it lists native procedures at all."""
    rows = database.query(
        "SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema = 'dbms_etl'"
    )
    drops = [row["name"] for row in rows if re.search(r"drop.*link", row["name"])]
    return f"dbms_etl.{drops[0] if drops else 'drop_sync_link'}"
