"""A SELECT over several tables, as a link follows it: a row of the first table gives one document at most.

A change of another table's row concerns the rows of the first that join with it, before the change or after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from sandbox.polardb import translate
from sandbox.polardb.catalog import Column
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.links import LinkRequest
from sandbox.polardb.reader import PlainMySQL, statements
from sandbox.polardb.tables import Catalog
from sandbox.polardb.translate import FromTable, Node
from sandbox.polardb.types import ColumnType

_AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX")


@dataclass(frozen=True)
class Member:
    """One table of a link, the columns used of it, and those `watched`: the link's key, or what a join compares."""

    schema: str
    name: str
    label: str
    watched: tuple[str, ...]
    used: tuple[str, ...]
    joined: bool = False


def is_plain(tree: Node) -> bool:
    """Whether it selects columns of one table, and says no more."""
    source = tree.args.get("from_")
    extra = [key for key, value in tree.args.items() if value and key not in ("expressions", "from_")]
    columns = all(isinstance(item.unalias(), (exp.Column, exp.Star)) for item in tree.expressions)
    return not extra and source is not None and isinstance(source.this, exp.Table) and columns


def members(request: LinkRequest) -> list[Member]:
    """The tables of a link; the first is the one whose key makes the documents' ids."""
    if request.query:
        return Joins(request.query, request.key).members
    used = tuple(dict.fromkeys([*(name for _, name in request.fields), *request.key]))
    return [Member(request.schema, request.table, request.table, request.key, used)]


