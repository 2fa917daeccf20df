"""Names and texts in SQL. Pure."""

from __future__ import annotations

from typing import Any

from providers.kit import Refused

Row = dict[str, Any]
"""A row, by column name."""


def quote(*names: str) -> str:
    """Returns `database`.`table`, quoted. Raises Refused for a name that cannot be quoted."""
    for name in names:
        if not name or "`" in name or "\0" in name:
            raise Refused(f"{name!r} is no name for a database object; use letters, digits and _")
    return ".".join(f"`{name}`" for name in names)


def as_text(value: Any) -> str:
    """Returns a text of information_schema: MySQL 8.0 hands over some of them as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
