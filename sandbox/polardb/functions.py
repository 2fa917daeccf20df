"""MySQL's functions, as Python functions that SQLite calls.

Each entry says how its arguments are converted (t: text, n: number, a: as they are) and the type of its result. A
function that is not here is refused by name: SQLite has functions of the same name that mean something else (LENGTH
counts characters there, bytes here).
"""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.types import (
    BIGINT,
    DATE,
    DATETIME,
    DOUBLE,
    INT,
    VARCHAR,
    ColumnType,
    leading_number,
    moment,
    text_of,
)

TypeRule = Callable[[Sequence[ColumnType]], ColumnType]


@dataclass(frozen=True)
class Function:
    """`arguments` has a letter for each argument.

    `+` at its end repeats the last, `?` makes those after it optional.
    """

    call: Callable[..., Any]
    arguments: str
    result: ColumnType | TypeRule
    nulls: bool = False

    def letters(self, count: int) -> str | None:
        """The conversions for `count` arguments, or None when that many do not fit."""
        required, _, optional = self.arguments.partition("?")
        if self.arguments.endswith("+"):
            known = self.arguments[:-1]
            return known + known[-1] * (count - len(known)) if count >= len(known) else None
        every = required + optional
        return every[:count] if len(required) <= count <= len(every) else None


@lru_cache(maxsize=65536)
def collation_key(text: str) -> str:
    """Text as utf8mb4_0900_ai_ci compares it: no case, no accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def collate(left: str, right: str) -> int:
    """utf8mb4_0900_ai_ci's order: negative, 0 or positive."""
    one, other = collation_key(left), collation_key(right)
    return (one > other) - (one < other)


_CLASSES = {
    "space": r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    "digit": r"\d", "alpha": r"^\W\d_", "alnum": r"^\W_", "word": r"\w", "blank": r" \t",
    "upper": "A-Z", "lower": "a-z", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "cntrl": r"\x00-\x1f\x7f",
}  # fmt: skip


@lru_cache(maxsize=512)
def pattern(text: str) -> re.Pattern[str]:
    """An ICU pattern for Python. Raises 3685 for a broken one, 1235 for one that only ICU reads."""
    if re.search(r"\\[pPXQ]|&&|\(\?[#>]|[*+?}]\+", text):
        raise unsupported(f"the regular expression {text!r}")
    try:
        return re.compile(re.sub(r"\[:(\^?)(\w+):\]", _class, _alone(text)), re.IGNORECASE)
    except re.error:
        raise refusal(3685) from None


def _alone(text: str) -> str:
    # A bracket holding only [:alpha:] or [:alnum:] is a negated class of Python's; mixed ones have no short form.
    text = re.sub(r"\[\[:alpha:\]\]", r"[^\\W\\d_]", text)
    text = re.sub(r"\[\^\[:alpha:\]\]", r"[\\W\\d_]", text)
    text = re.sub(r"\[\[:alnum:\]\]", r"[^\\W_]", text)
    return re.sub(r"\[\^\[:alnum:\]\]", r"[\\W_]", text)


def _class(found: re.Match[str]) -> str:
    inside = _CLASSES.get(found[2])
    if inside is None:
        raise refusal(3685)
    if found[1] or inside.startswith("^"):
        raise unsupported(f"[:{found[1]}{found[2]}:] among other characters in a regular expression")
    return inside


def _regexp(wanted: str | None, text: str | None) -> int | None:
    return None if wanted is None or text is None else int(bool(pattern(wanted).search(text)))


@lru_cache(maxsize=512)
def _like_pattern(wanted: str, escape: str) -> re.Pattern[str]:
    parts, chars = [], iter(collation_key(wanted))
    for char in chars:
        if char == escape:
            parts.append(re.escape(next(chars, escape)))
        else:
            parts.append({"%": ".*", "_": "."}.get(char, re.escape(char)))
    return re.compile("".join(parts), re.DOTALL)


