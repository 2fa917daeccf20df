"""CREATE TABLE and ALTER TABLE, read word by word into a `Table`; what they say beyond columns and keys is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from sandbox.polardb.catalog import Column, KeyDefinition, Table
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.reader import Reader
from sandbox.polardb.types import BLOB_LIMITS, COLLATION, FAMILIES, INTEGER_BITS, TEXT_LIMITS, ColumnType, stored

_ALIASES = {
    "integer": "int", "int4": "int", "int8": "bigint", "int3": "mediumint", "middleint": "mediumint",
    "int2": "smallint", "int1": "tinyint", "numeric": "decimal", "dec": "decimal", "fixed": "decimal",
    "real": "double", "float8": "double", "float4": "float", "character": "char", "nchar": "char",
    "nvarchar": "varchar", "varcharacter": "varchar", "long": "mediumtext", "geomcollection": "geometrycollection",
}  # fmt: skip
_SIZED = (*INTEGER_BITS, "varchar", "char", "binary", "varbinary", "bit", "datetime", "timestamp", "time", "year")
_DEFAULT_SIZES = {"char": 1, "binary": 1, "bit": 1, "year": 4}
_MOST = {"char": 255, "binary": 255, "varchar": 16383, "varbinary": 65535}
_AS_BYTES = {"char": "binary", "varchar": "varbinary", **dict(zip(TEXT_LIMITS, BLOB_LIMITS, strict=True))}


# Columns


def read_type(reader: Reader, column: str) -> ColumnType:
    """`varchar(200)`, `int unsigned`, `enum('a','b')`, … as MySQL shows it."""
    start, national = reader.at, reader.accept("NATIONAL")
    word = reader.name().lower()
    name = _ALIASES.get(word, word)
    if name in ("char", "varchar") and reader.accept("VARYING"):
        name = "varchar"
    if word == "long":
        name = "mediumblob" if reader.accept("VARBINARY") else name
        reader.accept("VARCHAR")
    elif word == "double":
        reader.accept("PRECISION")
    elif name in ("bool", "boolean"):
        return ColumnType("tinyint", 1)
    elif name == "serial":
        return ColumnType("bigint", unsigned=True)
    if name not in FAMILIES or name == "null" or (national and name not in ("char", "varchar")):
        reader.at = start
        raise reader.error()
    kind = _sized(reader, name, column)
    while attribute := reader.accept_any("UNSIGNED", "SIGNED", "ZEROFILL", "BINARY", "CHARACTER SET", "CHARSET"):
        if attribute == "UNSIGNED":
            kind = replace(kind, unsigned=True)
        elif attribute.startswith("CHAR") and charset(reader) == "binary":
            kind = replace(kind, name=_AS_BYTES.get(kind.name, kind.name))
        elif attribute != "SIGNED" and not reader.peek("COLLATE"):
            raise unsupported(f"{attribute} of a column")
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
    if (length or 0) > _MOST.get(name, length or 0):
        raise refusal(1074, column, _MOST[name])
    most = 65 if name == "decimal" else 6 if name in ("datetime", "timestamp", "time") else length or 0
    if (scale or 0) > 30 or (length or 0) > most:
        raise refusal(1425, scale, column) if (scale or 0) > 30 else refusal(1426, length, column, most)
    if name == "decimal":
        if (scale or 0) > (length or 10):
            raise refusal(1427, column)
        return ColumnType(name, length or 10, scale or 0)
    if name == "float":
        return ColumnType("double" if length and length > 24 else "float")
    if name in ("text", "blob") and length:
        limits, size = (TEXT_LIMITS, length * 4) if name == "text" else (BLOB_LIMITS, length)
        return ColumnType(next(known for known, limit in limits.items() if size <= limit))
    return ColumnType(name, (length if sizes else _DEFAULT_SIZES.get(name)) if name in _SIZED else None)


def charset(reader: Reader) -> str:
    """The name of a character set. Raises 1115, or 1235 for one that is not utf8mb4."""
    name = reader.take().lower()
    if name not in ("utf8mb4", "binary"):
        known = re.match("utf8|latin|ascii|gb|big5", name)
        raise unsupported(f"CHARACTER SET {name}") if known else refusal(1115, name)
    return name


def collation(reader: Reader) -> bool:
    """Whether a collation compares by bytes. Raises 1273, or 1235 for one that is not here."""
    name = reader.take().lower()
    if name not in (COLLATION, "utf8mb4_bin"):
        raise unsupported(f"COLLATE {name}") if re.search("_(ci|cs|bin)$", name) else refusal(1273, name)
    return name == "utf8mb4_bin"


_ATTRIBUTES = ("NOT NULL", "NULL", "PRIMARY KEY", "KEY", "UNIQUE KEY", "UNIQUE", "DEFAULT NULL", "DEFAULT", "ON UPDATE",
               "AUTO_INCREMENT", "COMMENT", "COLLATE", "GENERATED", "AS", "REFERENCES", "CHECK")  # fmt: skip


def read_column(reader: Reader) -> tuple[Column, list[KeyDefinition]]:
    """A column, and the keys it declares for itself."""
    name, serial = reader.name(), reader.peek("SERIAL")
    column = Column(name, read_type(reader, name), nullable=not serial, auto_increment=serial)
    keys, said = [KeyDefinition("", (name,), True)] if serial else [], set[str]()
    while word := reader.accept_any(*_ATTRIBUTES):
        said.add(word)
        if word.endswith("KEY") or word == "UNIQUE":
            keys.append(KeyDefinition("" if word.startswith("UNIQUE") else "PRIMARY", (name,), True))
        elif word.endswith("NULL"):
            column = replace(column, nullable=column.nullable if word.startswith("DEFAULT") else word == "NULL")
        else:
            column = _attribute(word, reader, column)
    if "DEFAULT NULL" in said and not column.nullable:
        raise refusal(1067, name)
    return replace(column, null="NULL" in said and column.nullable), keys


def _attribute(word: str, reader: Reader, column: Column) -> Column:
    if word == "DEFAULT":
        return _with_default(reader, column)
    if word == "AUTO_INCREMENT" and column.type.family != "integer":
        raise refusal(1063, column.name)
    if word == "AUTO_INCREMENT":
        return replace(column, auto_increment=True, nullable=False)
    if word == "ON UPDATE" and _now(reader):
        return replace(column, on_update_now=True)
    if word == "COMMENT":
        return replace(column, comment=reader.string())
    if word == "COLLATE":
        return replace(column, type=replace(column.type, binary=collation(reader)))
    raise unsupported(f"{word} in a column")


def _with_default(reader: Reader, column: Column) -> Column:
    kind = column.type
    if _now(reader):
        if kind.name not in ("datetime", "timestamp"):
            raise refusal(1067, column.name)
        return replace(column, default_now=True)
    if reader.peek("(") or kind.name in ("binary", "varbinary"):
        raise unsupported(f"such a DEFAULT of {column.name}")
    if kind.family in ("blob", "json", "spatial") or kind.name in TEXT_LIMITS:
        raise refusal(1101, column.name)
    sign, written = "-" if reader.accept("-") else "", reader.is_string()
    text = reader.take()
    if not written:
        text = {"TRUE": "1", "FALSE": "0"}.get(text.upper(), sign + text)
    try:
        kept = stored(text, kind, column.name, 1)
    except SqlError as error:
        raise error if error.code == 1235 else refusal(1067, column.name) from None
    if not written and not re.fullmatch(r"-?[\d.]+(e\d+)?", text, re.IGNORECASE):
        raise refusal(1067, column.name)
    return replace(column, default=kept if isinstance(kept, str) else text)


def _now(reader: Reader) -> bool:
    found = reader.accept_any("CURRENT_TIMESTAMP", "NOW")
    if found and not reader.accept("(", ")") and reader.peek("("):
        raise unsupported(f"{found} with fractions of a second")
    return bool(found)


# Keys


def read_index(reader: Reader) -> KeyDefinition | None:
    """PRIMARY KEY (…), UNIQUE KEY name (…), KEY name (…); None when it is a column instead."""
    if refused := next(filter(reader.peek, ("CONSTRAINT", "FOREIGN", "CHECK", "FULLTEXT", "SPATIAL")), None):
        raise unsupported(f"{refused} in a table")
    found = reader.accept_any("PRIMARY KEY", "UNIQUE KEY", "UNIQUE INDEX", "UNIQUE", "KEY", "INDEX")
    if found is None:
        return None
    name = "PRIMARY" if found == "PRIMARY KEY" else "" if reader.peek("(") else reader.name()
    return KeyDefinition(name, tuple(reader.listed(lambda: _key_part(reader))), not found.startswith(("KEY", "INDEX")))


def _key_part(reader: Reader) -> str:
    name = reader.name()
    if reader.peek("(") or reader.peek("DESC"):
        raise unsupported("indexes on a prefix, or in descending order")
    reader.accept("ASC")
    return name


# Tables


def read_table(reader: Reader, schema: str, name: str) -> Table:
    """What follows the name in CREATE TABLE: `(…) options`."""
    change = Alteration(Table(schema, name, ()), Table(schema, name, ()))
    late: list[KeyDefinition] = []
    reader.listed(lambda: _add(reader, change, late))
    table = _with_options(reader, change.after)
    if not table.columns:
        raise refusal(1113)
    for index in late:
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
    if sum(_bytes(column.type) + 2 for column in table.columns) > 65533:
        raise refusal(1118)
    for index in table.indexes:
        for name in index.columns:
            kind = table.column(name).type
            if kind.family in ("json", "spatial") or kind.name in TEXT_LIMITS or kind.name in BLOB_LIMITS:
                raise refusal(3152 if kind.family == "json" else 1170, name)
        if sum(_bytes(table.column(name).type) for name in index.columns) > 3072:
            raise refusal(1071)
    return table


def _bytes(kind: ColumnType) -> int:
    return (kind.length or 0) * {"varchar": 4, "char": 4, "varbinary": 1, "binary": 1}.get(kind.name, 0)


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
    _action(reader, change)
    while reader.accept(","):
        _action(reader, change)
    if reader.peek("FIRST") or reader.peek("AFTER"):
        raise unsupported("the place of a column")
    reader.end()
    change.after = checked(change.after)
    return change


def _action(reader: Reader, change: Alteration) -> None:
    found = reader.accept_any("ADD", "DROP", "RENAME COLUMN", "MODIFY", "COMMENT")
    if found == "ADD":
        keys: list[KeyDefinition] = []
        _add(reader, change, keys)
        for key in keys:
            change.after = change.after.with_index(key)
    elif found == "DROP":
        _drop(reader, change)
    elif found == "COMMENT":
        reader.accept("=")
        change.after = replace(change.after, comment=reader.string())
    elif found == "MODIFY":
        reader.accept("COLUMN")
        column, _ = read_column(reader)
        old = change.after.column(column.name)
        required = old.name in change.after.primary_key
        _replace(change, old.name, replace(column, name=old.name, nullable=column.nullable and not required))
    elif found:
        old = change.after.column(reader.name())
        reader.expect("TO")
        _replace(change, old.name, replace(old, name=reader.name()))
    else:
        raise unsupported(f"ALTER TABLE … {reader.rest[:40]}")


def _add(reader: Reader, change: Alteration, keys: list[KeyDefinition]) -> None:
    """A column, which is added, or a key, which goes to `keys`."""
    if index := read_index(reader):
        return keys.append(index)
    reader.accept("COLUMN")
    if reader.peek("("):
        raise unsupported("ADD COLUMN (…)")
    column, own = read_column(reader)
    if change.after.find(column.name):
        raise refusal(1060, column.name)
    change.after = replace(change.after, columns=(*change.after.columns, column))
    return keys.extend(own)


def _drop(reader: Reader, change: Alteration) -> None:
    word, table = reader.accept_any("PRIMARY KEY", "INDEX", "KEY", "COLUMN"), change.after
    name = "PRIMARY" if word == "PRIMARY KEY" else reader.name()
    if word in ("PRIMARY KEY", "INDEX", "KEY"):
        change.after = replace(table, indexes=tuple(one for one in table.indexes if one.name.lower() != name.lower()))
        if change.after == table:
            raise refusal(1091, name)
        return
    column = table.find(name)
    if column is None or column.name not in change.origin:
        raise refusal(1091, name)
    if len(table.columns) == 1:
        raise refusal(1090)
    rest = (replace(one, columns=tuple(part for part in one.columns if part != column.name)) for one in table.indexes)
    columns = tuple(known for known in table.columns if known is not column)
    change.after = replace(table, columns=columns, indexes=tuple(index for index in rest if index.columns))
    change.origin.pop(column.name, None)


def _replace(change: Alteration, old: str, column: Column) -> None:
    clash = change.after.find(column.name)
    if clash and clash.name != old:
        raise refusal(1060, column.name)
    columns = tuple(column if known.name == old else known for known in change.after.columns)
    renamed = {old: column.name}
    indexes = (replace(one, columns=tuple(renamed.get(it, it) for it in one.columns)) for one in change.after.indexes)
    change.after = replace(change.after, columns=columns, indexes=tuple(indexes))
    if origin := change.origin.pop(old, None):
        change.origin[column.name] = origin
