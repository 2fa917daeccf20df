"""What an ingest pipeline is made of: each processor checks its configuration when the pipeline is stored.

Of what a real node has, those that a search pipeline over text needs: text_embedding, and the small ones that tidy a
document. Anything else is refused as unknown, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch.errors import ApiError, illegal_argument, parse_error
from sandbox.polarsearch.painless import Unknown, holds
from sandbox.polarsearch.settings import java_type
from sandbox.polarsearch.versions import Gate, Version

Source = dict[str, Any]
COMMON = {"tag", "description", "if", "ignore_failure", "on_failure"}


class Dropped(Exception):
    """The drop processor took the document."""


@dataclass(frozen=True)
class Kind:
    """required and optional keys (with the version that brought them), and what it does to a document."""

    required: tuple[str, ...]
    optional: dict[str, Gate | None] = field(default_factory=dict)
    act: Callable[[dict[str, Any], Source], None] | None = None


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
        raise illegal_argument(
            f"cannot set [{rest}] with parent object of type [{java_type(inner)}] as part of path [{path}]"
        )
    put(inner, rest, value)


def drop(source: Source, path: str) -> None:
    """Remove the value at a dotted path."""
    head, _, rest = path.partition(".")
    if path in source:
        del source[path]
    elif rest and isinstance(source.get(head), dict):
        drop(source[head], rest)


def _set(config: dict[str, Any], source: Source) -> None:
    if config.get("override", True) or get(source, config["field"]) is None:
        put(source, config["field"], config["value"])


def _remove(config: dict[str, Any], source: Source) -> None:
    fields = config["field"] if isinstance(config["field"], list) else [config["field"]]
    for path in fields:
        if get(source, path) is None and not config.get("ignore_missing"):
            raise illegal_argument(f"field [{path}] doesn't exist")
        drop(source, path)


def _rename(config: dict[str, Any], source: Source) -> None:
    value = get(source, config["field"])
    if value is None:
        if config.get("ignore_missing"):
            return
        raise illegal_argument(f"field [{config['field']}] doesn't exist")
    if get(source, config["target_field"]) is not None:
        raise illegal_argument(f"field [{config['target_field']}] already exists")
    drop(source, config["field"])
    put(source, config["target_field"], value)


def _append(config: dict[str, Any], source: Source) -> None:
    old, new = get(source, config["field"]), config["value"]
    listed = old if isinstance(old, list) else [] if old is None else [old]
    put(source, config["field"], [*listed, *(new if isinstance(new, list) else [new])])


def _text(change: Callable[[str], Any]) -> Callable[[dict[str, Any], Source], None]:
    def act(config: dict[str, Any], source: Source) -> None:
        value = get(source, config["field"])
        if value is None and not config.get("ignore_missing"):
            raise illegal_argument(f"field [{config['field']}] is null, cannot process it.")
        if value is not None and not isinstance(value, str):
            kind = java_type(value)
            raise illegal_argument(f"field [{config['field']}] of type [{kind}] cannot be cast to [java.lang.String]")
        if value is not None:
            put(source, config.get("target_field", config["field"]), change(value))

    return act


def _drop(config: dict[str, Any], source: Source) -> None:
    raise Dropped


def _fail(config: dict[str, Any], source: Source) -> None:
    raise ApiError(500, "fail_processor_exception", config["message"])


_ON_TEXT: dict[str, Gate | None] = {"target_field": None, "ignore_missing": None}
KINDS: dict[str, Kind] = {
    "text_embedding": Kind(("model_id", "field_map"), {"batch_size": "batch_size", "skip_existing": "skip_existing"}),
    "set": Kind(("field", "value"), {"override": None}, _set),
    "remove": Kind(("field",), {"ignore_missing": None}, _remove),
    "rename": Kind(("field", "target_field"), {"ignore_missing": None}, _rename),
    "append": Kind(("field", "value"), {"allow_duplicates": None}, _append),
    "lowercase": Kind(("field",), _ON_TEXT, _text(str.lower)),
    "uppercase": Kind(("field",), _ON_TEXT, _text(str.upper)),
    "trim": Kind(("field",), _ON_TEXT, _text(str.strip)),
    "html_strip": Kind(("field",), _ON_TEXT, _text(lambda text: re.sub(r"<[^>]*>", "\n", text))),
    "drop": Kind((), {}, _drop),
    "fail": Kind(("message",), {}, _fail),
}


def check(kind: str, config: Any, version: Version) -> None:
    """Raises what storing a pipeline with this processor is refused for."""
    if kind not in KINDS:
        raise parse_error(f"No processor type exists with name [{kind}]", processor_type=kind)
    known = KINDS[kind]
    for key in known.required:
        if key not in config:
            raise parse_error(f"[{key}] required property is missing", processor_type=kind, property_name=key)
    if kind == "text_embedding":
        _check_embedding(config)
    taken = {key for key, gate in known.optional.items() if gate is None or version.has(gate)}
    unknown = sorted(config.keys() - COMMON - taken - set(known.required))
    if unknown:
        reason = (
            f"processor [{kind}] doesn't support one or more provided configuration parameters [{', '.join(unknown)}]"
        )
        raise parse_error(reason, processor_type=kind)
    for each in config.get("on_failure", []):
        for inner, inner_config in each.items():
            check(inner, inner_config, version)


def _check_embedding(config: dict[str, Any]) -> None:
    kind, fields = "text_embedding", config["field_map"]
    if not isinstance(fields, dict):
        reason = f"[field_map] property isn't a map, but of type [{java_type(fields)}]"
        raise parse_error(reason, processor_type=kind, property_name="field_map")
    size = config.get("batch_size", 1)
    if not isinstance(size, int) or size < 1:
        reason = "[batch_size] batch size must be a positive integer"
        raise parse_error(reason, processor_type=kind, property_name="batch_size")
    if not str(config["model_id"] or "").strip():
        raise _unchecked("model_id is null or empty, cannot process it")
    if not _valid_map(fields):
        raise _unchecked("Unable to create the processor as field_map has invalid key or value")


def _valid_map(fields: dict[str, Any]) -> bool:
    values = [
        _valid_map(value) if isinstance(value, dict) else bool(str(value or "").strip()) for value in fields.values()
    ]
    return bool(fields) and all(values) and all(key.strip() for key in fields)


def _unchecked(reason: str) -> ApiError:
    """An exception of the processor's own constructor, which nobody turned into a 400."""
    extra = {"processor_type": "text_embedding"}
    text = f"java.lang.IllegalArgumentException: {reason}"
    return ApiError(500, "exception", text, extra=extra, cause=illegal_argument(reason))


def applies(condition: str | None, source: Source) -> bool:
    """A processor's `if`. What the sandbox does not understand of Painless raises, and is never guessed."""
    try:
        return condition is None or holds(condition, source)
    except Unknown as unknown:
        raise ApiError(400, "script_exception", f"the sandbox cannot evaluate [{condition}]: {unknown}") from None
    except (AttributeError, TypeError):
        raise ApiError(400, "script_exception", "runtime error") from None
