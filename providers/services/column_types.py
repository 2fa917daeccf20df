"""A column's type in any of MySQL's spellings (MySQL 8.0 manual, Data Types; asked of a real 8.0.15 by
`tests/conformance/test_column_types.py`). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

V = TypeVar("V")

_TEXT = r"'(?:[^'\\]|'')*'"
_TYPE = r"(?:NATIONAL )?(?:CHAR(?:ACTER)? VARYING|DOUBLE PRECISION|LONG VARCHAR|LONG VARBINARY|[A-Z]\w*)"
_SIZE = rf" ?(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\)|\(\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*\))?"
_NOW = r"(?:CURRENT_TIMESTAMP|NOW)(?:\(\d?\))?"
_ATTRIBUTE = (
    r"UNSIGNED|SIGNED|ZEROFILL|NOT NULL|NULL|AUTO_INCREMENT|UNIQUE(?: KEY)?|BINARY"
    rf"|(?:CHARACTER SET|CHARSET) \w+|COLLATE \w+|COMMENT {_TEXT}|ON UPDATE {_NOW}"
    rf"|DEFAULT (?:NULL|TRUE|FALSE|{_NOW}|[-+]?\d+(?:\.\d+)?|{_TEXT})"
)
_COLUMN = re.compile(rf"{_TYPE}{_SIZE}(?: (?:{_ATTRIBUTE}))*", re.IGNORECASE)
_WORDS = re.compile(rf"({_TYPE})(?: ?\(\s*(\d+)[^)]*\))?", re.IGNORECASE)

SYNONYMS = {
    "bool": "tinyint",
    "boolean": "tinyint",
    "int1": "tinyint",
    "int2": "smallint",
    "int3": "mediumint",
    "middleint": "mediumint",
    "int4": "int",
    "integer": "int",
    "int8": "bigint",
    "serial": "bigint",
    "dec": "decimal",
    "fixed": "decimal",
    "numeric": "decimal",
    "float4": "float",
    "float8": "double",
    "real": "double",
    "double precision": "double",
    "character": "char",
    "nchar": "char",
    "character varying": "varchar",
    "char varying": "varchar",
    "nvarchar": "varchar",
    "varcharacter": "varchar",
    "long": "mediumtext",
    "long varchar": "mediumtext",
    "long varbinary": "mediumblob",
    "geomcollection": "geometrycollection",
}
BINARY = {"char": "binary", "varchar": "varbinary"} | {
    f"{size}text": f"{size}blob" for size in ("tiny", "", "medium", "long")
}
"""What a type is in the character set `binary`."""

SIZES = ((255, "tiny"), (65_535, ""), (16_777_215, "medium"))
"""Bytes that a TEXT or a BLOB of a given length must hold, and the type that MySQL makes of it."""

FLOAT_DIGITS = 24
"""Binary digits of a FLOAT; with more it is a DOUBLE."""


def column_type(text: str) -> str:
    """Returns a column's type and attributes, as in CREATE TABLE. Raises ValueError for anything else."""
    line = " ".join(text.split())
    if re.search(r"\bGENERATED\b|\bAS \(", line, re.IGNORECASE):
        raise ValueError(f"{text!r} is a generated column; write its type alone, such as INT")
    if re.search(r"\bPRIMARY KEY\b", line, re.IGNORECASE):
        raise ValueError(f"{text!r} names a key; name the column in `primary_key`, and write its type alone here")
    if not _COLUMN.fullmatch(line):
        raise ValueError(f"{text!r} is no column type; write one such as VARCHAR(200) NOT NULL")
    return line


def base_type(text: str) -> str:
    """Returns the data type as information_schema shows it: `int` for `INTEGER(11) UNSIGNED NOT NULL`."""
    return sorted(data_types(text), key=len)[0] if data_types(text) else ""


def data_types(text: str) -> frozenset[str]:
    """Returns the data types that a spelling may have: a TEXT of a given length depends on its character set."""
    found = _WORDS.match(" ".join(text.split()))
    if found is None:
        return frozenset()
    word = re.sub(r"^national ", "", found[1].lower())
    name, length = SYNONYMS.get(word, word), int(found[2] or 0)
    if name == "float" and length > FLOAT_DIGITS and "," not in found[0]:
        name = "double"
    if re.search(r"\b(CHARACTER SET|CHARSET) binary\b", text, re.IGNORECASE):
        name = BINARY.get(name, name)
    if name in ("text", "blob") and length:
        return frozenset(_sized(name, length * width) for width in ((1, 2, 3, 4) if name == "text" else (1,)))
    return frozenset({name})


def is_same_type(declared: str, shown: str) -> bool:
    """Tells whether two spellings may be of the same data type."""
    return bool(data_types(declared) & data_types(shown))


def _sized(name: str, length: int) -> str:
    return next((prefix for most, prefix in SIZES if length <= most), "long") + name


class ByName(dict[str, V]):
    """Columns by name, looked up as MySQL compares names of columns: whatever their case."""

    def __init__(self, columns: Mapping[str, V]) -> None:
        super().__init__(columns)
        self._folded = {name.casefold(): name for name in columns}

    def __getitem__(self, name: str) -> V:
        return super().__getitem__(self._folded[name.casefold()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.casefold() in self._folded

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(self._folded.get(name.casefold(), name), default)
