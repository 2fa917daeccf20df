"""MySQL's functions and collations, as Python functions that SQLite calls.

The collation knows ASCII, letters that are an ASCII letter with marks, and Chinese characters. Comparing two texts that
first differ at anything else is refused.
"""

from __future__ import annotations

import hashlib
import math
import operator
import re
import sqlite3
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sandbox.polardb import types
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.types import EXACT, ColumnType, fixed, moment, number_of, text_of

_ORDER = "\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
_RANKS = {char: at for at, char in enumerate(_ORDER)}
_UNKNOWN = 1 << 24


@lru_cache(maxsize=65536)
def collation_key(text: str) -> tuple[int, ...]:
    """What utf8mb4_0900_ai_ci compares: a rank for each character; those from `_UNKNOWN` on have no known place."""
    ranks: list[int] = []
    for char in unicodedata.normalize("NFD", text.casefold()):
        if unicodedata.combining(char) and ranks and ranks[-1] < len(_ORDER):
            continue
        if char in _RANKS or not char.isascii():
            ranks.append(_RANKS.get(char, ord(char) if "\u4e00" <= char <= "\u9fd5" else _UNKNOWN + ord(char)))
    return tuple(ranks)


def compare(left: str, right: str) -> tuple[int, bool]:
    """utf8mb4_0900_ai_ci's order: negative, 0 or positive, and whether that is known."""
    if left == right:
        return 0, True
    one, other = collation_key(left), collation_key(right)
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    ranks = [*one[at : at + 1], *other[at : at + 1]]
    known = max(ranks, default=0) < _UNKNOWN or (len(ranks) == 1 and chr(ranks[0] - _UNKNOWN).isprintable())
    return (one > other) - (one < other), known


def _padded(left: str, right: str) -> int:
    width = max(len(left), len(right))
    one, other = left.ljust(width), right.ljust(width)
    return (one > other) - (one < other)


