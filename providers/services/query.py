"""A query over one table or several, as a sync link follows it. Pure.

It is kept in the words that MySQL and Flink SQL share, so that another spelling of it is the same query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .sqltext import quote


class Text(str):
    """The value of a string literal; other parts of an expression are SQL."""


Parts = tuple[str, ...]


class QueryColumn(NamedTuple):
    """A column of a table `<database>.<name>`."""

    table: str
    name: str


@dataclass(frozen=True)
class Expression:
    """An expression in `parts`. `kind` is the column that it is or whose type it has, or a type of Flink's."""

    parts: Parts
    kind: QueryColumn | str
    is_column: bool = False


@dataclass(frozen=True)
class QueryTable:
    """A table of the query: the columns used of it, and those that its ON makes equal to something."""

    name: str
    alias: str
    columns: tuple[str, ...]
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """A SELECT: `tables`, of which the first gives the documents, and `outputs` by name."""

    tables: tuple[QueryTable, ...]
    outputs: Mapping[str, Expression]
    source: Parts
    """FROM, JOIN and WHERE."""

    def text(self, fields: Mapping[str, str]) -> str:
        """Returns a SELECT of these outputs, each under the field's name."""
        return "".join(_literal(part) if isinstance(part, Text) else part for part in self._select(fields))

    def bound(self, fields: Mapping[str, str]) -> tuple[str, list[str]]:
        """Returns the same SELECT with a placeholder for each text, and the texts."""
        parts = self._select(fields)
        sql = "".join("%s" if isinstance(part, Text) else part for part in parts)
        return sql, [str(part) for part in parts if isinstance(part, Text)]

    def column(self, output: str) -> QueryColumn | None:
        """Returns the column that an output is; None for any other expression."""
        found = self.outputs.get(output)
        return found.kind if found and found.is_column and isinstance(found.kind, QueryColumn) else None

    def key_mistakes(self, key: Sequence[str]) -> Iterator[str]:
        """Yields what keeps outputs from being the documents' key."""
        first = self.tables[0].name
        for name in key:
            if name not in self.outputs:
                yield f"{name} is not in the query; it has {', '.join(self.outputs)}"
            elif (column := self.column(name)) is None or column.table != first:
                what = f"a column of {column.table}" if column else "an expression"
                yield f"{name} is {what}; a row is known by columns of {first}, the first table: name its primary key"

    def __str__(self) -> str:
        """The normal form, which is read as the same query."""
        return self.text({name: name for name in self.outputs})

    def _select(self, fields: Mapping[str, str]) -> Parts:
        chosen = [(*self.outputs[output].parts, f" AS {quote(field)}") for field, output in fields.items()]
        return ("SELECT ", *joined(", ", chosen), " ", *self.source)


def joined(separator: str, items: Sequence[Parts]) -> Parts:
    return tuple(part for at, item in enumerate(items) for part in ((separator, *item) if at and separator else item))


def _literal(text: str) -> str:
    """Returns a string literal of MySQL's and Flink's."""
    return "'" + text.replace("'", "''") + "'"
