"""Search pipelines: a default model for neural queries, and how hybrid scores are put together."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch.errors import illegal_argument, not_here, parse_error
from sandbox.polarsearch.hybrid import COMBINATIONS, NORMALIZATIONS
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.pipelines import check_keys, pipeline_routes
from sandbox.polarsearch.shapes import data

_KEYS = {"description", "version", "request_processors", "response_processors", "phase_results_processors"}
_COMMON = {"tag", "description"}
_ENRICHER = {"default_model_id", "neural_field_default_id"}
PHASE = {"normalization-processor", "score-ranker-processor"}
_OTHERS = set(data("others")["search_processors"].split())
_PHASE_SHAPES = {
    "normalization-processor": {"normalization": {"technique"}, "combination": {"technique", "parameters"}},
    "score-ranker-processor": {"combination": {"technique", "rank_constant"}},
}


def checked(node: Node, name: str, body: dict[str, Any]) -> None:
    """Raises what storing this pipeline is refused for."""
    for key in ("request_processors", "response_processors", "phase_results_processors"):
        if not isinstance(body.get(key) or [], list) or not all(isinstance(p, dict) for p in body.get(key) or []):
            raise not_here(f"[{key}] must be a list of processors", "parse_exception")
        for kind, config in _each(body, key):
            if kind in _OTHERS:
                raise not_here(f"processor [{kind}] is not supported")
            _check(node, key, kind, config)
    check_keys(name, body, _KEYS, set())


def _check(node: Node, place: str, kind: str, config: Any) -> None:
    known = {"request_processors": {"neural_query_enricher"}, "phase_results_processors": PHASE}.get(place, set())
    if kind not in known or (kind == "score-ranker-processor" and not node.version.has("rank_fusion")):
        raise illegal_argument(f"Invalid processor type {kind}")
    if not isinstance(config, dict) or "ignore_failure" in config:
        raise not_here(f"processor [{kind}] takes an object without [ignore_failure]", "parse_exception")
    if kind == "neural_query_enricher":
        _check_enricher(config)
        return
    _check_phase(kind, config)
    if kind == "normalization-processor":
        _check_normalization(node, config)


def _check_phase(kind: str, config: dict[str, Any]) -> None:
    shape = _PHASE_SHAPES[kind]
    for key, options in config.items():
        odd = key not in shape and key not in _COMMON
        if odd or (key in shape and (not isinstance(options, dict) or options.keys() - shape[key])):
            raise not_here(f"[{key}] of processor [{kind}] is not supported", "parse_exception")
    combination = config.get("combination", {})
    parameters = combination.get("parameters", {})
    weights = (
        parameters.get("weights", []) if isinstance(parameters, dict) and not parameters.keys() - {"weights"} else 0
    )
    if not isinstance(weights, list) or not all(isinstance(each, (int, float)) and each >= 0 for each in weights):
        raise not_here(f"[parameters] of processor [{kind}] are not supported", "parse_exception")
    constant = combination.get("rank_constant", 60)
    if kind == "score-ranker-processor" and (
        combination.get("technique") != "rrf" or not isinstance(constant, int) or constant < 1
    ):
        raise not_here(f"[combination] of processor [{kind}] is not supported", "parse_exception")


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
    return next((each for each in pipeline.get("phase_results_processors") or [] if each.keys() & PHASE), None)


ROUTES = pipeline_routes("search", "/_search/pipeline", checked)
