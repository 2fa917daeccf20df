"""Predictions: by parameters, which go into the connector's template as they are, or by texts, as ingestion does it."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch import remote
from sandbox.polarsearch.answers import Output
from sandbox.polarsearch.calls import Call, Reply
from sandbox.polarsearch.deployment import ready
from sandbox.polarsearch.errors import ApiError, not_here
from sandbox.polarsearch.node import Node


def by_model(node: Node, call: Call) -> Reply:
    """POST models/{id}/_predict: parameters."""
    body = call.required()
    if "text_docs" in body and "parameters" not in body:
        return _texts(node, call.path["id"], body)
    with node.working():
        connector = ready(node, call.path["id"])
    return _results([remote.predict(node, connector, body.get("parameters") or {})])


def by_algorithm(node: Node, call: Call) -> Reply:
    """POST _predict/{algorithm}/{id}: texts for text_embedding, parameters for remote."""
    body, algorithm = call.required(), call.path["algorithm"].lower()
    if algorithm == "remote":
        return by_model(node, call)
    if algorithm != "text_embedding":
        raise not_here(f"predictions of [{algorithm}] are not supported")
    return _texts(node, call.path["id"], body)


def _texts(node: Node, model: str, body: dict[str, Any]) -> Reply:
    texts = body.get("text_docs")
    if body.get("target_response", ["sentence_embedding"]) != ["sentence_embedding"]:
        raise not_here("[target_response] must be [sentence_embedding]")
    if not isinstance(texts, list) or not texts:
        raise not_here("[text_docs] must be a list of texts")
    with node.working():
        connector = ready(node, model)
    return _results(remote.predict_texts(node, connector, texts))


def _results(answers: list[list[Output]]) -> Reply:
    return Reply(
        {"inference_results": [{**({"output": each} if each else {}), "status_code": 200} for each in answers]}
    )


def embed(node: Node, model: str, texts: list[str]) -> list[Any]:
    """The vectors of `texts`, as ingestion and neural queries ask for them. Call it without the lock."""
    with node.working():
        connector = ready(node, model)
    answers = remote.predict_texts(node, connector, texts)
    vectors = [output.get("data") for outputs in answers for output in outputs]
    if len(vectors) != len(texts) or any(vector is None for vector in vectors):
        raise ApiError(
            500, "illegal_state_exception", f"Unable to fetch embeddings: {len(texts)} texts, {len(vectors)} vectors"
        )
    return vectors
