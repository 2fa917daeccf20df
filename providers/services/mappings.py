"""Mapped fields: the form in which OpenSearch shows them, and what of them may change in place.

OpenSearch leaves out a parameter that has its default, and shows others in one of several spellings. Which, it was
asked: `data/mappings.json` has the answers of a real 2.19.1 for each parameter of each type, written by
`python -m tests.real.learn`. Only what no table can list is written down here.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from importlib import resources
from typing import Any

from providers.kit import as_declared, ints_from_floats

TABLE: Mapping[str, Any] = json.loads(
    resources.files("providers.services").joinpath("data/mappings.json").read_text(encoding="utf-8")
)
"""Of each type and parameter: `form` names its spelling below, and `changes` says which values may change in place.

`dropped` are the values that are not shown, or shown without being declared, or all; `others` are without a rule.
"""

STRUCTURE = ("type", "properties", "fields")
ANALYZERS = ("analyzer", "search_analyzer", "search_quote_analyzer")
"""Each is, unless it is written, the one before."""

DEFAULT_ANALYZERS = frozenset({"default", "default_search", "default_search_quoted"})
"""Analyzers that an index has by default: its settings may define them, and where they apply they are not shown."""


def boolean(value: Any) -> Any:
    """Returns true for "true"."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def integer(value: Any) -> Any:
    """Returns 5 for "5"."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else value


def number(value: Any) -> Any:
    """Returns 1.5 for "1.5", and a whole number beyond a float's precision as a float has it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    try:
        real = float(value)
    except (ValueError, OverflowError):
        return value
    return ints_from_floats(real) if math.isfinite(real) else value


def single(value: Any) -> Any:
    """Returns 3.1415927 for 3.14159265: the shortest number that is the same in single precision."""
    real = number(value)
    if isinstance(real, bool) or not isinstance(real, (int, float)) or abs(real) > SINGLE_MAX:
        return real
    [real] = struct.unpack("f", _bits(real))
    shortest = (float(f"{real:.{digits}g}") for digits in range(1, 10))
    return ints_from_floats(next(each for each in shortest if _bits(each) == _bits(real)))


def _bits(real: float) -> bytes:
    return struct.pack("f", real) if abs(real) <= SINGLE_MAX else b""


def text(value: Any) -> Any:
    """Returns "5" for 5, and "true" for true."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return java_text(value)
    return str(value) if isinstance(value, int) else value


def java_string(value: Any) -> str:
    """Returns a value as Java writes it: `[a, null]`, `{a=1}`."""
    if isinstance(value, list):
        return f"[{', '.join(map(java_string, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}={java_string(item)}' for key, item in value.items())}}}"
    return "null" if value is None else str(text(value))


def java_text(real: float) -> str:
    """Returns a number as Java writes it: `1.5`, `1.0E10`, `1.0E-4`."""
    if real == 0 or not math.isfinite(real) or 1e-3 <= abs(real) < 1e7:
        return str(real)
    decimal = Decimal(repr(real)).normalize()
    digits = f"{decimal.scaleb(-decimal.adjusted()):f}"
    return f"{digits}{'' if '.' in digits else '.0'}E{decimal.adjusted()}"


def lower_text(value: Any) -> Any:
    """Returns "strict" for "STRICT", and "true" for true, but not for "TRUE"."""
    lower = text(value).lower() if isinstance(value, (str, bool)) else value
    return value if isinstance(value, str) and lower in ("true", "false") else lower


def listed(value: Any) -> Any:
    """Returns ["a"] for "a", and ["1.5"] for 1.5."""
    if value is None:
        return value
    return [text(each) for each in (value if isinstance(value, list) else [value])]


def locale(value: Any) -> Any:
    """Returns "en_US" for "en-US"."""
    if not isinstance(value, str):
        return value
    language, *rest = value.replace("-", "_").split("_")
    return (
        "ROOT" if language.upper() in ("ROOT", "") else "_".join([language.lower(), *(part.upper() for part in rest)])
    )


def numbers(value: Any) -> Any:
    """Returns {"min": 1} for {"min": "1"}."""
    return {name: number(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def point(value: Any) -> Any:
    """Returns {"lat": 1, "lon": 2} for "1,2", [2, 1] and "POINT (2 1)"."""
    if isinstance(value, Mapping):
        return numbers(value)
    if isinstance(value, str) and (pair := re.fullmatch(r"\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*", value)):
        return {"lat": number(pair[1]), "lon": number(pair[2])}
    if isinstance(value, str) and (pair := re.fullmatch(r"POINT *\( *(-?[\d.]+) +(-?[\d.]+) *\)", value)):
        return {"lat": number(pair[2]), "lon": number(pair[1])}
    if isinstance(value, list) and len(value) == 2:
        return {"lat": number(value[1]), "lon": number(value[0])}
    return value


def relations(value: Any) -> Any:
    """Returns {"question": "answer"} for {"question": ["answer"]}; several children are in order."""
    return {parent: _children(of) for parent, of in value.items()} if isinstance(value, Mapping) else value


def _children(value: Any) -> Any:
    names = sorted(value) if isinstance(value, list) and all(isinstance(name, str) for name in value) else value
    return names[0] if isinstance(names, list) and len(names) == 1 else names


def contexts(value: Any) -> Any:
    """Returns [{"type": "CATEGORY"}] for {"type": "category"}."""
    return [_context(item) for item in listed(value)] if isinstance(value, (list, Mapping)) else value


def _context(value: Any) -> Any:
    kind = value.get("type") if isinstance(value, Mapping) else None
    return {**value, "type": kind.upper()} if isinstance(kind, str) else value


def as_is(value: Any) -> Any:
    """Returns the value."""
    return value


FORMS: Mapping[str, Callable[[Any], Any]] = {
    form.__name__: form
    for form in (
        as_is,
        boolean,
        integer,
        number,
        single,
        text,
        lower_text,
        listed,
        locale,
        numbers,
        point,
        relations,
        contexts,
    )
}
"""The spellings of a parameter that OpenSearch shows in one form."""

SET_BY_INDEX = frozenset({"coerce", "ignore_malformed"})
"""Parameters whose default is a setting, `index.mapping.*`: one that is not shown may still be needed."""

TEXTS = frozenset({"null_value", "format", "normalizer", "locale"})
TEXT_FORMS = frozenset({"as_is", "text", "locale"})
"""Parameters that are texts in these forms, whatever is written."""

DROPPED = object()
SINGLE_MAX = 3.4028234e38


def canonical(value: Any) -> str:
    """Returns a text that is the same for equal JSON values: 1 and 1.0, but not true."""
    return json.dumps(ints_from_floats(value), sort_keys=True)


def normal_value(kind: str, name: str, value: Any) -> Any:
    """Returns a parameter's value as it is shown, or DROPPED."""
    known = TABLE["types"].get(kind, {}).get(name)
    if known is None:
        return value
    written = canonical(value)
    for other, shown in known.get("others", []):
        if canonical(other) == written:
            return shown
    normal = FORMS[known["form"]](java_string(value) if is_made_text(known["form"], name, value) else value)
    return DROPPED if name not in SET_BY_INDEX and is_dropped(known, normal) else normal


