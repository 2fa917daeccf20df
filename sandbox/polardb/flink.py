"""The Flink SQL that sync_by_sql takes: source tables, one sink, one INSERT of columns or of a query over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.joins import Joins, is_plain
from sandbox.polardb.links import LinkRequest
from sandbox.polardb.reader import Reader, statements


@dataclass(frozen=True)
class _FlinkTable:
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    options: Mapping[str, str]

    def option(self, name: str) -> str:
        if not self.options.get(name):
            raise _refuse(f"table {self.name} needs '{name}'")
        return self.options[name]


def read_script(script: str) -> LinkRequest:
    """Raises 1644 with what is wrong."""
    readers = statements(script)
    inserts = [reader for reader in readers if reader.accept("INSERT", "INTO")]
    tables = {table.name: table for table in (_table(reader) for reader in readers if reader not in inserts)}
    if len(inserts) != 1:
        raise _refuse(f"the script needs exactly one INSERT INTO, it has {len(inserts)}")
    return _joined(tables, inserts[0])


def _refuse(why: str) -> SqlError:
    return refusal(1644, f"sync_by_sql: {why}")


def _name(reader: Reader) -> str:
    name = reader.name()
    return f"{name}.{_name(reader)}" if reader.accept(".") else name


def _table(reader: Reader) -> _FlinkTable:
    if not reader.accept_any("CREATE TEMPORARY TABLE", "CREATE TABLE"):
        raise _refuse(f"expected CREATE TEMPORARY TABLE or INSERT INTO at '{reader.sql[:60]}'")
    reader.accept("IF", "NOT", "EXISTS")
    name = _name(reader)
    columns: list[str] = []
    key: list[str] = []

    def define() -> None:
        if reader.accept("PRIMARY", "KEY"):
            key.extend(reader.listed(reader.name))
            if not reader.accept("NOT", "ENFORCED"):
                raise _refuse(f"the primary key of {name} must be declared NOT ENFORCED")
            return
        columns.append(reader.name())
        depth = 0
        while depth or not (reader.peek(",") or reader.peek(")")):
            depth += {"(": 1, ")": -1, "<": 1, ">": -1}.get(reader.take(), 0)

    reader.listed(define)
    reader.expect("WITH")
    options = dict(reader.listed(reader.setting))
    reader.end()
    return _FlinkTable(name, tuple(columns), tuple(key), options)


def _joined(tables: Mapping[str, _FlinkTable], reader: Reader) -> LinkRequest:
    sink = _known(tables, _name(reader), "opensearch")
    targets = reader.listed(reader.name) if reader.peek("(") else list(sink.columns)
    if not is_plain(tree := reader.tree()) or tree.args["from_"].this.alias:
        return _of_query(tables, sink, targets, reader.rest)
    reader.expect("SELECT")
    chosen = _select_list(reader)
    reader.expect("FROM")
    source = _known(tables, _name(reader), "mysql")
    if not reader.done:
        raise _refuse(f"'{reader.rest[:40]}' after FROM is not supported by the sandbox")
    columns = chosen or list(source.columns)
    if len(targets) != len(columns):
        raise _refuse(f"{sink.name} takes {len(targets)} columns, the SELECT gives {len(columns)}")
    for table, names in ((source, columns), (sink, targets)):
        for name in names:
            if name not in table.columns:
                raise _refuse(f"column {name} is not defined in {table.name}")
    origin = dict(zip(targets, columns, strict=True))
    if not sink.key or any(name not in origin for name in sink.key):
        raise _refuse(f"table {sink.name} needs a primary key of columns that the INSERT fills")
    where = source.option("database-name").lower(), source.option("table-name").lower(), sink.option("index")
    return LinkRequest("sync_by_sql", *where, tuple(origin.items()), tuple(origin[name] for name in sink.key))


def _of_query(tables: Mapping[str, _FlinkTable], sink: _FlinkTable, targets: Sequence[str], query: str) -> LinkRequest:
    """The link of a SELECT over tables that are named as in MySQL."""
    joins = Joins(query)
    for member in joins.members:
        name = f"{member.schema}.{member.name}"
        source = _known(tables, name, "mysql")
        if name != f"{source.option('database-name')}.{source.option('table-name')}".lower():
            raise unsupported(f"the table {name}, which has another name in MySQL, in a query of sync_by_sql")
        if missing := [column for column in member.used if column not in source.columns]:
            raise _refuse(f"column {missing[0]} is not defined in {name}")
    first = joins.members[0]
    fields, key = joins.fields(targets, sink.key)
    return LinkRequest("sync_by_sql", first.schema, first.name, sink.option("index"), fields, key, query)


def _known(tables: Mapping[str, _FlinkTable], name: str, connector: str) -> _FlinkTable:
    table = tables.get(name)
    if table is None:
        raise _refuse(f"table {name} is not defined in the script")
    if table.options.get("connector") != connector:
        raise _refuse(f"table {name} must have 'connector' = '{connector}'")
    return table


def _select_list(reader: Reader) -> Sequence[str]:
    if reader.accept("*"):
        return []
    columns: list[str] = []
    while not columns or reader.accept(","):
        columns.append(_name(reader).split(".")[-1])
        if reader.accept("AS"):
            reader.name()
    return columns
