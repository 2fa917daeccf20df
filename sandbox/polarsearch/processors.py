"""What an ingest pipeline is made of, and what each processor does to a document; `processor` in `data/bodies.json`
says what its configuration may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.polarsearch import scripts
from sandbox.polarsearch.errors import ApiError, not_here
from sandbox.polarsearch.versions import SINCE, Version

Source = dict[str, Any]
Config = dict[str, Any]


def get(source: Source, path: str) -> Any:
    """The value at a dotted path, None when there is none."""
    if path in source:
        return source[path]
    head, _, rest = path.partition(".")
    inner = source.get(head)
    return get(inner, rest) if rest and isinstance(inner, dict) else None


def put(source: Source, path: str, value: Any) -> None:
    """Set the value at a dotted path, making the objects on the way."""
    head, _, rest = path.partition(".")
    if not rest:
        source[head] = value
        return
    inner = source.setdefault(head, {})
    if not isinstance(inner, dict):
        raise not_here(f"cannot set [{rest}] in [{head}], which is no object")
    put(inner, rest, value)


def drop(source: Source, path: str) -> None:
    """Remove the value at a dotted path."""
    head, _, rest = path.partition(".")
    if path in source:
        del source[path]
    elif rest and isinstance(source.get(head), dict):
        drop(source[head], rest)


def _remove(config: Config, source: Source) -> None:
    for path in config["field"] if isinstance(config["field"], list) else [config["field"]]:
        if get(source, path) is None and not config.get("ignore_missing"):
            raise not_here(f"field [{path}] doesn't exist")
        drop(source, path)


def _lowercase(config: Config, source: Source) -> None:
    field: str = config["field"]
    value = get(source, field)
    if value is None and config.get("ignore_missing"):
        return
    if not isinstance(value, str):
        raise not_here(f"field [{field}] is no text")
    put(source, config.get("target_field", field), value.lower())


def _fail(config: Config, source: Source) -> None:
    raise ApiError(500, "fail_processor_exception", config["message"])


ACTS: dict[str, Callable[[Config, Source], None]] = {
    "set": lambda config, source: put(source, config["field"], config["value"]),
    "remove": _remove,
    "lowercase": _lowercase,
    "fail": _fail,
    "script": scripts.act,
}
"""Those that need nothing but the document."""


def check(kind: str, config: Config, version: Version) -> None:
    """Raises for a processor, of a shape that is right, that is not taken all the same."""
    for word in (kind, *config):
        if word in SINCE and not version.has(word):
            raise not_here(f"[{word}] is not known to OpenSearch {version.number}", "parse_exception")
    if kind == "script":
        scripts.known(config)
    elif any("{{" in str(value) for key, value in config.items() if key != "if"):
        raise not_here(f"a template in a processor [{kind}] is not supported", "parse_exception")
    if "field_map" in config and not all(each.strip() for each in config["field_map"] or [""]):
        raise not_here("field_map has invalid key or value", "parse_exception")
    if "if" in config:
        scripts.looked_at(config["if"])