def install(connection: sqlite3.Connection, guard: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Makes collations and functions known to `connection`; `guard` keeps what they raise for the caller."""

    @guard
    def collate(left: str, right: str) -> int:
        order, known = compare(left, right)
        if not known:
            raise unsupported(f"comparing {left[:20]!r} with {right[:20]!r}")
        return order

    connection.create_collation(types.COLLATION, collate)
    connection.create_collation(types.BINARY_COLLATION, _padded)
    connection.create_collation(types.DECIMAL_COLLATION, lambda left, right: int(Decimal(left).compare(Decimal(right))))
    for name, function in FUNCTIONS.items():
        connection.create_function(f"my_{name}", -1, guard(_null_in_null_out(function.call)), deterministic=True)
    for name, call in _INNER.items():
        connection.create_function(f"my_{name}", -1, guard(_null_in_null_out(call)), deterministic=True)
    connection.create_aggregate("my_SUM", 2, _Sum)  # type: ignore[arg-type]
    connection.create_aggregate("my_AVG", 2, _Average)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Function:
    """A function of texts, with its least and greatest count of arguments."""

    call: Callable[..., Any]
    result: ColumnType
    least: int = 1
    most: int | None = 1


def _null_in_null_out(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else function(*values)


def number(value: Any) -> Any:
    """A number as SQLite has it, for exact arithmetic: a DECIMAL is a text there."""
    return Decimal(value) if isinstance(value, str) else value


def _arithmetic(sign: str, left: Any, right: Any, family: str, places: int, strict: int) -> Any:
    """`left sign right` as types.BIGINT, DECIMAL with `places`, or DOUBLE. Raises 1690 when it does not fit."""
    one, other = number(left), number(right)
    if sign in ("/", "DIV", "%") and not other:
        if strict:
            raise refusal(1365)
        return None
    exact = _REAL[sign](one, other) if family == "real" else _EXACT[sign](Decimal(one), Decimal(other))
    if family == "decimal":
        if exact and exact.adjusted() > 64 - places:
            raise unsupported("DECIMAL results of more than 65 digits")
        return fixed(exact, places)
    if family == "real" and math.isfinite(exact):
        return exact
    if family == "real" or not -(2**63) <= exact < 2**63 or (family == "unsigned" and exact < 0):
        if family == "unsigned" and 0 <= exact < 2**64:
            raise unsupported("BIGINT UNSIGNED above 9223372036854775807")
        kind = {"real": "DOUBLE", "unsigned": "BIGINT UNSIGNED"}.get(family, "BIGINT")
        raise refusal(1690, kind, f"({text_of(left)} {sign} {text_of(right)})")
    return int(exact)


_EXACT: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply, "/": EXACT.divide, "%": EXACT.remainder,
    "DIV": EXACT.divide_int,
}  # fmt: skip
_REAL: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "%": math.fmod,
}  # fmt: skip


class _Sum:
    """SUM of whole numbers, DECIMALs or DOUBLEs, with as many `places`; -1 for a DOUBLE."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.places = 0

    def step(self, value: Any, places: int) -> None:
        self.places = places
        self.values += [] if value is None else [number(value)]

    def total(self) -> Any:
        return math.fsum(self.values) if self.places < 0 else sum(map(Decimal, self.values), Decimal(0))

    def shown(self, total: Any) -> Any:
        return total if self.places < 0 else fixed(total, self.places)

    def finalize(self) -> Any:
        return self.shown(self.total()) if self.values else None


class _Average(_Sum):
    def finalize(self) -> Any:
        return self.shown(self.total() / len(self.values)) if self.values else None


_CLASSES = {
    "[:space:]": r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000", "[:digit:]": "0-9",
}  # fmt: skip


@lru_cache(maxsize=512)
def pattern(text: str) -> re.Pattern[str]:
    """An ICU pattern for Python. Raises 3685 for a broken one, 1235 for one that only ICU reads."""
    for name, inside in _CLASSES.items():
        text = text.replace(name, inside.replace("\\", "\\\0"))
    if not text or re.search(r"\\[a-zA-Z0-9]|&&|\(\?|[*+?}][+]|\[:", text):
        raise unsupported(f"the regular expression {text!r}")
    try:
        return re.compile(text.replace("\\\0", "\\"), re.IGNORECASE)
    except re.error:
        raise refusal(3685) from None


@lru_cache(maxsize=512)
def like_pattern(wanted: str) -> re.Pattern[str]:
    """A LIKE pattern over `_plain` text."""
    pieces = re.split(r"(\\.|%|_)", wanted, flags=re.DOTALL)
    ready = {"%": ".*", "_": "."}
    return re.compile(
        "".join(ready.get(one) or re.escape(_plain(re.sub(r"\\(.)", r"\1", one))) for one in pieces), re.S
    )


def _plain(text: str) -> str:
    """`text` as the collation sees it, a character for a character. Raises 1235 where that is not known."""
    ranks = collation_key(text)
    if len(ranks) != len(text):
        raise unsupported(f"searching in {text[:20]!r}")
    return "".join(chr(rank % _UNKNOWN) if rank > len(_ORDER) else _ORDER[rank] for rank in ranks)


def like(text: str, wanted: str) -> int:
    """LIKE, by collation."""
    return int(bool(like_pattern(wanted).fullmatch(_plain(text))))


def octets(value: Any) -> bytes:
    """A value as its bytes."""
    return value if isinstance(value, bytes) else text_of(value).encode("utf-8", "surrogateescape")


def _real(value: Any) -> float:
    """Raises 1235 for a text that is no number, where MySQL would warn and take its beginning."""
    found = number_of(value) if isinstance(value, str) else value
    if found is None:
        raise unsupported(f"{value[:20]!r} as a number")
    return float(found)


FUNCTIONS: dict[str, Function] = {
    "CONCAT": Function(lambda *parts: "".join(parts), types.VARCHAR, 1, None),
    "LOWER": Function(str.lower, types.VARCHAR), "UPPER": Function(str.upper, types.VARCHAR),
    "LENGTH": Function(lambda text: len(octets(text)), types.BIGINT), "CHAR_LENGTH": Function(len, types.BIGINT),
    "REPLACE": Function(lambda text, old, new: text.replace(old, new) if old else text, types.VARCHAR, 3, 3),
    "MD5": Function(lambda text: hashlib.md5(octets(text)).hexdigest(), types.VARCHAR),
}  # fmt: skip
_INNER: dict[str, Callable[..., Any]] = {
    "arithmetic": _arithmetic, "like": like, "real": _real, "text": text_of,
    "regexp": lambda text, wanted: int(bool(pattern(wanted).search(text))),
    "fixed": lambda value, places: fixed(Decimal(value), places),
    "moment": lambda text: moment(text, ColumnType("datetime", 6)),
}  # fmt: skip
