"""CREATE TABLE and ALTER TABLE, read word by word into a `Table`.

Storage details (ENGINE, CHARSET, ROW_FORMAT, …) change nothing here and are passed over; what would change the meaning
(FOREIGN KEY, generated columns, partitions) is refused.
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.polardb.catalog import Column, Index, Table, with_index
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.lexer import Reader
from sandbox.polardb.types import ALIASES, KNOWN, ColumnType, stored

_BOUNDED = {"varchar", "char", "binary", "varbinary", "bit", "datetime", "timestamp", "time"}
_PASSED_OVER = (
    "ENGINE", "AUTO_INCREMENT", "ROW_FORMAT", "KEY_BLOCK_SIZE", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "CHECKSUM",
    "AVG_ROW_LENGTH", "MAX_ROWS", "MIN_ROWS", "DELAY_KEY_WRITE", "PACK_KEYS", "COMPRESSION", "STATS_SAMPLE_PAGES",
)  # fmt: skip
_CHARSETS = {"utf8mb4", "utf8", "utf8mb3", "ascii", "latin1", "binary"}


def qualified(reader: Reader, current: str) -> tuple[str, str]:
    """`db.table` or `table`, as (database, table). Raises 1046 when there is no database to use."""
    first = reader.name()
    if reader.accept("."):
        return first.lower(), reader.name().lower()
    if not current:
        raise refusal(1046)
    return current, first.lower()


def read_table(reader: Reader, schema: str, name: str) -> Table:
    """What follows the name in CREATE TABLE: `(…) options`."""
    reader.expect("(")
    table = Table(schema, name, ())
    late: list[Index] = []
    while True:
        table = _definition(reader, table, late)
        if not reader.accept(","):
            break
    reader.expect(")")
    table = _with_options(reader, table)
    for index in late:
        table = add_index(table, index)
    return checked(table)


def _definition(reader: Reader, table: Table, late: list[Index]) -> Table:
    index = read_index(reader)
    if index:
        late.append(index)
        return table
    column, key = read_column(reader)
    if table.find(column.name):
        raise refusal(1060, column.name)
    late.extend([key] if key else [])
    return replace(table, columns=(*table.columns, column))


def add_index(table: Table, index: Index) -> Table:
    """Names a nameless index as MySQL does, and makes the columns of a primary key NOT NULL."""
    if not index.name:
        taken = {known.name.lower() for known in table.indexes}
        numbered = (index.columns[0] if at == 1 else f"{index.columns[0]}_{at}" for at in range(1, 99))
        index = replace(index, name=next(name for name in numbered if name.lower() not in taken))
    table = with_index(table, index)
    if index.name != "PRIMARY":
        return table
    parts = {name.lower() for name in index.columns}
    columns = tuple(
        replace(column, nullable=False) if column.name.lower() in parts else column for column in table.columns
    )
    return replace(table, columns=columns)


def checked(table: Table) -> Table:
    """Raises what MySQL says to a definition that cannot be."""
    if not table.columns:
        raise refusal(1113)
    generated = [column for column in table.columns if column.auto_increment]
    if len(generated) > 1 or any(table.primary_key != (column.name,) for column in generated):
        if generated and not table.primary_key:
            raise refusal(1075)
        raise unsupported("AUTO_INCREMENT on anything but the primary key")
    for column in table.columns:
        _check_default(column)
    return table


def _check_default(column: Column) -> None:
    if column.default is None:
        return
    try:
        stored(column.default, column.type, column.name, 1)
    except Exception:
        raise refusal(1067, column.name) from None


def _with_options(reader: Reader, table: Table) -> Table:
    while not reader.done:
        reader.accept(",")
        reader.accept("DEFAULT")
        if reader.accept("COMMENT"):
            reader.accept("=")
            table = replace(table, comment=reader.string())
        elif reader.peek("PARTITION"):
            raise unsupported("PARTITION BY")
        elif not _charset(reader):
            _pass_over(reader)
    return table


def _pass_over(reader: Reader) -> None:
    option = reader.accept_any(*_PASSED_OVER)
    if option is None:
        raise reader.error()
    reader.accept("=")
    value = reader.take().value
    if option == "ENGINE" and value.lower() not in ("innodb", "memory", "myisam"):
        raise refusal(1286, value)


def _charset(reader: Reader) -> bool:
    if reader.accept("CHARACTER", "SET") or reader.accept("CHARSET"):
        reader.accept("=")
        name = reader.take().value.lower()
        if name not in _CHARSETS:
            raise refusal(1115, name)
        return True
    if reader.accept("COLLATE"):
        reader.accept("=")
        _collation(reader)
        return True
    return False


def _collation(reader: Reader) -> bool:
    """Whether it compares by bytes."""
    name = reader.take().value.lower()
    if name.split("_")[0] not in _CHARSETS:
        raise refusal(1273, name)
    return name.endswith("_bin")


def read_index(reader: Reader) -> Index | None:
    """PRIMARY KEY (…), UNIQUE KEY name (…), KEY name (…); None when it is a column instead."""
    constraint = reader.accept("CONSTRAINT")
    name = (
        ""
        if not constraint or reader.peek("PRIMARY") or reader.peek("UNIQUE") or reader.peek("FOREIGN")
        else reader.name()
    )
    if reader.peek("FOREIGN") or reader.peek("CHECK", "("):
        raise unsupported("FOREIGN KEY and CHECK")
    if reader.peek("FULLTEXT") or reader.peek("SPATIAL"):
        raise unsupported("FULLTEXT and SPATIAL indexes")
    if reader.accept("PRIMARY", "KEY"):
        return _key_parts(reader, "PRIMARY", unique=True, named=False)
    if reader.accept("UNIQUE"):
        reader.accept_any("KEY", "INDEX")
        return _key_parts(reader, name, unique=True)
    if reader.accept_any("KEY", "INDEX"):
        return _key_parts(reader, name, unique=False)
    return None


def _key_parts(reader: Reader, name: str, *, unique: bool, named: bool = True) -> Index:
    if named and not reader.peek("(") and not reader.peek("USING"):
        name = reader.name()
    _using(reader)
    columns = read_key_columns(reader)
    _using(reader)
    if reader.accept("COMMENT"):
        reader.string()
    return Index(name, columns, unique)


def _using(reader: Reader) -> None:
    if reader.accept("USING"):
        reader.expect("BTREE")


def read_key_columns(reader: Reader) -> tuple[str, ...]:
    """`(a, b(10) ASC)`."""
    reader.expect("(")
    columns = []
    while True:
        columns.append(reader.name())
        if reader.peek("("):
            raise unsupported("indexes on a prefix")
        reader.accept_any("ASC", "DESC")
        if not reader.accept(","):
            break
    reader.expect(")")
    return tuple(columns)


def read_column(reader: Reader) -> tuple[Column, Index | None]:
    """A column, and the key it declares for itself."""
    column = Column(reader.name(), read_type(reader))
    key: Index | None = None
    while not (reader.done or reader.peek(",") or reader.peek(")") or reader.peek("FIRST") or reader.peek("AFTER")):
        if reader.accept("PRIMARY", "KEY") or reader.accept("KEY"):
            key, column = Index("PRIMARY", (column.name,), True), replace(column, nullable=False)
        elif reader.accept("UNIQUE"):
            reader.accept("KEY")
            key = Index("", (column.name,), True)
        else:
            column = _attribute(reader, column)
    return column, key


def _attribute(reader: Reader, column: Column) -> Column:
    if reader.accept("NOT", "NULL"):
        return replace(column, nullable=False)
    if reader.accept("NULL"):
        return column
    if reader.accept("DEFAULT"):
        return _with_default(reader, column)
    if reader.accept("AUTO_INCREMENT"):
        if column.type.family != "integer":
            raise refusal(1063, column.name)
        return replace(column, auto_increment=True)
    if reader.accept("ON", "UPDATE"):
        _now(reader)
        return replace(column, on_update_now=True)
    if reader.accept("COMMENT"):
        return replace(column, comment=reader.string())
    if reader.accept("COLLATE"):
        return replace(column, type=replace(column.type, binary=_collation(reader)))
    if reader.peek("GENERATED") or reader.peek("AS") or reader.peek("REFERENCES") or reader.peek("CHECK"):
        raise unsupported(f"{reader.take().text.upper()} in a column")
    raise reader.error()


def _with_default(reader: Reader, column: Column) -> Column:
    if reader.accept("NULL"):
        return column
    if reader.peek("CURRENT_TIMESTAMP") or reader.peek("NOW") or reader.peek("LOCALTIMESTAMP"):
        _now(reader)
        return replace(column, default_now=True)
    if reader.peek("("):
        raise unsupported("expressions as DEFAULT")
    if reader.accept_any("TRUE", "FALSE"):
        return replace(column, default=str(int(reader.words[reader.at - 1].text.upper() == "TRUE")))
    sign = "-" if reader.accept("-") else ""
    token = reader.take()
    if token.kind not in ("string", "number"):
        raise refusal(1067, column.name)
    return replace(column, default=sign + token.value)


def _now(reader: Reader) -> None:
    if not reader.accept_any("CURRENT_TIMESTAMP", "NOW", "LOCALTIMESTAMP"):
        raise reader.error()
    if reader.accept("("):
        reader.accept("6")
        reader.expect(")")


def read_type(reader: Reader) -> ColumnType:
    """`varchar(200)`, `int unsigned`, `enum('a','b')`, …"""
    name = reader.name().lower()
    if name in ("bool", "boolean"):
        return ColumnType("tinyint", 1)
    if name == "double":
        reader.accept("PRECISION")
    if name == "serial":
        raise unsupported("SERIAL")
    name = ALIASES.get(name, name)
    if name not in KNOWN:
        reader.at -= 1
        raise reader.error()
    kind = _sized(reader, name)
    return _type_attributes(reader, kind)


def _sized(reader: Reader, name: str) -> ColumnType:
    if name in ("enum", "set"):
        reader.expect("(")
        members = [reader.string()]
        while reader.accept(","):
            members.append(reader.string())
        reader.expect(")")
        return ColumnType(name, members=tuple(members))
    sizes: list[int] = []
    if reader.accept("("):
        sizes.append(reader.integer())
        if reader.accept(","):
            sizes.append(reader.integer())
        reader.expect(")")
    return _with_sizes(reader, name, sizes)


def _with_sizes(reader: Reader, name: str, sizes: list[int]) -> ColumnType:
    length = sizes[0] if sizes else None
    if name == "decimal":
        return ColumnType(name, length or 10, sizes[1] if len(sizes) > 1 else 0)
    if name in ("varchar", "varbinary") and length is None:
        raise reader.error()
    if name in ("char", "binary", "bit") and length is None:
        length = 1
    if name not in _BOUNDED and name not in ("tinyint", "smallint", "mediumint", "int", "bigint"):
        length = None
    return ColumnType(name, length)


def _type_attributes(reader: Reader, kind: ColumnType) -> ColumnType:
    while True:
        if reader.accept("UNSIGNED"):
            kind = replace(kind, unsigned=True)
        elif reader.accept("SIGNED"):
            continue
        elif reader.peek("ZEROFILL"):
            raise unsupported("ZEROFILL")
        elif reader.accept("BINARY"):
            kind = replace(kind, binary=True)
        elif not (reader.peek("CHARACTER") or reader.peek("CHARSET")) or not _charset(reader):
            return kind
