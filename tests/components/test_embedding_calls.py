"""What a preset and the keys of the `embedding` block make of a connector, and which of them change the vectors."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from components.embedding_calls import calls, embedding_space, is_asymmetric
from components.embedding_services import ASSUMED_TOKENS, NAMES, OPENAI_COMPATIBLE, SERVICES, base_model, service_of
from components.settings import Embedding
from providers.connector import openai_compatible
from providers.services.process_functions import BUILT_IN

AWS = {"access_key": "AKIDEXAMPLE", "secret_key": "s"}
SIGNED = {"aws_sigv4": {"region": "eu-west-1"}}


def embedding(**keys):
    return Embedding(**{"url": "https://e.test/v1/embeddings", "model": "m", "dimension": 8, **keys})


def documents(**keys):
    return calls(embedding(**keys))[0]


@pytest.mark.parametrize("key", [None, "sk-1"])
@pytest.mark.parametrize("batch_size", [None, 10])
@pytest.mark.parametrize("sized", [None, True])
def test_without_a_service_a_connector_is_the_openai_compatible_one(key, batch_size, sized):
    """The inputs of a released stack: another one would replace its connector."""
    made = documents(api_key=key, batch_size=batch_size, send_dimensions=sized).connector("n", "d")
    asked = {"api_key": key, "batch_size": batch_size, "dimensions": 8 if sized else None}
    assert made == openai_compatible(name="n", description="d", url="https://e.test/v1/embeddings", model="m", **asked)
    assert not is_asymmetric(embedding(api_key=key))


ADDRESSES = {
    "openai": ("text-embedding-3-small", "https://api.openai.com/v1/embeddings"),
    "cohere": ("embed-v4.0", "https://api.cohere.com/v2/embed"),
    "voyage": ("voyage-4", "https://api.voyageai.com/v1/embeddings"),
    "jina": ("jina-embeddings-v3", "https://api.jina.ai/v1/embeddings"),
    "dashscope": (
        "text-embedding-v4",
        "https://dashscope.aliyuncs.com/api/v1/services/embeddings/text-embedding/text-embedding",
    ),
    "bedrock": (
        "amazon.titan-embed-text-v2:0",
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.titan-embed-text-v2:0/invoke",
    ),
    "sagemaker": ("my-endpoint", "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/my-endpoint/invocations"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_its_documented_address_or_wants_one(name):
    model, address = ADDRESSES.get(name, ("m", ""))
    made = Embedding(service=name, model=model, dimension=8, **SIGNED)
    assert made.endpoint == address
    if address:
        assert re.fullmatch(calls(made)[0].pattern, address)


def test_an_address_with_a_region_is_known_once_the_region_is():
    assert Embedding(service="bedrock", model="cohere.embed-v4:0", dimension=8).endpoint == ""


@pytest.mark.parametrize(
    ("service", "model", "tokens"),
    [
        (None, "all-MiniLM-L6-v2", 256),
        ("tei", "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", 128),
        ("ollama", "all-minilm", 256),
        ("vllm", "BAAI/bge-m3", ASSUMED_TOKENS),
        ("openai", "all-MiniLM-L6-v2", ASSUMED_TOKENS),
    ],
)
def test_an_open_model_is_known_where_any_may_be_served(service, model, tokens):
    made = Embedding(service=service, url="https://e.test/x", model=model, dimension=384)
    assert (made.token_limit, made.limit_is_assumed) == (tokens, tokens == ASSUMED_TOKENS)


def test_what_is_assumed_of_an_unknown_model_is_the_fewest_tokens_that_a_sold_one_takes():
    known = [model.tokens for service in (OPENAI_COMPATIBLE, *SERVICES) for model in service.models.values()]
    assert min(known) == ASSUMED_TOKENS


@pytest.mark.parametrize("service", [OPENAI_COMPATIBLE, *SERVICES], ids=lambda service: service.name + service.path)
def test_a_preset_fits_ml_commons(service):
    assert {service.pre_process, service.post_process} <= BUILT_IN
    assert len(service.input_types) != 1
    model = f"{service.families[0]}x"
    made = Embedding(service=service.name or None, url="https://e.test/x", model=model, dimension=8, **SIGNED)
    call = calls(made)[0]
    assert made.preset is service
    assert json.loads(re.sub(r"\$\{[^}]+\}", "0", call.request_body)) is not None
    assert f"${{parameters.{call.filled.name}}}" in call.request_body


def test_a_field_whose_parameter_is_not_set_is_left_out():
    keys = {"service": "dashscope", "model": "text-embedding-v4", "dimension": 1024}
    with_type = '"text_type": "${parameters.input_type}", "dimension": ${parameters.dimensions}'
    assert with_type in documents(**keys).request_body
    bare = documents(service="ollama", model="m").request_body
    assert bare == '{ "model": "${parameters.model}", "input": ${parameters.input} }'
    assert (
        '"truncate": ${parameters.truncate}' in documents(service="ollama", parameters={"truncate": True}).request_body
    )


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("amazon.titan-embed-text-v2:0", "connector.pre_process.bedrock.embedding"),
        ("us.cohere.embed-v4:0", "connector.pre_process.cohere.embedding"),
        ("anthropic.claude", None),
    ],
)
def test_bedrock_calls_each_family_in_its_own_way(model, found):
    service = service_of("bedrock", model)
    assert (service and service.pre_process) == found


def test_an_inference_profile_is_the_model_behind_it():
    assert base_model("eu.cohere.embed-v4:0") == "cohere.embed-v4:0"
    assert Embedding(service="bedrock", model="eu.cohere.embed-v4:0", dimension=256).token_limit == 128000


@pytest.mark.parametrize(
    ("keys", "credential", "header"),
    [
        ({"api_key": "sk-1"}, {"api_key": "sk-1"}, {"Authorization": "Bearer ${credential.api_key}"}),
        ({}, None, {}),
        ({"service": "azure_openai", "api_key": "k"}, {"api_key": "k"}, {"api-key": "${credential.api_key}"}),
        (
            {"headers": {"x-api-key": "${credential.api_key}"}, "api_key": "k"},
            {"api_key": "k"},
            {"x-api-key": "${credential.api_key}"},
        ),
        ({"aws_sigv4": {"region": "r", "service": "s"}, **AWS, "api_key": "k"}, AWS, {}),
        ({"headers": {"Content-Type": "text/x"}}, None, {"Content-Type": "text/x"}),
    ],
)
def test_keys_are_in_the_credential_alone(keys, credential, header):
    call = documents(**keys)
    assert call.credential == credential
    named = {name: value for name, value in call.headers.items() if name != "content-type"}
    assert named == header


def test_a_signed_connector_has_protocol_region_and_service():
    made = documents(service="bedrock", model="cohere.embed-v4:0", **SIGNED, **AWS).connector("n", "d")
    assert made.protocol == "aws_sigv4"
    assert (made.parameters["region"], made.parameters["service_name"]) == ("eu-west-1", "bedrock")


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ({"batch_size": 10}, "10"),
        ({"batch_size": None}, None),
        ({"service": "bedrock", "model": "amazon.titan-embed-text-v1", **SIGNED, **AWS}, "1"),
        ({"service": "cohere", "model": "embed-v4.0", "batch_size": 96}, "96"),
        ({"pre_process": "connector.pre_process.bedrock.embedding"}, "1"),
    ],
)
def test_a_request_has_no_more_texts_than_the_service_takes(keys, step):
    assert documents(**keys).connector("n", "d").parameters.get("input_docs_processed_step_size") == step


def test_every_key_overrides_the_preset():
    call = documents(
        service="cohere",
        model="embed-v4.0",
        headers={"X-Client-Name": "search"},
        parameters={"truncate": "NONE", "response_filter": "$.mine", "embedding_types": ["int8"]},
        request_body='{"texts": ${parameters.input}}',
        pre_process="connector.pre_process.default.embedding",
        client_config={"max_connection": 5},
    )
    made = call.connector("n", "d")
    action = made.actions[0]
    assert made.parameters["truncate"] == "NONE"
    assert (made.parameters["response_filter"], made.parameters["embedding_types"]) == ("$.mine", '["int8"]')
    assert action.request_body == '{"texts": ${parameters.input}}'
    assert action.pre_process_function == "connector.pre_process.default.embedding"
    assert action.headers["X-Client-Name"] == "search"
    assert made.client_config == {"max_connection": "5"}


def test_a_post_process_function_of_ones_own_reads_the_whole_answer():
    assert "response_filter" not in documents(service="cohere", model="embed-v4.0", post_process="return x;").parameters


ASYMMETRIC = [
    ({}, False),
    ({"service": "voyage", "model": "voyage-4"}, True),
    ({"service": "jina", "model": "jina-embeddings-v2-base-en"}, False),
    ({"service": "tei"}, False),
    ({"service": "tei", "input_type": {"query": "query"}}, True),
    ({"query_prefix": "query: "}, True),
    ({"document_prefix": "text: ", "query_prefix": "text: "}, False),
    ({"service": "cohere", "model": "embed-v4.0", "input_type": {"query": "search_document"}}, False),
]


@pytest.mark.parametrize(("keys", "expected"), ASYMMETRIC)
def test_queries_are_another_call_only_where_it_differs(keys, expected):
    assert is_asymmetric(embedding(**keys)) is expected


SPACES = [
    ({}, "m/8"),
    ({"service": "openai"}, "m/8"),
    ({"service": "cohere", "model": "embed-v4.0"}, "embed-v4.0/8/search_document"),
    ({"service": "cohere", "model": "embed-v4.0", "vector_type": "byte"}, "embed-v4.0/8/byte/search_document"),
    ({"input_type": {"document": "passage"}}, "m/8/passage"),
]


@pytest.mark.parametrize(("keys", "space"), SPACES)
def test_the_space_names_what_makes_the_vectors_of_documents(keys, space):
    assert embedding_space(embedding(**keys)) == space


CHANGES_VECTORS = [
    {"document_prefix": "passage: "},
    {"parameters": {"truncate": True}},
    {"request_body": '{"input": ${parameters.input}}'},
    {"pre_process": "connector.pre_process.default.embedding"},
    {"post_process": "connector.post_process.default.embedding"},
    {"vector_type": "byte"},
    {"model": "n"},
    {"dimension": 9},
]
CHANGES_NONE = [
    {"url": "https://f.test/v1/embeddings"},
    {"service": "vllm"},
    {"headers": {"x": "y"}},
    {"client_config": {"max_connection": 5}},
    {"batch_size": 5},
    {"query_prefix": "query: "},
    {"input_type": {"query": "query"}},
    {"trusted_pattern": "^https://e.test/.*$"},
    {"max_tokens": 5},
    {"aws_sigv4": {"region": "r", "service": "s"}},
]


@pytest.mark.parametrize("keys", CHANGES_NONE, ids=lambda keys: next(iter(keys)))
def test_what_leaves_the_vectors_of_documents_alone_is_the_same_space(keys):
    assert embedding_space(embedding(**keys)) == "m/8"


def test_what_changes_the_vectors_of_documents_is_another_space():
    spaces = [embedding_space(embedding(**keys)) for keys in [{}, *CHANGES_VECTORS]]
    assert all(one != other for one, other in itertools.combinations(spaces, 2))
