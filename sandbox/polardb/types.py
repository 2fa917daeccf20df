"""MySQL's column types: how they are shown, kept in SQLite, sent to a client, and what they refuse.

MySQL converts what it is given to the column's type or refuses (1366, 1264, 1265, 1292, 1406): `stored` is that rule,
and the only way a value gets into a table. DECIMAL is kept as text, with all its digits.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from typing_extensions import Self

from sandbox.polardb.errors import refusal, unsupported

INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
WIDTHS = {"tinyint": (4, 3), "smallint": (6, 5), "mediumint": (9, 8), "int": (11, 10), "bigint": (20, 20)}
TEXT_LIMITS = {"tinytext": 2**8 - 1, "text": 2**16 - 1, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
BLOB_LIMITS = {name.replace("text", "blob"): limit for name, limit in TEXT_LIMITS.items()}
SPATIAL = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
           "geometrycollection")  # fmt: skip
FAMILIES = {
    **dict.fromkeys(INTEGER_BITS, "integer"), "float": "real", "double": "real", "decimal": "decimal",
    **dict.fromkeys((*TEXT_LIMITS, "varchar", "char"), "text"),
    **dict.fromkeys((*BLOB_LIMITS, "binary", "varbinary"), "blob"),
    **dict.fromkeys(("date", "datetime", "timestamp", "time"), "temporal"), "json": "json", "enum": "enum",
    "set": "enum", "bit": "bit", "year": "year", **dict.fromkeys(SPATIAL, "spatial"), "null": "null",
}  # fmt: skip
_STORAGE = {"integer": "INTEGER", "real": "REAL", "blob": "BLOB"}
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?)?", re.ASCII
)
COLLATION, BINARY_COLLATION, DECIMAL_COLLATION = "utf8mb4_0900_ai_ci", "utf8mb4_bin", "decimal"
EXACT = Context(prec=100, rounding=ROUND_HALF_UP)


class Shared:
    """What the nodes of a tree carry and their copies share: sqlglot would copy it with every node."""

    def __deepcopy__(self, _: object) -> Self:
        return self


@dataclass(frozen=True)
class ColumnType(Shared):
    """`name` in lower case as MySQL shows it; `length` in characters, bits or digits; `members` of ENUM and SET."""

    name: str
    length: int | None = None
    scale: int | None = None
    unsigned: bool = False
    members: tuple[str, ...] = ()
    binary: bool = False

    @property
    def family(self) -> str:
        """integer, real, decimal, text, blob, temporal, json, enum, bit, year, spatial or null."""
        return FAMILIES[self.name]

    @property
    def collation(self) -> str:
        """What SQLite compares its values by; empty for SQLite's own order."""
        if self.family in ("text", "enum"):
            return BINARY_COLLATION if self.binary else COLLATION
        return DECIMAL_COLLATION if self.family == "decimal" else ""

    @property
    def storage(self) -> str:
        """The type, and the collation, of the SQLite column."""
        kind = _STORAGE.get(self.family, "TEXT")
        return f"{kind} COLLATE {self.collation}" if self.collation else kind

    @property
    def places(self) -> int:
        """Digits after the point."""
        return self.scale or 0

    def __str__(self) -> str:
        """As information_schema's COLUMN_TYPE says it; 8.0.13 still shows display widths."""
        sign = " unsigned" if self.unsigned else ""
        if self.name in WIDTHS:
            return f"{self.name}({self.length or WIDTHS[self.name][self.unsigned]}){sign}"
        if self.family == "decimal":
            return f"decimal({self.length},{self.places}){sign}"
        if self.family == "enum":
            return f"{self.name}({','.join(quoted(member) for member in self.members)})"
        return f"{self.name}{f'({self.length})' if self.length is not None else ''}{sign}"


BIGINT, INT, DOUBLE = ColumnType("bigint"), ColumnType("int"), ColumnType("double")
VARCHAR, BLOB, NULL = ColumnType("varchar", 1024), ColumnType("varbinary", 1024), ColumnType("null")
DATETIME, DATE = ColumnType("datetime"), ColumnType("date")


