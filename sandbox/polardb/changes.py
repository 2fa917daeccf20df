"""INSERT, REPLACE, UPDATE and DELETE: every value goes through its column's type, and the counts are MySQL's.

MySQL counts rows that changed, not rows that matched; an upsert counts 1 for a new row, 2 for a changed one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlglot import exp

from sandbox.polardb.catalog import Catalog, Column, Table, quote
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.literals import constant_value, only
from sandbox.polardb.queries import Queries
from sandbox.polardb.scope import Scope, Source, Typed
from sandbox.polardb.types import quoted, stored


@dataclass
class Counts:
    """What the client is told. `insert_id` is the first number AUTO_INCREMENT gave out, or 0."""

    affected: int
    insert_id: int = 0
    info: str = ""


@dataclass
class Placing:
    """Where values go while a statement runs: `my_store(value, n)` converts to the type of `columns[n]`."""

    columns: list[Column] = field(default_factory=list)
    row: int = 1
    strict: bool = True
    zero_generates: bool = True
    current: dict[str, Any] = field(default_factory=dict)

    def place(self, column: Column) -> int:
        """A number for `my_store`."""
        if column not in self.columns:
            self.columns.append(column)
        return self.columns.index(column)

    def convert(self, value: Any, at: int) -> Any:
        """`value` for that column. Raises 1048, 1366, …"""
        return self.convert_to(value, self.columns[at])

    def values_of(self, columns: Sequence[str]) -> list[Any]:
        """What was about to be stored in these columns, for the message of 1062."""
        return [self.current.get(name, "") for name in columns]

    def convert_to(self, value: Any, column: Column) -> Any:
        """`value` as `column` keeps it."""
        self.current[column.name] = converted = self._converted(value, column)
        return converted

    def _converted(self, value: Any, column: Column) -> Any:
        if column.auto_increment and (value is None or (value == 0 and self.zero_generates)):
            return None
        if value is None:
            if not column.nullable:
                raise refusal(1048, column.name)
            return None
        return self._adjusted(value, column)

    def _adjusted(self, value: Any, column: Column) -> Any:
        try:
            return stored(value, column.type, column.name, self.row)
        except Exception as error:
            if self.strict or getattr(error, "code", 0) == 1235:
                raise
            raise unsupported("adjusting wrong values, as sql_mode without STRICT_TRANS_TABLES would") from error


@dataclass(frozen=True)
class Writer:
    """Carries out changes on one connection. `now` is the statement's time as text."""

    connection: sqlite3.Connection
    catalog: Catalog
    queries: Queries
    placing: Placing
    now: Callable[[], str]
    found_rows: bool = False

    # INSERT and REPLACE

    def insert(self, node: exp.Insert, table: Table, *, replacing: bool = False) -> Counts:
        """Raises 1136, 1364, 1048, 1062, …"""
        only(node, "this", "expression", "conflict", "ignore")
        if node.args.get("ignore"):
            raise unsupported("INSERT IGNORE")
        names = [item.name for item in node.this.expressions] if isinstance(node.this, exp.Schema) else []
        columns = _named_columns(table, names) if isinstance(node.this, exp.Schema) else list(table.columns)
        if isinstance(node.expression, exp.Values):
            columns = self._filled(table, columns, node.expression)
            rows = self._value_rows(node.expression, table, columns)
        else:
            self._check_defaults(table, columns)
            rows = iter([self._selected(node.expression, table, columns)])
        return self._run_insert(node, table, columns, rows, replacing)

    def _filled(self, table: Table, columns: list[Column], values: exp.Values) -> list[Column]:
        if not columns and any(row.expressions for row in values.expressions):
            return list(table.columns)
        self._check_defaults(table, columns)
        return columns

    def _check_defaults(self, table: Table, columns: Sequence[Column]) -> None:
        for column in table.columns:
            if column not in columns and not column.optional:
                raise refusal(1364, column.name)

    def _value_rows(self, values: exp.Values, table: Table, columns: Sequence[Column]) -> Iterator[_Row]:
        missing = [column for column in table.columns if column not in columns]
        for at, row in enumerate(values.expressions, 1):
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            if len(cells) != len(columns):
                raise refusal(1136, at)
            self.placing.row = at
            parts = [self._cell(cell, column) for cell, column in zip(cells, columns, strict=True)]
            parts += [_Cell("?", (self._default(column),)) for column in missing]
            sql = f"VALUES ({', '.join(part.sql for part in parts)})"
            yield _Row(sql, tuple(value for part in parts for value in part.values), at)

    def _cell(self, node: exp.Expression, column: Column) -> _Cell:
        if _is_default(node):
            if not column.optional:
                raise refusal(1364, column.name)
            return _Cell("?", (self._default(column),))
        try:
            return _Cell("?", (self.placing.convert_to(constant_value(node), column),))
        except LookupError:
            return _Cell(self._stored(self.queries.expressions.translate(node, Scope()), column))

    def _default(self, column: Column) -> Any:
        if column.default_now:
            return self.now()[: 10 if column.type.name == "date" else 19]
        return None if column.default is None else stored(column.default, column.type, column.name, 1)

    def _stored(self, value: Typed, column: Column) -> str:
        return f"my_store({value.sql}, {self.placing.place(column)})"

    def _selected(self, query: exp.Expression, table: Table, columns: Sequence[Column]) -> _Row:
        sql, found = self.queries.translate(query)
        if len(found) != len(columns):
            raise refusal(1136, 1)
        missing = [column for column in table.columns if column not in columns]
        listed = [self._stored(Typed(quote(f"c{at}"), found[at].type), column) for at, column in enumerate(columns)]
        listed += ["?" for _ in missing]
        values = tuple(self._default(column) for column in missing)
        return _Row(f"SELECT {', '.join(listed)} FROM ({sql}) WHERE TRUE", values, 1)

    def _run_insert(
        self, node: exp.Insert, table: Table, columns: Sequence[Column], rows: Iterator[_Row], replacing: bool
    ) -> Counts:
        every = [*columns, *(column for column in table.columns if column not in columns)]
        target = f"INTO {quote(table.stored_name)} ({', '.join(quote(column.name) for column in every)})"
        upsert = self._upsert(node.args.get("conflict"), table)
        head = f"INSERT{' OR REPLACE' if replacing else ''} {target} "
        before = self.catalog.count(table) if replacing or upsert else 0
        changed, given = 0, 0
        for sql, group in groupby(rows, key=lambda row: row.sql):
            batch = list(group)
            changed += self._batch(head + sql + upsert, batch, [column.name for column in every])
            given += len(batch)
        affected = changed
        if replacing or upsert:
            added = self.catalog.count(table) - before
            affected = 2 * changed - added
        return Counts(
            affected,
            self._insert_id(table, columns, changed),
            _records(given, isinstance(node.expression, exp.Values), changed),
        )

    def _batch(self, sql: str, batch: Sequence[_Row], names: Sequence[str]) -> int:
        changed = 0
        for row in batch:
            self.placing.row = row.number
            if len(row.values) == len(names):
                self.placing.current = dict(zip(names, row.values, strict=True))
            changed += self.connection.execute(sql, row.values).rowcount
        return changed

    def _insert_id(self, table: Table, columns: Sequence[Column], changed: int) -> int:
        generated = next((column for column in table.columns if column.auto_increment), None)
        if generated is None or not changed:
            return 0
        (last,) = self.connection.execute("SELECT last_insert_rowid()").fetchone()
        return int(last) - (changed - 1 if generated not in columns else 0)

    def _upsert(self, clause: exp.Expression | None, table: Table) -> str:
        if clause is None:
            return ""
        only(clause, "duplicate", "expressions", "action")
        scope = Scope(sources=[Source(table.name, table.stored_name, _typed(table), table.schema)])
        pairs = [self._excluded(item, table, scope) for item in clause.expressions]
        pairs += self._touched(table, [column for column, _ in pairs])
        return f" ON CONFLICT DO UPDATE SET {_assigned(pairs)} WHERE {_differs(pairs, table.stored_name)}"

    def _excluded(self, item: exp.Expression, table: Table, scope: Scope) -> tuple[Column, str]:
        column = table.column(item.this.name)
        if _is_default(item.expression):
            return column, self._default_sql(column)
        value = item.expression.copy()
        holder = exp.Paren(this=value)
        for call in list(holder.find_all(exp.Anonymous)):
            if str(call.this).upper() == "VALUES":
                excluded = table.column(call.expressions[0].name)
                call.replace(exp.column(excluded.name, table="excluded"))
        inner = _UpsertScope(sources=[*scope.sources, Source("excluded", "excluded", _typed(table))])
        return column, self._stored(self.queries.expressions.translate(holder, inner), column)

    def _default_sql(self, column: Column) -> str:
        if not column.optional:
            raise refusal(1364, column.name)
        value = self._default(column)
        return "NULL" if value is None else quoted(value) if isinstance(value, str) else repr(value)

    def _touched(self, table: Table, assigned: Sequence[Column]) -> list[tuple[Column, str]]:
        """Columns with ON UPDATE CURRENT_TIMESTAMP that the statement itself does not set."""
        stale = [column for column in table.columns if column.on_update_now and column not in assigned]
        return [(column, quoted(self.now())) for column in stale]

    # UPDATE

    def update(self, node: exp.Update, table: Table) -> Counts:
        """Raises 1235 for several tables, ORDER BY and LIMIT."""
        only(node, "this", "expressions", "where")
        only(node.this, "this", "db", "alias")
        _check_target(node, table)
        scope = _target_scope(node.this, table)
        pairs = [self._assignment(item, table, scope) for item in node.expressions]
        _check_order(node.expressions)
        touched = self._touched(table, [column for column, _ in pairs])
        where = self._where(node, scope)
        name = f"{quote(table.stored_name)} AS {quote('target')}"
        (matched,) = self.connection.execute(f"SELECT COUNT(*) FROM {name}{where}").fetchone()
        narrowed = f"{where} AND" if where else " WHERE"
        sql = f"UPDATE {name} SET {_assigned(pairs + touched)}{narrowed} {_differs(pairs, 'target')}"
        changed = self.connection.execute(sql).rowcount
        info = f"Rows matched: {matched}  Changed: {changed}  Warnings: 0"
        return Counts(matched if self.found_rows else changed, info=info)

    def _assignment(self, item: exp.Expression, table: Table, scope: Scope) -> tuple[Column, str]:
        if not isinstance(item, exp.EQ) or not isinstance(item.this, exp.Column):
            raise unsupported(item.sql("mysql")[:60])
        scope.resolve(item.this.name, item.this.text("table"), item.this.text("db"))
        column = table.column(item.this.name)
        if _is_default(item.expression):
            return column, self._default_sql(column)
        return column, self._stored(self.queries.expressions.translate(item.expression, scope), column)

    def _where(self, node: exp.Expression, scope: Scope) -> str:
        where = node.args.get("where")
        scope.clause = "where clause"
        return f" WHERE ({self.queries.expressions.condition(where.this, scope)})" if where else ""

    # DELETE

    def delete(self, node: exp.Delete, table: Table) -> Counts:
        """Raises 1235 for several tables, ORDER BY and LIMIT."""
        only(node, "this", "where")
        only(node.this, "this", "db", "alias")
        _check_target(node, table)
        where = self._where(node, _target_scope(node.this, table))
        name = f"{quote(table.stored_name)} AS {quote('target')}"
        return Counts(self.connection.execute(f"DELETE FROM {name}{where}").rowcount)


