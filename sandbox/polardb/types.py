"""MySQL's column types: how they are written, kept in SQLite, sent to a client, and what they refuse.

MySQL converts what it is given to the column's type or refuses (1366, 1264, 1265, 1292, 1406): `stored` is that rule,
and it is the only way a value gets into a table. DECIMAL is kept as a number of 15 digits; more are refused, not
rounded.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sandbox.polardb.errors import refusal, unsupported

INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_WIDTHS = {"tinyint": (4, 3), "smallint": (6, 5), "mediumint": (9, 8), "int": (11, 10), "bigint": (20, 20)}
TEXT_LIMITS = {"tinytext": 255, "text": 65535, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
_BLOB_LIMITS = {"tinyblob": 255, "blob": 65535, "mediumblob": 2**24 - 1, "longblob": 2**32 - 1}
SPATIAL = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
    "geomcollection",
)  # fmt: skip
ALIASES = {
    "integer": "int", "int4": "int", "int8": "bigint", "int2": "smallint", "int1": "tinyint", "numeric": "decimal",
    "dec": "decimal", "fixed": "decimal", "real": "double", "character": "char", "nchar": "char",
    "nvarchar": "varchar",
}  # fmt: skip
_FAMILIES = {
    **dict.fromkeys(INTEGER_BITS, "integer"), "year": "integer", "float": "real", "double": "real",
    "decimal": "decimal", **dict.fromkeys(TEXT_LIMITS, "text"), "varchar": "text", "char": "text",
    **dict.fromkeys(_BLOB_LIMITS, "blob"), "binary": "blob", "varbinary": "blob", "date": "temporal",
    "datetime": "temporal", "timestamp": "temporal", "time": "temporal", "json": "json", "enum": "enum",
    "set": "enum", "bit": "bit", **dict.fromkeys(SPATIAL, "spatial"), "null": "null",
}  # fmt: skip
KNOWN = frozenset(_FAMILIES) - {"null"}
_STORAGE = {
    "integer": "INTEGER",
    "real": "REAL",
    "decimal": "REAL",
    "blob": "BLOB",
    "bit": "INTEGER",
    "spatial": "BLOB",
}
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
COLLATION = "utf8mb4_0900_ai_ci"


@dataclass(frozen=True)
class ColumnType:
    """`name` in lower case as MySQL shows it; `length` in characters, bits or digits; `members` of ENUM and SET."""

    name: str
    length: int | None = None
    scale: int | None = None
    unsigned: bool = False
    members: tuple[str, ...] = ()
    binary: bool = False

    @property
    def family(self) -> str:
        """integer, real, decimal, text, blob, temporal, json, enum, bit, spatial or null."""
        return _FAMILIES[self.name]

    @property
    def numeric(self) -> bool:
        return self.family in ("integer", "real", "decimal", "bit")

    @property
    def textual(self) -> bool:
        """Compared as text, by collation."""
        return self.family in ("text", "enum")

    @property
    def storage(self) -> str:
        """The type, and the collation, of the SQLite column."""
        kind = _STORAGE.get(self.family, "TEXT")
        return f"{kind} COLLATE {COLLATION}" if self.textual and not self.binary else kind

    @property
    def places(self) -> int:
        """Digits after the point."""
        return self.scale or 0

    def __str__(self) -> str:
        """As information_schema's COLUMN_TYPE says it; 8.0.13 still shows display widths."""
        sign = " unsigned" if self.unsigned else ""
        if self.name in _WIDTHS:
            return f"{self.name}({self.length or _WIDTHS[self.name][self.unsigned]}){sign}"
        if self.family == "decimal":
            return f"decimal({self.length or 10},{self.places}){sign}"
        if self.family == "enum":
            return f"{self.name}({','.join(quoted(member) for member in self.members)})"
        if self.name == "year":
            return "year(4)"
        length = f"({self.length})" if self.length is not None and self.family != "real" else ""
        return f"{self.name}{length}{sign}"


