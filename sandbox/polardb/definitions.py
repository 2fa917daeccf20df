"""CREATE TABLE and ALTER TABLE, read word by word into a `Table`; what they say beyond columns and keys is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from sandbox.polardb.catalog import Column, Index, Table
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.reader import Reader, quoted
from sandbox.polardb.types import BLOB_LIMITS, COLLATION, FAMILIES, INTEGER_BITS, TEXT_LIMITS, ColumnType, stored

_ALIASES = {
    "integer": "int", "int4": "int", "int8": "bigint", "int3": "mediumint", "middleint": "mediumint",
    "int2": "smallint", "int1": "tinyint", "numeric": "decimal", "dec": "decimal", "fixed": "decimal",
    "real": "double", "float8": "double", "float4": "float", "character": "char", "nchar": "char",
    "nvarchar": "varchar", "varcharacter": "varchar", "long": "mediumtext", "geomcollection": "geometrycollection",
}  # fmt: skip
_SIZED = (*INTEGER_BITS, "varchar", "char", "binary", "varbinary", "bit", "datetime", "timestamp", "time", "year")
_AS_BYTES = {"char": "binary", "varchar": "varbinary", **dict(zip(TEXT_LIMITS, BLOB_LIMITS, strict=True))}


# Columns


def read_type(reader: Reader, column: str) -> ColumnType:
    """`varchar(200)`, `int unsigned`, `enum('a','b')`, … as MySQL shows it."""
    start = reader.at
    national = reader.accept("NATIONAL")
    word = reader.name().lower()
    name = _ALIASES.get(word, word)
    if name in ("char", "varchar") and reader.accept("VARYING"):
        name = "varchar"
    if word == "long":
        name = "mediumblob" if reader.accept("VARBINARY") else name
        reader.accept_any("VARCHAR")
    if word == "double":
        reader.accept("PRECISION")
    if name in ("bool", "boolean"):
        return ColumnType("tinyint", 1)
    if name == "serial":
        return ColumnType("bigint", unsigned=True)
    if name not in FAMILIES or name == "null" or (national and name not in ("char", "varchar")):
        reader.at = start
        raise reader.error()
    kind = _sized(reader, name, column)
    while word := reader.accept_any("UNSIGNED", "SIGNED", "ZEROFILL", "BINARY", "CHARACTER SET", "CHARSET"):
        if word in ("ZEROFILL", "BINARY"):
            raise unsupported(f"{word} columns")
        kind = replace(kind, unsigned=True) if word == "UNSIGNED" else kind
        if word.startswith("CHAR") and charset(reader) == "binary":
            kind = replace(kind, name=_AS_BYTES.get(kind.name, kind.name))
        elif word.startswith("CHAR") and not reader.peek("COLLATE"):
            raise unsupported("CHARACTER SET of a column")
    return kind


def _sized(reader: Reader, name: str, column: str) -> ColumnType:
    if name in ("enum", "set"):
        return ColumnType(name, members=tuple(reader.listed(reader.string)))
    sizes = reader.listed(reader.integer) if reader.peek("(") else []
    length, scale = [*sizes, None, None][:2]
    if (len(sizes) > 1 and name != "decimal") or (sizes and name == "double"):
        raise unsupported(f"{name.upper()} with digits")
    if name in ("varchar", "varbinary") and length is None:
        raise reader.error()
    if name == "decimal":
        return _decimal(column, length or 10, scale or 0)
    if name == "float":
        return ColumnType("double" if length and length > 24 else "float")
    limit = {"char": 255, "binary": 255, "varchar": 16383, "varbinary": 65535}.get(name, length or 0)
    if (length or 0) > limit:
        raise refusal(1074, column, limit)
    if name in ("datetime", "timestamp", "time") and (length or 0) > 6:
        raise refusal(1426, length, column, 6)
    if name in ("text", "blob") and length:
        limits, size = (TEXT_LIMITS, length * 4) if name == "text" else (BLOB_LIMITS, length)
        return ColumnType(next(known for known, most in limits.items() if size <= most))
    default = {"char": 1, "binary": 1, "bit": 1, "year": 4}.get(name)
    return ColumnType(name, (length if length is not None else default) if name in _SIZED else None)


def _decimal(column: str, length: int, scale: int) -> ColumnType:
    if scale > 30:
        raise refusal(1425, scale, column)
    if length > 65:
        raise refusal(1426, length, column, 65)
    if scale > length:
        raise refusal(1427, column)
    return ColumnType("decimal", length, scale)


def charset(reader: Reader) -> str:
    """The name of a character set. Raises 1115, or 1235 for one that is not utf8mb4."""
    name = reader.take().lower()
    if name not in ("utf8mb4", "binary"):
        raise (
            unsupported(f"CHARACTER SET {name}") if re.match("utf8|latin|ascii|gb|big5", name) else refusal(1115, name)
        )
    return name


def collation(reader: Reader) -> bool:
    """Whether a collation compares by bytes. Raises 1273, or 1235 for one that is not here."""
    name = reader.take().lower()
    if name not in (COLLATION, "utf8mb4_bin"):
        raise unsupported(f"COLLATE {name}") if re.search("_(ci|cs|bin)$", name) else refusal(1273, name)
    return name == "utf8mb4_bin"


def read_column(reader: Reader) -> tuple[Column, list[Index]]:
    """A column, and the keys it declares for itself."""
    name = reader.name()
    serial = reader.peek("SERIAL")
    column = Column(name, read_type(reader, name))
    keys = [Index("", (name,), True)] if serial else []
    column = replace(column, auto_increment=True, nullable=False) if serial else column
    start = reader.at
    while word := reader.accept_any("NOT NULL", "NULL", "PRIMARY KEY", "KEY", "UNIQUE KEY", "UNIQUE", *_ATTRIBUTES):
        if word in ("PRIMARY KEY", "KEY"):
            keys.append(Index("PRIMARY", (name,), True))
        elif word.startswith("UNIQUE"):
            keys.append(Index("", (name,), True))
        elif word.endswith("NULL"):
            column = replace(column, nullable=word == "NULL")
        else:
            column = _attribute(word, reader, column)
    words = " ".join("" if quoted(token) else text.upper() for token, text in reader.words[start : reader.at])
    if not column.nullable and "DEFAULT NULL" in words:
        raise refusal(1067, name)
    if any(key.name == "PRIMARY" for key in keys) and re.search(r"(?<!NOT )(?<!DEFAULT )\bNULL", words):
        raise refusal(1171)
    return column, keys


_ATTRIBUTES = ("DEFAULT", "AUTO_INCREMENT", "ON UPDATE", "COMMENT", "COLLATE", "GENERATED", "AS", "REFERENCES", "CHECK")


def _attribute(word: str, reader: Reader, column: Column) -> Column:
    if word == "DEFAULT":
        return _with_default(reader, column)
    if word == "AUTO_INCREMENT":
        if column.type.family != "integer":
            raise refusal(1063, column.name)
        return replace(column, auto_increment=True, nullable=False)
    if word == "ON UPDATE":
        if not _now(reader):
            raise reader.error()
        return replace(column, on_update_now=True)
    if word == "COMMENT":
        return replace(column, comment=reader.string())
    if word == "COLLATE":
        return replace(column, type=replace(column.type, binary=collation(reader)))
    raise unsupported(f"{word} in a column")


def _with_default(reader: Reader, column: Column) -> Column:
    if reader.accept("NULL"):
        return column
    if _now(reader):
        if column.type.name not in ("datetime", "timestamp"):
            raise refusal(1067, column.name)
        return replace(column, default_now=True)
    if reader.peek("("):
        raise unsupported("expressions as DEFAULT")
    if column.type.name in ("binary", "varbinary"):
        raise unsupported(f"DEFAULT of {column.type.name.upper()}")
    if column.type.family in ("blob", "json", "spatial") or column.type.name in TEXT_LIMITS:
        raise refusal(1101, column.name)
    sign = "-" if reader.accept("-") else ""
    text = {"TRUE": "1", "FALSE": "0"}.get(reader.peek_text().upper(), "")
    written = reader.is_string() or re.fullmatch(r"[\d.]+(e\d+)?", reader.peek_text(), re.IGNORECASE)
    if not text and not written:
        raise refusal(1067, column.name)
    text = text or sign + reader.peek_text()
    reader.take()
    try:
        kept = stored(text, column.type, column.name, 1)
    except SqlError as error:
        raise error if error.code == 1235 else refusal(1067, column.name) from None
    return replace(column, default=kept if isinstance(kept, str) else text)


def _now(reader: Reader) -> bool:
    found = reader.accept_any("CURRENT_TIMESTAMP", "NOW")
    if found and reader.accept("("):
        reader.expect(")")
    return bool(found)


# Keys


def read_index(reader: Reader) -> Index | None:
    """PRIMARY KEY (…), UNIQUE KEY name (…), KEY name (…); None when it is a column instead."""
    for words in ("CONSTRAINT", "FOREIGN", "CHECK", "FULLTEXT", "SPATIAL"):
        if reader.peek(words):
            raise unsupported(f"{words} in a table")
    found = reader.accept_any("PRIMARY KEY", "UNIQUE KEY", "UNIQUE INDEX", "UNIQUE", "KEY", "INDEX")
    if found is None:
        return None
    name = "PRIMARY" if found == "PRIMARY KEY" else "" if reader.peek("(") else reader.name()
    return Index(name, tuple(reader.listed(lambda: _key_part(reader))), not found.startswith(("KEY", "INDEX")))


def _key_part(reader: Reader) -> str:
    name = reader.name()
    if reader.peek("(") or reader.peek("DESC"):
        raise unsupported("indexes on a prefix, or in descending order")
    reader.accept("ASC")
    return name


# Tables


def read_table(reader: Reader, schema: str, name: str) -> Table:
    """What follows the name in CREATE TABLE: `(…) options`."""
    table, keys, nulls = Table(schema, name, ()), list[Index](), set[str]()

    def define() -> None:
        nonlocal table
        if index := read_index(reader):
            return keys.append(index)
        start = reader.at
        column, own = read_column(reader)
        if any(known.name.lower() == column.name.lower() for known in table.columns):
            raise refusal(1060, column.name)
        words = [text.upper() for _, text in reader.words[start : reader.at]]
        if any(
            word == "NULL" and before not in ("NOT", "DEFAULT") for before, word in zip(words, words[1:], strict=False)
        ):
            nulls.add(column.name.lower())
        table = replace(table, columns=(*table.columns, column))
        keys.extend(own)
        return None

    reader.listed(define)
    table = _with_options(reader, table)
    for index in keys:
        if index.name == "PRIMARY" and nulls & {name.lower() for name in index.columns}:
            raise refusal(1171)
        table = table.with_index(index)
    return checked(table)


def _with_options(reader: Reader, table: Table) -> Table:
    while not reader.done:
        reader.accept(",")
        reader.accept("DEFAULT")
        option = reader.accept_any("COMMENT", "ENGINE", "CHARACTER SET", "CHARSET", "COLLATE", "AUTO_INCREMENT")
        if option is None:
            raise unsupported(f"{reader.rest[:40]} of a table") if reader.is_name() else reader.error()
        reader.accept("=")
        if option == "COMMENT":
            table = replace(table, comment=reader.string())
        elif option == "AUTO_INCREMENT":
            table = replace(table, number=reader.integer())
        elif option == "ENGINE":
            if reader.take().lower() != "innodb":
                raise unsupported("engines other than InnoDB")
        elif collation(reader) if option == "COLLATE" else charset(reader) != "utf8mb4":
            raise unsupported(f"{option} of a table")
    return table


def checked(table: Table) -> Table:
    """Raises what MySQL says to a definition that cannot be."""
    generated = [column for column in table.columns if column.auto_increment]
    keyed = {index.columns[0] for index in table.indexes}
    if len(generated) > 1 or any(column.name not in keyed for column in generated):
        raise refusal(1075)
    sized = [one.type for one in table.columns if one.type.name in ("varchar", "varbinary", "char", "binary")]
    if sum((kind.length or 0) * (4 if kind.family == "text" else 1) + 2 for kind in sized) > 65533:
        raise refusal(1118)
    for index in table.indexes:
        kinds = [table.column(name).type for name in index.columns]
        for name, kind in zip(index.columns, kinds, strict=True):
            if kind.family == "json":
                raise refusal(3152, name)
            if kind.name in TEXT_LIMITS or kind.name in BLOB_LIMITS or kind.family == "spatial":
                raise refusal(1170, name)
        if sum((kind.length or 0) * (4 if kind.family == "text" else 1) for kind in kinds) > 3072:
            raise refusal(1071)
    return table


@dataclass
class Alteration:
    """`after` is the definition to build; `origin` maps each of its columns to the column its values come from."""

    before: Table
    after: Table
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def copies(self) -> bool:
        """Whether MySQL copies every row, and counts it: a type is another one, or a shorter one."""
        pairs = [(self.before.column(old).type, self.after.column(new).type) for new, old in self.origin.items()]
        return any(
            old != new and not (old.name == new.name == "varchar" and (old.length or 0) <= (new.length or 0) < 64)
            for old, new in pairs
        )

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
    if reader.peek("FIRST") or reader.peek("AFTER"):
        raise unsupported("the place of a column")
    reader.end()
    change.after = checked(change.after)
    return change


def _action(reader: Reader, change: Alteration) -> None:
    found = reader.accept_any("ADD", "DROP", "RENAME COLUMN", "MODIFY", "COMMENT")
    if found is None:
        raise unsupported(f"ALTER TABLE … {reader.rest[:40]}")
    if found == "ADD":
        _add(reader, change)
    elif found == "DROP":
        _drop(reader, change)
    elif found == "COMMENT":
        reader.accept("=")
        change.after = replace(change.after, comment=reader.string())
    elif found == "MODIFY":
        reader.accept("COLUMN")
        column, keys = read_column(reader)
        old = change.after.column(column.name)
        required = old.name in change.after.primary_key
        _replace(change, old.name, replace(column, name=old.name, nullable=column.nullable and not required), keys)
    else:
        old = change.after.column(reader.name())
        reader.expect("TO")
        _replace(change, old.name, replace(old, name=reader.name()), [])


def _add(reader: Reader, change: Alteration) -> None:
    if index := read_index(reader):
        change.after = change.after.with_index(index)
        return
    reader.accept("COLUMN")
    column, keys = read_column(reader)
    if change.after.find(column.name):
        raise refusal(1060, column.name)
    change.after = replace(change.after, columns=(*change.after.columns, column))
    for key in keys:
        change.after = change.after.with_index(key)


def _drop(reader: Reader, change: Alteration) -> None:
    word, table = reader.accept_any("PRIMARY KEY", "INDEX", "KEY", "COLUMN"), change.after
    name = "PRIMARY" if word == "PRIMARY KEY" else reader.name()
    if word in ("PRIMARY KEY", "INDEX", "KEY"):
        kept = tuple(index for index in table.indexes if index.name.lower() != name.lower())
        if len(kept) == len(table.indexes):
            raise refusal(1091, name)
        change.after = replace(table, indexes=kept)
        return
    column = table.find(name)
    if column is None:
        raise refusal(1091, name)
    if len(table.columns) == 1:
        raise refusal(1090)
    rest = (replace(one, columns=tuple(part for part in one.columns if part != column.name)) for one in table.indexes)
    columns = tuple(known for known in table.columns if known is not column)
    change.after = replace(table, columns=columns, indexes=tuple(index for index in rest if index.columns))
    change.origin.pop(column.name, None)


def _replace(change: Alteration, old: str, column: Column, keys: list[Index]) -> None:
    clash = change.after.find(column.name)
    if clash and clash.name != old:
        raise refusal(1060, column.name)
    columns = tuple(column if known.name == old else known for known in change.after.columns)
    names = {old: column.name}
    indexes = (
        replace(one, columns=tuple(names.get(part, part) for part in one.columns)) for one in change.after.indexes
    )
    change.after = replace(change.after, columns=columns, indexes=tuple(indexes))
    for key in keys:
        change.after = change.after.with_index(key)
    if origin := change.origin.pop(old, None):
        change.origin[column.name] = origin
