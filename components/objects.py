"""What the objects of a collection are declared as, in plain words: every name is known before anything is made. Pure.

`SearchCollection` puts one object's output in the place of its name in another, so that Pulumi knows their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .generation import Names, names
from .settings import Collection, Embedding

Props = dict[str, Any]


@dataclass(frozen=True)
class Objects:
    """The inputs of each of a collection's objects, all but the model's id, by the object's part in it."""

    ingest_pipeline: Props
    search_pipeline: Props
    index: Props
    link: Props
    alias: Props


def resource_name(collection: str, part: str) -> str:
    """What Pulumi calls an object: `search-products-ingest-pipeline`; `part` is a field of `Objects`."""
    return f"{collection}-{part.replace('_', '-')}"


def objects(collection: Collection, embedding: Embedding) -> Objects:
    """The objects of one collection."""
    called = names(collection, embedding)
    return Objects(
        ingest_pipeline=_ingest_pipeline(collection, embedding, called),
        search_pipeline=_search_pipeline(collection, called),
        index=_index(collection, embedding, called),
        link=_link(collection, called),
        alias=_alias(collection, called),
    )


def _ingest_pipeline(collection: Collection, embedding: Embedding, called: Names) -> Props:
    return {
        "name": called.ingest_pipeline,
        "field_map": collection.field_map,
        "batch_size": embedding.batch_size,
        "description": f"Embeds {', '.join(collection.field_map)} of {collection.name}",
    }


def _search_pipeline(collection: Collection, called: Names) -> Props:
    return {
        "name": called.search_pipeline,
        "weights": collection.search.weights,
        "normalization": collection.search.normalization,
        "combination": collection.search.combination,
        "description": f"Searches {collection.name}",
    }


def _index(collection: Collection, embedding: Embedding, called: Names) -> Props:
    vectors = collection.vectors(embedding)
    return {
        "name": called.index,
        "properties": collection.properties,
        "vectors": {field: vector.model_dump(exclude_none=True) for field, vector in vectors.items()},
        "default_pipeline": called.ingest_pipeline,
        "search_pipeline": called.search_pipeline,
        "shards": collection.shards,
        "replicas": collection.replicas,
        "settings": collection.settings,
        "deletion_protection": collection.deletion_protection,
    }


def _link(collection: Collection, called: Names) -> Props:
    return {
        "backend": collection.sync.backend,
        "index": called.index,
        "table": collection.source.table,
        "key": collection.source.primary_key,
        "fields": collection.fields,
        "drop_procedure": collection.sync.drop_procedure,
    }


def _alias(collection: Collection, called: Names) -> Props:
    return {
        "name": called.alias,
        "index": called.index,
        "cutover": {
            "table": collection.source.table,
            "vector_fields": collection.vector_columns,
            "key": collection.source.document_key,
            "timeout": collection.cutover_timeout,
        },
    }
