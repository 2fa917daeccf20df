"""Search pipelines: a default model for neural queries, and how hybrid scores are put together."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch.errors import illegal_argument, not_here, parse_error
from sandbox.polarsearch.hybrid import COMBINATIONS, NORMALIZATIONS
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.pipelines import check_keys, pipeline_handlers
from sandbox.polarsearch.shapes import data

_KEYS = {"description", "version", "request_processors", "response_processors", "phase_results_processors"}
_COMMON = {"tag", "description"}
_ENRICHER = {"default_model_id", "neural_field_default_id"}
PHASE = "normalization-processor"
_OTHERS = set(data("others")["search_processors"].split())
_SHAPE = {"normalization": {"technique"}, "combination": {"technique", "parameters"}}


def checked(node: Node, name: str, body: dict[str, Any]) -> None:
    """Raises what storing this pipeline is refused for."""
    for key in ("request_processors", "response_processors", "phase_results_processors"):
        if isinstance(body.get(key), dict):
            reason = f"[{key}] property isn't a list, but of type [java.util.HashMap]"
            raise parse_error(reason, property_name=key)
        if not isinstance(body.get(key) or [], list) or not all(isinstance(p, dict) for p in body.get(key) or []):
            raise not_here(f"[{key}] must be a list of processors", "parse_exception")
        for kind, config in _each(body, key):
            if kind in _OTHERS:
                raise not_here(f"processor [{kind}] is not supported")
            _check(node, key, kind, config)
    check_keys(name, body, _KEYS, set())


def _check(node: Node, place: str, kind: str, config: Any) -> None:
    known = {"request_processors": "neural_query_enricher", "phase_results_processors": PHASE}
    if kind != known.get(place):
        raise illegal_argument(f"Invalid processor type {kind}")
    if not isinstance(config, dict) or "ignore_failure" in config:
        raise not_here(f"processor [{kind}] takes an object without [ignore_failure]", "parse_exception")
    if kind == PHASE:
        _check_shape(config)
        _check_normalization(node, config)
    else:
        _check_enricher(config)


def _check_shape(config: dict[str, Any]) -> None:
    for key, options in config.items():
        known = key in _COMMON or (key in _SHAPE and isinstance(options, dict) and not options.keys() - _SHAPE[key])
        if not known:
            raise not_here(f"[{key}] of processor [{PHASE}] is not supported", "parse_exception")
    parameters = config.get("combination", {}).get("parameters", {})
    weights = parameters.get("weights", []) if isinstance(parameters, dict) else 0
    if not isinstance(weights, list) or not all(isinstance(each, (int, float)) and each >= 0 for each in weights):
        raise not_here(f"[weights] of processor [{PHASE}] must be a list of numbers", "parse_exception")
    if parameters.keys() - {"weights"}:
        raise not_here(f"[parameters] of processor [{PHASE}] can only be weights", "parse_exception")


def _each(body: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    return [pair for each in body.get(key) or [] for pair in each.items()]


def _check_enricher(config: dict[str, Any]) -> None:
    if not config.keys() & _ENRICHER:
        raise illegal_argument("model Id or neural info map either of them should be provided")
    unknown = sorted(config.keys() - _COMMON - _ENRICHER)
    if unknown:
        reason = "processor [neural_query_enricher] doesn't support one or more provided configuration parameters"
        raise parse_error(f"{reason}: [{', '.join(unknown)}]")
    fields = config.get("neural_field_default_id", {})
    if not isinstance(config.get("default_model_id", ""), str) or not isinstance(fields, dict):
        raise not_here("[default_model_id] must be a text, [neural_field_default_id] an object", "parse_exception")


def _check_normalization(node: Node, config: dict[str, Any]) -> None:
    technique = (config.get("normalization") or {}).get("technique", "min_max")
    if technique not in NORMALIZATIONS or (technique == "z_score" and not node.version.has("z_score")):
        raise illegal_argument("provided normalization technique is not supported")
    combination = config.get("combination") or {}
    combining = combination.get("technique", "arithmetic_mean")
    if combining not in COMBINATIONS:
        raise illegal_argument("provided combination technique is not supported")
    if technique == "z_score" and combining != "arithmetic_mean":
        raise illegal_argument(
            f"provided combination technique {combining} is not supported for normalization technique z_score. "
            "Supported techniques are: arithmetic_mean"
        )
    weights = (combination.get("parameters") or {}).get("weights")
    if weights and abs(sum(weights) - 1) > 0.01:
        listed = ", ".join(map(str, weights))
        raise illegal_argument(f"sum of weights for combination must be equal to 1.0, submitted weights: [{listed}]")


def chosen(node: Node, asked: str | None, default: str | None) -> dict[str, Any]:
    """The pipeline of one search, empty when there is none. Raises for a name that is not defined."""
    name = asked if asked is not None else default
    if name in {None, "_none"}:
        return {}
    if name not in node.pipelines["search"]:
        raise illegal_argument(f"Pipeline {name} is not defined")
    return dict(node.pipelines["search"][name])


def default_model(pipeline: dict[str, Any], field: str) -> str | None:
    """The model a neural query on `field` uses when it names none."""
    for _, config in _each(pipeline, "request_processors"):
        model = (config.get("neural_field_default_id") or {}).get(field) or config.get("default_model_id")
        if model:
            return str(model)
    return None


def combination(pipeline: dict[str, Any]) -> dict[str, Any] | None:
    """The processor that puts hybrid scores together."""
    return next((each for each in pipeline.get("phase_results_processors") or [] if PHASE in each), None)


put, get, delete = pipeline_handlers("search", checked)
