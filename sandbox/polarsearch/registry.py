"""Which settings exist, which may change on a running node, and what a value must look like.

The lists are those of a recorded 2.19.1 node (`data/settings.json`). The surprise: a setting nobody registered is
refused, yet `cluster.metadata.*` takes any name and any text, which makes it the one place for a note.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from sandbox.polarsearch.errors import ApiError, illegal_argument
from sandbox.polarsearch.settings import Flat, java_bool, seconds, unknown_setting
from sandbox.polarsearch.versions import Version

_DATA = json.loads(resources.files("sandbox.polarsearch").joinpath("data/settings.json").read_text())
INDEX_DYNAMIC, INDEX_STATIC = frozenset(_DATA["index_dynamic"]), frozenset(_DATA["index_static"])
CLUSTER_DEFAULTS: Flat = _DATA["cluster_defaults"]
_CLUSTER_DYNAMIC, _CLUSTER_STATIC = frozenset(_DATA["cluster_dynamic"]), frozenset(_DATA["cluster_static"])
_ANY_NAME = ("cluster.metadata.", "logger.", "cluster.routing.allocation.", "cluster.remote.")
_GROUPS = ("index.analysis.", "index.similarity.", "index.routing.allocation.")
PRIVATE = frozenset({"index.uuid", "index.creation_date", "index.version.created", "index.provided_name"})
_WHOLE = {"index.number_of_shards": 1, "index.number_of_replicas": 0, "index.knn.algo_param.ef_search": 2}
_BOOLS = {
    "index.knn",
    "index.hidden",
    "index.blocks.write",
    "index.blocks.read_only",
    "index.knn.derived_source.enabled",
}


def refusal(reason: str, version: Version) -> ApiError:
    """HTTP 400: illegal_argument_exception, from 3.0 on settings_exception."""
    kind = "settings_exception" if version.has("settings_exception") else "illegal_argument_exception"
    return ApiError(400, kind, reason)


def check_index_settings(flat: Flat, version: Version) -> None:
    """Raises for a name that is not an index setting, or a value that cannot be one."""
    for key, value in sorted(flat.items()):
        known = key in INDEX_DYNAMIC or key in INDEX_STATIC or key.startswith(_GROUPS)
        if not known or key in PRIVATE:
            error = unknown_setting(key, () if key in PRIVATE else INDEX_DYNAMIC | INDEX_STATIC)
            raise refusal(error.reason, version)
        if value is not None:
            _check_value(key, value)


def _check_value(key: str, value: Any) -> None:
    if key == "index.refresh_interval":
        seconds(value, key)
    elif key in _BOOLS:
        java_bool(value)
    elif key in _WHOLE:
        _check_whole(key, value, _WHOLE[key])


def _check_whole(key: str, value: Any, least: int) -> None:
    try:
        number = int(value)
    except (TypeError, ValueError):
        cause = ApiError(400, "number_format_exception", f'For input string: "{value}"')
        raise illegal_argument(f"Failed to parse value [{value}] for setting [{key}]", cause=cause) from None
    if number < least:
        raise illegal_argument(f"Failed to parse value [{value}] for setting [{key}] must be >= {least}")


def check_cluster_setting(scope: str, key: str, value: Any, version: Version) -> None:
    """Raises for a name that is unknown or needs a restart, or a value of the wrong kind."""
    if key in _CLUSTER_STATIC:
        raise refusal(f"{scope} setting [{key}], not dynamically updateable", version)
    if key not in CLUSTER_DEFAULTS and key not in _CLUSTER_DYNAMIC and not key.startswith(_ANY_NAME):
        raise refusal(f"{scope} setting [{key}], not recognized", version)
    default = CLUSTER_DEFAULTS.get(key)
    if value is not None and default in ("true", "false"):
        java_bool(value)
    elif value is not None and isinstance(default, str) and default.isdigit():
        _check_whole(key, value, 0)
