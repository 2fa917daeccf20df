"""Neural queries: a text becomes a vector before the search begins, so that the search itself calls nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.polarsearch import predict
from sandbox.polarsearch.errors import ApiError, not_here
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.search_pipelines import default_model

DEFAULT_K = 10


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


_PASSED_ON = {"k", "filter", "boost"}