def _like(text: str | None, wanted: str | None, escape: str = "\\") -> int | None:
    if text is None or wanted is None:
        return None
    return int(bool(_like_pattern(wanted, escape).fullmatch(collation_key(text))))


def _substring(text: str, start: int, length: int | None = None) -> str:
    start = int(start)
    if start == 0 or (length is not None and length <= 0):
        return ""
    begin = start - 1 if start > 0 else len(text) + start
    if begin < 0:
        return ""
    return text[begin:] if length is None else text[begin : begin + int(length)]


def _round(number: float, places: int = 0) -> float | int:
    if isinstance(number, int) and places >= 0:
        return number
    rounded = Decimal(repr(number)).quantize(Decimal(1).scaleb(-int(places)), ROUND_HALF_UP)
    return int(rounded) if places <= 0 else float(rounded)


def _rounded_type(kinds: Sequence[ColumnType]) -> ColumnType:
    return kinds[0] if kinds[0].family == "integer" else DOUBLE


def _concat_ws(separator: str | None, *parts: str | None) -> str | None:
    return None if separator is None else separator.join(part for part in parts if part is not None)


def _trim(text: str, what: str = " ", where: str = "BOTH") -> str:
    if not what:
        return text
    while where in ("BOTH", "LEADING") and text.startswith(what):
        text = text[len(what) :]
    while where in ("BOTH", "TRAILING") and text.endswith(what):
        text = text[: -len(what)]
    return text


def _modulo(left: float, right: float) -> float | int | None:
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return int(math.fmod(left, right)) if abs(left) < 2**53 else left - right * int(Decimal(left) / Decimal(right))
    return math.fmod(left, right)


def _divide(left: float, right: float) -> int | None:
    return None if right == 0 else int(Decimal(repr(left)) / Decimal(repr(right)))


def _first(kinds: Sequence[ColumnType]) -> ColumnType:
    return next((kind for kind in kinds if kind.name != "null"), kinds[0])


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: choose(values)


def _hex(value: Any) -> str:
    if isinstance(value, (int, float)):
        return f"{int(value):X}"
    return (value if isinstance(value, bytes) else str(value).encode()).hex().upper()


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else text_of(value).encode("utf-8", "surrogateescape")


def _sha2(value: Any, bits: int) -> str | None:
    name = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}.get(int(bits))
    return hashlib.new(name, _octets(value)).hexdigest() if name else None


def _date_part(text: str) -> str | None:
    return moment(text, DATE)


def _year(text: str) -> int | None:
    day = moment(text, DATE)
    return int(day[:4]) if day else None


def _epoch(text: str) -> int | None:
    when = moment(text, DATETIME)
    return int((datetime.fromisoformat(when) - datetime(1970, 1, 1)).total_seconds()) if when else None


