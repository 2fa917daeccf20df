"""The Flink SQL that sync_by_sql takes: one source table, one sink, one INSERT from the one into the other.

The real engine is a Flink. The sandbox reads columns and their aliases; an expression, a WHERE or a second source is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.polardb.errors import SqlError, refusal
from sandbox.polardb.lexer import Reader, statements


@dataclass(frozen=True)
class Script:
    """What a script comes down to; `fields` pairs (field of the index, column of the table)."""

    schema: str
    table: str
    index: str
    fields: tuple[tuple[str, str], ...]
    key: tuple[str, ...]


@dataclass(frozen=True)
class _FlinkTable:
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    options: Mapping[str, str]


def read_script(script: str) -> Script:
    """Raises 1644 with what is wrong."""
    tables: dict[str, _FlinkTable] = {}
    inserts: list[str] = []
    for statement in statements(script):
        reader = Reader(statement)
        if reader.accept("INSERT", "INTO"):
            inserts.append(statement)
        else:
            table = _table(reader)
            tables[table.name] = table
    if len(inserts) != 1:
        raise _refuse(f"the script needs exactly one INSERT INTO, it has {len(inserts)}")
    return _joined(tables, Reader(inserts[0]))


def _refuse(why: str) -> SqlError:
    return refusal(1644, f"sync_by_sql: {why}")


def _table(reader: Reader) -> _FlinkTable:
    if not (reader.accept("CREATE", "TEMPORARY", "TABLE") or reader.accept("CREATE", "TABLE")):
        raise _refuse(f"expected CREATE TEMPORARY TABLE or INSERT INTO at '{reader.sql[:60]}'")
    reader.accept("IF", "NOT", "EXISTS")
    name = _name(reader)
    columns, key = _columns(reader, name)
    reader.expect("WITH", "(")
    options = {}
    while True:
        option = reader.string()
        reader.expect("=")
        options[option] = reader.string()
        if not reader.accept(","):
            break
    reader.expect(")")
    reader.end()
    return _FlinkTable(name, columns, key, options)


def _name(reader: Reader) -> str:
    name = reader.name()
    while reader.accept("."):
        name += "." + reader.name()
    return name


def _columns(reader: Reader, table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    reader.expect("(")
    columns: list[str] = []
    key: tuple[str, ...] = ()
    while True:
        if reader.accept("PRIMARY", "KEY"):
            key = tuple(reader.names())
            if not reader.accept("NOT", "ENFORCED"):
                raise _refuse(f"the primary key of {table} must be declared NOT ENFORCED")
        else:
            columns.append(reader.name())
            _pass_type(reader)
        if not reader.accept(","):
            break
    reader.expect(")")
    return tuple(columns), key


def _pass_type(reader: Reader) -> None:
    depth = 0
    while depth or not (reader.peek(",") or reader.peek(")")):
        depth += {"(": 1, ")": -1, "<": 1, ">": -1}.get(reader.take().text, 0)


def _joined(tables: Mapping[str, _FlinkTable], reader: Reader) -> Script:
    reader.expect("INSERT", "INTO")
    sink = _known(tables, _name(reader), "opensearch")
    targets = tuple(reader.names()) if reader.peek("(") else sink.columns
    reader.expect("SELECT")
    chosen = _select_list(reader)
    reader.expect("FROM")
    source = _known(tables, _name(reader), "mysql")
    if not reader.done:
        raise _refuse(f"'{reader.rest[:40]}' after FROM is not supported by the sandbox")
    columns = source.columns if chosen is None else tuple(chosen)
    return _script(source, sink, targets, columns)


def _known(tables: Mapping[str, _FlinkTable], name: str, connector: str) -> _FlinkTable:
    table = tables.get(name)
    if table is None:
        raise _refuse(f"table {name} is not defined in the script")
    if table.options.get("connector") != connector:
        raise _refuse(f"table {name} must have 'connector' = '{connector}'")
    return table


def _select_list(reader: Reader) -> Sequence[str] | None:
    if reader.accept("*"):
        return None
    columns = []
    while True:
        columns.append(_name(reader).split(".")[-1])
        if reader.accept("AS"):
            reader.name()
        if not reader.accept(","):
            return columns


def _script(source: _FlinkTable, sink: _FlinkTable, targets: Sequence[str], columns: Sequence[str]) -> Script:
    if len(targets) != len(columns):
        raise _refuse(f"{sink.name} takes {len(targets)} columns, the SELECT gives {len(columns)}")
    for name in columns:
        if name not in source.columns:
            raise _refuse(f"column {name} is not defined in {source.name}")
    for name in targets:
        if name not in sink.columns:
            raise _refuse(f"column {name} is not defined in {sink.name}")
    for option in ("database-name", "table-name"):
        if not source.options.get(option):
            raise _refuse(f"table {source.name} needs '{option}'")
    if not sink.options.get("index"):
        raise _refuse(f"table {sink.name} needs 'index'")
    fields = tuple(zip(targets, columns, strict=True))
    origin = dict(fields)
    if not sink.key or any(name not in origin for name in sink.key):
        raise _refuse(f"table {sink.name} needs a primary key of columns that the INSERT fills")
    key = tuple(origin[name] for name in sink.key)
    return Script(
        source.options["database-name"].lower(),
        source.options["table-name"].lower(),
        sink.options["index"],
        fields,
        key,
    )
