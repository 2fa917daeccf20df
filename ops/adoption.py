"""What of an object that a person made differs from what is declared, and whether a stack can own it. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pydantic import BaseModel

from components.embedding_calls import CREDENTIAL, PARAMETER, EmbeddingCall, fill
from components.embedding_validation import open_keys
from components.settings import EMBEDDING_SECRETS, Collection, Embedding
from providers.connector import ConnectorState
from providers.ingest_pipeline import IngestPipelineInputs
from providers.kit import Inputs
from providers.services.texts import PASSAGE_VECTOR, EmbeddedText

TOLERANCE = 0.99
"""The least cosine of two vectors of one text by one model: services round, and another model is far from it."""

LONGEST = 200
"""Characters of a value that are shown."""

WHOLE = frozenset({"field_map"})
"""Properties whose keys are not properties by themselves."""

FILL = "let `up` fill another index"
"""What to do where an index cannot be adopted."""

Source = Mapping[str, Any]
"""A document."""


@dataclass(frozen=True)
class Difference:
    """A property that is not what is declared; one that is not `in_place` cannot become it."""

    object: str
    name: str
    shown: Any
    declared: Any
    in_place: bool

    def __str__(self) -> str:
        return f"{self.object}: {self.name}: {_text(self.shown)} → {_text(self.declared)}"

    @property
    def refusal(self) -> str:
        """Why it cannot be adopted."""
        is_and_is_not = f"is {_text(self.shown)}, and the configuration says {_text(self.declared)}"
        return f"{self.object}: {self.name} {is_and_is_not}; it cannot change in place: declare it as it is"


def differences(
    object: str, shown: Inputs, declared: Inputs, is_fixed: Callable[[Any], object] = lambda _: None
) -> Iterator[Difference]:
    """Yields what differs, each key of an object by itself; `is_fixed` takes `shown` with one of the changes."""
    for name in sorted(type(declared).model_fields.keys() - {"name", "owner"}):
        for place, old, new, changed in _changes(name, getattr(shown, name), getattr(declared, name)):
            fixed = is_fixed(shown.model_copy(update={name: changed}))
            yield Difference(object, place, _plain(old), _plain(new), not fixed)


def pipeline_is_fixed(shown: IngestPipelineInputs, collection: Collection) -> Callable[[IngestPipelineInputs], bool]:
    """Returns whether a change of the pipeline changes what is in a document, beside how its texts are embedded."""
    vectors = set(shown.field_map.values())

    def is_fixed(changed: IngestPipelineInputs) -> bool:
        others = (changed.before != shown.before and shown.before != collection.before) or (
            changed.after != shown.after and shown.after != collection.after
        )
        return others or set(changed.field_map.values()) != vectors

    return is_fixed


def fits(collection: Collection, mapping: Mapping[str, Any]) -> bool:
    """Tells whether an index has the collection's fields, and its vectors."""
    fields = mapping.get("properties", {})
    vectors = [fields.get(name, {}).get("type") for name in collection.vector_fields if name not in collection.chunked]
    return collection.fields.keys() <= fields.keys() and all(kind == "knn_vector" for kind in vectors)


def connector_mistakes(shown: ConnectorState, call: EmbeddingCall, embedding: Embedding) -> Iterator[str]:
    """Yields why a connector is not the declared call of the service, or cannot stand in a configuration."""
    action = shown.actions[0]
    if opened := list(_open_keys(shown)):
        yield from opened
        return
    url, model = fill(action.url, shown.parameters), shown.parameters.get("model", embedding.model)
    if len(shown.actions) > 1:
        yield f"has {len(shown.actions)} actions; one that predicts can be declared"
    if url != call.url:
        yield f"calls {url}, and embedding.url is {call.url}; write the one that made the vectors"
    if model != embedding.model:
        yield f"asks for {model}, and embedding.model is {embedding.model}; write the one that made the vectors"
    elif action.request_body:
        yield from _request_mistakes(shown, call)
    yield from _key_mistakes(action.headers, embedding)


def vector_mistakes(id: str, stored: Source, made: Source, texts: Sequence[EmbeddedText]) -> Iterator[str]:
    """Yields where a stored document is not what the declared pipeline makes of its row."""
    for field in dict.fromkeys(chain.from_iterable(text.fields for text in texts)):
        if _words(stored.get(field)) != _words(made.get(field)):
            both = f"is {_text(stored.get(field))}, and of its row {_text(made.get(field))}"
            yield f"{field} of document {id} {both}; declare the column that fills it, or wait for its link"
    for name in (text.vector for text in texts):
        if (found := _likeness(_vectors(stored.get(name)), _vectors(made.get(name)))) < TOLERANCE:
            which = f"{name} of document {id} has a cosine of {found:.2f} to the declared model's vector"
            yield f"{which}, {TOLERANCE} at least is wanted; declare the model that made it"


