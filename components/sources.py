"""The tables that collections take their rows from: each once, however many collections share it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .settings import Collection


@dataclass(frozen=True)
class Table:
    """What is asked of the table `<database>.<name>`: every collection's columns, protected if any of them is."""

    id: str
    columns: Mapping[str, str]
    primary_key: Sequence[str]
    deletion_protection: bool

    @property
    def database(self) -> str:
        return self.id.split(".")[0]

    @property
    def name(self) -> str:
        return self.id.split(".")[1]

    @property
    def inputs(self) -> dict[str, Any]:
        """What its resource is declared with."""
        columns, key = dict(self.columns), list(self.primary_key)
        named = {"database": self.database, "name": self.name}
        return {**named, "columns": columns, "primary_key": key, "deletion_protection": self.deletion_protection}

    def resource_name(self, stack: str) -> str:
        """What Pulumi calls it in a `SemanticSearchStack`: `search-shop.products-table`."""
        return f"{stack}-{self.id}-table"


def tables(collections: Sequence[Collection]) -> list[Table]:
    """The tables of these collections, in the order of their first mention."""
    ids = dict.fromkeys(collection.source.table for collection in collections)
    return [_shared(id, [each for each in collections if each.source.table == id]) for id in ids]


def _shared(id: str, by: Sequence[Collection]) -> Table:
    columns: dict[str, str] = {}
    for collection in by:
        columns = {**collection.source.columns, **columns}
    return Table(id, columns, by[0].source.primary_key, any(each.deletion_protection for each in by))