BIGINT = ColumnType("bigint")
INT = ColumnType("int")
DOUBLE = ColumnType("double")
TEXT = ColumnType("longtext")
VARCHAR = ColumnType("varchar", 1024)
BLOB = ColumnType("longblob")
DATETIME = ColumnType("datetime")
DATE = ColumnType("date")
JSON = ColumnType("json")
NULL = ColumnType("null")


def decimal(scale: int) -> ColumnType:
    """A result with `scale` digits after the point."""
    return ColumnType("decimal", 32, scale)


def quoted(text: str) -> str:
    """A string literal that MySQL and SQLite read alike."""
    return "'" + text.replace("'", "''") + "'"


def stored(value: Any, kind: ColumnType, column: str, row: int) -> Any:
    """`value` as the SQLite column of type `kind` keeps it.

    Raises what MySQL in strict mode would, naming `column`, `row`.
    """
    if value is None:
        return None
    return _CONVERSIONS[kind.family](value, kind, column, row)


def number_of(text: str) -> int | float | None:
    """The whole of `text` as a number, or None."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else float(text)


def leading_number(value: Any) -> int | float | None:
    """What MySQL makes of a value in arithmetic: '12abc' is 12, 'abc' is 0."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    match = _NUMBER.match(text)
    return number_of(match.group()) if match else 0


def _integer(value: Any, kind: ColumnType, column: str, row: int) -> int:
    number = _number(value, "integer", column, row)
    whole = number if isinstance(number, int) else int(Decimal(repr(number)).to_integral_value(ROUND_HALF_UP))
    bits = INTEGER_BITS.get(kind.name, 16)
    low, high = (0, 2**bits - 1) if kind.unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if not low <= whole <= high:
        raise refusal(1264, column, row)
    if whole >= 2**63:
        raise unsupported("BIGINT UNSIGNED above 9223372036854775807")
    return whole


def _number(value: Any, what: str, column: str, row: int) -> int | float:
    if isinstance(value, (int, float)):
        return value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    number = number_of(text)
    if number is None:
        if (match := _NUMBER.match(text)) and match.group().strip():
            raise refusal(1265, column, row)
        raise refusal(1366, what, text[:64], column, row)
    return number


def _real(value: Any, _kind: ColumnType, column: str, row: int) -> float:
    number = float(_number(value, "double", column, row))
    if not math.isfinite(number):
        raise refusal(1264, column, row)
    return number


def _decimal(value: Any, kind: ColumnType, column: str, row: int) -> float:
    exact = _exact(value, column, row).quantize(Decimal(1).scaleb(-kind.places), ROUND_HALF_UP)
    if exact and exact.adjusted() >= (kind.length or 10) - kind.places:
        raise refusal(1264, column, row)
    if kind.unsigned and exact < 0:
        raise refusal(1264, column, row)
    if len(exact.normalize().as_tuple().digits) > 15:
        raise unsupported("DECIMAL values of more than 15 digits")
    return float(exact)


def _exact(value: Any, column: str, row: int) -> Decimal:
    _number(value, "decimal", column, row)
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        raise refusal(1366, "decimal", value, column, row) from None


def text_of(value: Any) -> str:
    """A number or text as MySQL would show it as text."""
    if isinstance(value, float):
        return repr(value)[:-2] if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _text(value: Any, kind: ColumnType, column: str, row: int) -> str:
    text = text_of(value)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        bad = text[error.start :].encode("utf-8", "surrogateescape")[:8]
        raise refusal(1366, "string", "".join(f"\\x{byte:02X}" for byte in bad), column, row) from None
    limit = TEXT_LIMITS.get(kind.name)
    if (limit is not None and size > limit) or (limit is None and len(text) > (kind.length or 1)):
        raise refusal(1406, column, row)
    return text.rstrip(" ") if kind.name == "char" else text


def _blob(value: Any, kind: ColumnType, column: str, row: int) -> bytes:
    data = value if isinstance(value, bytes) else text_of(value).encode("utf-8", "surrogateescape")
    limit = _BLOB_LIMITS.get(kind.name, kind.length or 1)
    if len(data) > limit:
        raise refusal(1406, column, row)
    return data.ljust(limit, b"\0") if kind.name == "binary" else data


