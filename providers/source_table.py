"""Source table: the rows that are searched by meaning.

It is data: a table that exists is adopted, never altered and never dropped. Only one that our stack made, as the owner
references in its comment say, is extended. Each resource of the stack that uses it has its owner reference there, and
it is dropped with the last of them, when it is empty or its protection is off.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Annotated

from pulumi import Input
from pydantic import AfterValidator, Field

from providers.kit import (
    Immutable,
    Inputs,
    NotFound,
    OwnerReference,
    Properties,
    Property,
    Refused,
    Resource,
    State,
    deletion_protected,
    describe,
    pluralize,
    prop,
    read_references,
)
from providers.services import ClusterKind, Inventory, quote
from providers.services.column_types import ByName, column_type, is_same_type
from providers.services.tables import ColumnNames, Tables, count_rows, tables_of, tables_with

IDENTIFIER = r"^[^`.\s\x00]{1,64}$"
_comments_lock = threading.RLock()
"""A comment is read and written as a whole. Not the lock of the connections: an ALTER may take minutes."""


ColumnName = Annotated[str, Field(pattern=IDENTIFIER)]
ColumnType = Annotated[str, AfterValidator(column_type)]


class SourceTableProperties(Properties):
    """`columns` are the columns that are used, with their types; `primary_key` is one column or several."""

    database: Immutable[str] = prop(pattern=IDENTIFIER)
    name: Immutable[str] = prop(pattern=IDENTIFIER)
    columns: Property[dict[ColumnName, ColumnType], Mapping[str, Input[str]]] = prop(min_length=1)
    primary_key: Immutable[ColumnNames, str | Sequence[str]] = prop(min_length=1)
    deletion_protection: Property[bool] = prop(default=True)


class SourceTableInputs(SourceTableProperties, Inputs):
    """What a person declares."""

    @property
    def id(self) -> str:
        """`<database>.<name>`."""
        return f"{self.database}.{self.name}"


class SourceTableState(SourceTableInputs, State):
    """What PolarDB shows of what was declared. `uid` is empty for a table that was there before us."""


def mismatches(declared: SourceTableInputs, shown: Mapping[str, str], key: Sequence[str]) -> list[str]:
    """Returns where a table is not what was declared; columns it lacks are not among them."""
    wrong = [
        f"column {name} is {shown[name]}, not {text}"
        for name, text in declared.columns.items()
        if name in shown and not is_same_type(text, shown[name])
    ]
    keyed = [f"its primary key is ({', '.join(key)}), not ({', '.join(declared.primary_key)})"]
    return wrong + (keyed if _folded(key) != _folded(declared.primary_key) else [])


def gone(id: str, like: Sequence[str], *, ours: bool) -> str:
    """Returns what to do about a table that is gone. `like` are tables that it may have been renamed to.

    `ours` tells that they carry its owner reference.
    """
    seen = f"{', '.join(like[:3])} {'carries its owner reference' if ours else 'has its columns'}" if like else ""
    why = "" if ours else "it was there before this stack, which makes no empty table in its place"
    then = "if it was renamed, rename it back, or write its new name in source.table and run `pulumi up` (no --refresh)"
    otherwise = "" if ours else "; if it was dropped, restore it, or take its collections out of the configuration"
    return f"table {id} is gone: {'; '.join(filter(None, [why, seen]))}; {then}{otherwise}"


def _folded(names: Sequence[str]) -> list[str]:
    return [name.casefold() for name in names]


class SourceTableKind(ClusterKind[SourceTableInputs, SourceTableState]):
    """Makes or adopts, shows, extends and drops tables. The id is `<database>.<name>`."""

    inputs_type = SourceTableInputs
    state_type = SourceTableState
    identity = frozenset({"database", "name"})

    def find(self, inputs: SourceTableInputs) -> tuple[str, SourceTableState] | None:
        """One that does not carry our owner reference is used, and has no owner."""
        tables = self._tables(inputs)
        if not self._exists(inputs, tables):
            return None
        owner = inputs.owner if inputs.owner in {each.owner for each in _references(inputs, tables)} else ""
        return inputs.id, _shown(inputs, tables).model_copy(update={"owner": owner})

    def is_ours(self, inputs: SourceTableInputs, inventory: Inventory) -> bool:
        return self._exists(inputs, inventory.tables)

    def require_possible(self, inputs: SourceTableInputs, inventory: Inventory) -> None:
        """A table that exists must be what is declared or, where our stack made it, able to become it."""
        tables = inventory.tables
        if not self._exists(inputs, tables):
            return
        _require_match(inputs, tables)
        if OwnerReference(inputs.owner).stack not in {each.stack for each in _references(inputs, tables)}:
            _require_columns(inputs, tables)

    def create(self, inputs: SourceTableInputs, uid: str) -> str:
        with _comments_lock:
            tables = self._tables(inputs)
            if tables.columns(inputs.id):  # another resource, which uses it too, was faster
                self.update(inputs.id, _shown(inputs, tables), inputs, uid)
            else:
                self._make(inputs, uid)
        return inputs.id

    def read(self, id: str, declared: SourceTableInputs) -> SourceTableState:
        """Raises Refused for one that may have been renamed: an empty table is not made in its place."""
        try:
            return self._shown(declared)
        except NotFound:
            if isinstance(declared, SourceTableState):
                self._require_not_renamed(declared)
            raise

    def read_owner(self, id: str, state: SourceTableState) -> SourceTableState:
        """One that was renamed still carries the uid: it is let go of, or dropped, under its new name."""
        try:
            return self._shown(state)
        except NotFound:
            if not (found := self._renamed(state)):
                raise
            database, name = found[0].split(".")
            return self._shown(state.model_copy(update={"database": database, "name": name}))

    def update(self, id: str, old: SourceTableState, new: SourceTableInputs, uid: str) -> None:
        ours = OwnerReference(new.owner, uid)
        with _comments_lock:
            tables = self._tables(new)
            _require_match(new, tables)
            references = _references(new, tables)
            if not {ours.stack, OwnerReference(old.owner).stack} & {each.stack for each in references}:
                return _require_columns(new, tables)
            others = [each for each in references if each.owner not in (old.owner, new.owner)]
            return self._alter(new, tables, [*others, ours], _missing(new, tables))

    def delete(self, id: str, state: SourceTableState) -> None:
        with _comments_lock:
            tables = self._tables(state)
            if others := [each for each in _references(state, tables) if each.owner != state.owner]:
                return self._alter(state, tables, others)
            return self._drop(id, state)

    def _tables(self, inputs: SourceTableInputs) -> Tables:
        return Tables(self.database, [inputs.id])

    def _exists(self, inputs: SourceTableInputs, tables: Tables) -> bool:
        if tables.columns(inputs.id):
            return True
        if tables.comment(inputs.id) is None:
            return False
        # MySQL shows a table to whoever may ALTER it, but not its columns.
        raise Refused(f"table {inputs.id}: this account lacks SELECT on {inputs.id}: grant it")

    def _shown(self, table: SourceTableInputs) -> SourceTableState:
        tables = self._tables(table)
        if not tables.columns(table.id):
            raise NotFound(f"SELECT FROM information_schema.columns {table.id}", None, "no such table")
        return _shown(table, tables)

    def _renamed(self, table: SourceTableState) -> list[str]:
        """Returns the tables that carry this one's owner reference."""
        return tables_of(self.database, OwnerReference(table.owner, table.uid)) if table.uid else []

    def _require_not_renamed(self, table: SourceTableState) -> None:
        """A table that was there before us, or that is still there under another name, is not made anew."""
        renamed = self._renamed(table)
        if table.uid and not renamed:
            return
        like = renamed or tables_with(self.database, table.database, table.columns)
        raise Refused(gone(table.id, like, ours=bool(renamed)))

    def _make(self, inputs: SourceTableInputs, uid: str) -> None:
        comment = describe("", OwnerReference(inputs.owner, uid))
        columns = [f"{quote(name)} {text}" for name, text in inputs.columns.items()]
        keyed = f"PRIMARY KEY ({', '.join(map(quote, inputs.primary_key))})"
        self.database.query(f"CREATE DATABASE IF NOT EXISTS {quote(inputs.database)}")
        self.database.query(f"CREATE TABLE {_quoted(inputs)} ({', '.join([*columns, keyed])}) COMMENT = %s", [comment])

    def _alter(
        self,
        table: SourceTableInputs,
        tables: Tables,
        references: Sequence[OwnerReference],
        add: Mapping[str, str] | None = None,
    ) -> None:
        comment, _ = read_references(tables.comment(table.id) or "")
        for reference in references:
            comment = describe(comment, reference)
        added = "".join(f"ADD COLUMN {quote(name)} {text}, " for name, text in (add or {}).items())
        self.database.query(f"ALTER TABLE {_quoted(table)} {added}COMMENT = %s", [comment])

    def _drop(self, id: str, state: SourceTableState) -> None:
        rows = count_rows(self.database, state.id)
        if rows and state.deletion_protection:
            raise deletion_protected(f"table {id} has {pluralize(rows, 'row')}")
        self.database.query(f"DROP TABLE {_quoted(state)}")


