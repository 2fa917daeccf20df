"""Stored documents, and what the declared pipeline makes of their rows: whether the declared model filled an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.settings import Collection
from components.wiring import CollectionWiring
from ops.adoption import FILL, document_mistakes, vector_mistakes
from providers.ingest_pipeline import definition
from providers.kit import Refused, pluralize
from providers.services import Connections, quote
from providers.services.backfill import BackfillSource, count_documents, has_vector, relation_of, with_plain_key
from providers.services.http import SearchClient
from providers.services.refused_rows import document
from providers.services.sql import Database

COMPARED = 3
"""Stored texts that are embedded again and compared."""

Source = Mapping[str, Any]
"""A document."""


def document_problems(connections: Connections, index: str, wiring: CollectionWiring, model_id: str) -> Iterator[str]:
    """Yields where stored documents are not what the declared pipeline, with this model, makes of their rows."""
    collection, search = wiring.collection, connections.search
    texts = collection.embedded_texts()
    stored = stored_documents(search, index, texts[0].vector_path)
    if not stored:
        count = pluralize(count_documents(search, index), "document")
        yield f"index {index} has {count}, and no vector in {texts[0].vector_path}; {FILL}"
        return
    rows, vectors = rows_of(connections.database, collection, list(stored)), {text.vector for text in texts}
    given = {id: rows.get(id) or _without(source, vectors) for id, source in stored.items()}
    pipeline = definition(wiring.ingest_pipeline(model_id).owned, "")
    for id, made in remade(search, index, pipeline, given):
        yield from document_mistakes(id, stored[id], list(collection.fields))
        yield from vector_mistakes(id, stored[id], made, texts)


def stored_documents(search: SearchClient, index: str, vector: str) -> dict[str, Source]:
    """Returns some documents that have a vector, by id."""
    body = {"size": COMPARED, "query": has_vector(vector)}
    hits = search.find(index, body)["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


def rows_of(database: Database, collection: Collection, ids: Sequence[str]) -> dict[str, Source]:
    """Returns the rows of documents as their pipeline sees them; none where their keys may not be the ids."""
    source = collection.source
    rows = BackfillSource(source.table, collection.vector_columns, source.document_key, source.query)
    if (key := with_plain_key(rows, database).key) is None:
        return {}
    columns = list(dict.fromkeys([key, *collection.fields.values()]))
    relation, values = relation_of(source.table, source.query, columns)
    places = ", ".join(["%s"] * len(ids))
    statement = f"SELECT {', '.join(map(quote, columns))} FROM {relation} WHERE {quote(key)} IN ({places})"
    return {str(row[key]): document(row, collection.fields) for row in database.query(statement, [*values, *ids])}


def remade(
    search: SearchClient, index: str, pipeline: Mapping[str, Any], given: Mapping[str, Source]
) -> Iterator[tuple[str, Source]]:
    """Yields what a pipeline makes of documents, which are not written. Raises Refused where it fails."""
    docs = [{"_index": index, "_id": id, "_source": source} for id, source in given.items()]
    body = {"pipeline": pipeline, "docs": docs}
    shown = search.post("/_ingest/pipeline/_simulate", body, idempotent=True)["docs"]
    for id, each in zip(given, shown, strict=True):
        if "error" in each:
            raise Refused(f"document {id} of {index} cannot be embedded: {each['error'].get('reason', '')}")
        yield id, each["doc"]["_source"]


def _without(source: Source, names: set[str]) -> Source:
    return {name: value for name, value in source.items() if name not in names}