@dataclass(frozen=True)
class _Cell:
    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class _Row:
    sql: str
    values: tuple[Any, ...]
    number: int


class _UpsertScope(Scope):
    """Of ON DUPLICATE KEY UPDATE: a bare name means the row that is there, `excluded` what VALUES() named."""

    def _find(self, name: str, table: str, schema: str) -> Typed | None:
        if table == "excluded":
            return next((column for source in self.sources[1:] if (column := source.find(name))), None)
        return Scope._find(Scope(sources=self.sources[:1]), name, table, schema)


def _typed(table: Table) -> tuple[Typed, ...]:
    return tuple(Typed("", column.type, column.name, table.name, table.schema) for column in table.columns)


def _target_scope(node: exp.Expression, table: Table) -> Scope:
    label = (node.alias or table.name).lower()
    return Scope(sources=[Source(label, "target", _typed(table), "" if node.alias else table.schema)])


def _named_columns(table: Table, names: Sequence[str]) -> list[Column]:
    columns: list[Column] = []
    for name in names:
        column = table.column(name)
        if column in columns:
            raise refusal(1110, column.name)
        columns.append(column)
    return columns


def _is_default(node: exp.Expression) -> bool:
    if isinstance(node, exp.Var):
        return node.name.upper() == "DEFAULT"
    if not isinstance(node, exp.Column) or node.text("table") or node.this.args.get("quoted"):
        return False
    return node.name.upper() == "DEFAULT"