def decimal(scale: int) -> ColumnType:
    """A result with `scale` digits after the point."""
    return ColumnType("decimal", 65, min(scale, 30))


def quoted(text: str) -> str:
    """A string literal that MySQL and SQLite read alike."""
    return "'" + text.replace("'", "''") + "'"


def number_of(text: str) -> int | Decimal | float | None:
    """The whole of `text` as a number, or None."""
    if not _NUMBER.fullmatch(text):
        return None
    return float(text) if "e" in text.lower() else Decimal(text) if "." in text else int(text)


def fixed(number: Decimal, places: int) -> str:
    """A DECIMAL as text, rounded to `places`."""
    return f"{EXACT.add(number.quantize(Decimal(1).scaleb(-places), context=EXACT), Decimal(0)):f}"


def text_of(value: Any) -> str:
    """A value as MySQL shows it as text."""
    if not isinstance(value, float):
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
    if value == 0 or 1e-15 <= abs(value) < 1e15:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    digits, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    return f"{digits}e{int(exponent)}"


def sent(value: Any, kind: ColumnType) -> str | bytes:
    """One value as the text protocol spells it; a FLOAT has six digits."""
    if kind.family == "real":
        return text_of(float(f"{value:.6g}" if kind.name == "float" else value))
    return value if isinstance(value, bytes) else text_of(value)


# Into a table


def stored(value: Any, kind: ColumnType, column: str, row: int) -> Any:
    """`value` as a column of type `kind` keeps it. Raises what strict mode would, naming `column` and `row`."""
    convert = _CONVERSIONS.get(kind.family if kind.name not in ("time", "set") else "")
    if value is not None and convert is None:
        raise unsupported(f"{kind.name.upper()} values")
    return None if value is None or convert is None else convert(value, kind, column, row)


def _number(value: Any, what: str, column: str, row: int) -> int | float | Decimal:
    if isinstance(value, (int, float)):
        return value
    text = text_of(value)
    number = number_of(text)
    if number is None:
        begins = (match := _NUMBER.match(text)) and match.group().strip()
        raise refusal(1265, column, row) if begins else refusal(1366, what, text[:64], column, row)
    return number


def _integer(value: Any, kind: ColumnType, column: str, row: int) -> int:
    number = _number(value, "integer", column, row)
    whole = round(number) if isinstance(number, (int, float)) else int(number.to_integral_value(ROUND_HALF_UP))
    half = 2 ** (INTEGER_BITS[kind.name] - 1)
    if not (0 if kind.unsigned else -half) <= whole < half * (2 if kind.unsigned else 1):
        raise refusal(1264, column, row)
    if whole >= 2**63:
        raise unsupported("BIGINT UNSIGNED above 9223372036854775807")
    return whole


def _real(value: Any, kind: ColumnType, column: str, row: int) -> float:
    if isinstance(value, str) and (number_of(value) is None or value.endswith(" ")):
        raise refusal(1265, column, row)
    number = float(value)
    if not abs(number) <= (3.4028234663852886e38 if kind.name == "float" else math.inf) or math.isinf(number):
        raise refusal(1264, column, row)
    return float(struct.unpack("f", struct.pack("f", number))[0]) if kind.name == "float" else number


def _decimal(value: Any, kind: ColumnType, column: str, row: int) -> str:
    number = _number(value, "decimal", column, row)
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if exact.adjusted() > 80 or (kind.unsigned and exact < 0):
        raise refusal(1264, column, row)
    text = fixed(exact, kind.places)
    if len(text.lstrip("-0").partition(".")[0]) > (kind.length or 10) - kind.places:
        raise refusal(1264, column, row)
    return text


