"""SELECT, INSERT, REPLACE, UPDATE and DELETE: from a tree to rows or counts.

A write reads what it changes, converts every value to its column's type, and writes row by row, in the order of the
primary key. MySQL counts rows that changed, not rows that matched; an upsert counts 1 for a new row, 2 for a changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from sandbox.polardb import translate
from sandbox.polardb.catalog import Column, Table, quote
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.reader import Reader, statements
from sandbox.polardb.session import Answer, Done, Duplicate, Rows, Session
from sandbox.polardb.translate import FromTable, Node, Scope, allow, column_of, constant, kind_of, literal_value
from sandbox.polardb.types import ColumnType, stored

Values = dict[str, Any]
_NUMERIC = {"integer", "decimal", "real", "text"}
_ASSIGNED = {"text": {"blob", "temporal", "enum", "json", *_NUMERIC}, "enum": {"text"}, "json": {"json", "text"},
             "temporal": {"temporal", "text"}, "blob": {"blob", "text"}, "integer": _NUMERIC, "decimal": _NUMERIC,
             "real": _NUMERIC}  # fmt: skip
"""The columns that a value may go into, by the family of its type."""


def query(session: Session, sql: str) -> Rows:
    """The answer to a SELECT that this program writes."""
    (reader,) = statements(sql)
    return _selected(session, reader.tree())


def select(session: Session, reader: Reader, _word: str) -> Answer:
    """SELECT."""
    reader.at = 0
    return _selected(session, reader.tree())


def _selected(session: Session, tree: Node, *, strict: bool = False) -> Rows:
    columns = translate.select(tree, session, strict=strict)
    rows, _ = session.execute(tree.sql("sqlite", comments=False))
    return Rows(columns, rows)


def change(session: Session, reader: Reader, word: str) -> Answer:
    """INSERT, REPLACE, UPDATE and DELETE."""
    reader.at = 0
    first = {"token_type": TokenType.INSERT, "text": "INSERT"} if word == "REPLACE" else {}
    tree = reader.tree(**first)
    with session.transaction.change():
        return _CHANGES[word](session, tree)


def _target(session: Session, node: Node | None, *privileges: str) -> tuple[Table, Scope]:
    if not isinstance(node, exp.Table):
        raise unsupported("changes of anything but one table")
    allow(node, "this", "db", "alias")
    tables = [session.table(node.text("db"), node.name, privilege) for privilege in privileges]
    table = tables[0]
    label = (node.alias or table.name).lower()
    scope = Scope(session, clause="field list", strict=True)
    scope.add(FromTable(label, "" if node.alias else table.schema, table.stored_name, table.columns))
    return table, scope


# INSERT and REPLACE


def _insert(session: Session, tree: Node, *, replacing: bool = False) -> Done:
    allow(tree, "this", "expression", "conflict")
    conflict = tree.args.get("conflict")
    privileges = ["INSERT", *(["DELETE"] if replacing else ["UPDATE"] if conflict else [])]
    named = isinstance(tree.this, exp.Schema)
    table, scope = _target(session, tree.this.this if named else tree.this, *privileges)
    columns = [table.column(item.name) for item in tree.this.expressions] if named else list(table.columns)
    for at, column in enumerate(columns):
        if column in columns[:at]:
            raise refusal(1110, column.name)
    pairs = _assignments(table, conflict.expressions) if conflict else []
    writer = _Writer(session, table, scope)
    given = affected = 0
    for given, values in enumerate(_rows(session, tree.expression, table, columns), 1):
        affected += writer.put(values, given, pairs, replacing=replacing)
    info = f"Records: {given}  Duplicates: {affected - given if replacing or conflict else 0}  Warnings: 0"
    session.last_insert_id = writer.generated or session.last_insert_id
    told = given > 1 or isinstance(tree.expression, exp.Select)
    return Done(affected, (writer.generated or writer.given) % 2**64, info if told else "")


def _replace(session: Session, tree: Node) -> Done:
    return _insert(session, tree, replacing=True)


def _rows(session: Session, source: Node | None, table: Table, columns: Sequence[Column]) -> Iterator[Values]:
    """The values for `columns`, not yet converted, with the defaults of the others."""
    for column in table.columns:
        if column not in columns and not column.optional:
            raise refusal(1364, column.name)
    missing = {column.name: _default(session, column) for column in table.columns if column not in columns}
    if isinstance(source, exp.Values):
        for at, row in enumerate(source.expressions, 1):
            if not isinstance(row, exp.Tuple):
                raise unsupported("VALUES without parentheses")
            cells = row.expressions
            if len(cells) != len(columns):
                raise refusal(1136, at)
            found = [_cell(session, cell, column) for cell, column in zip(cells, columns, strict=True)]
            yield missing | dict(zip([column.name for column in columns], found, strict=True))
    elif source is not None:
        answer = _selected(session, source, strict=True)
        if len(answer.columns) != len(columns):
            raise refusal(1136, 1)
        for given, column in zip(answer.columns, columns, strict=True):
            _check_assigned(given.type, column)
        for row in answer.rows:
            yield missing | dict(zip([column.name for column in columns], row, strict=True))
    else:
        raise unsupported("INSERT without values")


def _default(session: Session, column: Column) -> Any:
    if not column.optional:
        raise refusal(1364, column.name)
    return session.database.now() if column.default_now else column.default


def _is_default(node: Node) -> bool:
    return isinstance(node, (exp.Var, exp.Column)) and node.sql().upper() == "DEFAULT"


def _cell(session: Session, node: Node, column: Column) -> Any:
    if _is_default(node):
        return _default(session, column)
    try:
        found = literal_value(node)
    except LookupError:
        answer = _selected(session, exp.Select(expressions=[node]), strict=True)
        _check_assigned(answer.columns[0].type, column)
        return answer.rows[0][0]
    if isinstance(found, bytes) and column.type.family not in ("blob", "text"):
        raise unsupported(f"bytes as {column.type.name.upper()}")
    return f"{found:f}" if isinstance(found, Decimal) else found


def _check_assigned(kind: ColumnType, column: Column) -> None:
    fits = kind.family == "null" or kind == column.type or column.type.family in _ASSIGNED.get(kind.family, ())
    if not fits or (kind.name == "float" and column.type.name != "float"):
        raise unsupported(f"{kind.name.upper()} into the {column.type.name.upper()} column {column.name}")


class _Writer:
    """Writes rows of one table. `generated` is the first number of AUTO_INCREMENT, `given` the last written, or 0."""

    def __init__(self, session: Session, table: Table, scope: Scope) -> None:
        self._session, self._table, self._scope = session, table, scope
        self._name = quote(table.stored_name)
        self.generated = self.given = 0

    def put(self, values: Values, row: int, pairs: Sequence[tuple[Column, Node]], *, replacing: bool) -> int:
        """One row of INSERT; the count of it."""
        counted = 1
        kept = {column.name: self._kept(column, values[column.name], row) for column in self._table.columns}
        while True:
            try:
                self._session.execute(
                    f"INSERT INTO {self._name} ({', '.join(map(quote, kept))}) VALUES ({', '.join('?' * len(kept))})",
                    list(kept.values()),
                )
                self._numbered(values, kept)
                return counted
            except Duplicate as duplicate:
                where = {name: kept[name] for name in duplicate.columns}
                if pairs:
                    return 2 * self.update(self._with_values(pairs, kept), _equal(self._scope, self._table, where))[1]
                if not replacing:
                    raise self._table.duplicate(duplicate.columns, kept) from None
                if len(self._table.unique) == 1 and self._has(kept):
                    return 1
                same = " AND ".join(f"{quote(name)} = ?" for name in where)
                counted += self._session.execute(f"DELETE FROM {self._name} WHERE {same}", list(where.values()))[1]

    def _has(self, kept: Values) -> bool:
        """Whether there is such a row, to the byte: REPLACE leaves it alone."""
        same = " AND ".join(f"{quote(name)} COLLATE BINARY IS ?" for name in kept)
        return bool(self._session.execute(f"SELECT 1 FROM {self._name} WHERE {same}", list(kept.values()))[0])

    def _kept(self, column: Column, value: Any, row: int) -> Any:
        if column.auto_increment:
            return stored(value, column.type, column.name, row) or self._session.catalog.number(self._table)
        if value is None and not column.nullable:
            raise refusal(1048, column.name)
        return stored(value, column.type, column.name, row)

    def _numbered(self, values: Values, kept: Values) -> None:
        """Moves AUTO_INCREMENT on, and keeps what the client is told of it."""
        for column in self._table.columns:
            if column.auto_increment:
                number = self.given = kept[column.name]
                if number >= self._session.catalog.number(self._table):
                    self._session.catalog.set_number(self._table, number + 1)
                if values[column.name] in (None, 0, "0"):
                    self.generated = self.generated or number

    def _with_values(self, pairs: Sequence[tuple[Column, Node]], kept: Values) -> list[tuple[Column, Node]]:
        """ON DUPLICATE KEY UPDATE's assignments, with what VALUES(column) means for this row."""

        def value_of(node: Node) -> Node:
            if isinstance(node, exp.Anonymous) and str(node.this).upper() == "VALUES":
                column = self._table.column(node.expressions[0].name)
                return constant(kept[column.name], column.type)
            return node

        return [(column, node.copy().transform(value_of)) for column, node in pairs]

    def update(self, pairs: Sequence[tuple[Column, Node]], condition: Node | None) -> tuple[int, int]:
        """How many rows matched, and how many changed."""
        self._scope.clause = "field list"
        new = [self._assigned(column, node) for column, node in pairs]
        source, names = self._scope.sources[0], [column.name for column in self._table.columns]
        identity = [column_of(source, self._table.column(name)) for name in self._table.primary_key]
        identity = identity or [exp.column("rowid", table=exp.to_identifier(source.label, quoted=True))]
        listed = [*identity, *(column_of(source, column) for column in self._table.columns), *new]
        tree = exp.Select(expressions=listed).from_(translate.table_of(source))
        rows, _ = self._session.execute((tree.where(condition) if condition else tree).sql("sqlite"))
        changed = 0
        for at, row in enumerate(rows, 1):
            old = dict(zip(names, row[len(identity) :], strict=False))
            given = dict(zip([column.name for column, _ in pairs], row[len(identity) + len(names) :], strict=True))
            kept = {name: self._kept_in(name, value, at) for name, value in given.items()}
            changed += self._update_row(old, kept, [one.name for one in identity], row[: len(identity)])
        return len(rows), changed

    def _kept_in(self, name: str, value: Any, row: int) -> Any:
        column = self._table.column(name)
        if value is None and not column.nullable:
            raise refusal(1048, name)
        return stored(value, column.type, name, row)

    def _assigned(self, column: Column, node: Node) -> Node:
        if _is_default(node):
            return constant(_default(self._session, column))
        node = translate.value(node, self._scope)
        _check_assigned(kind_of(node), column)
        return node

    def _update_row(self, old: Values, new: Values, identity: Sequence[str], key: Sequence[Any]) -> int:
        if all(old[name] == value for name, value in new.items()):
            return 0
        touched = [one.name for one in self._table.columns if one.on_update_now and one.name not in new]
        new = {**new, **dict.fromkeys(touched, self._session.database.now())}
        assigned, same = (" = ?, ".join(map(quote, new)), " = ? AND ".join(map(quote, identity)))
        try:
            self._session.execute(f"UPDATE {self._name} SET {assigned} = ? WHERE {same} = ?", [*new.values(), *key])
        except Duplicate as duplicate:
            raise self._table.duplicate(duplicate.columns, old | new) from None
        return 1


