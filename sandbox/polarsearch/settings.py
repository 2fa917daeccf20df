"""Settings of the cluster and of indexes: dotted keys inside, nested objects outside, every scalar a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np

from sandbox.polarsearch.errors import ApiError, illegal_argument

Flat = dict[str, Any]
Item = TypeVar("Item")


def java_order(items: Mapping[str, Item]) -> list[tuple[str, Item]]:
    """As a Java HashMap gives them: by what String.hashCode makes of their keys."""
    size = 16
    while 4 * len(items) > 3 * size:
        size *= 2

    def slot(pair: tuple[str, Item]) -> int:
        hashed = 0
        for at in range(0, len(raw := pair[0].encode("utf-16-be")), 2):
            hashed = (31 * hashed + int.from_bytes(raw[at : at + 2], "big")) & 0xFFFFFFFF
        return (hashed ^ hashed >> 16) % size

    return sorted(items.items(), key=slot)


def java_text(value: Any) -> str:
    """As Java prints it: true, null, [a, b], {k=v}."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(java_text, value))}]"
    if isinstance(value, np.ndarray):
        return java_text([float(str(number)) for number in value])
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in java_order(value)) + "}"
    return _java_double(value) if isinstance(value, float) else str(value)


def _java_double(number: float) -> str:
    if number == 0 or 1e-3 <= abs(number) < 1e7 or number != number or abs(number) == float("inf"):
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(number), repr(number))
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text = "".join(map(str, digits))
    return f"{'-' * sign}{text[0]}.{text[1:] or 0}E{int(exponent) + len(text) - 1}"


_JAVA_TYPES = {str: "java.lang.String", int: "java.lang.Integer", float: "java.lang.Double", bool: "java.lang.Boolean"}


def java_type(value: Any) -> str:
    """As Java names the type of a JSON value."""
    return _JAVA_TYPES.get(type(value)) or ("java.util.ArrayList" if isinstance(value, list) else "java.util.HashMap")


def java_bool(value: Any) -> bool:
    """true or false, or their texts. Raises illegal_argument_exception."""
    text = java_text(value)
    if text not in {"true", "false"}:
        raise illegal_argument(f"Failed to parse value [{text}] as only [true] or [false] are allowed.")
    return text == "true"


def flatten(value: Mapping[str, Any], prefix: str = "") -> Flat:
    """Dotted keys; scalars as texts, lists of texts, null kept (it resets)."""
    flat: Flat = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            flat |= flatten(item, f"{prefix}{key}.")
        elif isinstance(item, list):
            flat[prefix + key] = [java_text(each) for each in item]
        else:
            flat[prefix + key] = None if item is None else java_text(item)
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The nested form, as Settings.getAsStructuredMap makes it."""
    nested: dict[str, Any] = {}
    for key in sorted(flat):
        _place(nested, "", key, flat[key])
    return nested


def _place(into: dict[str, Any], prefix: str, key: str, value: Any) -> None:
    head, dot, rest = key.partition(".")
    if not dot:
        into[prefix + key] = value
        return
    existing = into.setdefault(prefix + head, {})
    if isinstance(existing, dict):
        _place(existing, "", rest, value)
    else:
        _place(into, f"{prefix}{head}.", rest, value)


def shown(flat: Mapping[str, Any], *, as_flat: bool) -> dict[str, Any]:
    """One way or the other, keys in order."""
    return {key: flat[key] for key in sorted(flat)} if as_flat else nest(flat)


_UNITS = {"nanos": 1e-9, "micros": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TIME = re.compile(r"(-?\d+)(nanos|micros|ms|s|m|h|d)")


def seconds(text: str, setting: str) -> float:
    """A time value such as 500ms or -1. Raises illegal_argument_exception."""
    if text in {"-1", "0"}:
        return float(text)
    found = _TIME.fullmatch(text)
    if not found and (unit := re.search(r"[^\d](nanos|micros|ms|s|m|h|d)$", text)):
        bare = text.removesuffix(unit[1]).strip()
        cause = ApiError(400, "number_format_exception", f'For input string: "{bare}"')
        raise illegal_argument(f"failed to parse [{text}]", cause=cause)
    failed = f"failed to parse setting [{setting}] with value [{text}] as a time value:"
    if not found:
        raise illegal_argument(f"{failed} unit is missing or unrecognized")
    if found[1].startswith("-"):
        raise illegal_argument(f"{failed} negative durations are not supported")
    return float(found[1]) * _UNITS[found[2]]


def as_list(value: Any) -> list[str]:
    """A list setting given as a list or as one text with commas."""
    return (
        [str(item) for item in value] if isinstance(value, list) else [each for each in str(value).split(",") if each]
    )


def gson(value: Any) -> str:
    """JSON as Gson writes it: no spaces, no escapes beyond JSON's own."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def prefixed(flat: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Index settings may leave out `index.`."""
    return ((key if key.startswith("index.") else f"index.{key}", value) for key, value in flat.items())
