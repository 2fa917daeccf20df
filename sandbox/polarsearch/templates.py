"""Composable index templates: what a new index gets when its name matches."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sandbox.polarsearch.calls import WAITS, Call, Reply, route
from sandbox.polarsearch.errors import ApiError, illegal_argument, unknown_field
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.registry import check_index_settings
from sandbox.polarsearch.settings import flatten, nest, prefixed

_KEYS = {"index_patterns", "template", "priority", "version", "_meta", "composed_of", "data_stream"}


def matching(node: Node, index: str) -> dict[str, Any]:
    """`settings`, `mappings` and `aliases` of the template of highest priority."""
    found = [each for each in node.templates.values() if any(fnmatchcase(index, p) for p in each["index_patterns"])]
    best: dict[str, Any] = max(found, key=lambda each: each.get("priority", 0), default={})
    return dict(best.get("template", {}))


def put(node: Node, call: Call) -> Reply:
    """Make or replace."""
    body = call.required()
    unknown = sorted(body.keys() - _KEYS)
    if unknown:
        raise unknown_field("index_template", unknown[0])
    patterns = body.get("index_patterns")
    if not patterns:
        raise illegal_argument("There must be at least one pattern, zero given")
    check_index_settings(dict(prefixed(flatten((body.get("template") or {}).get("settings") or {}))), node.version)
    node.templates[call.path["name"]] = _normal(body, patterns)
    node.store.put("template", call.path["name"], node.templates[call.path["name"]])
    return Reply({"acknowledged": True})


def _normal(body: dict[str, Any], patterns: Any) -> dict[str, Any]:
    template = dict(body.get("template") or {})
    if "settings" in template:
        template["settings"] = nest(dict(prefixed(flatten(template["settings"]))))
    kept = {"index_patterns": [patterns] if isinstance(patterns, str) else patterns, "template": template}
    return {**body, **kept, "composed_of": body.get("composed_of", [])}


def get(node: Node, call: Call) -> Reply:
    """One, those that match, or all."""
    name = call.path.get("name", "*")
    found = {key: body for key, body in node.templates.items() if fnmatchcase(key, name)}
    if not found and "*" not in name:
        raise _missing(name)
    return Reply({"index_templates": [{"name": key, "index_template": body} for key, body in sorted(found.items())]})


def delete(node: Node, call: Call) -> Reply:
    """Indexes made with it stay as they are."""
    name = call.path["name"]
    if node.templates.pop(name, None) is None:
        raise ApiError(404, "index_template_missing_exception", f"index_template [{name}] missing")
    node.store.drop("template", name)
    return Reply({"acknowledged": True})


def _missing(name: str) -> ApiError:
    return ApiError(404, "resource_not_found_exception", f"index template matching [{name}] not found")


ROUTES = [
    route("PUT POST", "/_index_template/{name}", put, "indices:admin/index_template/put", "create", "cause", WAITS),
    route(
        "GET HEAD", "/_index_template/{name}", get, "indices:admin/index_template/get", "flat_settings", "local", WAITS
    ),
    route("GET", "/_index_template", get, "indices:admin/index_template/get", "flat_settings", "local", WAITS),
    route("DELETE", "/_index_template/{name}", delete, "indices:admin/index_template/delete", WAITS),
]
