"""The checks of the `embedding` block: model, service, keys and requests have to fit each other.

A request is checked as ML Commons fills it in: each parameter has to come from somewhere, and no key may stand in plain
text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from providers.connector import CLIENT_OPTIONS
from providers.kit import suggest
from providers.services.embedding_answers import FORMS
from providers.services.process_functions import BUILT_IN, POST, PRE, is_built_in
from providers.services.trust import python_pattern

from .embedding_calls import CREDENTIAL, PARAMETER, RESPONSE_FILTER, STEP, EmbeddingCall, calls
from .embedding_services import SERVICES, service_of
from .settings import EMBEDDING_SECRETS, Embedding

SECRET_NAME = re.compile(r"(?i)^(authorization|cookie)$|(^|[-_])(api[-_]?key|key|secret|token|password)$")
"""Names of headers and parameters that hold a key."""

KEY_VALUE = re.compile(
    r"\b(Bearer|Basic|Key)\s+(?!\$\{)\S|\bsk-[\w-]{8}|\bAKIA[0-9A-Z]{16}\b"
    r"|[?&](api[-_]?key|key|token|code|sig)=(?!\$\{)\w"
)
"""Texts that are keys, or that end in one."""

OWN_PARAMETERS: Mapping[str, str] = {
    "model": "model",
    "dimensions": "dimension and send_dimensions",
    "input_type": "input_type",
    STEP: "batch_size",
    "region": "aws_sigv4.region",
    "service_name": "aws_sigv4.service",
}
"""Parameters that have a key of their own."""

ML_COMMONS = {RESPONSE_FILTER, "skip_validating_missing_parameters", "charset"}
"""Parameters that ML Commons itself reads."""

_SET = "`pulumi config set --secret embeddingApiKey`"
_IN_A_HEADER = f"name it in a header, as ${{credential.api_key}}, and {_SET}"

FORM = re.compile(rf'"({"|".join(FORMS)})"')
"""A form of an embedding that is no vector of floats, where a request asks for it."""


def embedding_mistakes(embedding: Embedding, keys: Collection[str] = ()) -> Iterator[str]:
    """Yields where the keys of the block do not fit each other; `keys` names the secrets that are set."""
    if embedding.service and service_of(embedding.service, embedding.model) is None:
        yield f"embedding.model: {_families(embedding.service)}"
        return
    documents, queries = calls(embedding)
    yield from _placed("embedding", _model_mistakes(embedding))
    yield from _placed("embedding", _url_mistakes(documents))
    yield from _placed("embedding", _pattern_mistakes(documents.pattern, dict.fromkeys([documents.url, queries.url])))
    yield from _placed("embedding", _signing_mistakes(embedding))
    yield from _missing_keys(documents, keys)
    yield from _placed("embedding", open_keys(embedding.headers, embedding.parameters, embedding.request_body or ""))
    yield from _placed("embedding", _purpose_mistakes(embedding))
    yield from _placed("embedding", _type_mistakes(embedding))
    yield from _placed("embedding", _function_mistakes(embedding))
    yield from _placed("embedding", _parameter_mistakes(documents))
    requests = [*_request_mistakes(documents), *_request_mistakes(queries)]
    yield from _placed("embedding", dict.fromkeys(requests))


def private_address_mistake(host: str) -> str:
    """Returns what to do about an embedding service whose host is a private address."""
    return f"embedding.url: {host} is a private address, which it refuses to call; write private_address: true"


def _placed(place: str, mistakes: Iterable[str]) -> Iterator[str]:
    return (f"{place}.{mistake}" for mistake in mistakes)


def _families(name: str) -> str:
    known = [family for service in SERVICES if service.name == name for family in service.families]
    return (
        f"{name} knows models that begin with {' or '.join(known)}; for another one leave `service` out, and write "
        f"url, aws_sigv4, request_body, pre_process and post_process"
    )


def _model_mistakes(embedding: Embedding) -> Iterator[str]:
    dimensions, most = embedding.known_model.dimensions, embedding.known_model.texts or 1
    if dimensions and embedding.dimension not in dimensions:
        yield f"dimension: {embedding.model} has no vectors of {embedding.dimension}; write {_offered(dimensions)}"
    if (embedding.batch_size or 0) > most > 1:  # a model of one text has a request for each, however many there are
        yield f"batch_size: {embedding.model} takes {most} texts at most; write {most} or less"
    if embedding.send_dimensions and not embedding.request_body and "${parameters.dimensions}" not in _text(embedding):
        yield f"send_dimensions: {embedding.service} is not asked for a dimension; leave it out"


def _offered(dimensions: Sequence[int]) -> str:
    if isinstance(dimensions, range):
        return f"{dimensions[0]} to {dimensions[-1]}"
    return f"one of {', '.join(map(str, dimensions))}" if len(dimensions) > 1 else str(dimensions[0])


def _text(embedding: Embedding) -> str:
    return embedding.request_body or json.dumps(embedding.preset.body)


def _url_mistakes(call: EmbeddingCall) -> Iterator[str]:
    embedding, location = call.embedding, call.embedding.preset.location(call.embedding.model)
    if not embedding.endpoint:
        if not embedding.preset.host:
            yield f"url: is missing; write the whole address, such as https://host{location}"
        return
    if KEY_VALUE.search(embedding.endpoint):
        yield f"url: holds a key in plain text; {_IN_A_HEADER}"
        return
    if (base := _base(embedding.endpoint, location)) is not None:
        whole = base + location
        yield f"url: {embedding.endpoint} is the service's base; write the whole address, such as {whole}"


def _pattern_mistakes(pattern: str, urls: Iterable[str]) -> Iterator[str]:
    for url in urls:
        if url and not KEY_VALUE.search(url) and not re.fullmatch(python_pattern(pattern), url):
            yield (
                f"trusted_pattern: {pattern} does not match the whole of {url}; "
                f"write one that does, or leave it out to trust this URL alone"
            )


def _base(url: str, location: str) -> str | None:
    """Returns the host of an address that ends before the service's own does; None for a whole one."""
    path = urlsplit(url).path.rstrip("/")
    stopped = not urlsplit(url).query and (not path or location.startswith(f"{path}/"))
    return url.rstrip("/").removesuffix(path) if stopped else None