def _enum(value: Any, kind: ColumnType, column: str, row: int) -> str:
    known = {member.casefold(): member for member in kind.members}
    if isinstance(value, int) and kind.name == "enum":
        if not 1 <= value <= len(kind.members):
            raise refusal(1265, column, row)
        return kind.members[value - 1]
    wanted = text_of(value).split(",") if kind.name == "set" else [text_of(value)]
    found = {known.get(text.casefold()) for text in wanted if text or kind.name == "enum"}
    if None in found:
        raise refusal(1265, column, row)
    return ",".join(member for member in kind.members if member in found)


def _bit(value: Any, kind: ColumnType, column: str, row: int) -> int:
    number = int.from_bytes(value, "big") if isinstance(value, bytes) else _integer(value, BIGINT, column, row)
    if not 0 <= number < 2 ** (kind.length or 1):
        raise refusal(1406, column, row)
    return number


def _json(value: Any, _kind: ColumnType, column: str, _row: int) -> str:
    try:
        return json_text(json.loads(text_of(value)))
    except ValueError as error:
        position = getattr(error, "pos", 0)
        raise refusal(3140, "Invalid value.", position, column) from None


def json_text(value: Any, *, spaced: bool = True) -> str:
    """As MySQL keeps JSON: keys by length, then alphabet. `spaced=False` is how change capture writes it."""
    comma, colon = (", ", ": ") if spaced else (",", ":")
    return json.dumps(_sorted_keys(value), ensure_ascii=False, separators=(comma, colon))


def _sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_keys(value[key]) for key in sorted(value, key=lambda key: (len(key.encode()), key))}
    return [_sorted_keys(item) for item in value] if isinstance(value, list) else value


def _spatial(_value: Any, kind: ColumnType, _column: str, _row: int) -> Any:
    raise unsupported(f"{kind.name.upper()} values")


_MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?)?")
_CLOCK = re.compile(r"(-?\d{1,3}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?")


def moment(text: str, kind: ColumnType) -> str | None:
    """A date, a time or both in the one form in which they compare as text; None when it is not one."""
    try:
        if kind.name == "time":
            return _time(text.strip(), kind)
        found = _MOMENT.fullmatch(text.strip())
        if not found:
            return None
        parts = found.groups()
        when = datetime(int(parts[0]), int(parts[1]), int(parts[2]), *_clock(parts[3:]))
    except ValueError:
        return None
    return date(when.year, when.month, when.day).isoformat() if kind.name == "date" else _with_fraction(when, kind)


def _time(text: str, kind: ColumnType) -> str | None:
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    if found[1].startswith("-") or int(found[1]) > 23:
        raise unsupported("TIME values outside of a day")
    return _with_fraction(datetime(1970, 1, 1, *_clock(found.groups())), kind)[11:]


def _clock(parts: tuple[str | None, ...]) -> tuple[int, int, int, int]:
    hours, minutes, seconds, fraction = parts
    return int(hours or 0), int(minutes or 0), int(seconds or 0), int((fraction or "0").ljust(6, "0"))


def _with_fraction(when: datetime, kind: ColumnType) -> str:
    digits = kind.length or 0
    unit = 10 ** (6 - digits)
    rounded = (
        when
        - timedelta(microseconds=when.microsecond)
        + timedelta(microseconds=(when.microsecond + unit // 2) // unit * unit)
    )
    text = rounded.isoformat(" ", "microseconds")
    return text[: 20 + digits] if digits else text[:19]


def _temporal(value: Any, kind: ColumnType, column: str, row: int) -> str:
    if isinstance(value, (int, float)):
        raise unsupported(f"numbers as {kind.name.upper()}")
    text = moment(text_of(value), kind)
    if text is None:
        raise refusal(1292, "datetime" if kind.name == "timestamp" else kind.name, text_of(value), column, row)
    return text


_CONVERSIONS = {
    "integer": _integer,
    "real": _real,
    "decimal": _decimal,
    "text": _text,
    "blob": _blob,
    "enum": _enum,
    "bit": _bit,
    "json": _json,
    "spatial": _spatial,
    "temporal": _temporal,
}
