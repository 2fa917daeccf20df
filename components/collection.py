"""A searchable collection: a table's rows, their text turned into vectors, behind one name."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import Input, ResourceOptions

from components.generation import names
from components.queries import hybrid, neural
from components.settings import Collection, Embedding
from providers.alias import Alias
from providers.index import Index
from providers.ingest_pipeline import IngestPipeline
from providers.kit import owner_of
from providers.search_pipeline import SearchPipeline
from providers.sync_link import SyncLink


class SearchCollection(pulumi.ComponentResource):
    """Pipelines, index, sync link and alias of one collection; `table` is the id of its source table.

    What cannot change in place builds another generation beside this one, and the alias moves to it once it is full.
    `outputs` is what applications need: `alias, index, ingest_pipeline, search_pipeline, sync_link` and `query`, a
    ready `neural` and a ready `hybrid` body with `{{text}}` for the text.
    """

    outputs: dict[str, Any]

    def __init__(
        self,
        name: str,
        *,
        model_id: Input[str],
        table: Input[str],
        embedding: Embedding,
        collection: Collection,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("polardb:semanticsearch:SearchCollection", name, None, opts)
        self._inside = ResourceOptions(parent=self)
        self._collection, self._embedding = collection, embedding
        self._names = names(collection, embedding)
        self.ingest_pipeline = self._ingest_pipeline(name, model_id)
        self.search_pipeline = self._search_pipeline(name, model_id)
        self.index = self._index(name)
        self.link = self._link(name, table)
        self.alias = self._alias(name)
        self.outputs = {
            "alias": self.alias.name,
            "index": self.index.name,
            "ingest_pipeline": self.ingest_pipeline.name,
            "search_pipeline": self.search_pipeline.name,
            "sync_link": self.link.id,
            "query": {"neural": neural(collection.field_map), "hybrid": hybrid(collection.field_map)},
        }
        self.register_outputs(self.outputs)

    def _ingest_pipeline(self, name: str, model_id: Input[str]) -> IngestPipeline:
        return IngestPipeline(
            f"{name}-ingest-pipeline",
            name=self._names.ingest_pipeline,
            model_id=model_id,
            field_map=self._collection.field_map,
            batch_size=self._embedding.batch_size,
            description=f"Embeds {', '.join(self._collection.field_map)} of {self._collection.name}",
            opts=self._inside,
        )

    def _search_pipeline(self, name: str, model_id: Input[str]) -> SearchPipeline:
        search = self._collection.search
        return SearchPipeline(
            f"{name}-search-pipeline",
            name=self._names.search_pipeline,
            model_id=model_id,
            weights=search.weights,
            normalization=search.normalization,
            combination=search.combination,
            description=f"Searches {self._collection.name}",
            opts=self._inside,
        )

    def _index(self, name: str) -> Index:
        vectors = self._collection.vectors(self._embedding)
        return Index(
            f"{name}-index",
            name=self._names.index,
            properties=self._collection.properties,
            vectors={field: vector.model_dump(exclude_none=True) for field, vector in vectors.items()},
            default_pipeline=self.ingest_pipeline.name,
            search_pipeline=self.search_pipeline.name,
            shards=self._collection.shards,
            replicas=self._collection.replicas,
            settings=self._collection.settings,
            deletion_protection=self._collection.deletion_protection,
            alias={"name": self._names.alias, "owner": owner_of(f"{name}-alias")},
            opts=self._inside,
        )

    def _link(self, name: str, table: Input[str]) -> SyncLink:
        return SyncLink(
            f"{name}-link",
            backend=self._collection.sync.backend,
            index=self.index.name,
            table=table,
            key=self._collection.source.primary_key,
            fields=self._collection.fields,
            drop_procedure=self._collection.sync.drop_procedure,
            opts=self._inside,
        )

    def _alias(self, name: str) -> Alias:
        return Alias(
            f"{name}-alias",
            name=self._names.alias,
            index=self.index.name,
            cutover={
                "table": self._collection.source.table,
                "vector_fields": self._collection.vector_columns,
                "key": self._collection.source.document_key,
                "timeout": self._collection.cutover_timeout,
            },
            opts=ResourceOptions(parent=self, depends_on=[self.link]),
        )