def _signing_mistakes(embedding: Embedding) -> Iterator[str]:
    preset, signing = embedding.preset, embedding.aws_sigv4
    if preset.signing_name and not signing:
        yield f"aws_sigv4: is missing; {embedding.service} wants {{region: us-east-1}}, or where yours is"
    if signing and embedding.service and not preset.signing_name:
        yield f"aws_sigv4: {embedding.service} does not take AWS signatures; leave it out"
    if signing and not (signing.service or preset.signing_name or embedding.service):
        yield "aws_sigv4.service: is missing; write the service's name in the signature, such as bedrock"


def _missing_keys(call: EmbeddingCall, keys: Collection[str]) -> Iterator[str]:
    embedding, secrets = call.embedding, {key: name for name, key in EMBEDDING_SECRETS.items()}
    headers = embedding.headers.items()
    named = {found["name"]: f"headers.{name}" for name, value in headers for found in CREDENTIAL.finditer(value)}
    for key, place in named.items():
        if key not in secrets:
            yield f"embedding.{place}: there is no ${{credential.{key}}}; write one of {', '.join(secrets)}"
    needed = {secrets[key]: f"{place} names it" for key, place in named.items() if key in secrets}
    if embedding.aws_sigv4:
        needed |= dict.fromkeys(("embeddingAccessKey", "embeddingSecretKey"), "aws_sigv4 signs with it")
    elif embedding.preset.needs_key and not named:
        needed["embeddingApiKey"] = f"{embedding.service} wants a key"
    for name, reason in needed.items():
        if name not in keys:
            yield f"{name}: is not set, and {reason}; `pulumi config set --secret {name}`"


def open_keys(headers: Mapping[str, str], parameters: Mapping[str, Any], request_body: str) -> Iterator[str]:
    """Yields keys in plain text, and shows none."""
    for name, value in headers.items():
        if KEY_VALUE.search(value) or (SECRET_NAME.search(name) and not CREDENTIAL.search(value)):
            yield f"headers.{name}: holds a key in plain text; write ${{credential.api_key}} in its place, and {_SET}"
    for name, value in parameters.items():
        if SECRET_NAME.search(name) or KEY_VALUE.search(str(value)):
            yield f"parameters.{name}: a key cannot be a parameter; {_IN_A_HEADER}"
    if KEY_VALUE.search(request_body):
        yield f"request_body: holds a key in plain text; {_IN_A_HEADER}"