def is_made_text(form: str, name: str, value: Any) -> bool:
    """Tells whether OpenSearch makes a text of a list or an object: `null_value: [a]` is `[a]` to it."""
    return name in TEXTS and form in TEXT_FORMS and isinstance(value, (list, Mapping))


def is_dropped(known: Mapping[str, Any], normal: Any) -> bool:
    """Tells whether a value in normal form need not be declared: it is the default, or means nothing."""
    dropped = known.get("dropped", [])
    return dropped == "all" or canonical(normal) in map(canonical, dropped)


def normal_fields(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns fields as OpenSearch shows them; one with a dotted name is inside an object."""
    return {name: normal_field(field) for name, field in nested(properties).items()}


def nested(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `{"a": {"properties": {"b": …}}}` for `{"a.b": …}`."""
    found: dict[str, Any] = {}
    for name, field in sorted(properties.items(), key=lambda item: item[0].count(".")):
        first, _, rest = name.partition(".")
        if not (first and rest and _holds_fields(found.get(first, {}))):
            found[name] = field
            continue
        outer = found.get(first, {})
        found[first] = {**outer, "properties": {**outer.get("properties", {}), rest: field}}
    return found


def _holds_fields(field: Any) -> bool:
    """Tells whether there may be other fields inside the field."""
    if not isinstance(field, Mapping) or kind_of(field) not in ("object", "nested"):
        return False
    return isinstance(field.get("properties", {}), Mapping)


def kind_of(field: Mapping[str, Any]) -> str:
    """Returns the field's type; without one it is an object."""
    kind = field.get("type", "object")
    return kind if isinstance(kind, str) else ""


def normal_field(field: Any) -> Any:
    """Returns a mapped field as OpenSearch shows it, without what it completes."""
    if not isinstance(field, Mapping):
        return field
    kind = kind_of(field)
    values = {name: normal_value(kind, name, field[name]) for name in field if name not in (*STRUCTURE, *ANALYZERS)}
    inside = dict(_inside(field))
    normal = {
        **{name: value for name, value in values.items() if value is not DROPPED},
        **normal_analyzers(kind, field),
        **{name: fields for name, fields in inside.items() if fields not in ({}, [])},
    }
    if "type" in field and not (kind == "object" and "properties" in normal):
        return {"type": field["type"], **normal}
    is_object = "properties" in field or field.keys() == {"enabled"}
    return {"type": "object", **normal} if is_object and "properties" not in normal else normal


def _inside(field: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "properties" in field:
        fields = field["properties"]
        yield "properties", normal_fields(fields) if isinstance(fields, Mapping) else fields
    if "fields" in field:
        fields = field["fields"]
        normal = {name: normal_field(each) for name, each in fields.items()} if isinstance(fields, Mapping) else fields
        yield "fields", normal


def normal_analyzers(kind: str, field: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the analyzers of a field, but for one that is the same as the one before it that is written."""
    known = TABLE["types"].get(kind, {})
    found: dict[str, Any] = {}
    before: Any = known.get("analyzer", {}).get("dropped", []) if "analyzer" in field else []
    for name in (name for name in ANALYZERS if name in field):
        if name not in known or field[name] not in before:
            found[name] = field[name]
        before = [field[name]]
    return found


def as_shown(shown: Mapping[str, Any], declared: Any) -> Any:
    """Returns what is shown of a field that was declared, both in normal form: OpenSearch completes parameters."""
    if not isinstance(declared, Mapping) or kind_of(shown) != kind_of(declared):
        return shown
    return dict(_parameters(shown, declared))


def _parameters(shown: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = TABLE["types"].get(kind_of(declared), {})
    for name, value in declared.items():
        if name in ("properties", "fields"):
            if fields := all_as_shown(shown.get(name, {}), value):
                yield name, fields
        elif name in shown:
            yield name, value if is_converted(shown[name], value) else as_declared(shown[name], value)
        elif name not in known or is_dropped(known[name], value) or is_default_analyzer(name, value):
            yield name, value


def is_converted(shown: Any, value: Any) -> bool:
    """Tells whether a value is shown as what it stands for, as a geohash is as a point; nobody can tell them apart."""
    return isinstance(shown, Mapping) and isinstance(value, str)


def is_default_analyzer(name: str, value: Any) -> bool:
    """Tells whether an analyzer may be the one that a field has by default."""
    return name in ANALYZERS and isinstance(value, str) and value in DEFAULT_ANALYZERS


def all_as_shown(shown: Mapping[str, Any], declared: Any) -> Any:
    """Returns what is shown of the fields that were declared; documents add others."""
    if not isinstance(declared, Mapping):
        return declared
    return {name: as_shown(shown[name], field) for name, field in declared.items() if name in shown}


def grows_into(old: Any, new: Any) -> bool:
    """Tells whether a mapped field can become `new` in place, both in normal form."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return bool(old == new)
    kind = kind_of(old)
    names = (old.keys() | new.keys()) - set(STRUCTURE)
    return (
        kind == kind_of(new)
        and all(may_change(kind, name, old.get(name), new.get(name)) for name in names)
        and all(not shrinks(old.get(name, {}), new.get(name, {})) for name in ("properties", "fields"))
    )


def shrinks(old: Any, new: Any) -> list[str]:
    """Returns which fields cannot become the new ones in place: fields can be added, and none can be removed."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new else ["properties"]
    return [name for name, field in old.items() if name not in new or not grows_into(field, new[name])]


def may_change(kind: str, name: str, old: Any, new: Any) -> bool:
    """Tells whether a parameter can have another value in place; None is none. What nobody asked, cannot."""
    if canonical(old) == canonical(new):
        return True
    if name == "relations":
        return has_new_relations(old, new)
    changes = TABLE["types"].get(kind, {}).get(name, {}).get("changes", [])
    if changes in ("any", "to a value"):
        return changes == "any" or new is not None
    return [canonical(old), canonical(new)] in [[canonical(each) for each in pair] for pair in changes]


def has_new_relations(old: Any, new: Any) -> bool:
    """Tells whether a join only gains relations, none of which has a child of the old ones for a parent."""
    before, after = _pairs(old), _pairs(new)
    parents, children = {parent for parent, _ in before}, {child for _, child in before}
    fresh = after - before
    return before <= after and all(
        parent not in children and child not in parents | children for parent, child in fresh
    )


def _pairs(relations: Any) -> set[tuple[str, str]]:
    if not isinstance(relations, Mapping):
        return set()
    return {
        (parent, str(child)) for parent, of in relations.items() for child in (of if isinstance(of, list) else [of])
    }


def field_at(properties: Mapping[str, Any], path: str) -> Any:
    """Returns the field of a dotted name, or None."""
    first, _, rest = path.partition(".")
    if path in properties or not rest:
        return properties.get(path)
    inside = properties.get(first)
    fields = inside.get("properties") if isinstance(inside, Mapping) else None
    return field_at(fields, rest) if isinstance(fields, Mapping) else None


def fields_inside(properties: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yields path and type of every field, at any depth."""
    for name, field in properties.items():
        if not isinstance(field, Mapping):
            continue
        yield f"{path}{name}", str(field.get("type", "object"))
        for inside in ("properties", "fields"):
            if isinstance(field.get(inside), Mapping):
                yield from fields_inside(field[inside], f"{path}{name}.")


def undeclared(mapped: Mapping[str, Any], declared: Mapping[str, Any]) -> list[str]:
    """Returns the mapped fields that are not declared, with their types: a person or a document has added them."""
    known = dict(fields_inside(declared))
    return [f"{path} ({kind})" for path, kind in fields_inside(mapped) if path not in known]


def vectors_inside(properties: Mapping[str, Any]) -> Iterator[str]:
    """Yields the paths of vector fields, at any depth."""
    return (path for path, kind in fields_inside(properties) if kind == "knn_vector")
