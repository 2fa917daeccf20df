"""Search pipelines: a default model for neural queries, and how hybrid scores are put together."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch.errors import illegal_argument, not_here
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.pipelines import pipeline_handlers

PHASE = "normalization-processor"


def checked(node: Node, body: dict[str, Any]) -> None:
    """Raises for a pipeline, of a shape that is right, that is not taken all the same."""
    for config in _each(body, "request_processors"):
        if not config.keys() & {"default_model_id", "neural_field_default_id"}:
            raise not_here("model Id or neural info map either of them should be provided")
    for config in _each(body, "phase_results_processors"):
        technique, combination = config.get("normalization", {}).get("technique"), config.get("combination", {})
        weights = combination.get("parameters", {}).get("weights", [])
        if technique == "z_score" and not node.version.has("z_score"):
            raise not_here("provided normalization technique is not supported")
        if technique == "z_score" and combination.get("technique", "arithmetic_mean") != "arithmetic_mean":
            raise not_here("provided combination technique is not supported for normalization technique z_score")
        if weights and (abs(sum(weights) - 1) > 0.01 or min(weights) < 0):
            raise not_here("sum of weights for combination must be equal to 1.0")


def _each(body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [config for each in body.get(key, []) for config in each.values()]


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
    for config in _each(pipeline, "request_processors"):
        model = config.get("neural_field_default_id", {}).get(field) or config.get("default_model_id")
        if model:
            return str(model)
    return None


def combination(pipeline: dict[str, Any]) -> dict[str, Any] | None:
    """The processor that puts hybrid scores together."""
    return next((each for each in pipeline.get("phase_results_processors", []) if PHASE in each), None)


put, get, delete = pipeline_handlers("search", checked)
