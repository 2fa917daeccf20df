"""Index settings: the form in which they are compared, and which an open index may change.

OpenSearch shows a setting as the text that it was given. Which may change, it was asked: `data/mappings.json`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from providers.kit import flatten_settings

from .mappings import TABLE

UNITS: Mapping[str, Mapping[str, int]] = {
    "time": {"d": 86400000, "h": 3600000, "m": 60000, "s": 1000, "ms": 1},
    "bytes": {"pb": 1 << 50, "tb": 1 << 40, "gb": 1 << 30, "mb": 1 << 20, "kb": 1 << 10, "b": 1},
}
"""Units of settings, the greatest first, in milliseconds and bytes."""

OWN_SETTINGS = frozenset(
    {"knn", "default_pipeline", "search.default_pipeline", "number_of_shards", "number_of_replicas"}
)
"""Settings that have an input of their own."""


def flat_settings(settings: Any) -> Any:
    """Returns settings dotted, without `index.`, and as text, each in one of its spellings."""
    if not isinstance(settings, Mapping):
        return settings
    return {name: normal_setting(name, value) for name, value in flatten_settings(settings)}


def without_own(settings: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings, if none has an input of its own. Raises ValueError."""
    if taken := sorted(settings.keys() & OWN_SETTINGS):
        raise ValueError(f"{', '.join(taken)} has an input of its own; use that")
    return settings


def normal_setting(name: str, value: str | list[str]) -> str | list[str]:
    """Returns a setting in one of its spellings: a list of one is its item, 1000ms are 1s, and 20.0 is 20."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 and re.fullmatch(r"[^\s,]([^,]*[^\s,])?", value[0]) else value
    if name in TABLE["dynamic"] and re.fullmatch(r"-?\d+\.0+", value):
        return value.partition(".")[0]
    units = UNITS.get(TABLE["dynamic"].get(name, ""), {})
    found = re.fullmatch(r"([1-9]\d*)([a-z]+)", value)
    if not (found and found[2] in units):
        return value
    amount = int(found[1]) * units[found[2]]
    return next(f"{amount // size}{unit}" for unit, size in units.items() if amount % size == 0)


def is_dynamic(name: str) -> bool:
    """Tells whether an open index may change a setting; one that nobody asked about may not."""
    return name in TABLE["dynamic"] or name.startswith(tuple(TABLE["dynamic_groups"]))


def expands(settings: Mapping[str, Any]) -> bool:
    """Tells whether the number of replicas follows the number of nodes."""
    return "auto_expand_replicas" in settings and settings["auto_expand_replicas"] != "false"
