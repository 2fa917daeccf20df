"""How PolarSearch calls the embedding service: a preset and the keys of the `embedding` block, as one connector.

Documents and queries are two calls. Where both are alike, one connector and one model serve both.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from pulumi import Input

from providers.connector import ConnectorInputs, as_shown
from providers.services.process_functions import FILLED, Filled, prefixing

from .embedding_services import Body
from .settings import EMBEDDING_SECRETS, AdoptedConnector, Embedding

PARAMETER = re.compile(r"\$\{parameters\.(?P<name>[^}:]+)(?P<default>:-[^}]*)?\}")
CREDENTIAL = re.compile(r"\$\{credential\.(?P<name>[^}]+)\}")
RESPONSE_FILTER, STEP = "response_filter", "input_docs_processed_step_size"

Purpose = Literal["document", "query"]


@dataclass(frozen=True)
class EmbeddingCall:
    """The call that embeds documents, or that which embeds queries."""

    embedding: Embedding
    purpose: Purpose

    @property
    def input_type(self) -> str | None:
        """What the service calls such texts; None where it makes no difference."""
        if given := getattr(self.embedding.input_type, self.purpose):
            return str(given)
        types, known = self.embedding.preset.input_types, self.embedding.known_model
        return None if known.symmetric or not types else types[("document", "query").index(self.purpose)]

    @property
    def prefix(self) -> str:
        """What stands before every such text."""
        return self.embedding.document_prefix if self.purpose == "document" else self.embedding.query_prefix

    @property
    def filled(self) -> Filled | None:
        """The parameter that takes the texts; None where a script of the configuration fills it."""
        return FILLED.get(self.embedding.pre_process or self.embedding.preset.pre_process)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The connector's parameters."""
        embedding, signing = self.embedding, self.embedding.aws_sigv4
        signed = {"region": signing.region, "service_name": self.signing_name} if signing else {}
        return {**_given(self._own()), **signed, **self._typed(), **embedding.parameters}

    @property
    def signing_name(self) -> str:
        """The name of the AWS service in a signature."""
        signing = self.embedding.aws_sigv4
        return (signing and signing.service) or self.embedding.preset.signing_name

    @cached_property
    def headers(self) -> dict[str, str]:
        """The request's headers, a credential in place of each key."""
        preset, given = self.embedding.preset, self.embedding.headers
        keyed = self.embedding.api_key is not None and not self.embedding.aws_sigv4 and not _credentials(given)
        own = {"content-type": "application/json", **preset.headers, **(dict([preset.key_header]) if keyed else {})}
        overridden = {name.lower() for name in given}
        return {**{name: value for name, value in own.items() if name.lower() not in overridden}, **given}

    @cached_property
    def request_body(self) -> str:
        """The request, with a parameter in place of each value."""
        filled = {self.filled.name} if self.filled else set()
        return self.embedding.request_body or rendered(self.embedding.preset.body, {*self.parameters, *filled})

    @property
    def pre_process(self) -> str:
        """What turns texts into a request."""
        named = self.embedding.pre_process or self.embedding.preset.pre_process
        return prefixing(self.filled, self.prefix) if self.prefix and self.filled else named

    @property
    def post_process(self) -> str:
        """What turns an answer into vectors."""
        return self.embedding.post_process or self.embedding.preset.post_process

    @property
    def url(self) -> str:
        """The address, with its parameters filled in, as it has to be trusted."""
        return self.fill(self.embedding.endpoint)

    @property
    def pattern(self) -> str:
        """What the URL has to match to be trusted."""
        return self.embedding.trusted_pattern or f"^{re.escape(self.url)}$"

    @property
    def credential(self) -> dict[str, Any] | None:
        """The keys that the request refers to, or is signed with."""
        return self._credential(self.headers)

    @property
    def action(self) -> dict[str, Any]:
        """The one action of the connector."""
        return {
            "action_type": "PREDICT",
            "method": "POST",
            "url": self.embedding.endpoint,
            "headers": self.headers,
            "request_body": self.request_body,
            "pre_process_function": self.pre_process,
            "post_process_function": self.post_process,
        }

    def fill(self, template: str, texts: Mapping[str, str] = MappingProxyType({})) -> str:
        """Returns a template with the parameters filled in, `texts` among them; one that is not known stays."""
        return fill(template, {**self.parameters, **texts})

    def connector(self, name: Input[str], description: Input[str]) -> ConnectorInputs:
        """Returns the inputs of the connector."""
        return ConnectorInputs(
            name=name,
            description=description,
            protocol="aws_sigv4" if self.embedding.aws_sigv4 else "http",
            parameters=self.parameters,
            credential=self.credential,
            actions=[self.action],
            client_config=self.embedding.client_config,
        )

    def adopted_connector(self, adopted: AdoptedConnector) -> ConnectorInputs:
        """Returns the inputs of a connector that a person made, with the keys of this call."""
        return ConnectorInputs(
            name=adopted.name,
            description=adopted.description,
            protocol="aws_sigv4" if self.embedding.aws_sigv4 else "http",
            parameters=adopted.parameters,
            credential=self._credential(adopted.action.get("headers", {})),
            actions=[adopted.action],
        )

    def _credential(self, headers: Mapping[str, str]) -> dict[str, Any] | None:
        signed = {"access_key", "secret_key", "session_token"} if self.embedding.aws_sigv4 else set()
        needed = {*_credentials(headers), *signed}
        keys = {name: getattr(self.embedding, name) for name in EMBEDDING_SECRETS.values() if name in needed}
        return _given(keys) or None

    def _own(self) -> dict[str, Any]:
        """Returns the parameters that have a key of their own; one text needs a request of its own."""
        embedding, filled, most = self.embedding, self.filled, self.embedding.known_model.texts
        step = embedding.batch_size and min(embedding.batch_size, most or embedding.batch_size)
        return {
            "model": embedding.model,
            "dimensions": embedding.requested_dimensions,
            "input_type": self.input_type,
            STEP: 1 if filled and filled.one else step,
        }

    def _typed(self) -> Mapping[str, Any]:
        """Returns the parameters that ask for vectors of the type; where they stand is not said of another script."""
        preset = self.embedding.preset
        asked = preset.floats if self.embedding.vector_type == "float" else preset.bytes or {}
        return {
            name: value for name, value in asked.items() if name != RESPONSE_FILTER or not self.embedding.post_process
        }


