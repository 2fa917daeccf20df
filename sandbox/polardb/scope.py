"""Which column a name means: the tables of a FROM clause, seen from inside one query and the queries inside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.polardb.catalog import quote
from sandbox.polardb.errors import refusal
from sandbox.polardb.types import ColumnType


@dataclass(frozen=True)
class Typed:
    """A piece of SQLite SQL with its MySQL type.

    `name` is the column a result shows; `table` and `schema` its origin.
    """

    sql: str
    type: ColumnType
    name: str = ""
    table: str = ""
    schema: str = ""
    nullable: bool = True
    literal: bool = False


@dataclass(frozen=True)
class Source:
    """One table of a FROM clause: `label` is its name in MySQL, `alias` its unique name in SQLite."""

    label: str
    alias: str
    columns: tuple[Typed, ...]
    schema: str = ""

    def find(self, name: str) -> Typed | None:
        """The column, as an expression."""
        found = next((column for column in self.columns if column.name.lower() == name.lower()), None)
        return self.qualified(found) if found else None

    def qualified(self, column: Typed) -> Typed:
        sql = f"{quote(self.alias)}.{quote(column.name)}"
        return Typed(sql, column.type, column.name, column.table, column.schema, column.nullable)


@dataclass
class Scope:
    """The sources of one query; `parent` is the query around it; `clause` is where we are, for messages."""

    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)
    outputs: dict[str, Typed] = field(default_factory=dict)
    clause: str = "field list"
    uses: list[Typed] = field(default_factory=list)

    def add(self, source: Source) -> None:
        """One more table. Raises 1066 when its name is taken."""
        if any((known.label, known.schema) == (source.label, source.schema) for known in self.sources):
            raise refusal(1066, source.label)
        self.sources.append(source)

    def resolve(self, name: str, table: str = "", schema: str = "") -> Typed:
        """The column meant. Raises 1054, or 1052 when two tables have it."""
        found = self._find(name, table.lower(), schema.lower())
        if found is None:
            raise refusal(1054, ".".join(part for part in (schema, table, name) if part), self.clause)
        return found

    def _find(self, name: str, table: str, schema: str) -> Typed | None:
        if not table and self.clause in ("order clause", "having clause") and name.lower() in self.outputs:
            return self.outputs[name.lower()]
        matches = [
            column
            for source in self.sources
            if (not table or source.label == table) and (not schema or source.schema == schema)
            if (column := source.find(name))
        ]
        if len(matches) > 1 and name.lower() not in self.shared:
            raise refusal(1052, name, self.clause)
        if matches:
            self.uses.append(matches[0])
            return matches[0]
        if not table and self.clause == "group statement" and name.lower() in self.outputs:
            return self.outputs[name.lower()]
        return self.parent._find(name, table, schema) if self.parent else None

    def expand(self, table: str = "") -> list[Typed]:
        """The columns of `*` or `table.*`. Raises 1051 for an unknown table."""
        chosen = [source for source in self.sources if not table or source.label == table.lower()]
        if table and not chosen:
            raise refusal(1051, table)
        found: list[Typed] = []
        for source in chosen:
            for column in source.columns:
                known = not table and column.name.lower() in self.shared
                if not (known and any(column.name.lower() == before.name.lower() for before in found)):
                    found.append(source.qualified(column))
        self.uses.extend(found)
        return found
