"""SELECT into SQLite's SQL, with the names and types of the columns it gives.

Everything a clause says and the translation does not know is refused, as are columns that ONLY_FULL_GROUP_BY forbids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from sqlglot import exp

from sandbox.polardb.catalog import quote
from sandbox.polardb.coercion import common_type
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.expressions import AGGREGATES, Expressions, Surroundings
from sandbox.polardb.lexer import Token, tokens
from sandbox.polardb.literals import only
from sandbox.polardb.scope import Scope, Source, Typed

_IGNORED_MODIFIERS = {"HIGH_PRIORITY", "STRAIGHT_JOIN", "SQL_NO_CACHE", "SQL_SMALL_RESULT", "SQL_BIG_RESULT"}
_SELECT = (
    "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_",
    "operation_modifiers", "locks",
)  # fmt: skip


class Tables(Surroundings, Protocol):
    """Where FROM finds its tables; `reading` is called for each, and refuses what the user may not see."""

    def source(self, schema: str, name: str) -> tuple[str, tuple[Typed, ...], str]:
        """The SQLite table, its columns, and the schema it is in."""
        ...


class Queries:
    """Translates queries against `tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.expressions = Expressions(tables, self.translate)
        self._aliases = 0
        self._common: list[dict[str, Source]] = []

    def alias(self) -> str:
        """A name for a table that nothing else in this statement has."""
        self._aliases += 1
        return f"s{self._aliases}"

    def translate(self, node: exp.Expression, parent: Scope | None = None) -> tuple[str, list[Typed]]:
        """SQL, and its columns. Raises SqlError."""
        if isinstance(node, exp.Subquery):
            return self._parenthesised(node, parent)
        if isinstance(node, exp.Union):
            return self._union(node, parent)
        if not isinstance(node, exp.Select):
            raise unsupported(type(node).__name__.upper())
        return self._select(node, parent)

    def _parenthesised(self, node: exp.Subquery, parent: Scope | None) -> tuple[str, list[Typed]]:
        only(node, "this", "order", "limit", "offset")
        sql, columns = self.translate(node.this, parent)
        columns = [replace(column, sql=quote(f"c{at}")) for at, column in enumerate(columns)]
        tail = self._tail(node, Scope(parent, outputs=_by_name(columns)), len(columns))
        return (f"SELECT * FROM ({sql}){tail}" if tail else sql), columns

    def _union(self, node: exp.Union, parent: Scope | None) -> tuple[str, list[Typed]]:
        if isinstance(node, (exp.Except, exp.Intersect)):
            raise unsupported(type(node).__name__.upper())
        only(node, "this", "expression", "distinct", "order", "limit", "offset", "with_")
        common = self._with(node, parent)
        left, columns = self.translate(node.this, parent)
        right, others = self.translate(node.expression, parent)
        if len(columns) != len(others):
            raise refusal(1222)
        kinds = [common_type([one.type, other.type]) for one, other in zip(columns, others, strict=True)]
        columns = [
            replace(one, sql=quote(f"c{at}"), type=kind)
            for at, (one, kind) in enumerate(zip(columns, kinds, strict=True))
        ]
        word = "UNION" if node.args.get("distinct") else "UNION ALL"
        sql = f"SELECT * FROM ({left}) {word} SELECT * FROM ({right})"
        tail = self._tail(node, Scope(parent, outputs=_by_name(columns)), len(columns))
        self._leave(common)
        return f"{common}SELECT * FROM ({sql}){tail}", columns

    def _select(self, node: exp.Select, parent: Scope | None) -> tuple[str, list[Typed]]:
        only(node, *_SELECT)
        _check_modifiers(node)
        common = self._with(node, parent)
        scope = Scope(parent)
        source = self._from(node, scope)
        scope.clause = "where clause"
        where = node.args.get("where")
        filtered = f" WHERE {self.expressions.condition(where.this, scope)}" if where else ""
        columns = self._columns(node, scope)
        grouped = self._grouping(node, scope, columns)
        distinct = "DISTINCT " if node.args.get("distinct") else ""
        listed = ", ".join(f"{column.sql} AS {quote(f'c{at}')}" for at, column in enumerate(columns))
        tail = self._tail(node, scope, len(columns))
        self._leave(common)
        return f"{common}SELECT {distinct}{listed}{source}{filtered}{grouped}{tail}", columns

    # WITH

    def _with(self, node: exp.Expression, parent: Scope | None) -> str:
        clause = node.args.get("with_")
        if not clause:
            return ""
        only(clause, "expressions")
        self._common.append({})
        return f"WITH {', '.join(self._common_table(table, parent) for table in clause.expressions)} "

    def _leave(self, common: str) -> None:
        if common:
            self._common.pop()

    def _common_table(self, table: exp.Expression, parent: Scope | None) -> str:
        only(table, "this", "alias")
        sql, columns = self.translate(table.this, parent)
        alias, label = self.alias(), table.alias.lower()
        renamed = _renamed(columns, [name.name for name in table.args["alias"].args.get("columns") or ()])
        self._common[-1][label] = Source(label, alias, renamed)
        return f"{quote(alias)} ({', '.join(quote(column.name) for column in renamed)}) AS ({sql})"

    # FROM

    def _from(self, node: exp.Expression, scope: Scope) -> str:
        clause = node.args.get("from_")
        if not clause or _dual(clause.this):
            if node.args.get("joins"):
                raise unsupported("joins with DUAL")
            return ""
        sql = f" FROM {self._table(clause.this, scope)}"
        nested = clause.this.args.get("joins") or []
        for join in [*nested, *(node.args.get("joins") or ())]:
            sql += self._join(join, scope)
        return sql

    def _table(self, node: exp.Expression, scope: Scope) -> str:
        if isinstance(node, exp.Subquery):
            return self._derived(node, scope)
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise unsupported(node.sql("mysql")[:60])
        only(node, "this", "db", "alias", "joins", "hints")
        label, schema = (node.alias or node.name).lower(), node.text("db")
        common = self._find_common(node.name) if not schema else None
        if common:
            return self._add(replace(common, label=label), quote(common.alias), scope)
        stored, columns, schema = self._tables.source(schema, node.name)
        return self._add(Source(label, "", columns, "" if node.alias else schema), quote(stored), scope)

    def _find_common(self, name: str) -> Source | None:
        return next((level[name.lower()] for level in reversed(self._common) if name.lower() in level), None)

    def _add(self, source: Source, sql: str, scope: Scope) -> str:
        alias = self.alias()
        scope.add(replace(source, alias=alias))
        return f"{sql} AS {quote(alias)}"

    def _derived(self, node: exp.Subquery, scope: Scope) -> str:
        only(node, "this", "alias", "joins")
        if not node.alias:
            raise refusal(1149, "Every derived table must have its own alias")
        sql, columns = self.translate(node.this, scope.parent)
        renamed = _renamed(columns, [name.name for name in node.args["alias"].args.get("columns") or ()])
        listed = ", ".join(f"{quote(f'c{at}')} AS {quote(column.name)}" for at, column in enumerate(renamed))
        return self._add(Source(node.alias.lower(), "", renamed), f"(SELECT {listed} FROM ({sql}))", scope)

    def _join(self, node: exp.Expression, scope: Scope) -> str:
        only(node, "this", "side", "kind", "on", "using")
        side, kind = node.text("side").upper(), node.text("kind").upper()
        if side not in ("", "LEFT") or kind not in ("", "INNER", "OUTER", "CROSS", "STRAIGHT"):
            raise unsupported(f"{side or kind} JOIN")
        before = list(scope.sources)
        table = self._table(node.this, scope)
        scope.clause = "on clause"
        test = self._on(node, scope, before)
        return f" {'LEFT ' if side else ''}JOIN {table}{test}"

    def _on(self, node: exp.Expression, scope: Scope, before: Sequence[Source]) -> str:
        if node.args.get("on"):
            return f" ON {self.expressions.condition(node.args['on'], scope)}"
        parts = []
        for name in (item.name for item in node.args.get("using") or ()):
            left = next((column for source in before if (column := source.find(name))), None)
            right = scope.sources[-1].find(name)
            if left is None or right is None:
                raise refusal(1054, name, "from clause")
            parts.append(f"{left.sql} = {right.sql}")
            scope.shared.add(name.lower())
        return f" ON {' AND '.join(parts)}" if parts else ""

    # The list of columns

    def _columns(self, node: exp.Expression, scope: Scope) -> list[Typed]:
        scope.clause = "field list"
        columns: list[Typed] = []
        bare: list[tuple[int, list[Typed]]] = []
        for at, item in enumerate(node.expressions, 1):
            before = len(scope.uses)
            columns += self._item(item, scope)
            bare.append((at, scope.uses[before:]))
        _check_grouping(node, scope, columns, bare, self.expressions)
        scope.outputs = _by_name(columns)
        return columns

    def _item(self, item: exp.Expression, scope: Scope) -> list[Typed]:
        if isinstance(item, exp.Star):
            if not scope.sources:
                raise refusal(1149, "No tables used")
            only(item)
            return scope.expand()
        if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            return scope.expand(item.text("table"))
        inner = item.this if isinstance(item, exp.Alias) else item
        value = self.expressions.translate(inner, scope)
        name = item.alias if isinstance(item, exp.Alias) else _own_name(inner, value)
        return [replace(value, name=name)]

    # What follows

    def _grouping(self, node: exp.Expression, scope: Scope, columns: Sequence[Typed]) -> str:
        group, having, sql = node.args.get("group"), node.args.get("having"), ""
        if group:
            only(group, "expressions")
            scope.clause = "group statement"
            sql = f" GROUP BY {', '.join(self._grouped(item, scope, columns) for item in group.expressions)}"
        if having:
            scope.clause = "having clause"
            sql += f" HAVING {self.expressions.condition(having.this, scope)}"
        return sql

    def _grouped(self, item: exp.Expression, scope: Scope, columns: Sequence[Typed]) -> str:
        if isinstance(item, exp.Literal) and not item.is_string:
            position = int(item.this)
            if not 1 <= position <= len(columns):
                raise refusal(1054, position, "group statement")
            return columns[position - 1].sql
        value = self.expressions.translate(item, scope)
        return value.sql

    def _tail(self, node: exp.Expression, scope: Scope, width: int) -> str:
        order, limit, offset = (node.args.get(key) for key in ("order", "limit", "offset"))
        sql = ""
        if order:
            scope.clause = "order clause"
            sql = f" ORDER BY {', '.join(self._ordered(item, scope, width) for item in order.expressions)}"
        if limit:
            only(limit, "expression")
            sql += f" LIMIT {_count(limit.expression)}"
        if offset:
            sql += f" OFFSET {_count(offset.expression)}"
        return sql

    def _ordered(self, item: exp.Expression, scope: Scope, width: int) -> str:
        direction = " DESC" if item.args.get("desc") else ""
        if isinstance(item.this, exp.Literal) and not item.this.is_string:
            if not 1 <= int(item.this.this) <= width:
                raise refusal(1054, item.this.this, "order clause")
            return f"{item.this.this}{direction}"
        return f"{self.expressions.translate(item.this, scope).sql}{direction}"


def _dual(node: exp.Expression) -> bool:
    return isinstance(node, exp.Table) and node.name.lower() == "dual" and not node.text("db")


def _check_modifiers(node: exp.Expression) -> None:
    for modifier in node.args.get("operation_modifiers") or ():
        if modifier.name.upper() not in _IGNORED_MODIFIERS:
            raise unsupported(modifier.name.upper())


def _count(node: exp.Expression) -> str:
    if not isinstance(node, exp.Literal) or not node.this.isdecimal():
        raise unsupported("LIMIT of anything but a number")
    return str(node.this)


def _own_name(node: exp.Expression, value: Typed) -> str:
    """What MySQL calls a column without AS. For anything but a column the caller knows the text better."""
    if isinstance(node, exp.Column):
        return value.name if value.schema == "information_schema" else node.name
    return ""


def _by_name(columns: Sequence[Typed]) -> dict[str, Typed]:
    return {column.name.lower(): column for column in reversed(columns) if column.name}


def _renamed(columns: Sequence[Typed], names: Sequence[str]) -> tuple[Typed, ...]:
    if names and len(names) != len(columns):
        raise refusal(1149, "View's SELECT and view's field list have different column counts")
    chosen = names or [column.name or f"c{at}" for at, column in enumerate(columns)]
    seen: set[str] = set()
    for name in chosen:
        if name.lower() in seen:
            raise refusal(1060, name)
        seen.add(name.lower())
    return tuple(replace(column, name=name) for column, name in zip(columns, chosen, strict=True))


def _aggregates(node: exp.Expression) -> bool:
    """Whether this query, not one inside it, aggregates."""
    return any(
        found.find_ancestor(exp.Select) is node
        for found in node.find_all(exp.Anonymous, exp.GroupConcat)
        if isinstance(found, exp.GroupConcat) or str(found.this).upper() in AGGREGATES
    )


def _check_grouping(
    node: exp.Expression,
    scope: Scope,
    columns: Sequence[Typed],
    bare: Sequence[tuple[int, list[Typed]]],
    expressions: Expressions,
) -> None:
    group = node.args.get("group")
    if not group and not _aggregates(node):
        return
    allowed = {
        "".join(_grouped_columns(item, scope, columns, expressions)) for item in (group.expressions if group else ())
    }
    grouped_sql = {column.sql for column in columns} & allowed
    for at, uses in bare:
        if len(bare) == len(columns) and columns[at - 1].sql in grouped_sql:
            continue
        for column in uses:
            if column.sql not in allowed:
                shown = ".".join(part for part in (column.schema, column.table, column.name) if part)
                raise refusal(1055 if group else 1140, at, "SELECT list", shown)


def _grouped_columns(
    item: exp.Expression, scope: Scope, columns: Sequence[Typed], expressions: Expressions
) -> Sequence[str]:
    if isinstance(item, exp.Literal):
        return [columns[int(item.this) - 1].sql] if item.this.isdecimal() and int(item.this) <= len(columns) else []
    clause, scope.clause, scope.outputs = scope.clause, "group statement", _by_name(columns)
    value = expressions.translate(item, scope)
    scope.clause = clause
    return [value.sql]


def headers(sql: str, *, ansi_quotes: bool) -> list[str]:
    """The texts of the select list as written: MySQL heads unnamed columns with them."""
    words = tokens(sql, ansi_quotes=ansi_quotes)
    start = next((at + 1 for at, word in enumerate(words) if word.text.upper() == "SELECT"), len(words))
    while start < len(words) and words[start].text.upper() in ("DISTINCT", "ALL", *_IGNORED_MODIFIERS):
        start += 1
    return [sql[piece[0].start : piece[-1].end] for piece in _pieces(words[start:]) if piece]


_ENDS = {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "FOR", "INTO"}


def _pieces(words: Sequence[Token]) -> list[list[Token]]:
    pieces: list[list[Token]] = [[]]
    depth = 0
    for word in words:
        depth += {"(": 1, ")": -1}.get(word.text, 0)
        if depth < 0 or (depth == 0 and word.kind == "word" and word.text.upper() in _ENDS):
            break
        if depth == 0 and word.text == ",":
            pieces.append([])
        else:
            pieces[-1].append(word)
    return pieces


def named(columns: Sequence[Typed], items: Sequence[exp.Expression], texts: Sequence[str]) -> list[Typed]:
    """`columns` with the nameless ones headed by their text. A string literal is headed by its value."""
    if len(columns) != len(items) or len(texts) != len(items):
        return [
            column if column.name else replace(column, name=f"Name_exp_{at}") for at, column in enumerate(columns, 1)
        ]
    return [
        column if column.name else replace(column, name=_heading(item, text))
        for column, item, text in zip(columns, items, texts, strict=True)
    ]


def _heading(item: exp.Expression, text: str) -> str:
    return str(item.this) if isinstance(item, exp.Literal) and item.is_string else text
