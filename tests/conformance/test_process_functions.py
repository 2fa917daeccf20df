"""Pre- and post-process functions: what is sent for which texts, and how which answer is read."""

from __future__ import annotations

import json

import pytest

from providers.kit import ResourceFailed
from providers.model import ModelKind
from providers.services.process_functions import Filled, prefixing
from sandbox import wire
from tests.conformance.life import Life
from tests.conformance.server import ML

PRE, POST = "connector.pre_process.{}.embedding", "connector.post_process.{}.embedding"
LIST = '{ "input": ${parameters.input} }'
ONE = '{ "inputText": "${parameters.inputText}" }'
PREDICT = "Fail to execute PREDICT in aws connector"
NO_LIST = f"{PREDICT} Post process function input is not a List."
NO_ROWS = f"{PREDICT} The embedding should be a non-empty List containing List of Float values."
NO_NUMBERS = f"{PREDICT} The embedding should be a non-empty List containing Float values."
NO_OBJECT = (
    f"{PREDICT} Expected to find an object with property ['data'] in path $ but found 'java.lang.String'. This is not "
    "a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'."
)


class Service:
    """Answers `answer` to everything; `bodies` are what it was sent."""

    def __init__(self):
        self.answer, self.requests = {"data": [{"embedding": [0.5]}]}, []
        self.running = wire.serve(self.handle)
        self.url = f"http://127.0.0.1:{self.running.port}/embed"

    def handle(self, request):
        self.requests.append(request)
        return self.answer if isinstance(self.answer, wire.Response) else wire.Response.of(200, self.answer)

    @property
    def bodies(self):
        return [json.loads(request.body) for request in self.requests]


@pytest.fixture
def service():
    made = Service()
    yield made
    made.running.stop()


@pytest.fixture
def embedded(server, service):
    """Embeds texts through a new connector."""
    server.trust()

    def embed(*texts, **connector):
        model = server.model(server.connector(**described(service.url, **connector)))
        return server.embed(model, *(texts or ("a",)))

    return embed


def described(url, *, pre="openai", post="openai", body=LIST, headers=None, **connector):
    """What makes a connector another one than the server's own."""
    action = {
        "action_type": "predict",
        "method": "POST",
        "url": url,
        "request_body": body,
        "headers": headers or {},
        "pre_process_function": PRE.format(pre) if pre.isalpha() else pre,
        "post_process_function": POST.format(post),
    }
    return {"actions": [action], **connector}


def data(answer):
    """The vectors of a prediction, a list for each request."""
    assert answer.status == 200, answer
    return [[output["data"] for output in each.get("output", [])] for each in answer.body["inference_results"]]


READ = [
    ("openai", None, {"data": [{"embedding": [1, 2.5]}]}, [[1, 2.5]]),
    ("openai", None, {"data": [{"x": 1}]}, []),
    ("openai", None, {"data": []}, []),
    ("openai", None, {"data": [{"embedding": "AAAA"}]}, NO_ROWS),
    ("openai", None, {"data": [{"embedding": None}]}, NO_ROWS),
    ("openai", None, {"data": [{"embedding": []}]}, NO_NUMBERS),
    ("openai", None, {"x": 1}, f"{PREDICT} Missing property in path $['data']"),
    ("openai", None, wire.Response(200, b"<html>"), NO_OBJECT),
    ("cohere", None, {"embeddings": [[1.5, 2]]}, [[1.5, 2]]),
    ("cohere", None, {"embeddings": {"int8": [[1, 2]]}}, NO_LIST),
    ("cohere", None, {"embeddings": ["AAA"]}, NO_ROWS),
    ("cohere", None, {"x": 1}, f"{PREDICT} No results for path: $['embeddings']"),
    ("cohere", "$.embeddings['int8']", {"embeddings": {"int8": [[1, 2]]}}, [[1, 2]]),
    ("cohere", "$.embeddings.int8", {"embeddings": {"float": [[1]]}},
     f"{PREDICT} No results for path: $['embeddings']['int8']"),
    ("default", None, [[1, 2.5], [3, 4]], [[1, 2.5], [3, 4]]),
    ("default", None, [[{"index": 1, "value": 0.5}]], NO_NUMBERS),
    ("default", None, {"data": [[1, 2]]}, NO_NUMBERS),
    ("default", None, 5, []),
    ("default", "$.output.embeddings[*].embedding", {"output": {"embeddings": [{"embedding": [1, 2]}]}}, [[1, 2]]),
    ("default", "$.output.embeddings[*].embedding", {"output": {"embeddings": [{"sparse_embedding": []}]}}, []),
    ("default", "$.output.embeddings[*].embedding", {"code": "x"}, f"{PREDICT} Missing property in path $['output']"),
    ("bedrock", None, {"embedding": [1.5, 2]}, [[1.5, 2]]),
    ("bedrock", None, {"embedding": "AAA"}, NO_LIST),
    ("bedrock", None, {"embedding": [[1.5]]}, NO_NUMBERS),
    ("bedrock", None, {"x": 1}, f"{PREDICT} No results for path: $['embedding']"),
    ("openai", None, wire.Response(200, b""), "No response from model"),
]  # fmt: skip


