"""Comparing what a service shows with what was declared: it fills in defaults and writes every value as text.

Pulumi adds to it: it hands over every number as a float.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator


def whole(value: Any) -> Any:
    """1024.0, as Pulumi hands over 1024, is 1024 again, however deep."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: whole(item) for name, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, (list, tuple)) else value


Json = Annotated[dict[str, Any], BeforeValidator(whole)]
"""An object as the service takes it."""


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str | list[str]]]:
    """Settings as OpenSearch shows them: dotted, without `index.`, values and items as text (seed_flow.jsonl).

    One that is null is not set.
    """
    for name, value in settings.items():
        key = (prefix + name).removeprefix("index.")
        if isinstance(value, Mapping):
            yield from flatten(value, f"{key}.")
        elif isinstance(value, (list, tuple)):
            yield key, [text_of(item) for item in value]
        elif value is not None:
            yield key, text_of(value)


def text_of(value: Any) -> str:
    """A setting's value as OpenSearch shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_declared(shown: Any, declared: Any) -> Any:
    """What is shown of what was declared: OpenSearch fills in defaults, and documents add fields of their own."""
    if not (isinstance(shown, Mapping) and isinstance(declared, Mapping)):
        return declared if text_of(shown) == text_of(declared) else shown
    full = {"type": "object", **shown} if "properties" in shown else shown  # the one default it leaves out
    return {name: as_declared(full[name], item) for name, item in declared.items() if name in full}


def grows(old: Any, new: Any) -> bool:
    """Whether a mapped field can become `new` in place: sub-fields may be added, nothing else may change."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return bool(old == new)
    inside = ("fields", "properties")
    same = {k: v for k, v in old.items() if k not in inside} == {k: v for k, v in new.items() if k not in inside}
    nested = ((old.get(key, {}), new.get(key, {})) for key in inside)
    return same and all(
        name in more and grows(field, more[name]) for less, more in nested for name, field in less.items()
    )
