# ruff: noqa: E501  the table of mistakes has one line each
"""Mistakes of the `embedding` block: each is reported with its place and what to write, and no key is shown."""

from __future__ import annotations

import pytest

from components.settings import SettingsError
from components.validation import parse
from tests.components.test_settings import GOOD

OPENAI = {"service": "openai", "model": "text-embedding-3-small", "dimension": 256}
COHERE = {"service": "cohere", "model": "embed-v4.0", "dimension": 256}
BEDROCK = {
    "service": "bedrock",
    "model": "amazon.titan-embed-text-v2:0",
    "dimension": 256,
    "aws_sigv4": {"region": "eu-west-1"},
}
TEI = {"service": "tei", "url": "http://tei:8080/embed", "model": "e5", "dimension": 384}
OWN = {"url": "http://e:1/embed", "model": "m", "dimension": 8}
KEY = {"embeddingApiKey": "sk-0123456789"}
AWS = {"embeddingAccessKey": "AKIDEXAMPLE", "embeddingSecretKey": "s3cret/key"}
SET = "`pulumi config set --secret embeddingApiKey`"


def mistakes(embedding, keys, **collection):
    raw = {**GOOD, "embedding": embedding, "collections": [{**GOOD["collections"][0], **collection}]}
    try:
        parse(raw, keys=keys)
    except SettingsError as refused:
        return refused.mistakes
    return []