def _shown(declared: SourceTableInputs, tables: Tables) -> SourceTableState:
    shown = _types(declared, tables)
    ours = (each for each in _references(declared, tables) if each.owner == declared.owner)
    columns = {
        name: text if is_same_type(text, shown[name]) else shown[name]
        for name, text in declared.columns.items()
        if name in shown
    }
    key = list(tables.row_key(declared.id, declared.primary_key))
    same = _folded(key) == _folded(declared.primary_key)
    found = {"columns": columns, "primary_key": declared.primary_key if same else key, "owner": declared.owner}
    return SourceTableState.model_construct(
        **{**declared.model_dump(include=set(SourceTableInputs.model_fields)), **found},
        uid=next(ours, OwnerReference()).uid,
    )


def _require_match(table: SourceTableInputs, tables: Tables) -> None:
    if wrong := mismatches(table, _types(table, tables), tables.row_key(table.id, table.primary_key)):
        raise Refused(f"table {table.id}: {'; '.join(wrong)}; declare it as it is, or name another table")


def _require_columns(table: SourceTableInputs, tables: Tables) -> None:
    if missing := _missing(table, tables):
        raise Refused(
            f"table {table.id} has no column {', '.join(missing)}; it was there before us and is never altered: "
            f"add it yourself, or leave it out"
        )


def _types(table: SourceTableInputs, tables: Tables) -> Mapping[str, str]:
    return ByName({name: column.column_type for name, column in tables.columns(table.id).items()})


def _missing(table: SourceTableInputs, tables: Tables) -> dict[str, str]:
    shown = tables.columns(table.id)
    return {name: text for name, text in table.columns.items() if name not in shown}


def _references(table: SourceTableInputs, tables: Tables) -> list[OwnerReference]:
    return read_references(tables.comment(table.id) or "")[1]


def _quoted(table: SourceTableInputs) -> str:
    return quote(table.database, table.name)


class SourceTable(SourceTableProperties, Resource, module="polardb", name="SourceTable"):
    """A table of PolarDB, made if it is missing. Its id is `<database>.<name>`.

    Example:
        table = SourceTable(
            "rows",
            database="db",
            name="test_table",
            columns={"id": "INT", "t1": "INT", "t2": "TEXT"},
            primary_key="id",
            opts=opts,
        )
    """

    kind = SourceTableKind
