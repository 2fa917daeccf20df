"""What a request body may hold, as data (`data/bodies.json`), and one check that walks it.

In the data an object lists its keys; `…known` are keys that a real node takes and the sandbox does not, `…refuse` names
the words for a key nobody knows, `…need` the keys that must be there. `{"*": shape}` has any keys, `{"?": table}` has
exactly one of the table's, `[shape]` is a list, `@name` is another shape, `@name+` one or a list of them, `a|b` is `a`
unless it is an object. A leaf is a text such as `whole 0 100`; `?` allows null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from sandbox.polarsearch.errors import ApiError, not_here

Refuse = Callable[[str, str, Any], ApiError]
"""Path of the object, unknown key, its value → the refusal."""

ELSEWHERE = {"settings", "mappings", "ingest_pipeline", "search_pipeline"}
"""Leaves that other tables check: `registry`, `mapping`, `processors` and `search_pipelines`."""


def data(name: str) -> Any:
    """A table of the package's own."""
    return json.loads(resources.files("sandbox.polarsearch").joinpath(f"data/{name}.json").read_text())


def _whole(value: Any, limits: list[str]) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not str(value).lstrip("-").isdigit():
        return False
    least, most = (*map(int, limits), *(-(2**31), 2**31 - 1)[len(limits) :])
    return bool(least <= int(value) <= most)


def _number(value: Any, limits: list[str]) -> bool:
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        return False
    return number >= float((limits or ["-inf"])[0]) and (len(limits) < 2 or number <= float(limits[1]))


def _texts(value: Any, _: list[str]) -> bool:
    return all(isinstance(each, str) for each in (value if isinstance(value, list) else [value]))


LEAVES: Mapping[str, tuple[str, Callable[[Any, list[str]], bool]]] = {
    "any": ("anything", lambda value, _: True),
    "object": ("an object", lambda value, _: isinstance(value, dict)),
    "list": ("a list", lambda value, _: isinstance(value, list)),
    "text": ("a text", lambda value, _: isinstance(value, str)),
    "scalar": ("a text, number or boolean", lambda value, _: isinstance(value, (str, int, float))),
    "texts": ("a text or a list of texts", _texts),
    "bool": ("true or false", lambda value, _: isinstance(value, bool) or value in ("true", "false")),
    "whole": ("a whole number in range", _whole),
    "number": ("a number in range", _number),
    "choice": ("one of", lambda value, known: isinstance(value, str) and value in known),
    "only": ("nothing but", lambda value, known: str(value).lower() in known),
}


class Shapes:
    """The data, with the words of `refusals` for unknown keys."""

    def __init__(self, shapes: Mapping[str, Any], refusals: Mapping[str, Refuse]) -> None:
        self._shapes, self._refusals = shapes, refusals

    def check(self, name: str, value: Any) -> None:
        """Raises the refusal of a body that is not of this shape."""
        self._check(self._shapes[name], value, "")

    def _check(self, shape: Any, value: Any, path: str) -> None:
        if isinstance(shape, list):
            if not isinstance(value, list):
                raise wrong(path, "a list", value)
            for at, each in enumerate(value):
                self._check(shape[0], each, f"{path}[{at}]")
        elif isinstance(shape, dict):
            if not isinstance(value, dict):
                raise wrong(path, "an object", value)
            self._check_object(shape, value, path)
        else:
            self._check_text(shape.split("|")[-1 if isinstance(value, dict) else 0], value, path)

    def _check_text(self, shape: str, value: Any, path: str) -> None:
        if shape.startswith("@"):
            for each in value if shape.endswith("+") and isinstance(value, list) else [value]:
                self._check(self._shapes[shape[1:].rstrip("+")], each, path)
        elif not holds(shape, value):
            kind, *limits = shape.rstrip("?").split()
            raise wrong(path, " ".join([LEAVES.get(kind, LEAVES["object"])[0], *limits]), value)

    def _check_object(self, shape: dict[str, Any], value: dict[str, Any], path: str) -> None:
        table = shape.get("?", shape)
        if "?" in shape and len(value) != 1:
            raise self._refusals.get(shape.get("…count", ""), _unknown)(path, next(iter(value), ""), value)
        for key, item in value.items():
            inner = table.get(key, table.get("*"))
            if inner is None or key.startswith("…"):
                raise self._refusal(shape, path, key, item)
            self._check(inner, item, f"{path}.{key}" if path else key)
        for key in shape.get("…need", "").split():
            if key not in value:
                raise not_here(f"[{path}.{key}] is missing")

    def _refusal(self, shape: dict[str, Any], path: str, key: str, value: Any) -> ApiError:
        if key in shape.get("…known", "").split():
            return not_here(f"[{path}.{key}] is not supported" if path else f"[{key}] is not supported")
        return self._refusals.get(shape.get("…refuse", ""), _unknown)(path, key, value)


def holds(shape: str, value: Any) -> bool:
    """Whether a value is what a leaf says."""
    kind, *limits = shape.rstrip("?").split()
    if value is None and shape.endswith("?"):
        return True
    return LEAVES["object" if kind in ELSEWHERE else kind][1](value, limits)


def _unknown(path: str, key: str, value: Any) -> ApiError:
    return not_here(f"unknown key [{f'{path}.{key}' if path else key}]")


def wrong(path: str, wanted: str, value: Any) -> ApiError:
    """The refusal of a value of another kind."""
    return not_here(f"[{path or 'body'}] must be {wanted}, not {json.dumps(value, default=str)[:80]}")