FINE = [
    (OPENAI, KEY),
    (COHERE, KEY),
    ({**COHERE, "vector_type": "byte"}, KEY),
    (BEDROCK, AWS),
    ({**BEDROCK, "model": "eu.cohere.embed-v4:0"}, {**AWS, "embeddingSessionToken": "t"}),
    ({"service": "azure_openai", "url": "https://x.openai.azure.com/openai/deployments/d/embeddings?api-version=2024-10-21", "model": "text-embedding-3-small", "dimension": 1536}, KEY),
    ({"service": "sagemaker", "model": "e", "dimension": 8, "aws_sigv4": {"region": "eu-west-1"}}, AWS),
    ({"service": "jina", "model": "jina-embeddings-v3", "dimension": 512, "parameters": {"late_chunking": False}}, KEY),
    ({"service": "dashscope", "model": "text-embedding-v4", "dimension": 1024, "parameters": {"instruct": "find goods"}}, KEY),
    (TEI, {}),
    ({**TEI, "document_prefix": "passage: ", "query_prefix": "query: "}, {}),
    ({**TEI, "input_type": {"query": "query"}}, {}),
    ({**OWN, "headers": {"x-api-key": "${credential.api_key}"}}, KEY),
    ({**OWN, "headers": {"x-max-tokens": "5"}, "request_body": '{"texts": ${parameters.input}, "n": ${parameters.max_tokens}}', "parameters": {"max_tokens": 5}}, {}),
    ({**OWN, "request_body": '{"t": "${parameters.text}", "l": "${parameters.lang:-en}"}', "pre_process": 'return "{\\"parameters\\":{\\"text\\":\\"" + params.text_docs[0] + "\\"}}";', "post_process": "return params.x;"}, {}),
    ({**OWN, "vector_type": "byte", "parameters": {"output": "int8", "response_filter": "$.x"}, "request_body": '{"texts": ${parameters.input}, "output": "${parameters.output}"}'}, {}),
    ({**OWN, "aws_sigv4": {"region": "eu-west-1", "service": "execute-api"}}, AWS),
    ({**OWN, "url": "https://${parameters.host}/embed", "parameters": {"host": "e.test"}, "trusted_pattern": "^https://e\\.test/.*$"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("embedding", "keys"), FINE, ids=lambda value: value.get("service", "own") if "model" in value else ""
)
def test_what_fits_is_no_mistake(embedding, keys):
    assert mistakes(embedding, keys) == []


WRONG = [
    ({**OPENAI, "service": "openia"}, KEY, "embedding.service: 'openia' is no service we know; did you mean openai?"),
    ({**OPENAI, "service": "x"}, KEY, "embedding.service: 'x' is no service we know; write one of openai, azure_openai, cohere, voyage, jina, dashscope, tei, ollama, vllm, bedrock, sagemaker"),
    ({**BEDROCK, "model": "ai21.x"}, AWS, "embedding.model: bedrock knows models that begin with amazon.titan-embed-text or cohere.embed; for another one leave `service` out, and write url, aws_sigv4, request_body, pre_process and post_process"),
    (OPENAI, {}, f"embeddingApiKey: is not set, and openai wants a key; {SET}"),
    (BEDROCK, {"embeddingAccessKey": "a"}, "embeddingSecretKey: is not set, and aws_sigv4 signs with it; `pulumi config set --secret embeddingSecretKey`"),
    ({**BEDROCK, "aws_sigv4": None}, {}, "embedding.aws_sigv4: is missing; bedrock wants {region: us-east-1}, or where yours is"),
    ({**BEDROCK, "aws_sigv4": {"region": "r", "servce": "x"}}, AWS, "embedding.aws_sigv4.servce: is no key we know; did you mean service?"),
    ({**OWN, "url": "https://${parameters.input_type}/embed", "request_body": '{"i": ${parameters.input}, "t": "${parameters.input_type}"}', "input_type": {"document": "d", "query": "q"}}, {}, "embedding.trusted_pattern: ^https://d/embed$ does not match the whole of https://q/embed; write one that does, or leave it out to trust this URL alone"),
    ({**BEDROCK, "aws_sigv4": {}}, AWS, "embedding.aws_sigv4.region: is missing"),
    ({**OPENAI, "aws_sigv4": {"region": "eu-west-1"}}, {**KEY, **AWS}, "embedding.aws_sigv4: openai does not take AWS signatures; leave it out"),
    ({**OWN, "aws_sigv4": {"region": "eu-west-1"}}, AWS, "embedding.aws_sigv4.service: is missing; write the service's name in the signature, such as bedrock"),
    ({**OWN, "url": None}, {}, "embedding.url: is missing; write the whole address, such as https://host/v1/embeddings"),
    ({**TEI, "url": None}, {}, "embedding.url: is missing; write the whole address, such as https://host/embed"),
    ({"service": "azure_openai", "model": "text-embedding-3-small", "dimension": 8}, KEY, "embedding.url: is missing; write the whole address, such as https://host/openai/deployments/<deployment>/embeddings?api-version=2024-10-21"),
    ({**TEI, "url": "http://tei:8080"}, {}, "embedding.url: http://tei:8080 is the service's base; write the whole address, such as http://tei:8080/embed"),
    ({**COHERE, "url": "https://proxy/v2/"}, KEY, "embedding.url: https://proxy/v2/ is the service's base; write the whole address, such as https://proxy/v2/embed"),
    ({**OPENAI, "trusted_pattern": "^https://api.cohere.com/.*$"}, KEY, "embedding.trusted_pattern: ^https://api.cohere.com/.*$ does not match the whole of https://api.openai.com/v1/embeddings; write one that does, or leave it out to trust this URL alone"),
    ({**OPENAI, "dimension": 4096}, KEY, "embedding.dimension: text-embedding-3-small has no vectors of 4096; write 1 to 1536"),
    ({**COHERE, "dimension": 300}, KEY, "embedding.dimension: embed-v4.0 has no vectors of 300; write one of 1536, 1024, 512, 256"),
    ({**COHERE, "model": "embed-english-v3.0"}, KEY, "embedding.dimension: embed-english-v3.0 has no vectors of 256; write 1024"),
    ({**COHERE, "batch_size": 100}, KEY, "embedding.batch_size: embed-v4.0 takes 96 texts at most; write 96 or less"),
    ({**BEDROCK, "model": "cohere.embed-english-v3", "dimension": 1024, "batch_size": 97}, AWS, "embedding.batch_size: cohere.embed-english-v3 takes 96 texts at most; write 96 or less"),
    ({"service": "sagemaker", "model": "e", "dimension": 8, "aws_sigv4": {"region": "r"}, "send_dimensions": True}, AWS, "embedding.send_dimensions: sagemaker is not asked for a dimension; leave it out"),
    ({**OPENAI, "vector_type": "byte"}, KEY, "embedding.vector_type: openai has vectors of floats alone; leave it out"),
    ({**OWN, "vector_type": "byte"}, {}, "embedding.vector_type: the OpenAI API has vectors of floats alone; leave it out"),
    ({"service": "voyage", "model": "voyage-law-2", "dimension": 1024, "vector_type": "byte"}, KEY, "embedding.vector_type: voyage-law-2 has vectors of floats alone; leave it out"),
    ({**OPENAI, "input_type": {"query": "query"}}, KEY, "embedding.input_type: openai has none; write document_prefix and query_prefix"),
    ({**OWN, "input_type": {"query": "q"}}, {}, "embedding.input_type: the OpenAI API has none; write document_prefix and query_prefix"),
    ({**OWN, "input_type": {"query": "q"}, "request_body": '{"i": ${parameters.input}}'}, {}, "embedding.input_type: request_body does not send it; put ${parameters.input_type} where it belongs"),
    ({**COHERE, "input_type": {"query": "query"}}, KEY, "embedding.input_type.query: cohere has no query; write one of search_document, search_query, classification, clustering"),
    ({**OWN, "query_prefix": "${x}"}, {}, "embedding.query_prefix: ML Commons would fill in ${…}; write the text itself"),
    ({**OWN, "query_prefix": "q: ", "pre_process": 'return "{}";'}, {}, "embedding.query_prefix: pre_process is a script of your own; put the prefix there"),
    ({**COHERE, "parameters": {"truncat": "END"}}, KEY, "embedding.parameters.truncat: nothing of the request refers to it; did you mean truncate?"),
    ({**COHERE, "parameters": {"dimensions": 5}}, KEY, "embedding.parameters.dimensions: has a key of its own; write dimension and send_dimensions"),
    ({**COHERE, "parameters": {"input_docs_processed_step_size": 5}}, KEY, "embedding.parameters.input_docs_processed_step_size: has a key of its own; write batch_size"),
    ({**COHERE, "parameters": {"texts": ["a"]}}, KEY, "embedding.parameters.texts: is what the texts are put into; leave it out"),
    ({**OWN, "request_body": '{"input": ${parameters.input}, "m": "${parameters.size}"}'}, {}, "embedding.request_body: nothing fills in ${parameters.size}; add parameters.size, or leave it out"),
    ({**OWN, "request_body": '{"input": "a"}'}, {}, "embedding.request_body: does not send the texts; put ${parameters.input} where they belong"),
    ({**OWN, "request_body": '{"input": ${parameters.input}'}, {}, "embedding.request_body: is no JSON once it is filled in (Expecting ',' delimiter: line 1 column 12 (char 11))"),
    ({**OWN, "request_body": '{"input": ${parameters.input}, "key": "${credential.api_key}"}'}, KEY, "embedding.request_body: ML Commons fills ${credential.api_key} in headers alone; name it in a header"),
    ({**OWN, "url": "https://${parameters.host}/embed"}, {}, "embedding.url: nothing fills in ${parameters.host}; add parameters.host, or leave it out"),
    ({**OWN, "headers": {"x": "${parameters.size}"}}, {}, "embedding.headers.x: nothing fills in ${parameters.size}; add parameters.size, or leave it out"),
    ({**OWN, "headers": {"x": "${credential.key}"}}, KEY, "embedding.headers.x: there is no ${credential.key}; write one of api_key, access_key, secret_key, session_token"),
    ({**OWN, "headers": {"x": "${credential.api_key}"}}, {}, f"embeddingApiKey: is not set, and headers.x names it; {SET}"),
    ({**OWN, "request_body": '{"input": ${parameters.input}, "encoding_format": "base64"}'}, {}, "embedding.request_body: asks for base64 text, not numbers: ask for floats, or leave the encoding out"),
    ({**COHERE, "parameters": {"embedding_types": ["int8"]}}, KEY, "embedding.parameters.embedding_types: asks for whole numbers from -128 to 127 (int8): ask for floats, or write `vector_type: byte`"),
    ({**COHERE, "parameters": {"embedding_types": ["ubinary"]}}, KEY, "embedding.parameters.embedding_types: asks for packed bits, eight dimensions in a number: ask for floats or int8"),
    ({**OWN, "request_body": '{"input": ${parameters.input}, "output_type": "sparse"}'}, {}, "embedding.request_body: asks for sparse weights, not a vector: ask for dense vectors"),
    ({**OWN, "pre_process": "connector.pre_process.opnai.embedding"}, {}, "embedding.pre_process: connector.pre_process.opnai.embedding is no function we know; did you mean connector.pre_process.openai.embedding?"),
    ({**OWN, "client_config": {"max_connections": 5}}, {}, "embedding.client_config.max_connections: is no option we know; did you mean max_connection?"),
    ({**OWN, "headres": {}}, {}, "embedding.headres: is no key we know; did you mean headers?"),
    ({**OWN, "access_key": "AKIDEXAMPLE"}, {}, "embedding.access_key: keep the key out of the file; `pulumi config set --secret embeddingAccessKey` encrypts it"),
    ({**BEDROCK, "aws_sigv4": {"region": "r", "secretKey": "x"}}, AWS, "embedding.aws_sigv4.secretKey: keep the key out of the file; `pulumi config set --secret embeddingSecretKey` encrypts it"),
    ({**BEDROCK, "aws_sigv4": {"region": "r", "roleArn": "arn:aws"}}, AWS, "embedding.aws_sigv4.roleArn: is for Amazon OpenSearch Service, which takes on roles; PolarSearch signs with keys: `pulumi config set --secret embeddingAccessKey`, embeddingSecretKey too and, for temporary keys, embeddingSessionToken"),
]  # fmt: skip


@pytest.mark.parametrize(("embedding", "keys", "line"), WRONG, ids=[line[:60] for *_, line in WRONG])
def test_a_mistake_is_reported_with_its_place_and_its_fix(embedding, keys, line):
    assert mistakes(embedding, keys) == [line]


PASTED = "sk-very-secret-0123456789"
OPEN = [
    ({"headers": {"Authorization": f"Bearer {PASTED}"}}, "embedding.headers.Authorization: holds a key in plain text; write ${credential.api_key} in its place, and "),
    ({"headers": {"api-key": PASTED}}, "embedding.headers.api-key: holds a key in plain text; "),
    ({"headers": {"X-API-Key": "0123456789"}}, "embedding.headers.X-API-Key: holds a key in plain text; "),
    ({"headers": {"Ocp-Apim-Subscription-Key": "x"}}, "embedding.headers.Ocp-Apim-Subscription-Key: holds a key in plain text; "),
    ({"headers": {"x-custom": f"Bearer {PASTED}"}}, "embedding.headers.x-custom: holds a key in plain text; "),
    ({"parameters": {"api_key": PASTED}, "headers": {"x": "${parameters.api_key}"}}, "embedding.parameters.api_key: a key cannot be a parameter; name it in a header, "),
    ({"request_body": f'{{"input": ${{parameters.input}}, "key": "{PASTED}"}}'}, "embedding.request_body: holds a key in plain text; "),
    ({"url": f"https://e.test/v1/embeddings?key={PASTED}"}, "embedding.url: holds a key in plain text; "),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "line"), OPEN, ids=[line[:50] for _, line in OPEN])
def test_a_pasted_key_is_a_mistake_and_is_not_shown(keys, line):
    found = mistakes({**OWN, **keys}, {})
    assert [mistake for mistake in found if mistake.startswith(line)]
    assert PASTED not in str(found)


def test_every_mistake_of_the_block_is_reported_at_once():
    wrong = {**COHERE, "dimension": 300, "batch_size": 100, "parameters": {"truncat": 1}, "query_prefix": "${x}"}
    places = [line.split(":")[0] for line in mistakes(wrong, {})]
    assert places == [
        "embedding.dimension",
        "embedding.batch_size",
        "embeddingApiKey",
        "embedding.query_prefix",
        "embedding.parameters.truncat",
    ]


VECTOR = {"id": {"type": "integer"}, "my_text": {"type": "text"}}


@pytest.mark.parametrize(
    ("embedding", "vector", "said"),
    [
        (TEI, {"data_type": "byte"}, "data_type: the model's vectors are of floats; leave it out, or write `vector_type`"),
        ({**COHERE, "vector_type": "byte"}, {"data_type": "float"}, "data_type: the model's vectors are of bytes"),
        ({**COHERE, "vector_type": "byte"}, {"method": {"engine": "nmslib"}}, "nmslib and cosinesimil do not go together"),
        ({**COHERE, "vector_type": "byte"}, {"mode": "on_disk"}, "mode does not go with vectors of bytes; leave it out"),
        ({**COHERE, "vector_type": "byte"}, {"method": {"engine": "lucene"}}, None),
        ({**COHERE, "vector_type": "byte"}, {"data_type": "byte"}, None),
    ],
)  # fmt: skip
def test_a_vector_field_is_of_the_models_type(embedding, vector, said):
    found = mistakes(embedding, KEY, mapping={**VECTOR, "my_vector": {"type": "knn_vector", **vector}})
    assert [line for line in found if said and said in line] == (found if said else [])
    assert bool(found) is bool(said)
