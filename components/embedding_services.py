"""Embedding services: how each is called, and what its documentation says of its models (read in August 2026).

A preset is data: the address, the headers, the request and where the vectors stand in the answer. Everything in it can
be overridden by a key of its own in the `embedding` block; `components.embedding_calls` puts the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Body = str | Mapping[str, Any]
"""A request: its fields, each as JSON with the parameters in it. A field whose parameter is not set is left out."""

ASSUMED_TOKENS = 512
"""The most tokens of one text for a model that is in no table: the fewest of all models that services sell, and what
models on BERT take (bge, e5, gte). A text that is longer than its model takes stops its link; one that is cut does not.
"""


@dataclass(frozen=True)
class KnownModel:
    """A model as its service documents it: the `dimensions` it offers; the most `texts` it takes in a request; the most
    `tokens` of one text; whether it tells documents from queries, and has vectors of bytes.
    """

    dimensions: Sequence[int] = ()
    texts: int | None = None
    tokens: int = ASSUMED_TOKENS
    symmetric: bool = False
    floats_only: bool = False


UNKNOWN = KnownModel()
"""A model that is in no table."""


@dataclass(frozen=True)
class Service:
    """How an embedding service is called.

    `host` and `path` are its address, in which `{region}` and `{model}` stand for those; where each has its own host,
    there is none. `input_types` are the names of what texts are for, that of documents first, then that of queries.
    `floats` and `bytes` are the parameters that ask for vectors of that type; None where there are none. `families` are
    the beginnings of its models' names, where a service has several.
    """

    name: str
    path: str
    body: Body
    host: str = ""
    needs_key: bool = True
    key_header: tuple[str, str] = ("Authorization", "Bearer ${credential.api_key}")
    headers: Mapping[str, str] = field(default_factory=dict)
    signing_name: str = ""
    pre_process: str = "connector.pre_process.openai.embedding"
    post_process: str = "connector.post_process.openai.embedding"
    input_types: Sequence[str] = ()
    floats: Mapping[str, Any] = field(default_factory=dict)
    bytes: Mapping[str, Any] | None = None
    models: Mapping[str, KnownModel] = field(default_factory=dict)
    families: tuple[str, ...] = ("",)

    def address(self, model: str, region: str) -> str:
        """Returns the address of a model; empty where the service has none of its own, or none without a region."""
        if not self.host or ("{region}" in self.host and not region):
            return ""
        return self.host.format(region=region) + self.location(model)

    def location(self, model: str) -> str:
        """Returns the part of the address after the host."""
        return self.path.replace("{model}", quote(model, safe=":"))

    def known(self, model: str) -> KnownModel:
        """Returns what the documentation says of a model; a service on a host of one's own may serve any open one."""
        if (sold := self.models.get(base_model(model))) or self.host:
            return sold or UNKNOWN
        return SENTENCE_TRANSFORMERS.get(model.rpartition("/")[2].lower(), UNKNOWN)


def base_model(model: str) -> str:
    """Returns a model of Bedrock without the group of regions that an inference profile puts before it."""
    return re.sub(r"^[a-z]+\.(?=(amazon|cohere)\.)", "", model)


SENTENCE_TRANSFORMERS = {
    "all-minilm": KnownModel((384,), tokens=256),
    "all-minilm-l6-v2": KnownModel((384,), tokens=256),
    "all-minilm-l12-v2": KnownModel((384,), tokens=128),
    "all-mpnet-base-v2": KnownModel((768,), tokens=384),
    "distiluse-base-multilingual-cased-v1": KnownModel((512,), tokens=128),
    "distiluse-base-multilingual-cased-v2": KnownModel((512,), tokens=128),
    "labse": KnownModel((768,), tokens=256),
    "paraphrase-minilm-l3-v2": KnownModel((384,), tokens=128),
    "paraphrase-minilm-l6-v2": KnownModel((384,), tokens=128),
    "paraphrase-multilingual-minilm-l12-v2": KnownModel((384,), tokens=128),
    "paraphrase-multilingual-mpnet-base-v2": KnownModel((768,), tokens=128),
}
"""Open models that take less than is assumed, by the last part of their names in small letters (`max_seq_length` of
their sentence_bert_config.json). A server on a host of one's own may take more: `max_tokens` says so.
"""

