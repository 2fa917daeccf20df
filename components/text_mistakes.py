"""The checks of the texts that are embedded: `field_map`, `texts` and `long_texts` of a collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.kit import suggest
from providers.services.column_types import base_type
from providers.services.texts import EmbeddedText

from .settings import Collection, Embedding
from .texts import CHUNKING, TextSettings

TEXT_COLUMNS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "json"})
EMBEDDABLE = frozenset({"text", "keyword", "match_only_text", "wildcard"})
DEFAULTS = TextSettings()


def field_map_mistakes(collection: Collection) -> Iterator[str]:
    """Yields what of `field_map` does not fit the mapping, the fields or itself."""
    filled: dict[str, list[str]] = {}
    for key, target in collection.field_map.items():
        vector, names = (key, target) if isinstance(target, list) else (target, [key])
        if (others := filled.setdefault(vector, names)) is not names:
            joined = ", ".join(dict.fromkeys([*others, *names]))
            yield (
                f"field_map.{key}: {vector} is filled by {', '.join(others)}; write {vector}: [{joined}] to join them "
                f"into one text, or give each a vector field of its own"
            )
        if len(set(names)) < len(names):
            yield f"field_map.{key}: a text is there twice; write [{', '.join(dict.fromkeys(names))}]"
        inside = [*vector_mistakes(collection, vector), *(x for name in names for x in name_mistakes(collection, name))]
        yield from (f"field_map.{key}: {mistake}" for mistake in inside)


def vector_mistakes(collection: Collection, vector: str) -> Iterator[str]:
    """Yields why a field cannot take a vector."""
    if vector not in collection.mapping:
        yield unknown(vector, collection.vector_fields, "mapping")
    elif vector not in collection.vector_fields:
        yield f"{vector} is mapped as {type_of(collection.mapping[vector])}; map it as {{type: knn_vector}}"


def name_mistakes(collection: Collection, name: str) -> Iterator[str]:
    """Yields why a field cannot be embedded."""
    if name not in collection.fields:
        yield unknown(name, collection.fields, "fields")
    if name in collection.mapping and (kind := type_of(collection.mapping[name])) not in EMBEDDABLE:
        yield f"{name} is mapped as {kind}; only text can be embedded"


def column_mistakes(collection: Collection, columns: Mapping[str, str]) -> Iterator[str]:
    """Yields columns that cannot be embedded; `columns` has their types, empty for one that is not known."""
    for key, target in collection.field_map.items():
        for name in target if isinstance(target, list) else [key]:
            column = collection.fields.get(name, "")
            if (kind := columns.get(column, "")) and base_type(kind) not in TEXT_COLUMNS:
                yield f"field_map.{key}: column {column} is {kind}; only text can be embedded"


def text_mistakes(collection: Collection, embedding: Embedding | None) -> Iterator[str]:
    """Yields what of `texts` and `long_texts` does not fit the field map, the fields or the model."""
    texts = {text.vector: text for text in collection.embedded_texts()}
    for vector in collection.texts:
        if vector not in texts:
            yield f"texts.{vector}: {unknown(vector, texts, 'field_map')}"
    for text in texts.values():
        yield from settings_mistakes(collection, text)
        yield from (
            f"fields.{name}: the pipeline makes the text of {text.vector} under this name; choose another"
            for name in text.temporary
            if name in collection.fields
        )
    if embedding:
        limits = (mistake for vector in texts for mistake in limit_mistakes(collection, vector, embedding))
        yield from dict.fromkeys(limits)


def settings_mistakes(collection: Collection, text: EmbeddedText) -> Iterator[str]:
    """Yields what was written of a text and means nothing."""
    settings = collection.texts.get(text.vector, DEFAULTS)
    place, written = f"texts.{text.vector}", settings.model_fields_set
    for name in settings.labels if isinstance(settings.labels, dict) else ():
        if name not in text.fields:
            known = dict.fromkeys(text.fields)
            yield f"{place}.labels.{name}: {unknown(name, known, f'field_map of {text.vector}')}"
    if "separator" in written and len(text.fields) == 1:
        yield f"{place}.separator: {text.fields[0]} is the only text of {text.vector}; leave it out"
    for name in (name for name in CHUNKING if name in written and not text.chunking):
        yield f"{place}.{name}: is of chunks alone; write long_texts: chunk, or leave it out"


def limit_mistakes(collection: Collection, vector: str, embedding: Embedding) -> Iterator[str]:
    """Yields what cannot be done with the long texts of a vector field, for that model."""
    settings, limit = collection.text_settings(vector), embedding.token_limit
    own = collection.texts.get(vector, DEFAULTS).long_texts
    place = f"texts.{vector}.long_texts" if own else "long_texts"
    if settings.long_texts != "chunk":
        return
    if settings.chunk_tokens > limit and not embedding.limit_is_assumed:
        yield f"texts.{vector}.chunk_tokens: {embedding.model} takes {limit} tokens at most; write {limit} or less"
    if embedding.batch_size is None:
        yield f"{place}: a text has many passages; write embedding.batch_size, the most texts in one request"
    if "." in vector:
        yield f"mapping.{vector}: a field of passages is at the top level of the mapping; choose a name without a dot"
    if engine_of(collection.mapping.get(vector, {})) == "nmslib":
        yield f"mapping.{vector}: engine nmslib does not find passages; write faiss or lucene"


def engine_of(field: Mapping[str, Any]) -> Any:
    """Returns the engine that was written for a vector field."""
    method = field.get("method")
    return method.get("engine", field.get("engine")) if isinstance(method, Mapping) else field.get("engine")


def type_of(field: Mapping[str, Any]) -> str:
    """Returns the type of a mapped field; without one it is an object."""
    return str(field.get("type", "object"))


def unknown(name: str, known: Mapping[str, Any], where: str) -> str:
    """Returns that a name is not there, and which is."""
    hint = suggest(name, known, f"it has {', '.join(known) or 'none'}")
    return f"{name} is not in {where}; {hint}"
