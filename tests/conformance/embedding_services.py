"""Embedding services as their documentation describes them: what a request has to be, and what they answer.

A fake refuses every request with a header, a field or a value that its service does not document, as the service would.
Sources as in `components/embedding_services.py`; the shapes here are written from them once more, on their own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sandbox.embeddings import hashing
from sandbox.wire import Request, Response

KEY, WRONG_KEY = "key-0123456789", "wrong-0123456789"
AWS = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "wJalrXUtnFEMI/K7MDENG", "session_token": "token/of=AWS"}
REGION = "eu-central-1"
OF_TRANSPORT = {"host", "content-length", "connection", "user-agent", "accept", "accept-encoding", "transfer-encoding"}
"""Headers that say nothing to the service."""

Body = dict[str, Any]
Vectors = list[list[Any]]


def one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: value in values and not isinstance(value, bool)


def texts_of(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and 0 < len(value) <= most and all(isinstance(t, str) for t in value)


def text(value: Any) -> bool:
    return isinstance(value, str)


def yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def list_of(each: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(each, value))


def violations(shape: Any, value: Any, at: str = "body") -> Iterator[str]:
    """Yields what is wrong with a value; a shape's key with a `?` at its end may be missing."""
    if not isinstance(shape, Mapping):
        if not shape(value):
            yield f"{at} cannot be {value!r}"
        return
    if not isinstance(value, dict):
        yield f"{at} is no object"
        return
    known = {name.rstrip("?"): (each, name.endswith("?")) for name, each in shape.items()}
    yield from (f"{at}.{name} is unknown" for name in value if name not in known)
    for name, (each, optional) in known.items():
        if name in value:
            yield from violations(each, value[name], f"{at}.{name}")
        elif not optional:
            yield f"{at}.{name} is missing"


@dataclass(frozen=True)
class Documented:
    """One service: `key` is the header that holds it, `model` what an answer is for where the body names none."""

    path: str
    body: Any
    texts: Callable[[Any], list[str]]
    answer: Callable[[Vectors, list[str], Any], Any]
    invalid: Callable[[str], tuple[int, Any]]
    denied: tuple[int, Any] = (401, {})
    key: tuple[str, str] | None = ("authorization", f"Bearer {KEY}")
    signing_name: str = ""
    dimension: Callable[[Any], int | None] = lambda body: body.get("dimensions")
    purpose: Callable[[Any], str | None] = lambda body: None
    int8: Callable[[Any], bool] = lambda body: False


def openai_answer(vectors: Vectors, texts: list[str], body: Any) -> Any:
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "data": data, "model": body.get("model", "m"), "usage": usage}


def openai_error(message: str) -> tuple[int, Any]:
    return 400, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def cohere_answer(vectors: Vectors, texts: list[str], body: Any) -> Any:
    [kind] = body.get("embedding_types", ["float"])
    return {"id": "1", "embeddings": {kind: vectors}, "texts": texts, "response_type": "embeddings_by_type"}


def dashscope_answer(vectors: Vectors, texts: list[str], body: Any) -> Any:
    rows = [{"sparse_embedding": [], "embedding": vector, "text_index": at} for at, vector in enumerate(vectors)]
    return {"output": {"embeddings": rows}, "usage": {"total_tokens": len(texts)}, "request_id": "1"}


def titan_answer(vectors: Vectors, texts: list[str], body: Any) -> Any:
    return {"embedding": vectors[0], "embeddingsByType": {"float": vectors[0]}, "inputTextTokenCount": 1}


def aws_error(message: str) -> tuple[int, Any]:
    return 400, {"message": f"Malformed input request: {message}, please reformat your input and try again."}


COHERE_TYPES = one_of("search_document", "search_query", "classification", "clustering", "image")
COHERE_BODY = {
    "texts": texts_of(96),
    "input_type": COHERE_TYPES,
    "embedding_types?": list_of(one_of("float", "int8", "uint8", "binary", "ubinary")),
    "output_dimension?": one_of(256, 512, 1024, 1536),
    "truncate?": one_of("NONE", "START", "END"),
    "max_tokens?": whole,
}
COHERE: dict[str, Any] = {
    "texts": lambda body: body["texts"],
    "answer": cohere_answer,
    "dimension": lambda body: body.get("output_dimension"),
    "purpose": lambda body: body["input_type"],
    "int8": lambda body: body.get("embedding_types") == ["int8"],
}
OPENAI_BODY = {"model": text, "input": texts_of(2048), "dimensions?": whole, "encoding_format?": one_of("float")}
OPENAI: dict[str, Any] = {
    "texts": lambda body: body["input"],
    "answer": openai_answer,
    "invalid": openai_error,
    "denied": (401, {"error": {"message": f"Incorrect API key provided: {WRONG_KEY[:4]}…", "code": "invalid_api_key"}}),
}
AWS_DENIED = (403, {"message": "The security token included in the request is invalid."})