FUNCTIONS: dict[str, Function] = {
    "CONCAT": Function(lambda *parts: "".join(parts), "t+", VARCHAR),
    "CONCAT_WS": Function(_concat_ws, "tt+", VARCHAR, nulls=True),
    "LOWER": Function(str.lower, "t", VARCHAR),
    "LCASE": Function(str.lower, "t", VARCHAR),
    "UPPER": Function(str.upper, "t", VARCHAR),
    "UCASE": Function(str.upper, "t", VARCHAR),
    "LENGTH": Function(lambda value: len(_octets(value)), "a", INT),
    "OCTET_LENGTH": Function(lambda value: len(_octets(value)), "a", INT),
    "CHAR_LENGTH": Function(len, "t", INT),
    "CHARACTER_LENGTH": Function(len, "t", INT),
    "LTRIM": Function(lambda text: text.lstrip(" "), "t", VARCHAR),
    "RTRIM": Function(lambda text: text.rstrip(" "), "t", VARCHAR),
    "TRIM": Function(_trim, "t?tt", VARCHAR),
    "SUBSTRING": Function(_substring, "tn?n", VARCHAR),
    "SUBSTR": Function(_substring, "tn?n", VARCHAR),
    "MID": Function(_substring, "tnn", VARCHAR),
    "LEFT": Function(lambda text, size: text[: max(0, int(size))], "tn", VARCHAR),
    "RIGHT": Function(lambda text, size: text[max(0, len(text) - int(size)) :] if size > 0 else "", "tn", VARCHAR),
    "REPLACE": Function(lambda text, old, new: text.replace(old, new) if old else text, "ttt", VARCHAR),
    "REVERSE": Function(lambda text: text[::-1], "t", VARCHAR),
    "REPEAT": Function(lambda text, times: text * max(0, int(times)), "tn", VARCHAR),
    "LOCATE": Function(lambda part, text: collation_key(text).find(collation_key(part)) + 1, "tt", BIGINT),
    "INSTR": Function(lambda text, part: collation_key(text).find(collation_key(part)) + 1, "tt", BIGINT),
    "HEX": Function(_hex, "a", VARCHAR),
    "MD5": Function(lambda value: hashlib.md5(_octets(value)).hexdigest(), "a", VARCHAR),
    "SHA1": Function(lambda value: hashlib.sha1(_octets(value)).hexdigest(), "a", VARCHAR),
    "SHA2": Function(_sha2, "an", VARCHAR),
    "UUID": Function(lambda: str(uuid.uuid1()), "", VARCHAR),
    "ABS": Function(abs, "n", _first),
    "SIGN": Function(lambda number: (number > 0) - (number < 0), "n", BIGINT),
    "FLOOR": Function(math.floor, "n", BIGINT),
    "CEIL": Function(math.ceil, "n", BIGINT),
    "CEILING": Function(math.ceil, "n", BIGINT),
    "ROUND": Function(_round, "n?n", _rounded_type),
    "SQRT": Function(lambda number: math.sqrt(number) if number >= 0 else None, "n", DOUBLE),
    "POW": Function(lambda base, power: float(base) ** power, "nn", DOUBLE),
    "POWER": Function(lambda base, power: float(base) ** power, "nn", DOUBLE),
    "MOD": Function(_modulo, "nn", _first),
    "DIV": Function(_divide, "nn", BIGINT),
    "GREATEST": Function(_extreme(max), "a+", _first),
    "LEAST": Function(_extreme(min), "a+", _first),
    "DATE": Function(_date_part, "t", DATE),
    "YEAR": Function(_year, "t", INT),
    "UNIX_TIMESTAMP": Function(_epoch, "t", BIGINT),
    "REGEXP_LIKE": Function(lambda text, wanted: _regexp(wanted, text), "tt", BIGINT),
}


def _null_in_null_out(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else call(*values)


def _decimal_text(number: float | None, places: int) -> str | None:
    return None if number is None else f"{Decimal(repr(number)):.{places}f}"


def _moment(value: Any, name: str) -> Any:
    # What is not a date compares as itself, and so equals none.
    return None if value is None else moment(text_of(value), ColumnType(name, 6)) or value


def install(connection: sqlite3.Connection, guard: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Makes the functions known to `connection`; `guard` keeps what they raise for the caller."""
    for name, function in FUNCTIONS.items():
        call = function.call if function.nulls else _null_in_null_out(function.call)
        connection.create_function(f"my_{name}", -1, guard(call), deterministic=name != "UUID")
    for name, count, call in _PLAIN:
        connection.create_function(name, count, guard(call), deterministic=True)


_PLAIN: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    ("my_regexp", 2, _regexp),
    ("my_like", 2, _like),
    ("my_like", 3, _like),
    ("my_number", 1, leading_number),
    ("my_decimal_text", 2, _decimal_text),
    ("my_text", 1, lambda value: None if value is None else text_of(value)),
    ("my_octets", 1, lambda value: None if value is None else _octets(value)),
    ("my_moment", 2, _moment),
)
