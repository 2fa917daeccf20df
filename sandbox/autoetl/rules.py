"""What a change of a table does to a link from it: AutoETL's DDL rules, as a function of before and after.

Dropping a column is fine (its field is null from then on), adding one changes nothing; a renamed column, an
incompatible type or a lost key ends the link (documented under "DDL change rules and practices").
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.polardb.catalog import Table
from sandbox.polardb.joins import Member


def broken_by(member: Member, before: Table, after: Table, renamed: Mapping[str, str]) -> str | None:
    """Why the link cannot go on, or None. `renamed` has the new name of each column that has one."""
    if before.stored_name != after.stored_name:
        return f"Table '{before.stored_name}' was renamed to '{after.stored_name}'"
    if before.primary_key != after.primary_key and before.primary_key:
        return f"The primary key of '{before.stored_name}' was changed"
    if member.watched not in after.keys and not (member.joined and after.is_unique(member.watched)):
        return f"The key ({', '.join(member.watched)}) of '{before.stored_name}' was changed"
    for name in member.used:
        old, new = before.find(name), after.find(name)
        if name in renamed:
            return f"Unknown column '{name}' in 'field list'"
        if old and new and old.type.family != new.type.family:
            return f"The type of column '{name}' was changed from {old.type} to {new.type}"
    return None
