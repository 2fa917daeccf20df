"""What an ingest pipeline is made of: each processor checks its configuration when the pipeline is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox.polarsearch import chunking, conditions, scripts
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here, parse_error
from sandbox.polarsearch.settings import java_type
from sandbox.polarsearch.shapes import data
from sandbox.polarsearch.versions import Gate, Version

Source = dict[str, Any]
COMMON, _NOT_TAKEN = {"tag", "description", "if"}, {"ignore_failure", "on_failure"}
_OTHERS = set(data("others")["processors"].split())


@dataclass(frozen=True)
class Kind:
    """required and optional keys (with the version that brought them), keys that only a real node takes, and what it
    does to a document."""

    required: tuple[str, ...]
    optional: dict[str, Gate | None] = field(default_factory=dict)
    others: tuple[str, ...] = ()
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
        kind = java_type(inner)
        raise illegal_argument(f"cannot set [{rest}] with parent object of type [{kind}] as part of path [{path}]")
    put(inner, rest, value)


def drop(source: Source, path: str) -> None:
    """Remove the value at a dotted path."""
    head, _, rest = path.partition(".")
    if path in source:
        del source[path]
    elif rest and isinstance(source.get(head), dict):
        drop(source[head], rest)


def _set(config: dict[str, Any], source: Source) -> None:
    put(source, config["field"], config["value"])


def _remove(config: dict[str, Any], source: Source) -> None:
    for path in config["field"] if isinstance(config["field"], list) else [config["field"]]:
        if get(source, path) is None and not config.get("ignore_missing"):
            raise illegal_argument(f"field [{path}] doesn't exist")
        drop(source, path)


def _text(change: Callable[[str], Any]) -> Callable[[dict[str, Any], Source], None]:
    def act(config: dict[str, Any], source: Source) -> None:
        value = get(source, config["field"])
        if value is None and not config.get("ignore_missing"):
            raise illegal_argument(f"field [{config['field']}] is null, cannot process it.")
        if isinstance(value, list) and not all(isinstance(each, str) for each in value):
            raise not_here(f"field [{config['field']}] is a list of something else than texts")
        if value is not None and not isinstance(value, (str, list)):
            kind = java_type(value)
            raise illegal_argument(f"field [{config['field']}] of type [{kind}] cannot be cast to [java.lang.String]")
        if value is not None:
            put(
                source,
                config.get("target_field", config["field"]),
                [change(each) for each in value] if isinstance(value, list) else change(value),
            )

    return act


def _fail(config: dict[str, Any], source: Source) -> None:
    raise ApiError(500, "fail_processor_exception", config["message"])


_ON_TEXT: dict[str, Gate | None] = {"target_field": None, "ignore_missing": None}
KINDS: dict[str, Kind] = {
    "text_embedding": Kind(("model_id", "field_map"), {"batch_size": "batch_size", "skip_existing": "skip_existing"}),
    "set": Kind(("field", "value"), {}, ("override", "ignore_empty_value", "media_type"), _set),
    "remove": Kind(("field",), {"ignore_missing": None}, ("exclude_field",), _remove),
    "lowercase": Kind(("field",), _ON_TEXT, (), _text(str.lower)),
    "fail": Kind(("message",), {}, (), _fail),
    "script": Kind((), {"source": None, "params": None, "lang": None}, ("id", "options"), scripts.act),
    "text_chunking": Kind(("algorithm", "field_map"), {}, ("ignore_missing",)),
}


def check(kind: str, config: Any, version: Version) -> None:
    """Raises what storing a pipeline with this processor is refused for."""
    if kind in _OTHERS:
        raise not_here(f"processor [{kind}] is not supported", "parse_exception")
    if kind not in KINDS or (kind == "text_chunking" and not version.has("text_chunking")):
        raise parse_error(f"No processor type exists with name [{kind}]", processor_type=kind)
    if not isinstance(config, dict):
        raise not_here(f"processor [{kind}] takes an object", "parse_exception")
    known = KINDS[kind]
    if taken := sorted(config.keys() & (_NOT_TAKEN | set(known.others))):
        raise not_here(f"[{taken[0]}] of processor [{kind}] is not supported", "parse_exception")
    for key in known.required:
        if key not in config:
            missing = (
                "either field or exclude_field must be set" if kind == "remove" else "required property is missing"
            )
            raise parse_error(f"[{key}] {missing}", processor_type=kind, property_name=key)
    checks = {"text_embedding": _check_embedding, "text_chunking": chunking.check, "script": scripts.check}
    checks.get(kind, partial(_check_values, kind))(config)
    taken_ = {key for key, gate in known.optional.items() if gate is None or version.has(gate)}
    unknown = sorted(config.keys() - COMMON - taken_ - set(known.required))
    if unknown:
        reason = "doesn't support one or more provided configuration parameters"
        raise parse_error(f"processor [{kind}] {reason} [{', '.join(unknown)}]", processor_type=kind)
    if "if" in config:
        conditions.check(config["if"])


def _check_values(kind: str, config: dict[str, Any]) -> None:
    for key, value in config.items():
        texts = value if key == "field" and kind == "remove" and isinstance(value, list) else [value]
        if key in KINDS[kind].required and key != "value" and not all(isinstance(t, str) and t for t in texts):
            raise not_here(f"[{key}] of processor [{kind}] must be a text", "parse_exception")
        if key == "ignore_missing" and not isinstance(value, bool):
            raise not_here(f"[{key}] of processor [{kind}] must be true or false", "parse_exception")
        if key != "if" and "{{" in str(value):
            raise not_here(f"a template in [{key}] of processor [{kind}] is not supported", "parse_exception")


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
    if any(isinstance(target, dict) for target in fields.values()):
        raise not_here("a [field_map] in a [field_map] is not supported", "parse_exception")
    if not fields or not all(str(each or "").strip() for pair in fields.items() for each in pair):
        raise _unchecked("Unable to create the processor as field_map has invalid key or value")


def _unchecked(reason: str) -> ApiError:
    extra = {"processor_type": "text_embedding"}
    text = f"java.lang.IllegalArgumentException: {reason}"
    return ApiError(500, "exception", text, extra=extra, cause=illegal_argument(reason))
