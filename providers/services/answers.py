"""What a successful answer of PolarSearch's looks like, by request. Pure.

A JSON object of another shape is not its own: something in between answered, and may not have passed the request on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from providers.kit import NotFound

ML = "/_plugins/_ml"
NAME = r"/[^_/][^/]*"
OBJECT = rf"{ML}/(connectors|models|model_groups)/(?!_search)[^/]+"
PIPELINE = r"/_(?:ingest|search)/pipeline"


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda body: any(name in body for name in names)


def _of_objects(body: Mapping[str, Any]) -> bool:
    return all(isinstance(each, dict) for each in body.values())


def _of_indexes(body: Mapping[str, Any]) -> bool:
    return _of_objects(body) and all(each.keys() & {"aliases", "mappings", "settings"} for each in body.values())


SHAPES: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    (
        rf"(PUT|DELETE) (/_cluster/settings|{PIPELINE}/[^/]+|{NAME}(/_mapping|/_settings|/_alias/[^/]+)?)",
        _has("acknowledged"),
    ),
    (r"POST /_aliases", _has("acknowledged")),
    (rf"GET {PIPELINE}(/((?P<name>[^/*,]+)|[^/]+))?", _of_objects),
    (rf"GET ((/_all|{NAME})?/(_mapping|_settings|_alias)|/_all|{NAME})", _of_indexes),
    (r"GET /_cluster/settings", _has("persistent")),
    (rf"GET /_cluster/health{NAME}", _has("status")),
    (rf"GET {OBJECT}", _has("name")),
    (rf"(PUT|DELETE) {OBJECT}", _has("_id", "status")),
    (r"POST .*/_search", _has("hits")),
    (r"(GET|POST) .*/_count", _has("count")),
    (r"POST .*/_refresh", _has("_shards")),
    (rf"POST {ML}/_predict/.*", _has("inference_results")),
    (rf"POST {ML}/models/[^/]+/_deploy", _has("task_id")),
    (rf"POST {ML}/models/[^/]+/_undeploy", _of_objects),
)
"""A request's method and path, as a regular expression, and what its answer is (recorded: lifecycle.jsonl and others).

The answer has the `name` that was asked for. A request that is not listed may have any answer.
"""


def is_answer(request: str, body: Mapping[str, Any]) -> bool:
    """Tells whether the body of a success is PolarSearch's own; `request` is such as `PUT /_cluster/settings`."""
    known = ((re.fullmatch(shape, request), fits) for shape, fits in SHAPES)
    return next((fits(body) and _has_name(found, body) for found, fits in known if found), True)


def _has_name(found: re.Match[str], body: Mapping[str, Any]) -> bool:
    return (name := found.groupdict().get("name")) is None or name in body


def or_empty(get: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns a list, which a cluster without any answers with 404."""
    try:
        return get()
    except NotFound:
        return {}
