"""Names, and what makes a new generation of a collection.

Vectors of two models never share an index, and a mapped field never changes, so such a change builds new objects beside
the old ones. A generation is a fingerprint of everything that cannot change in place: when a change is taken back, the
fingerprint is the old one again, and the old objects are found.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from providers.services.whole_mapping import FIXED

from .embedding_calls import digest, embedding_space
from .settings import Collection, Embedding

DIGITS = 8


@dataclass(frozen=True)
class Names:
    """What the objects of one generation of a collection are called in PolarSearch."""

    alias: str
    index: str
    ingest_pipeline: str
    search_pipeline: str


def generation(collection: Collection, embedding: Embedding) -> str:
    """Returns eight hexadecimal digits: others for another embedding space, source field, query, vector method, backend
    or `revision`, and for texts that are joined or chunked in another way. Another spelling of a query is no other one.
    """
    texts = collection.embedded_texts()
    vectors = {name: vector.model_dump(exclude_none=True) for name, vector in collection.vectors(embedding).items()}
    fixed = {
        "space": embedding_space(embedding),
        "table": collection.source.table,
        "key": collection.source.key,
        "fields": collection.fields,
        "field_map": {text.fields[0]: text.vector for text in texts if len(text.fields) == 1},
        "vectors": vectors,
        "shards": collection.shards,
        "revision": collection.revision,
    }
    if made := {text.vector: asdict(text) for text in texts if text.is_made}:
        fixed["texts"] = made
    if content := _content(collection):
        fixed["content"] = content
    if collection.backend != "sync_by_map":  # beside the old link: one that is refused must not cost the other
        fixed["backend"] = collection.backend
    if collection.source.query is not None:
        fixed["query"] = collection.source.query
    return digest(fixed)[:DIGITS]


def _content(collection: Collection) -> dict[str, Any]:
    """Returns what decides what is in a document, beside its fields; nothing of it changes what is indexed already."""
    kept = {name: value for name, value in collection.mapping_parameters.items() if name in FIXED}
    processors = {"before": collection.before, "after": collection.after}
    return {**kept, **{place: given for place, given in processors.items() if given}}


def names(collection: Collection, embedding: Embedding) -> Names:
    """Returns the names: the alias keeps the collection's, everything behind it carries the generation.

    An adopted generation keeps the names that a person gave.
    """
    fingerprint = generation(collection, embedding)
    generated = f"{collection.name}_{fingerprint}"
    if (adopted := collection.adopted) and adopted.generation == fingerprint:
        return Names(collection.name, adopted.index, adopted.ingest_pipeline, generated)
    return Names(collection.name, generated, generated, generated)


def collection_of(generated: str) -> str:
    """Returns the collection that an index or a pipeline of that name belongs to; empty where a person named it."""
    found = re.fullmatch(rf"(.+)_[0-9a-f]{{{DIGITS}}}", generated)
    return found[1] if found else ""
