"""Parameters of a whole mapping, beside its fields: the form in which OpenSearch shows them, and what may change.

A real 2.19.1 was asked for every value and every change of one to another (tests/conformance/test_mappings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .mappings import boolean, listed, lower_text

RESET: Mapping[str, Any] = {
    "dynamic": "true",
    "date_detection": True,
    "numeric_detection": False,
    "dynamic_date_formats": ["strict_date_optional_time", "yyyy/MM/dd HH:mm:ss Z||yyyy/MM/dd Z"],
    "dynamic_templates": [],
}
"""Parameters that a live index may change, and their defaults: one cannot be removed, only set again."""

FIXED = frozenset({"_source", "_routing"})
"""Parameters that never change."""

DYNAMIC = ("true", "false", "strict", "strict_allow_templates")
FLAGS = ("date_detection", "numeric_detection")
SOURCE_FLAGS, SOURCE_LISTS = (
    ("enabled", "recovery_source_enabled"),
    ("includes", "excludes", "recovery_source_includes", "recovery_source_excludes"),
)
CONDITIONS = ("match", "unmatch", "path_match", "path_unmatch", "match_mapping_type", "match_pattern")

Parameters = dict[str, Any]


def normal_mapping(parameters: Mapping[str, Any]) -> Parameters:
    """Returns the parameters as OpenSearch shows them. Raises ValueError with all that it does not take."""
    if mistakes := [line for name, value in parameters.items() for line in _mistakes(name, value)]:
        raise ValueError("; ".join(mistakes))
    normal = {name: _FORMS[name](value) for name, value in parameters.items()}
    return {name: value for name, value in normal.items() if name in RESET or value}


def shown_mapping(mapping: Mapping[str, Any], declared: Mapping[str, Any]) -> Parameters:
    """Returns what a mapping shows of the parameters that were declared."""
    return {name: mapping[name] for name in declared if name in mapping}


def changes_in_place(old: Mapping[str, Any], new: Mapping[str, Any]) -> Parameters:
    """Returns the parameters to send: new values, and defaults for what is no longer declared."""
    reset = {name: RESET[name] for name in old.keys() - new.keys() if name in RESET}
    return {**reset, **{name: value for name, value in new.items() if name in RESET}}


def fixed_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns the parameters that differ and never change."""
    return sorted(name for name in FIXED if old.get(name) != new.get(name))


def _mistakes(name: str, value: Any) -> list[str]:
    if name not in _FORMS:
        return [f"{name} is no parameter of a mapping; it has {', '.join(_FORMS)}"]
    wanted, fits = _SHAPES[name]
    return [] if fits(value) else [f"{name} must be {wanted}"]


def _source(value: Mapping[str, Any]) -> Parameters:
    """Returns `_source` without what is its default."""
    flags = {name: boolean(value[name]) for name in SOURCE_FLAGS if name in value}
    lists = {name: listed(value[name]) for name in SOURCE_LISTS if name in value}
    return {name: each for name, each in {**flags, **lists}.items() if each not in (True, [])}


def _routing(value: Mapping[str, Any]) -> Parameters:
    return {"required": True} if boolean(value.get("required", False)) else {}


_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "dynamic": lower_text,
    "date_detection": boolean,
    "numeric_detection": boolean,
    "dynamic_date_formats": listed,
    "dynamic_templates": list,
    "_source": _source,
    "_routing": _routing,
}


def _is_flag(value: Any) -> bool:
    return isinstance(boolean(value), bool)


def _are_texts(value: Any) -> bool:
    return all(isinstance(each, str) for each in (value if isinstance(value, list) else [value]))


def _are_templates(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_template, value))


def _is_template(value: Any) -> bool:
    """OpenSearch takes a list of patterns and makes the text `[x*]` of it, which matches nothing."""
    if not (isinstance(value, Mapping) and len(value) == 1):
        return False
    [rule] = value.values()
    is_rule = isinstance(rule, Mapping) and isinstance(rule.get("mapping"), Mapping)
    return is_rule and all(isinstance(rule[name], str) for name in CONDITIONS if name in rule)


def _is_source(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() <= {*SOURCE_FLAGS, *SOURCE_LISTS}
        and all(_is_flag(value[name]) for name in SOURCE_FLAGS if name in value)
        and all(_are_texts(value[name]) for name in SOURCE_LISTS if name in value)
    )


def _is_routing(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() <= {"required"} and _is_flag(value.get("required", False))


_SHAPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "dynamic": (f"one of {', '.join(DYNAMIC)}", lambda value: lower_text(value) in DYNAMIC),
    **dict.fromkeys(FLAGS, ("true or false", _is_flag)),
    "dynamic_date_formats": ("a list of formats, such as [yyyy-MM-dd]", _are_texts),
    "dynamic_templates": ("a list of templates, such as [{texts: {match: 'x*', mapping: {…}}}]", _are_templates),
    "_source": (f"an object of {', '.join([*SOURCE_FLAGS, *SOURCE_LISTS])}", _is_source),
    "_routing": ("{required: true} or {required: false}", _is_routing),
}
