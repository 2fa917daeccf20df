"""An embedding service called from this machine: what only PolarSearch can call, and answers that hold no vectors."""

from __future__ import annotations

import json

import pytest

from components.embedding_calls import EmbeddingCall
from components.embedding_requests import body, embed, headers, only_in_the_cluster
from components.settings import Embedding
from providers.kit import SearchStackError
from providers.services.embedding_answers import FORMS, NO_LIST, NO_NUMBERS, NO_VECTORS, NOTHING

DEFAULT = "connector.post_process.default.embedding"
ONE = {
    "request_body": '{"inputText": "${parameters.inputText}", "n": ${parameters.n:-5}}',
    "pre_process": "connector.pre_process.bedrock.embedding",
    "post_process": "connector.post_process.bedrock.embedding",
}


def call(**keys):
    return EmbeddingCall(Embedding(**{"url": "https://e.test/v1", "model": "m", "dimension": 2, **keys}), "document")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({}, ""),
        ({"document_prefix": "passage: "}, ""),
        ({"parameters": {"response_filter": "$.a['b'][*].c"}, "post_process": DEFAULT}, ""),
        ({"aws_sigv4": {"region": "eu-west-1"}}, "signs the requests to AWS"),
        ({"pre_process": "return params.text_docs[0];"}, "`pre_process` is a script"),
        ({"post_process": "return params.result;"}, "`post_process` is a script"),
        ({"parameters": {"response_filter": "$..embedding"}}, "`response_filter` $..embedding is a path"),
        ({"parameters": {"response_filter": "$.data[0].embedding"}}, "`response_filter` $.data[0].embedding is a"),
    ],
)
def test_what_only_polarsearch_can_call_is_said(keys, why):
    said = only_in_the_cluster(call(**keys))
    assert bool(said) == bool(why)
    assert why in said


def test_the_request_has_the_texts_the_parameters_and_the_key():
    asked = call(api_key="sk-1", send_dimensions=True, headers={"x-for": "${parameters.model}"})
    assert json.loads(body(asked, ['a "mug"', "杯"])) == {"model": "m", "input": ['a "mug"', "杯"], "dimensions": 2}
    assert headers(asked) == {"content-type": "application/json", "Authorization": "Bearer sk-1", "x-for": "m"}
    assert json.loads(body(call(**ONE), ['a\n"mug"'])) == {"inputText": 'a\n"mug"', "n": 5}


@pytest.mark.parametrize(
    ("answer", "keys", "vectors"),
    [
        ({"data": [{"embedding": [1.5, 2]}, {"embedding": [3, 4]}]}, {}, [[1.5, 2], [3, 4]]),
        ({"embedding": [1, 2]}, ONE, [[1, 2]]),
        ([[1, 2]], {"post_process": DEFAULT}, [[1, 2]]),
        ({"a": {"b": [{"c": [1, 2]}]}}, {"parameters": {"response_filter": "$.a['b'][*].c"}}, [[1, 2]]),
    ],
)
def test_vectors_are_read_as_the_connector_reads_them(answer, keys, vectors):
    assert embed(call(**keys), ["a"], lambda *_: answer) == vectors


@pytest.mark.parametrize(
    ("answer", "keys", "what"),
    [
        ({"data": [{"embedding": "AAAA"}]}, {}, NO_VECTORS),
        ({"data": [{"embedding": "AAAA"}]}, {"request_body": '{"encoding_format": "base64"}'}, FORMS["base64"]),
        ({"data": [{"embedding": ["a"]}]}, {}, NO_NUMBERS),
        ({"data": [{"embedding": [True]}]}, {}, NO_NUMBERS),
        ({"data": []}, {}, NOTHING),
        ({"error": "none"}, {}, NOTHING),
        ([], {}, NOTHING),
        ({}, ONE, NO_VECTORS),
        ({"embeddings": {"int8": [[1]]}}, {"post_process": "connector.post_process.cohere.embedding"}, NO_LIST),
    ],
)
def test_an_answer_without_vectors_is_named_for_what_it_is(answer, keys, what):
    with pytest.raises(SearchStackError) as error:
        embed(call(**keys), ["a"], lambda *_: answer)
    assert str(error.value) == f"POST https://e.test/v1: the embedding service answers with {what}"
