"""ALTER TABLE: from one definition to the next, one action after the other.

An action gives the new `Table`; `renames` says where a column's values come from, so that the rows can be copied over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sandbox.polardb.catalog import Column, Index, Table
from sandbox.polardb.definitions import add_index, checked, qualified, read_column, read_index
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.lexer import Reader


@dataclass
class Alteration:
    """`after` is the definition to build; `origin` maps each of its columns to the column its values come from."""

    before: Table
    after: Table
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def renamed(self) -> dict[str, str]:
        """The new name of each column that has one."""
        return {old: new for new, old in self.origin.items() if old != new}


def read_alteration(reader: Reader, table: Table) -> Alteration:
    """What follows the name in ALTER TABLE."""
    change = Alteration(table, table, {column.name: column.name for column in table.columns})
    while True:
        _action(reader, change)
        if not reader.accept(","):
            break
    reader.end()
    change.after = checked(change.after)
    return change


def _action(reader: Reader, change: Alteration) -> None:
    if reader.accept("ADD"):
        _add(reader, change)
    elif reader.accept("DROP"):
        _drop(reader, change)
    elif reader.accept("RENAME"):
        _rename(reader, change)
    elif reader.accept("MODIFY"):
        reader.accept("COLUMN")
        _redefine(reader, change, change.after.column(reader.words[reader.at].value).name)
    elif reader.accept("CHANGE"):
        reader.accept("COLUMN")
        _redefine(reader, change, change.after.column(reader.name()).name)
    elif reader.accept("COMMENT"):
        reader.accept("=")
        change.after = replace(change.after, comment=reader.string())
    elif reader.accept("ENGINE"):
        reader.accept("=")
        reader.name()
    else:
        raise unsupported(f"ALTER TABLE … {reader.rest[:40]}") if not reader.done else reader.error()


def _add(reader: Reader, change: Alteration) -> None:
    index = read_index(reader)
    if index:
        change.after = add_index(change.after, index)
        return
    reader.accept("COLUMN")
    column, key = read_column(reader)
    if change.after.find(column.name):
        raise refusal(1060, column.name)
    change.after = _placed(reader, change.after, column)
    if key:
        change.after = add_index(change.after, key)


def _placed(reader: Reader, table: Table, column: Column) -> Table:
    columns = [known for known in table.columns if known.name != column.name]
    at = len(columns)
    if reader.accept("FIRST"):
        at = 0
    elif reader.accept("AFTER"):
        at = columns.index(table.column(reader.name())) + 1
    return replace(table, columns=(*columns[:at], column, *columns[at:]))


def _drop(reader: Reader, change: Alteration) -> None:
    if reader.accept("PRIMARY", "KEY"):
        _drop_index(change, "PRIMARY")
    elif reader.accept_any("INDEX", "KEY"):
        _drop_index(change, reader.name())
    else:
        reader.accept("COLUMN")
        _drop_column(change, reader.name())


def _drop_index(change: Alteration, name: str) -> None:
    kept = tuple(index for index in change.after.indexes if index.name.lower() != name.lower())
    if len(kept) == len(change.after.indexes):
        raise refusal(1091, name)
    change.after = replace(change.after, indexes=kept)


def _drop_column(change: Alteration, name: str) -> None:
    column = change.after.find(name)
    if column is None:
        raise refusal(1091, name)
    if len(change.after.columns) == 1:
        raise refusal(1090)
    shrunk = (_without(index, column.name) for index in change.after.indexes)
    columns = tuple(known for known in change.after.columns if known is not column)
    change.after = replace(change.after, columns=columns, indexes=tuple(index for index in shrunk if index.columns))
    change.origin.pop(column.name, None)


def _without(index: Index, name: str) -> Index:
    return replace(index, columns=tuple(column for column in index.columns if column != name))


def _rename(reader: Reader, change: Alteration) -> None:
    if reader.accept("COLUMN"):
        old = change.after.column(reader.name()).name
        reader.expect("TO")
        _replace_column(change, old, replace(change.after.column(old), name=reader.name()))
    elif reader.accept_any("INDEX", "KEY"):
        _rename_index(reader, change)
    else:
        reader.accept_any("TO", "AS")
        schema, name = qualified(reader, change.after.schema)
        change.after = replace(change.after, schema=schema, name=name)


def _rename_index(reader: Reader, change: Alteration) -> None:
    old = reader.name()
    reader.expect("TO")
    new = reader.name()
    if not any(index.name.lower() == old.lower() for index in change.after.indexes):
        raise refusal(1176, old, change.after.name)
    renamed = tuple(
        replace(index, name=new) if index.name.lower() == old.lower() else index for index in change.after.indexes
    )
    change.after = replace(change.after, indexes=renamed)


def _redefine(reader: Reader, change: Alteration, old: str) -> None:
    column, key = read_column(reader)
    if any(old in index.columns for index in change.after.indexes if index.name == "PRIMARY"):
        column = replace(column, nullable=False)
    _replace_column(change, old, column)
    change.after = (
        _placed(reader, change.after, column) if reader.peek("FIRST") or reader.peek("AFTER") else change.after
    )
    if key:
        change.after = add_index(change.after, key)


def _replace_column(change: Alteration, old: str, column: Column) -> None:
    clash = change.after.find(column.name)
    if clash and clash.name != old:
        raise refusal(1060, column.name)
    columns = tuple(column if known.name == old else known for known in change.after.columns)
    indexes = tuple(
        replace(index, columns=tuple(column.name if name == old else name for name in index.columns))
        for index in change.after.indexes
    )
    change.after = replace(change.after, columns=columns, indexes=indexes)
    origin = change.origin.pop(old, None)
    if origin:
        change.origin[column.name] = origin
