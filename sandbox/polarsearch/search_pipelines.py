"""Search pipelines: a default model for neural queries, and how hybrid scores are put together.

A neural query's text becomes a vector before the search begins, so that the search itself calls nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.polarsearch import predict
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.pipelines import pipeline_handlers

PHASE, DEFAULT_K, _PASSED_ON = "normalization-processor", 10, {"k", "filter", "boost"}


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


def calls_a_model(query: Any) -> bool:
    """Whether there is a neural part in the query."""
    if isinstance(query, dict):
        return "neural" in query or any(map(calls_a_model, query.values()))
    return isinstance(query, list) and any(map(calls_a_model, query))


def resolved(node: Node, query: Any, pipeline: dict[str, Any]) -> Any:
    """The query with every neural part turned into knn. Call it without the lock."""
    if isinstance(query, list):
        return [resolved(node, each, pipeline) for each in query]
    if not isinstance(query, dict):
        return query
    if "neural" in query and isinstance(query["neural"], dict) and len(query) == 1:
        return {"knn": dict(_knn(node, query["neural"], pipeline))}
    found = {} if "nested" in query and not node.version.has("nested_enricher") else pipeline
    return {key: resolved(node, value, found) for key, value in query.items()}


def _knn(node: Node, body: dict[str, Any], pipeline: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, options in body.items():
        if not options["query_text"]:
            raise not_here("a neural query without a text is not supported")
        model = options.get("model_id") or default_model(pipeline, field)
        if model is None:
            raise ApiError(500, "null_pointer_exception", "modelId is marked non-null but is null")
        knn = {key: resolved(node, value, pipeline) for key, value in options.items() if key in _PASSED_ON}
        yield field, {"k": DEFAULT_K, **knn, "vector": predict.embed(node, model, [options["query_text"]])[0]}


put, get, delete = pipeline_handlers("search", checked)