OPENAI_MODELS = {
    "text-embedding-3-small": KnownModel(range(1, 1537), 2048, 8192),
    "text-embedding-3-large": KnownModel(range(1, 3073), 2048, 8192),
    "text-embedding-ada-002": KnownModel((1536,), 2048, 8192),
}
MODEL_STUDIO = {
    "text-embedding-v4": KnownModel((2048, 1536, 1024, 768, 512, 256, 128, 64), 10, 8192),
    "text-embedding-v3": KnownModel((1024, 768, 512, 256, 128, 64), 10, 8192),
    "text-embedding-v2": KnownModel((1536,), 25, 2048),
    "text-embedding-v1": KnownModel((1536,), 25, 2048),
}
"""Alibaba Cloud Model Studio (its documentation of text embedding)."""
VOYAGE_4 = KnownModel((2048, 1024, 512, 256), 1000, 32000)
COHERE_3, COHERE_3_LIGHT = KnownModel((1024,), 96, 512), KnownModel((384,), 96, 512)
COHERE_4 = KnownModel((1536, 1024, 512, 256), 96, 128000)

OPENAI_BODY = {
    "model": '"${parameters.model}"',
    "input": "${parameters.input}",
    "dimensions": "${parameters.dimensions}",
}
COHERE_BODY = {
    "texts": "${parameters.texts}",
    "input_type": '"${parameters.input_type}"',
    "embedding_types": "${parameters.embedding_types}",
    "output_dimension": "${parameters.dimensions}",
    "truncate": '"${parameters.truncate}"',
    "max_tokens": "${parameters.max_tokens}",
}
COHERE_TYPES: dict[str, Any] = {
    "pre_process": "connector.pre_process.cohere.embedding",
    "post_process": "connector.post_process.cohere.embedding",
    "input_types": ("search_document", "search_query", "classification", "clustering"),
    "floats": {"embedding_types": ["float"], "response_filter": "$.embeddings['float']"},
    "bytes": {"embedding_types": ["int8"], "response_filter": "$.embeddings['int8']"},
}
"""Vectors by type. A path with `.int8` in it would mark them so in OpenSearch 3, where neural search wants FLOAT32
(ml-commons, ConnectorUtils.parseMLResultDataTypeFromResponseFilter; OpenSearch's tutorial on byte vectors).
"""
BEDROCK: dict[str, Any] = {
    "name": "bedrock",
    "host": "https://bedrock-runtime.{region}.amazonaws.com",
    "path": "/model/{model}/invoke",
    "signing_name": "bedrock",
    "needs_key": False,
    "headers": {"x-amz-content-sha256": "required"},
}

OPENAI_COMPATIBLE = Service("", "/v1/embeddings", OPENAI_BODY, needs_key=False, models=MODEL_STUDIO)
"""What an `embedding` block without a `service` calls."""