@pytest.mark.parametrize(("post", "path", "answer", "expected"), READ)
def test_an_answer_is_read_or_refused(embedded, service, post, path, answer, expected):
    service.answer = answer
    found = embedded(post=post, parameters={"response_filter": path} if path else {})
    if isinstance(expected, str):
        assert (found.reason, found.status) == (expected, 400 if "No response" in expected else 500)
    else:
        assert data(found) == [expected]


SENT = [
    ("openai", LIST, "a", {"input": ["a"]}),
    ("cohere", '{ "texts": ${parameters.texts} }', "a", {"texts": ["a"]}),
    ("default", "${parameters.input}", "a", ["a"]),
    ("openai", LIST, 'plain "q" <b> \n\t\\ é/ü 😀', {"input": ['plain "q" <b> \n\t\\ é/ü 😀']}),
    ("bedrock", ONE, 'plain "q" <b> \n\t\\ é/ü 😀', {"inputText": 'plain "q" <b> \n\t\\ é/ü 😀'}),
    ("bedrock", ONE, "[draft]", {"inputText": "[draft]"}),
    ("bedrock", ONE, "123", {"inputText": "123"}),
    ("bedrock", ONE, '"q"', {"inputText": '"q"'}),
    (prefixing(Filled("input"), 'to "find": '), LIST, 'a "b" \n\\', {"input": ['to "find": a "b" \n\\']}),
    (prefixing(Filled("input"), "查询\\: "), LIST, '{"a": "b"}', {"input": ['查询\\: {"a": "b"}']}),
    (prefixing(Filled("inputText", one=True), 'to "find": '), ONE, 'a "b" \\', {"inputText": 'to "find": a "b" \\'}),
    (prefixing(Filled("inputText", one=True), "a: "), ONE, '{"a": 1}', {"inputText": 'a: {"a": 1}'}),
]


@pytest.mark.parametrize(("pre", "body", "text", "sent"), SENT)
def test_a_text_is_sent_as_it_is(embedded, service, pre, body, text, sent):
    assert embedded(text, pre=pre, body=body).status == 200
    assert service.bodies == [sent]


@pytest.mark.parametrize("text", ['{"a": "b"}', '["a"]'])
def test_one_text_that_is_json_is_refused(embedded, text):
    refused = embedded(text, pre="bedrock", body=ONE)
    assert (refused.status, refused.reason) == (400, f'Invalid payload: {{ "inputText": "{text}" }}')


CHUNKS = [
    ("openai", LIST, None, [["a", "b", "c"]]),
    ("openai", LIST, 2, [["a", "b"], ["c"]]),
    (prefixing(Filled("input"), "p: "), LIST, None, [["p: a"], ["p: b"], ["p: c"]]),
    (prefixing(Filled("input"), "p: "), LIST, 2, [["p: a", "p: b"], ["p: c"]]),
    ("bedrock", '{ "input": ["${parameters.inputText}"] }', None, [["a"], ["b"], ["c"]]),
    ("bedrock", '{ "input": ["${parameters.inputText}"] }', 2, [["a"], ["c"]]),
]
"""The last is a trap: of each two texts the second is lost."""


