"""The embedding service, called from this machine as its connector calls it: the request, and the vectors answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from providers.kit import SearchStackError
from providers.services.embedding_answers import named, unread
from providers.services.process_functions import VECTORS_AT, is_readable, values_at

from .embedding_calls import CREDENTIAL, RESPONSE_FILTER, EmbeddingCall

Post = Callable[[str, Mapping[str, str], str], Any]
"""Sends headers and a body to a URL, and returns the JSON of the answer. Raises ApiError."""


def only_in_the_cluster(call: EmbeddingCall) -> str:
    """Returns why PolarSearch alone can make a call; empty where this machine can."""
    if call.embedding.aws_sigv4:
        return "PolarSearch signs the requests to AWS"
    if call.filled is None:
        return "`pre_process` is a script, which PolarSearch runs"
    if call.post_process not in VECTORS_AT:
        return "`post_process` is a script, which PolarSearch runs"
    path = _vectors_at(call)
    return "" if is_readable(path) else f"`response_filter` {path} is a path that PolarSearch alone reads"


def embed(call: EmbeddingCall, texts: Sequence[str], post: Post) -> list[list[Any]]:
    """Returns the vectors of texts, where this machine can make the call. Raises SearchStackError."""
    sent = body(call, texts)
    found = values_at(post(call.url, headers(call), sent), _vectors_at(call))
    vectors = [found] if call.filled and call.filled.one else found
    if what := unread(vectors):
        raise SearchStackError(f"POST {call.url}: the embedding service answers with {named(what, lambda: sent)}")
    return list(vectors)


def body(call: EmbeddingCall, texts: Sequence[str]) -> str:
    """Returns the request for texts, as JSON."""
    assert call.filled
    written = json.dumps([call.prefix + text for text in texts], ensure_ascii=False)
    return call.fill(call.request_body, {call.filled.name: written[2:-2] if call.filled.one else written})


def headers(call: EmbeddingCall) -> dict[str, str]:
    """Returns the headers, keys included."""
    keys = call.credential or {}
    return {
        name: CREDENTIAL.sub(lambda found: str(keys.get(found["name"], found[0])), call.fill(value))
        for name, value in call.headers.items()
    }


def _vectors_at(call: EmbeddingCall) -> str:
    return str(call.parameters.get(RESPONSE_FILTER) or VECTORS_AT[call.post_process])
