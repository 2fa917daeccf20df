"""A document's or a query's value as a field of its type compares it, and how a node refuses one that does not fit."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from sandbox.polarsearch import dates
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here
from sandbox.polarsearch.settings import java_text

WHOLE = {"long": 63, "integer": 31, "short": 15, "byte": 7, "unsigned_long": 64}
REAL = {"double", "float", "half_float", "scaled_float"}
NUMBERS = WHOLE.keys() | REAL
DATES = {"date", "date_nanos"}
LONGEST_TERM = 32766
_SLASHED = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd"
SLASHED = {"type": "date", "format": f"{_SLASHED}||epoch_millis", "print_format": _SLASHED.partition("||")[0]}
"""The field that a date with slashes makes."""

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_POINTS = re.compile(r"\s*[+-]?\d*\.\d*\.")
_CLASSES = {"long": "Long", "integer": "Integer", "short": "Short", "byte": "Byte", "float": "Float",
            "half_float": "Float", "double": "Double", "scaled_float": "Double", "unsigned_long": "Long"}  # fmt: skip
_GEOHASH = re.compile(r"[0-9b-hjkmnp-z]{1,12}")

Shown = dict[str, Any]


def indexed(shown: Shown, value: Any) -> Any:
    """A scalar as the field compares it, None when it is left out. Raises the cause of the refusal."""
    kind = shown["type"]
    if kind in NUMBERS:
        return _number(kind, shown, value)
    if kind in DATES:
        return _date(kind, shown, value)
    if kind == "geo_point" or kind == "flat_object":
        return None
    if isinstance(value, dict) and kind == "boolean":
        raise jackson("json_parse_exception", "Current token (START_OBJECT) not of boolean type")
    if isinstance(value, dict):
        raise ApiError(500, "illegal_state_exception", "Can't get text on a START_OBJECT at 1:7")
    convert: Callable[[Any], Any] = _OTHERS.get(kind, as_term)
    return convert(value)


def as_term(value: Any) -> str:
    """A value as a token: numbers and booleans as their texts."""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, float) else java_text(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        token = "INT" if isinstance(value, int) else "FLOAT"
        raise jackson("json_parse_exception", f"Current token (VALUE_NUMBER_{token}) not of boolean type")
    if value not in (True, False, "true", "false", ""):
        raise illegal_argument(f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
    return value in (True, "true")


def ip_address(value: Any) -> int:
    """An address as a number; IPv4 is part of IPv6. Raises illegal_argument_exception."""
    try:
        at = ipaddress.ip_address(as_term(value))
    except ValueError:
        raise illegal_argument(f"'{as_term(value)}' is not an IP string literal.") from None
    return int(at) + (0xFFFF << 32 if at.version == 4 else 0)


_OTHERS: dict[str, Callable[[Any], Any]] = {"boolean": _boolean, "ip": ip_address}


def _date(kind: str, shown: Shown, value: Any) -> int:
    format = shown.get("format", dates.DEFAULT)
    if isinstance(value, dict):
        raise not_here("a date must be a text or a number")
    if isinstance(value, float) and -1 < value < 0:
        raise not_here(f"[{value}] is not supported as a date")
    whole = isinstance(value, float) and "epoch" in format and abs(value) < 1e16
    text = str(int(value)) if whole else as_term(value)
    if not text:
        raise illegal_argument("cannot parse empty date")
    at = dates.millis(text, format)
    if kind == "date_nanos" and not 0 <= at < 9223372036854:
        raise not_here(f"date [{text}] cannot be stored in nanosecond resolution")
    return at


def is_number(text: str) -> bool:
    """Whether Java's Double.parseDouble reads it (but for NaN and the like)."""
    return bool(_NUMBER.fullmatch(text))


def _number(kind: str, shown: Shown, value: Any) -> Any:
    if isinstance(value, (bool, dict)):
        token = "START_OBJECT" if isinstance(value, dict) else f"VALUE_{java_text(value).upper()}"
        raise not_numeric(token)
    if isinstance(value, str):
        if shown.get("coerce") is False:
            raise illegal_argument(f"{_CLASSES[kind]} value passed as String")
        if not value:
            return None
        value = _read(kind, value)
    return _whole(kind, shown, value) if kind in WHOLE else real(kind, shown, float(value))


def _read(kind: str, text: str) -> float | int:
    exact = kind in {"long", "unsigned_long"}
    if not is_number(text) or (exact and text != text.strip()):
        if text.strip().lstrip("+-") in {"NaN", "Infinity"} and not exact:
            raise not_here(f"[{text}] is not supported as a number")
        if text and not text.strip() and not exact:
            raise ApiError(400, "number_format_exception", "empty String")
        if _POINTS.match(text) and not exact:
            raise ApiError(400, "number_format_exception", "multiple points")
        reason = f'For input string: "{text}"'
        raise illegal_argument(reason) if exact else ApiError(400, "number_format_exception", reason)
    return int(text) if text.strip().lstrip("+-").isdigit() else float(text)