class Joins:
    """Reads it. Raises 1064, or 1235 for what a link does not follow here."""

    def __init__(self, sql: str, key: Sequence[str] = ()) -> None:
        (reader,) = statements(sql)
        self._tree, self._key = reader.tree(), tuple(key)
        self._check()
        self._joins = self._tree.args.get("joins") or []
        tables = [self._tree.args["from_"].this, *(join.this for join in self._joins)]
        self._labels = [(table.alias or table.name).lower() for table in tables]
        for column in self._tree.find_all(exp.Column):
            self._label(column)
        watched = [self._key, *(tuple(self._compared(at)) for at in range(1, len(tables)))]
        self.members = [self._member(at, *pair) for at, pair in enumerate(zip(tables, watched, strict=True))]

    def _check(self) -> None:
        extra = self._tree.args.keys() - {"expressions", "from_", "joins", "where"}
        if not isinstance(self._tree, exp.Select) or any(self._tree.args[name] for name in extra):
            raise _outside("anything but SELECT, FROM, JOIN and WHERE")
        for node in self._tree.walk():
            aggregate = isinstance(node, exp.Anonymous) and node.name.upper() in _AGGREGATES
            if aggregate or (isinstance(node, exp.Select) and node is not self._tree):
                raise _outside(node.sql(PlainMySQL)[:40])

    def fields(self, names: Sequence[str], key: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        """`fields` and `key` of a request that calls the outputs `names`. Raises 1644."""
        outputs = self._tree.expressions
        if len(names) != len(outputs):
            raise refusal(1644, f"{len(names)} columns are named, the SELECT gives {len(outputs)}")
        origins = {name: item.unalias() for name, item in zip(names, outputs, strict=True)}
        own = [origins[name] for name in key if name in origins]
        if not own or len(own) < len(key) or any(one.text("table").lower() != self._labels[0] for one in own):
            raise refusal(1644, f"the key ({', '.join(key)}) must be columns of the first table of the SELECT")
        fields = tuple((name, item.alias_or_name) for name, item in zip(names, outputs, strict=True))
        return fields, tuple(one.name for one in own)

    def rows(self) -> Node:
        """The SELECT, with the key after its outputs."""
        return exp.Select(
            **{**self._tree.copy().args, "expressions": [*self._tree.copy().expressions, *self._key_columns()]}
        )

    def row(self, key: Sequence[Any]) -> Node:
        """The same of one row of the first table."""
        return self._of_key(self.rows(), map(exp.convert, key))

    def concerned(self, at: int, values: Sequence[Any]) -> Node:
        """A SELECT of the keys that join with a row of member `at` whose watched columns have these values."""
        member, on = self.members[at], self._joins[at - 1].args["on"].copy()
        given = dict(zip(map(str.lower, member.watched), values, strict=True))

        def replaced(node: Node) -> Any:
            if isinstance(node, exp.Column) and node.table.lower() == member.label:
                return exp.convert(given[node.name.lower()])
            return node

        before = {"from_": self._tree.args["from_"].copy(), "joins": [join.copy() for join in self._joins[: at - 1]]}
        return exp.Select(expressions=self._key_columns(), where=exp.Where(this=on.transform(replaced)), **before)

    def by_key(self, catalog: Catalog) -> tuple[str, list[Column]]:
        """SQLite's form of `rows` for one key, and its columns."""
        tree = self.rows()
        columns = translate.select(tree, _Names(catalog))
        return self._of_key(tree, (exp.Placeholder() for _ in self._key)).sql("sqlite"), columns

    def _of_key(self, tree: Node, values: Iterable[Any]) -> Node:
        where = [tree.args["where"].this] if tree.args.get("where") else []
        same = [exp.EQ(this=one, expression=value) for one, value in zip(self._key_columns(), values, strict=True)]
        tree.set("where", exp.Where(this=exp.and_(*where, *same)))
        return tree

    def concerned_by(self, at: int, values: Sequence[Any], catalog: Catalog) -> str:
        """SQLite's form of `concerned`."""
        tree = self.concerned(at, values)
        translate.select(tree, _Names(catalog))
        return tree.sql("sqlite")

    def _key_columns(self) -> list[Node]:
        quoted = [exp.to_identifier(name, quoted=True) for name in self._key]
        return [exp.column(name, table=exp.to_identifier(self._labels[0], quoted=True)) for name in quoted]

    def _label(self, column: Node) -> None:
        """Gives a column without a table the only one there is."""
        if not column.text("table") and len(self._labels) == 1:
            column.set("table", exp.to_identifier(self._labels[0], quoted=True))
        elif column.text("table").lower() not in self._labels or column.text("db"):
            raise _outside(f"{column.sql(PlainMySQL)}, which does not name a table of FROM by its alias")

    def _member(self, at: int, table: Node, watched: tuple[str, ...]) -> Member:
        if not isinstance(table, exp.Table) or not table.text("db"):
            raise _outside(f"{table.sql(PlainMySQL)[:40]}, which is no database.table")
        label = self._labels[at]
        mine = [one.name for one in self._tree.find_all(exp.Column) if one.table.lower() == label]
        used = tuple(dict.fromkeys([*watched, *mine]))
        return Member(table.text("db").lower(), table.name.lower(), label, watched, used, at > 0)

    def _compared(self, at: int) -> Iterator[str]:
        """The columns of a joined table that its ON makes equal to others or to literals."""
        condition = self._joins[at - 1].args.get("on")
        for node in condition.flatten() if isinstance(condition, exp.And) else [condition]:
            test = node.unnest() if node else None
            sides = [test.this, test.expression] if isinstance(test, exp.EQ) else []
            own = [one for one in sides if isinstance(one, exp.Column) and one.table.lower() == self._labels[at]]
            if len(own) != 1 or not all(isinstance(one, (exp.Column, exp.Literal)) for one in sides):
                raise _outside("a join by anything but equalities")
            yield own[0].name


class _Names:
    """What names mean in a link: tables, and nothing of a session."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def source(self, schema: str, name: str) -> FromTable:
        table = self._catalog.table(schema.lower(), name.lower())
        return FromTable(table.name, table.schema, table.stored_name, table.columns, table.keys)

    def variable(self, name: str, _scope: str) -> Any:
        raise _outside(f"@@{name}")

    def constant(self, name: str) -> tuple[Any, ColumnType]:
        if name:
            raise _outside(f"{name}()")
        raise LookupError(name)


def _outside(what: str) -> SqlError:
    return unsupported(f"{what} in the query of a link")
