"""Search pipelines: a default model for neural queries, and how hybrid scores are put together.

A pipeline named by `?search_pipeline=` comes before the index's own `index.search.default_pipeline`.
"""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch.errors import illegal_argument, parse_error
from sandbox.polarsearch.hybrid import COMBINATIONS, NORMALIZATIONS
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.pipelines import pipeline_routes

_KEYS = {"description", "version", "request_processors", "response_processors", "phase_results_processors"}
_COMMON = {"tag", "description", "ignore_failure"}
_ENRICHER = {"default_model_id", "neural_field_default_id"}
PHASE = {"normalization-processor", "score-ranker-processor"}


def checked(node: Node, name: str, body: dict[str, Any]) -> None:
    """Raises what storing this pipeline is refused for."""
    for kind, config in _each(body, "request_processors"):
        if kind != "neural_query_enricher":
            raise illegal_argument(f"Invalid processor type {kind}")
        _check_enricher(config)
    for kind, config in _each(body, "phase_results_processors"):
        if kind not in PHASE or (kind == "score-ranker-processor" and not node.version.has("rank_fusion")):
            raise illegal_argument(f"Invalid processor type {kind}")
        if kind == "normalization-processor":
            _check_normalization(node, config)
    for kind, _ in _each(body, "response_processors"):
        raise illegal_argument(f"Invalid processor type {kind}")
    unknown = sorted(body.keys() - _KEYS)
    if unknown:
        reason = f"pipeline [{name}] doesn't support one or more provided configuration parameters"
        raise parse_error(f"{reason} [{', '.join(unknown)}]")


def _each(body: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    return [pair for each in body.get(key) or [] for pair in each.items()]


def _check_enricher(config: dict[str, Any]) -> None:
    if not config.keys() & _ENRICHER:
        raise illegal_argument("model Id or neural info map either of them should be provided")
    unknown = sorted(config.keys() - _COMMON - _ENRICHER)
    if unknown:
        reason = "processor [neural_query_enricher] doesn't support one or more provided configuration parameters"
        raise parse_error(f"{reason}: [{', '.join(unknown)}]")


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
