"""Settings of the cluster and of indexes: dotted keys inside, nested objects outside, every scalar a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.polarsearch.errors import not_here

Flat = dict[str, Any]
TIME = re.compile(r"(-1|0)|(\d+)(nanos|micros|ms|s|m|h|d)")
_UNITS = {"nanos": 1e-9, "micros": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def as_text(value: Any) -> str:
    """A scalar as Java prints it. Raises for a number that Java would print in another way than JSON has it."""
    if isinstance(value, (list, dict)) or (isinstance(value, float) and not (value == 0 or 1e-3 <= abs(value) < 1e7)):
        raise not_here(f"[{value}] is not supported as a text")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def truth(value: Any) -> bool:
    """true or false, or their texts."""
    return value in (True, "true")


def flatten(value: Mapping[str, Any], prefix: str = "") -> Flat:
    """Dotted keys; scalars as texts, lists of texts, null kept (it resets)."""
    flat: Flat = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            flat |= flatten(item, f"{prefix}{key}.")
        elif isinstance(item, list):
            flat[prefix + key] = [as_text(each) for each in item]
        else:
            flat[prefix + key] = None if item is None else as_text(item)
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


def seconds(text: str) -> float:
    """A time value such as 500ms or -1."""
    found = TIME.fullmatch(text)
    assert found is not None
    return float(found[1]) if found[1] else float(found[2]) * _UNITS[found[3]]


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