def _equal(scope: Scope, table: Table, values: Values) -> Node:
    source = scope.sources[0]
    pairs = [(table.column(name), value) for name, value in values.items()]
    tests: list[Any] = [exp.EQ(this=column_of(source, one), expression=constant(value)) for one, value in pairs]
    return reduce(lambda one, other: exp.And(this=one, expression=other), tests)  # type: ignore[no-any-return]


# UPDATE and DELETE


def _assignments(table: Table, items: Sequence[Node]) -> list[tuple[Column, Node]]:
    """MySQL assigns from left to right, and later expressions see the new values; those that would are refused."""
    pairs: list[tuple[Column, Node]] = []
    for item in items:
        if not isinstance(item, exp.EQ) or not isinstance(item.this, exp.Column):
            raise unsupported(item.sql("mysql")[:60])
        done = {column.name.lower() for column, _ in pairs}
        if any(column.name.lower() in done for column in item.expression.find_all(exp.Column)):
            raise unsupported("an assignment that uses a column assigned before it")
        pairs.append((table.column(item.this.name), item.expression))
    return pairs


def _update(session: Session, tree: Node) -> Done:
    allow(tree, "this", "expressions", "where")
    table, scope = _target(session, tree.this, "UPDATE")
    for item in tree.expressions:
        if isinstance(item.this, exp.Column):
            scope.resolve(item.this.name, item.this.text("table"), item.this.text("db"))
    pairs = _assignments(table, tree.expressions)
    translate.where(tree, scope)
    where = tree.args.get("where")
    matched, changed = _Writer(session, table, scope).update(pairs, where.this if where else None)
    info = f"Rows matched: {matched}  Changed: {changed}  Warnings: 0"
    return Done(matched if session.found_rows else changed, info=info)


def _delete(session: Session, tree: Node) -> Done:
    allow(tree, "this", "where")
    allow(tree.this, "this", "db")
    _, scope = _target(session, tree.this, "DELETE")
    translate.where(tree, scope)
    where = tree.args.get("where")
    source = scope.sources[0]
    sql = f"DELETE FROM {quote(source.stored)} AS {quote(source.label)} {where.sql('sqlite') if where else ''}"
    return Done(session.execute(sql)[1])


_CHANGES = {"INSERT": _insert, "REPLACE": _replace, "UPDATE": _update, "DELETE": _delete}