def document_mistakes(id: str, stored: Source, fields: Sequence[str]) -> Iterator[str]:
    """Yields the fields that a document lacks: its link does not fill them."""
    if missing := [name for name in fields if name not in stored]:
        yield f"document {id} has no field {', '.join(missing)}; leave out of `fields` what the link does not fill"


def _open_keys(shown: ConnectorState) -> Iterator[str]:
    """Yields keys in plain text, and shows none."""
    action = shown.actions[0]
    yield from open_keys(action.headers, shown.parameters, action.request_body or "")
    yield from (line.replace("request_body", "url") for line in open_keys({}, {}, action.url))


def _request_mistakes(shown: ConnectorState, call: EmbeddingCall) -> Iterator[str]:
    """Yields where the service is asked otherwise; the length of the vectors shows in the vectors themselves."""
    action = shown.actions[0]
    theirs, ours = asked(action.request_body or "", shown.parameters), asked(call.request_body, call.parameters)
    length = {key for key, value in {**theirs, **ours}.items() if value == call.embedding.dimension}
    theirs, ours = ({key: each[key] for key in each if key not in length} for each in (theirs, ours))
    protocol = "aws_sigv4" if call.embedding.aws_sigv4 else "http"
    for key, there, declared in (
        ("aws_sigv4", shown.protocol, protocol),
        ("request_body", theirs, ours),
        ("pre_process", action.pre_process_function or call.pre_process, call.pre_process),
        ("post_process", action.post_process_function or call.post_process, call.post_process),
    ):
        if there != declared:
            yield f"has {_text(there)}, and the configuration {_text(declared)}; write embedding.{key} as it is there"


def asked(body: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a request with the parameters that are known; the text itself where it is no object."""
    filled = PARAMETER.sub(lambda found: str(parameters.get(found["name"], json.dumps(found[0]))), body)
    try:
        return dict(json.loads(filled))
    except (TypeError, ValueError):
        return {"": filled}


def _key_mistakes(headers: Mapping[str, str], embedding: Embedding) -> Iterator[str]:
    secrets = {key: name for name, key in EMBEDDING_SECRETS.items()}
    for key in sorted({found["name"] for value in headers.values() for found in CREDENTIAL.finditer(value)}):
        if key not in secrets:
            yield f"names its key ${{credential.{key}}}; a stack has {', '.join(secrets)}"
        elif getattr(embedding, key) is None:
            yield f"has a key, which is not shown: `pulumi config set --secret {secrets[key]}`"


def _likeness(stored: Sequence[Sequence[float]], made: Sequence[Sequence[float]]) -> float:
    """Returns the least cosine of the vectors of one text; 0 where there are more of the one than of the other."""
    if len(stored) != len(made):
        return 0.0
    return min((cosine(one, other) for one, other in zip(stored, made, strict=True)), default=1.0)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Returns the cosine of two vectors; 0 for those of different lengths."""
    lengths = math.hypot(*one) * math.hypot(*other)
    if len(one) != len(other) or not lengths:
        return 0.0
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths


def _vectors(value: Any) -> list[Sequence[float]]:
    """Returns a field's vector, or those of its passages; none of a blank text."""
    if not value:
        return []
    return [each[PASSAGE_VECTOR] for each in value] if isinstance(value[0], Mapping) else [value]


def _words(value: Any) -> list[str]:
    return [] if value is None else str(value).split()


def _changes(name: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yields place, old and new value of each change, and the property with that change alone."""
    if name in WHOLE or not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        yield from [(name, old, new, new)] if old != new else []
    else:
        changed = (key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key))
        yield from ((f"{name}.{key}", old.get(key), new.get(key), _with(old, key, new)) for key in changed)


def _with(old: Mapping[str, Any], key: str, new: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in old.items() if name != key}
    return {**rest, key: new[key]} if key in new else rest


def _text(value: Any) -> str:
    text = "nothing" if value in (None, "", [], {}) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _plain(value: Any) -> Any:
    """Returns a vector field as it is declared."""
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, BaseModel) else value