def _text(value: Any, kind: ColumnType, column: str, row: int) -> str:
    text = text_of(value)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        bad = text[error.start :].encode("utf-8", "surrogateescape")[:6]
        shown = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02X}" for byte in bad)
        raise refusal(1366, "string", shown, column, row) from None
    if kind.name in TEXT_LIMITS:
        if size > TEXT_LIMITS[kind.name]:
            raise refusal(1406, column, row)
        return text
    kept = text[: kind.length]
    if text[len(kept) :].strip(" "):
        raise refusal(1406, column, row)
    return kept.rstrip(" ") if kind.name == "char" else kept


def _blob(value: Any, kind: ColumnType, column: str, row: int) -> bytes:
    data = value if isinstance(value, bytes) else text_of(value).encode("utf-8", "surrogateescape")
    limit = BLOB_LIMITS.get(kind.name, kind.length or 0)
    if len(data) > limit:
        raise refusal(1406, column, row)
    return data.ljust(limit, b"\0") if kind.name == "binary" else data


def _enum(value: Any, kind: ColumnType, column: str, row: int) -> str:
    if not isinstance(value, str):
        raise unsupported("numbers as ENUM")
    found = next((member for member in kind.members if member.casefold() == value.casefold()), None)
    if found is None:
        raise refusal(1265, column, row)
    return found


def _json(value: Any, _kind: ColumnType, column: str, _row: int) -> str:
    if not isinstance(value, str):
        raise unsupported("JSON from anything but text")
    try:
        return json_text(json.loads(value, parse_constant=_no_json, parse_float=_no_json))
    except ValueError as error:
        raise refusal(3140, "Invalid value.", getattr(error, "pos", 0), column) from None


def _no_json(text: str) -> Any:
    raise unsupported(f"{text} in JSON")


def json_text(value: Any, *, spaced: bool = True) -> str:
    """As MySQL keeps JSON: keys by length, then alphabet. `spaced=False` is how change capture writes it."""
    separators = (", ", ": ") if spaced else (",", ":")
    return json.dumps(_sorted_keys(value), ensure_ascii=False, separators=separators)


def _sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_keys(value[key]) for key in sorted(value, key=lambda key: (len(key.encode()), key))}
    return [_sorted_keys(item) for item in value] if isinstance(value, list) else value


def moment(text: str, kind: ColumnType) -> str | None:
    """A date with or without a time of day, in the form in which they compare as text; None for no such value.

    Raises 1235 for the spellings that MySQL reads and this does not.
    """
    found = _MOMENT.fullmatch(text)
    if not found:
        if re.fullmatch(r"[\d\s:.\-/^@T+*]*\d[\d\s:.\-/^@T+*]*", text):
            raise unsupported(f"'{text[:40]}' as {kind.name.upper()}")
        return None
    *parts, fraction = found.groups(default="0")
    try:
        numbers: Any = map(int, (*parts, fraction.ljust(6, "0")))
        when = datetime(*numbers)
    except ValueError:
        return None
    if kind.name == "date" and when.time() != datetime.min.time():
        raise unsupported("a time of day as DATE")
    if kind.name == "timestamp" and not 1970 <= when.year < 2038:
        raise unsupported("TIMESTAMP outside of 1970 to 2037")
    unit = 10 ** (6 - (kind.length or 0))
    rounded = when + timedelta(microseconds=(when.microsecond + unit // 2) // unit * unit - when.microsecond)
    return rounded.isoformat(" ", "microseconds")[
        : 10 if kind.name == "date" else 20 + kind.length if kind.length else 19
    ]


def _temporal(value: Any, kind: ColumnType, column: str, row: int) -> str:
    if not isinstance(value, str):
        raise unsupported(f"anything but text as {kind.name.upper()}")
    text = moment(value, kind)
    if text is None:
        raise refusal(1292, "datetime" if kind.name == "timestamp" else kind.name, value, column, row)
    return text


_CONVERSIONS = {
    "integer": _integer, "real": _real, "decimal": _decimal, "text": _text, "blob": _blob, "enum": _enum,
    "json": _json, "temporal": _temporal,
}  # fmt: skip
