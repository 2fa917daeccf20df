"""What a change of a table does to a link from it: AutoETL's DDL rules, as a function of before and after.

Dropping a column is fine (its field is null from then on), adding one changes nothing; a renamed column, an
incompatible type or a lost key ends the link (documented under "DDL change rules and practices").
"""

from __future__ import annotations

from sandbox.polardb.catalog import Table
from sandbox.polardb.links import LinkRequest


def broken_by(request: LinkRequest, before: Table, after: Table) -> str | None:
    """Why the link cannot go on, or None."""
    if before.stored_name != after.stored_name:
        return f"Table '{before.stored_name}' was renamed to '{after.stored_name}'"
    if before.primary_key != after.primary_key and before.primary_key:
        return f"The primary key of '{before.stored_name}' was changed"
    if list(request.key) not in [list(key) for key in after.keys]:
        return f"The key ({', '.join(request.key)}) of '{before.stored_name}' was changed"
    used = [name for _, name in request.fields]
    return next((why for name in used if (why := _column_problem(name, before, after))), None)


def _column_problem(name: str, before: Table, after: Table) -> str | None:
    old, new = before.find(name), after.find(name)
    if old is None:
        return None
    if new is None:
        arrived = [column for column in after.columns if not before.find(column.name)]
        # A rename is a name gone and another come at once; a dropped column leaves fewer.
        if len(after.columns) == len(before.columns) and arrived:
            return f"Unknown column '{name}' in 'field list'"
        return None
    if old.type.family != new.type.family:
        return f"The type of column '{name}' was changed from {old.type} to {new.type}"
    return None