def fill(template: str, parameters: Mapping[str, Any]) -> str:
    """Returns a template with its parameters, or their defaults, in it; one that is not known stays."""
    return PARAMETER.sub(
        lambda found: as_shown(parameters.get(found["name"], (found["default"] or found[0]).removeprefix(":-"))),
        template,
    )


def calls(embedding: Embedding) -> tuple[EmbeddingCall, EmbeddingCall]:
    """Returns the call for documents and that for queries."""
    return EmbeddingCall(embedding, "document"), EmbeddingCall(embedding, "query")


def embedding_space(embedding: Embedding) -> str:
    """Returns the embedding space that vectors must share to be compared, such as `text-embedding-v4/1024`.

    It follows from what changes the vectors of documents: beside the model, what their text is said to be, and every
    key that may change the request or what is read of the answer.
    """
    keys = ("document_prefix", "parameters", "request_body", "pre_process", "post_process")
    written = {key: value for key in keys if (value := getattr(embedding, key))}
    vector_type = embedding.vector_type if embedding.vector_type != "float" else None
    parts = [vector_type, EmbeddingCall(embedding, "document").input_type, digest(written)[:8] if written else None]
    return "/".join([embedding.model, str(embedding.dimension), *filter(None, parts)])


def call_fingerprint(embedding: Embedding) -> str:
    """Returns eight hexadecimal digits: others where documents are embedded in another way, or asked for in another."""
    documents, _ = calls(embedding)
    config = embedding.client_config
    return digest([embedding_space(embedding), documents.parameters, documents.action, config])[:8]


def digest(kept: Any) -> str:
    """Returns 64 hexadecimal digits, the same for the same JSON."""
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def is_asymmetric(embedding: Embedding) -> bool:
    """Tells whether queries are embedded in another way than documents."""
    documents, queries = calls(embedding)
    return (documents.parameters, documents.action) != (queries.parameters, queries.action)


def rendered(body: Body, known: set[str]) -> str:
    """Returns the request without the fields whose parameter is not known."""
    return body if isinstance(body, str) else _object(body, known)


def _object(fields: Mapping[str, Any], known: set[str]) -> str:
    inside = ", ".join(f'"{name}": {value}' for name, value in _fields(fields, known))
    return f"{{ {inside} }}"


def _fields(fields: Mapping[str, Any], known: set[str]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if isinstance(value, str):
            if {found["name"] for found in PARAMETER.finditer(value)} <= known:
                yield name, value
        elif any(True for _ in _fields(value, known)):
            yield name, _object(value, known)


def _credentials(headers: Mapping[str, str]) -> list[str]:
    return [found["name"] for value in headers.values() for found in CREDENTIAL.finditer(value)]


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
