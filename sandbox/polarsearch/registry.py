"""Which settings exist, which may change on a running node, and what a value must look like (`data/settings.json`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here
from sandbox.polarsearch.settings import Flat, java_bool, seconds
from sandbox.polarsearch.shapes import data
from sandbox.polarsearch.versions import Version

_DATA = data("settings")
INDEX: dict[str, str] = {f"index.{name}": kind for name, kind in _DATA["index"].items()}
CLUSTER_DEFAULTS: Flat = _DATA["cluster_defaults"]
_TAKEN: dict[str, str] = _DATA["cluster_taken"]
_CHOICES = {name: words.split() for name, words in _DATA["choices"].items()}
_INDEX_OTHER, _CLUSTER_OTHER = frozenset(_DATA["index_other"]), frozenset(_DATA["cluster_dynamic"])
_CLUSTER_STATIC = frozenset(_DATA["cluster_static"])
_ANY_NAME, _NOT_TAKEN = "cluster.metadata.", ("logger.", "cluster.routing.allocation.", "cluster.remote.")
_GROUPS = ("index.analysis.", "index.similarity.", "index.routing.allocation.")
_PRIVATE = {"index.uuid", "index.creation_date", "index.version.created", "index.provided_name"}
_BYTES = re.compile(r"(\d+)(b|kb|k|mb|m|gb|g|tb|t|pb|p)", re.IGNORECASE)
_EXPAND = re.compile(r"(\d+)-(\d+|all)|false")
_WORDS = {
    "codec": "unknown value for [{key}] must be one of [{listed}] but was: {value}",
    "merge_policy": "The setting has unsupported policy specified: {value}. Please use one of: {listed}",
    "durability": "No enum constant org.opensearch.index.translog.Translog.Durability.{upper}",
    "store": "Unknown store type [{value}]",
    "lock": 'unrecognized [{key}] "{value}": must be native or simple',
    "allocation": "Illegal allocation.enable value [{upper}]",
    "rebalance": "Illegal rebalance.enable value [{upper}]",
    "concurrent": "Setting value must be one of [{listed}]",
    "level": "No enum constant org.opensearch.common.logging.SlowLogLevel.{upper}",
    "check": "unknown value for [{key}] must be one of [{listed}] but was: {value}",
    "node_or_none": "failed to parse [{value}] must be one of [node,none]",
    "space": "Unable to find space: {value} . Valid values are: [{listed}]",
}


def refusal(reason: str, version: Version) -> ApiError:
    """HTTP 400: illegal_argument_exception, from 3.0 on settings_exception."""
    kind = "settings_exception" if version.has("settings_exception") else "illegal_argument_exception"
    return ApiError(400, kind, reason)


def is_dynamic(key: str) -> bool:
    """Whether an index setting may change while the index is open."""
    return INDEX.get(key, "static").startswith("dynamic") or key.startswith("index.routing.allocation.")


def check_all(check: Callable[..., None], items: Iterable[tuple[Any, ...]]) -> None:
    """Raises what the check raises; of several refusals a node tells one, and the others in a key of their own."""
    failed = []
    for item in items:
        try:
            check(*item)
        except ApiError as error:
            failed.append(error)
    if failed:
        raise failed[0] if len(failed) == 1 else not_here(failed[0].reason, failed[0].kind)


def check_index_settings(flat: Flat, version: Version) -> None:
    """Raises for names that are not index settings, or values that cannot be."""
    check_all(lambda key, value: _check_index_setting(key, value, version), sorted(flat.items()))


def _check_index_setting(key: str, value: Any, version: Version) -> None:
    if key.startswith("index.routing.allocation.") and key not in INDEX:
        raise not_here(f"setting [{key}] is not supported")
    if key in _INDEX_OTHER or (key.startswith("index.similarity.") and value is not None):
        raise not_here(f"setting [{key}] is not supported")
    if key not in INDEX and not key.startswith(_GROUPS):
        raise refusal(_unknown(key, () if key in _PRIVATE else INDEX.keys() | _INDEX_OTHER), version)
    if value is not None and key in INDEX:
        check_value(key, INDEX[key].partition(" ")[2], value)


def check_cluster_setting(scope: str, key: str, value: Any, version: Version) -> None:
    """Raises for a name that is unknown or needs a restart, or a value of the wrong kind."""
    if key in _CLUSTER_STATIC:
        raise refusal(f"{scope} setting [{key}], not dynamically updateable", version)
    if key.startswith(_ANY_NAME) or ("*" in key and value is None):
        return
    if key in _TAKEN:
        if value is not None:
            check_value(key, _TAKEN[key], value)
    elif key in CLUSTER_DEFAULTS or key in _CLUSTER_OTHER or key.startswith(_NOT_TAKEN):
        raise not_here(f"{scope} setting [{key}] is not supported")
    else:
        raise refusal(f"{scope} setting [{key}], not recognized", version)


def check_value(key: str, kind: str, value: Any) -> None:
    """Raises the refusal of a value that a setting of this kind cannot have."""
    name, *limits = kind.split()
    if isinstance(value, list) != (name == "list") and not (name == "list" and isinstance(value, str)):
        raise not_here(f"setting [{key}] cannot be {value}")
    if name == "bool":
        java_bool(value)
    elif name in {"whole", "long", "real"}:
        _check_number(key, name, limits, value)
    elif name == "time":
        _check_time(key, limits, value)
    elif name == "bytes":
        _check_bytes(key, limits, value)
    elif name == "expand" and not _EXPAND.fullmatch(value):
        raise _not_expanding(key, value)
    elif name == "only" and value.lower() not in limits:
        raise not_here(f"setting [{key}] can only be {limits[0]}, not [{value}]")
    elif name in _CHOICES and value.lower() not in _CHOICES[name]:
        kind = "invalid_parameter_exception" if name == "space" else "illegal_argument_exception"
        words = {"key": key, "value": value, "upper": value.upper(), "listed": ", ".join(_CHOICES[name])}
        raise ApiError(400, kind, _WORDS[name].format(**words))


def _check_number(key: str, kind: str, limits: list[str], value: str) -> None:
    failed = f"Failed to parse value [{value}] for setting [{key}]"
    try:
        number = float(value) if kind == "real" else int(value)
    except ValueError:
        cause = ApiError(400, "number_format_exception", f'For input string: "{value}"')
        raise illegal_argument(failed, cause=cause) from None
    if limits and number < float(limits[0]):
        raise illegal_argument(f"{failed} must be >= {limits[0]}")
    if len(limits) > 1 and number > float(limits[1]):
        raise illegal_argument(f"{failed} must be <= {limits[1]}")
    if kind == "whole" and abs(number) >= 2**31:
        cause = ApiError(400, "number_format_exception", f'For input string: "{value}"')
        raise illegal_argument(failed, cause=cause)


def _check_time(key: str, limits: list[str], value: str) -> None:
    number = seconds(value, key)
    if limits and number < seconds(limits[0], key):
        raise illegal_argument(f"failed to parse value [{value}] for setting [{key}], must be >= [{limits[0]}]")


def _check_bytes(key: str, limits: list[str], value: str) -> None:
    if value not in {"-1", "0"} and not _BYTES.fullmatch(value):
        reason = f"failed to parse setting [{key}] with value [{value}] as a size in bytes: unit is missing"
        raise not_here(f"{reason} or unrecognized")
    if limits and value in {"-1", *(["0"] if limits[0] != "0" else [])}:
        raise illegal_argument(f"failed to parse value [{value}] for setting [{key}], must be >= [{limits[0]}]")


def _not_expanding(key: str, value: str) -> ApiError:
    if "-" in value:
        return not_here(f"failed to parse [{key}] from value: [{value}]")
    return illegal_argument(f"failed to parse [{key}] from value: [{value}] at index -1")


def _unknown(key: str, known: Iterable[str]) -> str:
    close = [(score, name) for name in known if (score := _similar(key, name)) > 0.7]
    names = [name for _, name in sorted(close, key=lambda pair: -pair[0])]
    if not names:
        hint = " please check that any required plugins are installed, or check the breaking changes documentation"
        return f"unknown setting [{key}]{hint} for removed settings"
    meant = f"[{names[0]}]" if len(names) == 1 else f"any of [{', '.join(names)}]"
    return f"unknown setting [{key}] did you mean {meant}?"


def _similar(one: str, other: str) -> float:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return 1 - row[-1] / max(len(one), len(other), 1)
