"""Which part of a document, and of an answer, is wanted: `_source` filters and `filter_path`, both with wildcards."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.polarsearch.calls import Call
from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.settings import as_list

Wanted = Any
"""True, False, a pattern, a list of patterns, or {"includes": […], "excludes": […]}."""


def checked_source(wanted: Any) -> Wanted:
    """A body's `_source`, as one of these. Raises for anything else."""
    texts = wanted if isinstance(wanted, list) else [wanted]
    if isinstance(wanted, (bool, dict)) or all(isinstance(each, str) for each in texts):
        return {"true": True, "false": False}.get(wanted, wanted) if isinstance(wanted, str) else wanted
    raise not_here("[_source] must be true, false, patterns, or includes and excludes")


def from_query(call: Call) -> Wanted:
    """The `_source*` query parameters as the same thing a body would say."""
    text = call.text("_source", "true")
    return {"true": True, "": True, "false": False}.get(text, as_list(text))


def filtered(source: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The wanted part of a document."""
    if wanted is True:
        return source
    rules = wanted if isinstance(wanted, dict) else {"includes": as_list(wanted)}
    return _kept(source, "", as_list(rules.get("includes", [])), as_list(rules.get("excludes", [])))


def _kept(source: dict[str, Any], prefix: str, includes: list[str], excludes: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in source.items():
        path = prefix + key
        if any(_matches(path, pattern) for pattern in excludes):
            continue
        whole = not includes or any(_matches(path, pattern) for pattern in includes)
        if isinstance(value, dict) and (excludes or not whole):
            inner = _kept(value, f"{path}.", [] if whole else includes, excludes)
            if inner or whole:
                kept[key] = inner
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value) and (excludes or not whole):
            if items := _kept_items(value, f"{path}.", [] if whole else includes, excludes, whole=whole):
                kept[key] = items
        elif whole:
            kept[key] = value
    return kept


def _kept_items(items: list[Any], prefix: str, includes: list[str], excludes: list[str], *, whole: bool) -> list[Any]:
    if not all(isinstance(item, dict) for item in items):
        raise not_here(f"a part of [{prefix[:-1]}], a list of objects and others, is not supported")
    inner = (_kept(item, prefix, includes, excludes) for item in items)
    return [item for item in inner if item or whole]


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or path.startswith(f"{pattern}.")


def select(answer: Any, filter_path: str) -> Any:
    """The part of an answer that filter_path names."""
    found = _selected(answer, [part.split(".") for part in filter_path.split(",") if part])
    return {} if found is _NOTHING else found


_NOTHING = object()


def _selected(value: Any, patterns: list[list[str]]) -> Any:
    if not all(patterns):
        return value
    if isinstance(value, list):
        items = [found for item in value if (found := _selected(item, patterns)) is not _NOTHING]
        return items or _NOTHING
    if not isinstance(value, dict):
        return _NOTHING
    deeper = {key: [rest for first, *rest in patterns if fnmatchcase(key, first)] for key in value}
    pairs = ((key, _selected(item, deeper[key])) for key, item in value.items())
    return {key: found for key, found in pairs if found is not _NOTHING} or _NOTHING