def _assigned(pairs: Sequence[tuple[Column, str]]) -> str:
    return ", ".join(f"{quote(column.name)} = {sql}" for column, sql in pairs)


def _differs(pairs: Sequence[tuple[Column, str]], alias: str) -> str:
    """True for a row that the assignments really change; compared to the byte, not by collation."""
    same = (f"{quote(alias)}.{quote(column.name)} COLLATE BINARY IS {sql}" for column, sql in pairs)
    return f"NOT ({' AND '.join(same)})"


def _check_order(items: Sequence[exp.Expression]) -> None:
    # MySQL assigns from left to right and later expressions see the new values; SQLite's see the old ones.
    done: set[str] = set()
    for item in items:
        if any(column.name.lower() in done for column in item.expression.find_all(exp.Column)):
            raise unsupported("an assignment that uses a column assigned before it")
        done.add(item.this.name.lower())


def _check_target(node: exp.Expression, table: Table) -> None:
    inner = (found for select in node.find_all(exp.Select) for found in select.find_all(exp.Table))
    if any(found.name.lower() == table.name for found in inner):
        raise refusal(1093, table.name)


def _records(given: int, values: bool, changed: int) -> str:
    count = given if values else changed
    return f"Records: {count}  Duplicates: 0  Warnings: 0" if count > 1 or not values else ""