SERVICES: Mapping[str, Documented] = {
    "openai": Documented("/v1/embeddings", OPENAI_BODY, **OPENAI),
    "azure_openai": Documented(
        "/openai/deployments/small/embeddings?api-version=2024-10-21",
        {"input": texts_of(2048), "dimensions?": whole, "user?": text, "input_type?": text},
        **{
            **OPENAI,
            "denied": (401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}),
        },
        key=("api-key", KEY),
    ),
    "cohere": Documented(
        "/v2/embed",
        {"model": text, **COHERE_BODY},
        invalid=lambda message: (400, {"id": "1", "message": f"invalid request: {message}"}),
        denied=(401, {"id": "1", "message": "invalid api token"}),
        **COHERE,
    ),
    "voyage": Documented(
        "/v1/embeddings",
        {
            "model": text,
            "input": texts_of(1000),
            "input_type?": one_of("query", "document"),
            "truncation?": yes_or_no,
            "output_dimension?": one_of(256, 512, 1024, 2048),
            "output_dtype?": one_of("float", "int8", "uint8", "binary", "ubinary"),
        },
        texts=lambda body: body["input"],
        answer=openai_answer,
        invalid=lambda message: (400, {"detail": message}),
        denied=(401, {"detail": "Provided API key is invalid."}),
        dimension=lambda body: body.get("output_dimension"),
        purpose=lambda body: body.get("input_type"),
        int8=lambda body: body.get("output_dtype") == "int8",
    ),
    "jina": Documented(
        "/v1/embeddings",
        {
            "model": text,
            "input": texts_of(2048),
            "task?": one_of("retrieval.query", "retrieval.passage", "text-matching", "classification", "separation"),
            "dimensions?": whole,
            "normalized?": yes_or_no,
            "late_chunking?": yes_or_no,
            "truncate?": yes_or_no,
            "embedding_type?": one_of("float"),
        },
        texts=lambda body: body["input"],
        answer=openai_answer,
        invalid=lambda message: (422, {"error": {"message": message}}),
        denied=(401, {"code": "AUTH_INVALID_API_KEY", "message": "Invalid API key"}),
        purpose=lambda body: body.get("task"),
    ),
    "dashscope": Documented(
        "/api/v1/services/embeddings/text-embedding/text-embedding",
        {
            "model": text,
            "input": {"texts": texts_of(10)},
            "parameters?": {
                "text_type?": one_of("document", "query"),
                "dimension?": one_of(2048, 1536, 1024, 768, 512, 256, 128, 64),
                "output_type?": one_of("dense", "sparse", "dense&sparse"),
                "instruct?": text,
            },
        },
        texts=lambda body: body["input"]["texts"],
        answer=dashscope_answer,
        invalid=lambda message: (400, {"code": "InvalidParameter", "message": message, "request_id": "1"}),
        denied=(401, {"code": "InvalidApiKey", "message": "Invalid API-key provided.", "request_id": "1"}),
        dimension=lambda body: body.get("parameters", {}).get("dimension"),
        purpose=lambda body: body.get("parameters", {}).get("text_type"),
    ),
    "tei": Documented(
        "/embed",
        {
            "inputs": texts_of(32),
            "normalize?": yes_or_no,
            "prompt_name?": text,
            "truncate?": yes_or_no,
            "truncation_direction?": one_of("Left", "Right"),
            "dimensions?": whole,
        },
        texts=lambda body: body["inputs"],
        answer=lambda vectors, texts, body: vectors,
        invalid=lambda message: (422, {"error": message, "error_type": "Validation"}),
        denied=(424, {"error": "Inference failed", "error_type": "Backend"}),
        key=None,
        purpose=lambda body: body.get("prompt_name"),
    ),
    "ollama": Documented(
        "/api/embed",
        {
            "model": text,
            "input": texts_of(100),
            "truncate?": yes_or_no,
            "options?": {"num_ctx?": whole},
            "keep_alive?": text,
            "dimensions?": whole,
        },
        texts=lambda body: body["input"],
        answer=lambda vectors, texts, body: {"model": body["model"], "embeddings": vectors, "total_duration": 1},
        invalid=lambda message: (400, {"error": message}),
        denied=(404, {"error": 'model "wrong" not found, try pulling it first'}),
        key=None,
    ),
    "vllm": Documented(
        "/v1/embeddings",
        {**OPENAI_BODY, "truncate_prompt_tokens?": whole},
        **{**OPENAI, "denied": (404, {"error": {"message": "The model `wrong` does not exist.", "code": 404}})},
        key=None,
    ),
    "bedrock titan": Documented(
        "/model/amazon.titan-embed-text-v2:0/invoke",
        {"inputText": text, "dimensions?": one_of(1024, 512, 256), "normalize?": yes_or_no,
         "embeddingTypes?": list_of(one_of("float", "binary"))},
        texts=lambda body: [body["inputText"]],
        answer=titan_answer,
        invalid=aws_error,
        denied=AWS_DENIED,
        key=None,
        signing_name="bedrock",
    ),
    "bedrock cohere": Documented(
        "/model/cohere.embed-multilingual-v3/invoke",
        COHERE_BODY,
        invalid=aws_error,
        denied=AWS_DENIED,
        key=None,
        signing_name="bedrock",
        **COHERE,
    ),
    "sagemaker": Documented(
        "/endpoints/my-endpoint/invocations",
        texts_of(1000),
        texts=lambda body: body,
        answer=lambda vectors, texts, body: vectors,
        invalid=lambda message: (424, {"ErrorCode": "CLIENT_ERROR_FROM_MODEL", "message": message}),
        denied=AWS_DENIED,
        key=None,
        signing_name="sagemaker",
        dimension=lambda body: None,
    ),
}  # fmt: skip


