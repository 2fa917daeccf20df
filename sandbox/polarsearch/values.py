"""A document's or a query's value as a field of its type compares it; ValueError for one that does not fit."""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Any

import numpy as np

from sandbox.polarsearch import dates
from sandbox.polarsearch.settings import as_text

WHOLE = {"long": 63, "integer": 31, "short": 15, "byte": 7}
NUMBERS = WHOLE.keys() | {"double", "float", "half_float", "scaled_float"}
LONGEST_TERM = 32766
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

Shown = dict[str, Any]


def indexed(shown: Shown, value: Any) -> Any:
    """A scalar as the field compares it."""
    kind = shown["type"]
    if isinstance(value, (dict, list)):
        raise ValueError("it must be a single value")
    if kind in NUMBERS:
        return _number(kind, shown, value)
    if kind == "date":
        return _date(shown.get("format", dates.DEFAULT), value)
    if kind == "boolean":
        if not isinstance(value, bool) and value not in ("true", "false"):
            raise ValueError("only [true] or [false] are allowed")
        return value in (True, "true")
    return int(ipaddress.IPv4Address(as_text(value))) if kind == "ip" else as_text(value)


def _date(format: str, value: Any) -> int:
    if isinstance(value, float):
        raise ValueError("a date must be a text or a whole number")
    return dates.millis(as_text(value), format)


def _number(kind: str, shown: Shown, value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError("it must be a number")
    if shown.get("coerce") is False and (isinstance(value, str) or (kind in WHOLE and value != int(value))):
        raise ValueError("it must be a number of that type, since [coerce] is false")
    if isinstance(value, str):
        value = int(value) if value.lstrip("+-").isdigit() else float(value)
    if kind not in WHOLE:
        return _real(kind, shown, float(value))
    if not -(2 ** WHOLE[kind]) <= value < 2 ** WHOLE[kind]:
        raise ValueError("it is out of range")
    return int(value)


def _real(kind: str, shown: Shown, number: float) -> float:
    """As stored: rounded to the type's width, or to the scaling factor."""
    if kind == "scaled_float":
        return float(math.floor(number * shown["scaling_factor"] + 0.5) / shown["scaling_factor"])
    with np.errstate(over="ignore"):
        width = {"double": float, "float": np.float32, "half_float": np.float16}[kind]
        stored = float(width(number))
    if math.isinf(stored):
        raise ValueError("it is out of range")
    return stored


def looks_like_date(text: str) -> bool:
    """Whether dynamic mapping takes a text for a date; one that is only digits it never does."""
    if text.isdigit():
        return False
    try:
        dates.millis(text, "strict_date_optional_time||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd")
    except ValueError:
        return False
    return True