def _whole(kind: str, shown: Shown, value: float | int) -> int:
    if isinstance(value, float) and math.isinf(value):
        raise not_here("the number is out of range")
    bits, number = WHOLE[kind], int(value)
    java = 63 if kind == "long" else 31
    if kind == "unsigned_long":
        if not 0 <= number < 2**bits:
            raise illegal_argument(f"Value [{number}] is out of range for an unsigned long")
    elif not -(2**java) <= number < 2**java:
        name = "long" if kind == "long" else "int"
        reach = f"({-(2**java)} - {2**java - 1})"
        raise jackson("input_coercion_exception", f"Numeric value ({value}) out of range of {name} {reach}")
    elif not -(2**bits) <= number < 2**bits:
        if kind == "short" and isinstance(value, int):
            raise jackson("input_coercion_exception", f"Numeric value ({value}) out of range of Java short")
        raise illegal_argument(f"Value [{number}] is out of range for a {kind}")
    if shown.get("coerce") is False and number != value:
        raise illegal_argument(f"{java_text(value)} cannot be converted to {_CLASSES[kind]} without data loss")
    return number


def real(kind: str, shown: Shown, number: float) -> float:
    """As stored: rounded to the type's width, or to the scaling factor."""
    if kind == "scaled_float":
        return float(math.floor(number * shown["scaling_factor"] + 0.5) / shown["scaling_factor"])
    with np.errstate(over="ignore"):
        seen = number if kind == "double" else float(np.float32(number))
        stored = float(np.float16(number)) if kind == "half_float" else seen
    if math.isinf(stored):
        raise illegal_argument(f"[{kind}] supports only finite values, but got [{java_text(seen)}]")
    return stored


def not_numeric(token: str) -> ApiError:
    """What is no number at all."""
    reason = f"Current token ({token}) not numeric, can not use numeric value accessors"
    return jackson("json_parse_exception", reason)


def jackson(kind: str, reason: str) -> ApiError:
    """A refusal of the JSON parser, which tells the place."""
    source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
    return ApiError(400, kind, f"{reason}\n at [Source: {source}; line: 1, column: 1]")


# -- what is only checked


def check_geo(value: Any, name: str) -> None:
    """Raises the cause of a refusal, for whatever is no point on the globe."""
    if isinstance(value, str) and _GEOHASH.fullmatch(value):
        return
    pair = value
    if isinstance(value, dict) and value.keys() == {"lat", "lon"}:
        pair = [value["lon"], value["lat"]]
    elif isinstance(value, str) and value.count(",") == 1:
        pair = [float(part) if is_number(part) else None for part in reversed(value.split(","))]
    if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_number, pair)):
        raise not_here(f"[{java_text(value)}] is not supported as a geo_point", "parse_exception")
    for word, number, most in (("latitude", pair[1], 90), ("longitude", pair[0], 180)):
        if not abs(number) <= most:
            raise illegal_argument(f"illegal {word} value [{float(number)}] for {name}")


def is_pair(value: list[Any]) -> bool:
    """Whether a list is one point, not several."""
    return bool(value) and _is_number(value[0])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_flat_object(value: Any, name: str) -> None:
    """Raises the cause of a refusal of what is no object."""
    if not isinstance(value, dict):
        token = "STRING" if isinstance(value, str) else "BOOLEAN" if isinstance(value, bool) else "NUMBER"
        reason = f"[{name}] unexpected token [VALUE_{token}] in flat_object field value"
        raise ApiError(400, "parsing_exception", reason, extra={"line": 1, "col": 1})


# -- what mappings ask


def looks_like_date(text: str) -> bool:
    """Whether dynamic mapping takes a text for a date; one that is only digits it never does."""
    if text.isdigit():
        return False
    try:
        dates.millis(text, "strict_date_optional_time||" + _SLASHED)
    except ApiError:
        return False
    return True


def null_value(shown: Shown, name: str, value: Any) -> Any:
    """A field's `null_value` as it is shown. Raises for one that does not fit the type."""
    kind = shown["type"]
    if kind in {"keyword", *DATES, "ip"}:
        value = java_text(value)
    try:
        found = indexed(shown, value)
    except ApiError:
        raise not_here(f"[{java_text(value)}] is no null_value of [{name}]", "mapper_parsing_exception") from None
    return found if kind in NUMBERS | {"boolean"} else value