def _purpose_mistakes(embedding: Embedding) -> Iterator[str]:
    """Yields what tells documents from queries, and does not reach the service."""
    types, named = embedding.preset.input_types, embedding.input_type.model_dump(exclude_none=True)
    for purpose, name in named.items():
        if types and name not in types:
            yield f"input_type.{purpose}: {embedding.service} has no {name}; write one of {', '.join(types)}"
    if named and "${parameters.input_type}" not in _text(embedding):
        unsent = "request_body does not send it; put ${parameters.input_type} where it belongs"
        instead = f"{embedding.service or 'the OpenAI API'} has none; write document_prefix and query_prefix"
        yield f"input_type: {unsent if embedding.request_body else instead}"
    for key in ("document_prefix", "query_prefix"):
        prefix = getattr(embedding, key)
        if "${" in prefix:
            yield f"{key}: ML Commons would fill in ${{…}}; write the text itself"
        if prefix and embedding.pre_process and not is_built_in(embedding.pre_process):
            yield f"{key}: pre_process is a script of your own; put the prefix there"


def _type_mistakes(embedding: Embedding) -> Iterator[str]:
    """Yields where other numbers are asked for than the vectors are of."""
    preset, own = embedding.preset, embedding.request_body or embedding.parameters
    if embedding.vector_type == "byte":
        if embedding.known_model.floats_only:
            yield f"vector_type: {embedding.model} has vectors of floats alone; leave it out"
        elif preset.bytes is None and not own:
            yield f"vector_type: {embedding.service or 'the OpenAI API'} has vectors of floats alone; leave it out"
    fine = "int8" if embedding.vector_type == "byte" else ""
    for place, text in [("request_body", embedding.request_body or ""), *_parameters(embedding)]:
        if (found := FORM.search(text)) and found[1] != fine:
            yield f"{place}: asks for {FORMS[found[1]]}"


def _parameters(embedding: Embedding) -> list[tuple[str, str]]:
    return [(f"parameters.{name}", json.dumps(value)) for name, value in embedding.parameters.items()]


def _function_mistakes(embedding: Embedding) -> Iterator[str]:
    for key, kind in (("pre_process", PRE), ("post_process", POST)):
        function, known = getattr(embedding, key), sorted(name for name in BUILT_IN if name.startswith(kind))
        if function and is_built_in(function) and function not in known:
            yield f"{key}: {function} is no function we know; {_near(function, known)}"
    for option in embedding.client_config or {}:
        if option not in CLIENT_OPTIONS:
            yield f"client_config.{option}: is no option we know; {_near(option, sorted(CLIENT_OPTIONS))}"


def _near(name: str, known: Collection[str]) -> str:
    return suggest(name, known, f"write one of {', '.join(known)}")


def _parameter_mistakes(call: EmbeddingCall) -> Iterator[str]:
    """Yields parameters that have a key of their own, or that nothing of the request refers to."""
    embedding = call.embedding
    named = {found["name"] for found in PARAMETER.finditer(json.dumps([call.action, embedding.preset.body]))}
    for name in embedding.parameters:
        if own := OWN_PARAMETERS.get(name):
            yield f"parameters.{name}: has a key of its own; write {own}"
        elif call.filled and name == call.filled.name:
            yield f"parameters.{name}: is what the texts are put into; leave it out"
        elif name not in named | ML_COMMONS and not name.startswith("pre_process_"):
            known = sorted(named - OWN_PARAMETERS.keys())
            yield f"parameters.{name}: nothing of the request refers to it; {_near(name, known)}"


def _request_mistakes(call: EmbeddingCall) -> Iterator[str]:
    """Yields what ML Commons could not fill in."""
    filled = {call.filled.name} if call.filled else set(re.findall(r"\w+", call.pre_process))
    headers = {f"headers.{name}": value for name, value in call.embedding.headers.items()}
    texts = {"url": call.embedding.endpoint, "request_body": call.request_body, **headers}
    for place, text in texts.items():
        known = {*call.parameters, *(filled if place == "request_body" else ())}
        for found in PARAMETER.finditer(text):
            if found["name"] not in known and not found["default"]:
                yield f"{place}: nothing fills in {found[0]}; add parameters.{found['name']}, or leave it out"
        if not place.startswith("headers.") and (key := CREDENTIAL.search(text)):
            yield f"{place}: ML Commons fills {key[0]} in headers alone; name it in a header"
    if call.filled and f"${{parameters.{call.filled.name}}}" not in call.request_body:
        yield f"request_body: does not send the texts; put ${{parameters.{call.filled.name}}} where they belong"
    if reason := _no_json(call.request_body):
        yield f"request_body: is no JSON once it is filled in ({reason})"


def _no_json(body: str) -> str:
    try:
        json.loads(PARAMETER.sub("0", body))
    except ValueError as error:
        return str(error)
    return ""
