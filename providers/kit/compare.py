"""Comparing what a service shows with what was declared: a service fills in defaults and writes every value as text.

Pulumi adds to it: it hands over every number as a float.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator


def ints_from_floats(value: Any) -> Any:
    """Returns 1024 for 1024.0, as which Pulumi hands over 1024, at any depth."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: ints_from_floats(item) for name, item in value.items()}
    return [ints_from_floats(item) for item in value] if isinstance(value, (list, tuple)) else value


Json = Annotated[dict[str, Any], BeforeValidator(ints_from_floats)]
"""An object as the service takes it."""


def flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str | list[str]]]:
    """Yields settings as OpenSearch shows them: dotted, without `index.`, values and items as text (seed_flow.jsonl).

    One that is null is not set.
    """
    for name, value in settings.items():
        key = (prefix + name).removeprefix("index.")
        if isinstance(value, Mapping):
            yield from flatten_settings(value, f"{key}.")
        elif isinstance(value, (list, tuple)):
            yield key, [setting_text(item) for item in value]
        elif value is not None:
            yield key, setting_text(value)


def setting_text(value: Any) -> str:
    """Returns a setting's value as OpenSearch shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_declared(shown: Any, declared: Any) -> Any:
    """Returns what is shown of what was declared: OpenSearch fills in defaults, and documents add fields."""
    if isinstance(shown, list) and isinstance(declared, list) and len(shown) == len(declared):
        return [as_declared(item, own) for item, own in zip(shown, declared, strict=True)]
    if not (isinstance(shown, Mapping) and isinstance(declared, Mapping)):
        return declared if setting_text(shown) == setting_text(declared) else shown
    return {name: as_declared(shown[name], item) for name, item in declared.items() if name in shown}
