"""What a request may hold, as data (`data/bodies.json`), and one check that walks it.

In the data an object lists its keys; any other is refused by name, in the words of `…words` where there are some.
`…need` are the keys that must be there, `…and` names a shape whose keys it has as well. `{"*": shape}` has any keys,
`{"?": table}` has exactly one of the table's, `{"…by": key, …}` is the shape that the value of the key names, there or
in the shape `…else`. `[shape]` is a list, `@name` is another shape, `@name+` one or a list of them, `a|b` is `a` unless
it is an object. A leaf is a text such as `whole 0 100`; `?` allows null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.settings import TIME, seconds


def data(name: str) -> Any:
    """A table of the package's own."""
    return json.loads(resources.files("sandbox.polarsearch").joinpath(f"data/{name}.json").read_text())


def is_number(value: Any) -> bool:
    """A number of JSON, and not true or false."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(value: Any, limits: list[str]) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not re.fullmatch(r"-?\d+", str(value)):
        return False
    least, most = (*map(int, limits), *(-(2**31), 2**31 - 1)[len(limits) :])
    return bool(least <= int(value) <= most)


def _number(value: Any, limits: list[str]) -> bool:
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        return False
    return number >= float((limits or ["-inf"])[0]) and (len(limits) < 2 or number <= float(limits[1]))


def _time(value: str, limits: list[str]) -> bool:
    return bool(TIME.fullmatch(value)) and (not limits or seconds(value) >= seconds(limits[0]))


def _texts(value: Any, _: list[str]) -> bool:
    return all(isinstance(each, str) for each in (value if isinstance(value, list) else [value]))


def _words(value: Any, _: list[str]) -> bool:
    return all(isinstance(each, str) and bool(each.strip()) for each in (value if isinstance(value, list) else [value]))


LEAVES: Mapping[str, tuple[str, Callable[[Any, list[str]], bool]]] = {
    "any": ("anything", lambda value, _: True),
    "object": ("an object", lambda value, _: isinstance(value, dict)),
    "list": ("a list", lambda value, _: isinstance(value, list)),
    "text": ("a text", lambda value, _: isinstance(value, str)),
    "name": ("a name without * and ,", lambda value, _: _words(value, _) and not re.search(r"[*,]", str(value))),
    "word": ("a text that is not blank", lambda value, _: isinstance(value, str) and _words(value, _)),
    "words": ("texts that are not blank", _words),
    "scalar": ("a text, number or boolean", lambda value, _: isinstance(value, (str, int, float))),
    "texts": ("a text or a list of texts", _texts),
    "bool": ("true or false", lambda value, _: isinstance(value, bool) or value in ("true", "false")),
    "flag": ("true or false", lambda value, _: value in ("", "true", "false")),
    "refresh": ("true, false or wait_for", lambda value, _: value in ("", "true", "false", "wait_for")),
    "paths": ("paths without - and **", lambda value, _: not re.search(r"(^|,)-|\*\*", value)),
    "whole": ("a whole number in range", _whole),
    "number": ("a number in range", _number),
    "numbers": ("a list of numbers", lambda value, _: isinstance(value, list) and all(map(is_number, value))),
    "time": ("a time such as 5s", _time),
    "bytes": ("a size such as 5mb", lambda value, _: bool(re.fullmatch(r"\d+([kmgtp]?b|[kmgtp])|0", value))),
    "expand": ("a range such as 0-1", lambda value, _: bool(re.fullmatch(r"\d+-(\d+|all)|false", value))),
    "choice": ("one of", lambda value, known: isinstance(value, str) and value in known),
    "only": ("nothing but", lambda value, known: str(value).lower() in known),
}


class Shapes:
    """The data, and the check."""

    def __init__(self, shapes: Mapping[str, Any]) -> None:
        self._shapes = shapes

    def check(self, name: str, value: Any, path: str = "") -> None:
        """Raises the refusal of a body, or a part of one at `path`, that is not of this shape."""
        self._check(self._shapes[name], value, path)

    def _check(self, shape: Any, value: Any, path: str) -> None:
        if isinstance(shape, str):
            self._check_text(shape.split("|")[-1 if isinstance(value, dict) else 0], value, path)
            return
        kind = "list" if isinstance(shape, list) else "object"
        _check_leaf(kind, value, path)
        if kind == "object":
            self._check_object(shape, value, path)
        else:
            for at, each in enumerate(value):
                self._check(shape[0], each, f"{path}[{at}]")

    def _check_text(self, shape: str, value: Any, path: str) -> None:
        if not shape.startswith("@"):
            _check_leaf(shape, value, path)
            return
        for each in value if shape.endswith("+") and isinstance(value, list) else [value]:
            self._check(self._shapes[shape[1:].rstrip("+")], each, path)

    def _check_object(self, shape: dict[str, Any], value: dict[str, Any], path: str) -> None:
        if "…by" in shape:
            shape = self._named(shape, value, path)
        table = {**self._shapes.get(shape.get("…and", ""), {}), **shape.get("?", shape)}
        if "?" in shape and len(value) != 1:
            raise not_here(f"[{path or 'body'}] must have one key")
        for key, item in value.items():
            at = f"{path}.{key}" if path else key
            if key not in table and "*" not in table:
                raise not_here(shape.get("…words", "[{at}] is not supported").format(at=at, key=key))
            self._check(table.get(key, table.get("*")), item, at)
        for key in shape.get("…need", "").split():
            if key not in value:
                raise not_here(f"[{path}.{key}] is missing")

    def _named(self, shape: dict[str, Any], value: dict[str, Any], path: str) -> dict[str, Any]:
        key, *default = shape["…by"].split()
        named, kinds = value.get(key, *default), {**self._shapes.get(shape.get("…else", ""), {}), **shape}
        if not isinstance(named, str) or named not in kinds:
            raise not_here(f"[{path}.{key}] cannot be {json.dumps(named)}")
        return {key: "text", **kinds[named]}


def holds(shape: str, value: Any) -> bool:
    """Whether a value is what a leaf says."""
    kind, *limits = shape.rstrip("?").split()
    return (value is None and shape.endswith("?")) or LEAVES[kind][1](value, limits)


def _check_leaf(shape: str, value: Any, path: str) -> None:
    if not holds(shape, value):
        kind, *limits = shape.rstrip("?").split()
        wanted = " ".join([LEAVES[kind][0], *limits])
        raise not_here(f"[{path or 'body'}] must be {wanted}, not {json.dumps(value, default=str)[:80]}")


SHAPES = Shapes(data("bodies"))
