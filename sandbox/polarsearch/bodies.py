"""The words in which a node refuses a key that nobody knows, by the body it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here, parsing, unknown_field
from sandbox.polarsearch.shapes import Refuse, Shapes, data

_DEPTHS = {"bool": 2, "constant_score": 2, "nested": 2, "hybrid": 2, "knn": 3, "neural": 3}


def _shallow(refuse: Refuse) -> Refuse:

    def refused(path: str, key: str, value: Any) -> ApiError:
        parts, error = path.split("."), refuse(path, key, value)
        return not_here(error.reason) if len(parts) > _DEPTHS.get("".join(parts[1:2]), len(parts)) else error

    return refused


def _search(_: str, key: str, value: Any) -> ApiError:
    kinds = {dict: "START_OBJECT", list: "START_ARRAY", bool: f"VALUE_{str(value).upper()}", str: "VALUE_STRING"}
    kind = kinds.get(type(value), "VALUE_NULL" if value is None else "VALUE_NUMBER")
    extra = {"line": 1, "col": 2}
    return ApiError(400, "parsing_exception", f"Unknown key for a {kind} in [{key}].", extra=extra)


def _query(_: str, key: str, value: Any) -> ApiError:
    error = parsing(f"unknown query [{key}]")
    error.cause = ApiError(400, "named_object_not_found_exception", f"[1:1] unknown field [{key}]")
    return error


def _clauses(_: str, first: str, value: Any) -> ApiError:
    if not value:
        return illegal_argument("query malformed, empty clause found at [1:1]")
    return parsing(f"[{first}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]")


def _alias_action(_: str, key: str, value: Any) -> ApiError:
    inner = ApiError(400, "x_content_parse_exception", f"[1:15] [alias_action] unknown field [{key}]")
    text = "[1:23] [aliases] failed to parse field [actions]"
    return ApiError(400, "x_content_parse_exception", text, cause=inner, root=inner)


def _inner_hits(_: str, key: str, value: Any) -> ApiError:
    return ApiError(400, "x_content_parse_exception", f"[1:1] [inner_hits] unknown field [{key}]")


def _of_query(kind: str) -> Refuse:
    return lambda _, key, value: parsing(f"[{kind}] query does not support [{key}]")


def _field_of(what: str) -> Refuse:
    return lambda _, key, value: unknown_field(what, key)


REFUSALS: Mapping[str, Refuse] = {
    "create_index": lambda _, key, value: ApiError(400, "parse_exception", f"unknown key [{key}] for create index"),
    "search": _search,
    "query": _shallow(_query),
    "clauses": _shallow(_clauses),
    "alias_action": _alias_action,
    "update": _field_of("UpdateRequest"),
    "inner_hits": _inner_hits,
    "bulk": lambda _, key, value: not_here(f"unknown key [{key}] of an action"),
    **{f"query {kind}": _shallow(_of_query(kind)) for kind in ("match", "multi_match", "range", "nested", "neural")},
    **{name: _shallow(_field_of(name)) for name in ("bool", "knn", "match_all", "match_none", "ids")},
}
SHAPES = Shapes(data("bodies"), REFUSALS)