SERVICES = (
    Service("openai", "/v1/embeddings", OPENAI_BODY, host="https://api.openai.com", models=OPENAI_MODELS),
    Service(
        "azure_openai",
        "/openai/deployments/<deployment>/embeddings?api-version=2024-10-21",
        {"input": "${parameters.input}", "dimensions": "${parameters.dimensions}"},
        key_header=("api-key", "${credential.api_key}"),
        models=OPENAI_MODELS,
    ),
    Service(
        "cohere",
        "/v2/embed",
        {"model": '"${parameters.model}"', **COHERE_BODY},
        host="https://api.cohere.com",
        models={
            "embed-v4.0": COHERE_4,
            "embed-english-v3.0": COHERE_3,
            "embed-multilingual-v3.0": COHERE_3,
            "embed-english-light-v3.0": COHERE_3_LIGHT,
            "embed-multilingual-light-v3.0": COHERE_3_LIGHT,
        },
        **COHERE_TYPES,
    ),
    Service(
        "voyage",
        "/v1/embeddings",
        {
            "model": '"${parameters.model}"',
            "input": "${parameters.input}",
            "input_type": '"${parameters.input_type}"',
            "output_dimension": "${parameters.dimensions}",
            "output_dtype": '"${parameters.output_dtype}"',
            "truncation": "${parameters.truncation}",
        },
        host="https://api.voyageai.com",
        input_types=("document", "query"),
        bytes={"output_dtype": "int8"},
        models={
            "voyage-4-large": VOYAGE_4,
            "voyage-4": VOYAGE_4,
            "voyage-4-lite": VOYAGE_4,
            "voyage-3-large": VOYAGE_4,
            "voyage-3.5": VOYAGE_4,
            "voyage-3.5-lite": VOYAGE_4,
            "voyage-code-3": VOYAGE_4,
            "voyage-finance-2": KnownModel((1024,), 1000, 32000, floats_only=True),
            "voyage-law-2": KnownModel((1024,), 1000, 16000, floats_only=True),
        },
    ),
    Service(
        "jina",
        "/v1/embeddings",
        {
            "model": '"${parameters.model}"',
            "task": '"${parameters.input_type}"',
            "dimensions": "${parameters.dimensions}",
            "normalized": "${parameters.normalized}",
            "late_chunking": "${parameters.late_chunking}",
            "truncate": "${parameters.truncate}",
            "input": "${parameters.input}",
        },
        host="https://api.jina.ai",
        input_types=(
            "retrieval.passage",
            "retrieval.query",
            "text-matching",
            "classification",
            "separation",
            "code.passage",
            "code.query",
        ),
        models={
            "jina-embeddings-v4": KnownModel(range(1, 2049), tokens=32768),
            "jina-embeddings-v3": KnownModel(range(1, 1025), tokens=8192),
            **{
                f"jina-embeddings-v2-base-{language}": KnownModel((768,), tokens=8192, symmetric=True)
                for language in ("en", "de", "es", "zh")
            },
        },
    ),
    Service(
        "dashscope",
        "/api/v1/services/embeddings/text-embedding/text-embedding",
        {
            "model": '"${parameters.model}"',
            "input": {"texts": "${parameters.texts}"},
            "parameters": {
                "text_type": '"${parameters.input_type}"',
                "dimension": "${parameters.dimensions}",
                "instruct": '"${parameters.instruct}"',
            },
        },
        host="https://dashscope.aliyuncs.com",
        pre_process="connector.pre_process.cohere.embedding",
        post_process="connector.post_process.default.embedding",
        input_types=("document", "query"),
        floats={"response_filter": "$.output.embeddings[*].embedding"},
        models=MODEL_STUDIO,
    ),
    Service(
        "tei",
        "/embed",
        {
            "inputs": "${parameters.input}",
            "prompt_name": '"${parameters.input_type}"',
            "normalize": "${parameters.normalize}",
            "truncate": "${parameters.truncate}",
            "truncation_direction": '"${parameters.truncation_direction}"',
            "dimensions": "${parameters.dimensions}",
        },
        needs_key=False,
        post_process="connector.post_process.default.embedding",
    ),
    Service(
        "ollama",
        "/api/embed",
        {
            "model": '"${parameters.model}"',
            "input": "${parameters.input}",
            "dimensions": "${parameters.dimensions}",
            "truncate": "${parameters.truncate}",
            "keep_alive": '"${parameters.keep_alive}"',
            "options": "${parameters.options}",
        },
        needs_key=False,
        post_process="connector.post_process.cohere.embedding",
    ),
    Service(
        "vllm",
        "/v1/embeddings",
        {**OPENAI_BODY, "truncate_prompt_tokens": "${parameters.truncate_prompt_tokens}"},
        needs_key=False,
    ),
    Service(
        body={
            "inputText": '"${parameters.inputText}"',
            "dimensions": "${parameters.dimensions}",
            "normalize": "${parameters.normalize}",
        },
        pre_process="connector.pre_process.bedrock.embedding",
        post_process="connector.post_process.bedrock.embedding",
        models={
            "amazon.titan-embed-text-v2:0": KnownModel((1024, 512, 256), 1, 8192),
            "amazon.titan-embed-text-v1": KnownModel((1536,), 1, 8192),
        },
        families=("amazon.titan-embed-text",),
        **BEDROCK,
    ),
    Service(
        body=COHERE_BODY,
        models={
            "cohere.embed-v4:0": COHERE_4,
            "cohere.embed-english-v3": COHERE_3,
            "cohere.embed-multilingual-v3": COHERE_3,
        },
        families=("cohere.embed",),
        **COHERE_TYPES,
        **BEDROCK,
    ),
    Service(
        "sagemaker",
        "/endpoints/{model}/invocations",
        "${parameters.input}",
        host="https://runtime.sagemaker.{region}.amazonaws.com",
        signing_name="sagemaker",
        needs_key=False,
        pre_process="connector.pre_process.default.embedding",
        post_process="connector.post_process.default.embedding",
    ),
)
"""The presets. Sources: the OpenAPI documents of OpenAI, Cohere and text-embeddings-inference; docs.voyageai.com;
Jina's API schema; Model Studio, "Synchronous API details", and the DashScope SDK; Ollama's docs/api.md; vLLM's
OpenAI-compatible server; Amazon Bedrock's user guide, "Inference request parameters"; and ml-commons' connector
blueprints of Azure OpenAI, Bedrock and SageMaker.

Titan takes one text in a request. ML Commons leaves such a text as it is where it is a JSON object or list, quotes and
all, and then refuses the request (`ConnectorUtils.escapeRemoteInferenceInputData`, probed on 2.19.1): a row whose text
is JSON stays without its document.
"""

NAMES = tuple(dict.fromkeys(service.name for service in SERVICES))


def service_of(name: str, model: str) -> Service | None:
    """Returns the preset of that name for a model; None where it knows no model of such a name."""
    named = (service for service in SERVICES if service.name == name)
    return next((service for service in named if base_model(model).startswith(service.families)), None)