@dataclass
class Fake:
    """A service that answers with vectors of `dimension` numbers, unless the request says how many.

    `asked` has each text with what it was said to be for; `refused` what was wrong with each other request. One that is
    `closed` has no such model, or is out of order.
    """

    service: Documented
    dimension: int
    closed: bool = False
    asked: list[tuple[str | None, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def handle(self, request: Request) -> Response:
        if self._denied(request):
            return self._refuse("denied", self.service.denied)
        body = json.loads(request.body)
        if wrong := "; ".join([*_placed(request, self.service), *violations(self.service.body, body)]):
            return self._refuse(wrong, self.service.invalid(wrong))
        return Response.of(200, self._answer(body))

    def _answer(self, body: Any) -> Any:
        texts, named = self.service.texts(body), body if isinstance(body, dict) else {}
        self.asked += [(self.service.purpose(named), text) for text in texts]
        vectors = hashing.embed(texts, self.service.dimension(named) or self.dimension)
        if self.service.int8(named):
            return self.service.answer((vectors * 127).astype(int).tolist(), texts, named)
        return self.service.answer(vectors.astype(float).tolist(), texts, named)

    def _denied(self, request: Request) -> bool:
        if self.service.signing_name:
            return bool(wrong_signature(request, AWS, REGION, self.service.signing_name))
        name, value = self.service.key or ("", "")
        return self.closed or request.headers.get(name, "") != value

    def _refuse(self, wrong: str, answer: tuple[int, Any]) -> Response:
        self.refused.append(wrong)
        return Response.of(*answer)


AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=(\S+), Signature=(\w+)"
)


def _placed(request: Request, service: Documented) -> Iterator[str]:
    """Yields what is wrong with the request but for its body."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    if (request.method, "?".join(filter(None, [request.path, query]))) != ("POST", service.path):
        yield f"{request.method} {request.path}"
    if request.headers.get("content-type") != "application/json":
        yield f"content-type {request.headers.get('content-type')}"
    of_aws = {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
    known = {
        "content-type",
        *OF_TRANSPORT,
        *(of_aws if service.signing_name else [service.key[0]] if service.key else []),
    }
    yield from (f"header {name}" for name in request.headers if name not in known)


def wrong_signature(request: Request, key: Mapping[str, str], region: str, service: str) -> str:
    """Returns what is wrong with a signature, computed again as AWS documents version 4; empty when it is right."""
    found = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        return "no signature"
    access_key, day, at, name, signed, signature = found.groups()
    moment = request.headers.get("x-amz-date", "")
    if (access_key, at, name, day) != (key["access_key"], region, service, moment[:8]):
        return f"credential {found[1]}/{found[2]}/{found[3]}/{found[4]}"
    if not re.fullmatch(r"\d{8}T\d{6}Z", moment) or {"host", "x-amz-date", "content-type"} - set(signed.split(";")):
        return f"x-amz-date {moment}, signed {signed}"
    if request.headers.get("x-amz-security-token") != key.get("session_token"):
        return "session token"
    payload = hashlib.sha256(request.body).hexdigest()
    if request.headers.get("x-amz-content-sha256", payload) != payload:
        return "x-amz-content-sha256"
    headers = "".join(f"{each}:{request.headers[each]}\n" for each in signed.split(";"))
    path = quote(request.path, safe="/-_.~")
    canonical = f"{request.method}\n{path}\n\n{headers}\n{signed}\n{payload}"
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = f"AWS4{key['secret_key']}".encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return "" if hmac.new(secret, to_sign.encode(), hashlib.sha256).hexdigest() == signature else "signature"