@pytest.mark.parametrize(("pre", "body", "step", "sent"), CHUNKS)
def test_texts_are_sent_in_requests_of_a_size(embedded, service, pre, body, step, sent):
    parameters = {"input_docs_processed_step_size": step} if step else {}
    assert len(data(embedded("a", "b", "c", pre=pre, body=body, parameters=parameters))) == len(sent)
    assert sorted(body["input"] for body in service.bodies) == sent


FILLED = [
    ('{ "input": ${parameters.input}, "m": "${parameters.m}" }', {"m": "M"}, {"input": ["a"], "m": "M"}),
    ('{ "input": ${parameters.input}, "m": "${parameters.m:-x}" }', {}, {"input": ["a"], "m": "x"}),
    ('{ "input": ${parameters.input}, "m": "${parameters.m:-null}" }', {}, {"input": ["a"], "m": None}),
    ('{ "input": ${parameters.input}, "m": "${credential.k}" }', {}, {"input": ["a"], "m": "${credential.k}"}),
    ('{ "input": ${parameters.input}, "m": "${parameters.m}" }', {"m": "${parameters.n}", "n": "N"},
     {"input": ["a"], "m": "N"}),
    ('{ "input": ${parameters.input}, "m": "${parameters.m}" }', {"skip_validating_missing_parameters": "true"},
     {"input": ["a"], "m": "${parameters.m}"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "parameters", "sent"), FILLED)
def test_parameters_are_filled_in(embedded, service, body, parameters, sent):
    assert embedded(body=body, parameters=parameters).status == 200
    assert service.bodies == [sent]


UNFILLED = [
    ("a", '{ "input": ${parameters.input}, "m": "${parameters.m}" }', 400,
     "Some parameter placeholder not filled in payload: m"),
    ("say ${parameters.none}", LIST, 400, "Some parameter placeholder not filled in payload: none"),
    ("a", '{ "input": ${parameters.input}, "m": ${parameters.m} }', 400,
     'Invalid payload: { "input": ["a"], "m": ${parameters.m} }'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "body", "status", "reason"), UNFILLED)
def test_what_is_not_filled_in_is_refused(embedded, text, body, status, reason):
    refused = embedded(text, body=body)
    assert (refused.status, refused.reason) == (status, reason)


def test_headers_name_credentials_and_parameters(embedded, service):
    headers = {"api-key": "${credential.k}", "X": "${parameters.m}", "Y": "${parameters.n}", "Z": "${credential.n}"}
    assert embedded(headers=headers, credential={"k": "K"}, parameters={"m": "M"}).status == 200
    sent = service.requests[0].headers
    named = {name: sent[name] for name in ("api-key", "x", "y", "z", "content-type")}
    unfilled = {"y": "${parameters.n}", "z": "${credential.n}", "content-type": "application/json"}
    assert named == {"api-key": "K", "x": "M", **unfilled}


SIGNING = {"region": "us-east-1", "service_name": "bedrock"}
KEYS = {"access_key": "A", "secret_key": "S"}


@pytest.mark.parametrize(
    ("credential", "parameters", "reason"),
    [
        ({"roleArn": "arn:aws:iam::1:role/r"}, SIGNING, "Missing credential"),
        (KEYS, {"region": "us-east-1"}, "Missing service name"),
        (KEYS, {"service_name": "bedrock"}, "Missing region"),
    ],
)
def test_a_connector_that_cannot_sign_is_refused(server, credential, parameters, reason):
    action = {"action_type": "predict", "method": "POST", "url": "http://127.0.0.1:1/", "request_body": ONE}
    body = {"name": "c", "version": "1", "protocol": "aws_sigv4", "credential": credential, "parameters": parameters}
    server.trust()
    refused = server.ask("POST", f"{ML}/connectors/_create", {**body, "actions": [action]})
    assert (refused.status, refused.reason) == (400, reason)


BY_TYPE = '{ "texts": ${parameters.texts}, "embedding_types": ["int8"] }'
DASHSCOPE = "$.output.embeddings[*].embedding"
SPARSE = {"output": {"embeddings": [{"sparse_embedding": [{"index": 7, "value": 2.5, "token": "a"}]}]}}
NAMED = {
    "base64": (
        {"body": '{ "input": ${parameters.input}, "encoding_format": "base64" }'},
        {"data": [{"embedding": "zczMPQ=="}]},
        "base64 text, not numbers: ask for floats, or leave the encoding out",
    ),
    "text, nobody knows why": (
        {},
        {"data": [{"embedding": "zczMPQ=="}]},
        "text or objects where vectors of numbers should be: ask for floats",
    ),
    "int8 in place of floats": (
        {"body": '{ "input": ${parameters.input}, "output_dtype": "int8" }'},
        {"data": [{"embedding": [12, -128, 127, 0, 1, 2, 3, 4]}]},
        "whole numbers from -128 to 127 (int8): ask for floats, or write `vector_type: byte`",
    ),
    "uint8": (
        {},
        {"data": [{"embedding": [12, 255, 127, 0, 1, 2, 3, 4]}]},
        "whole numbers from 0 to 255 (uint8), which no vector field takes: ask for floats or int8",
    ),
    "vectors by type": (
        {"pre": "cohere", "post": "cohere", "body": BY_TYPE},
        {"embeddings": {"int8": [[1, 2, 3, 4, 5, 6, 7, 8]]}},
        "whole numbers from -128 to 127 (int8): ask for floats, or write `vector_type: byte`",
    ),
    "packed bits": (
        {},
        {"data": [{"embedding": [255]}]},
        "packed bits, eight dimensions in a number: ask for floats or int8",
    ),
    "sparse": (
        {"post": "default", "parameters": {"response_filter": DASHSCOPE, "output_type": "sparse"}},
        SPARSE,
        "sparse weights, not a vector: ask for dense vectors",
    ),
    "nothing": (
        {"post": "default", "parameters": {"response_filter": DASHSCOPE}},
        SPARSE,
        "nothing where the vectors should be: check `post_process_function`, or name their place in the answer with "
        "the parameter `response_filter`",
    ),
}


@pytest.mark.parametrize(("connector", "answer", "what"), NAMED.values(), ids=NAMED)
def test_a_model_is_told_what_it_is_answered_with(server, service, connector, answer, what):
    service.answer = answer
    server.trust()
    id = server.connector(**described(service.url, **connector))
    with pytest.raises(ResourceFailed) as failed:
        life(server, id)
    assert str(failed.value) == f"model mini answers with {what}"


@pytest.mark.parametrize(
    ("vector", "what"),
    [
        ([1, -128, 127, 0, 1, 2, 3, 4], ""),
        ([0.5, 0.25, 0, 0, 0, 0, 0, 0], "floats, not bytes: ask for int8, or write `vector_type: float`"),
        ([1, 200, 127, 0, 1, 2, 3, 4], "whole numbers from 0 to 255 (uint8)"),
    ],
)
def test_a_model_of_bytes_is_answered_with_bytes(server, service, vector, what):
    service.answer = {"data": [{"embedding": vector}]}
    server.trust()
    id = server.connector(**described(service.url))
    if not what:
        assert life(server, id, vector_type="byte").read().vector_type == "byte"
        return
    with pytest.raises(ResourceFailed) as failed:
        life(server, id, vector_type="byte")
    assert what in str(failed.value)


def life(server, connector, **declared):
    """A model of eight numbers at a connector."""
    uses = {"name": "mini", "group_id": server.group(), "connector_id": connector, "dimension": 8, "space": "mini/8"}
    return Life(server, ModelKind, **uses, **declared)
