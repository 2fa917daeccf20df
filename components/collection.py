"""A searchable collection: a table's rows, their text turned into vectors, behind one name."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import Input, ResourceOptions

from components.objects import objects, resource_name
from components.queries import hybrid, neural
from components.settings import Collection, Embedding
from providers.alias import Alias
from providers.index import Index
from providers.ingest_pipeline import IngestPipeline
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
        declared = objects(collection, embedding)
        inside = ResourceOptions(parent=self)
        self.ingest_pipeline = IngestPipeline(
            resource_name(name, "ingest_pipeline"), model_id=model_id, **declared.ingest_pipeline, opts=inside
        )
        self.search_pipeline = SearchPipeline(
            resource_name(name, "search_pipeline"), model_id=model_id, **declared.search_pipeline, opts=inside
        )
        pipelines = {"default_pipeline": self.ingest_pipeline.name, "search_pipeline": self.search_pipeline.name}
        self.index = Index(resource_name(name, "index"), **(declared.index | pipelines), opts=inside)
        into = {"index": self.index.name}
        self.link = SyncLink(resource_name(name, "link"), **(declared.link | into | {"table": table}), opts=inside)
        after_link = ResourceOptions(parent=self, depends_on=[self.link])
        self.alias = Alias(resource_name(name, "alias"), **(declared.alias | into), opts=after_link)
        self.outputs = {
            "alias": self.alias.name,
            "index": self.index.name,
            "ingest_pipeline": self.ingest_pipeline.name,
            "search_pipeline": self.search_pipeline.name,
            "sync_link": self.link.id,
            "query": {"neural": neural(collection.field_map), "hybrid": hybrid(collection.field_map)},
        }
        self.register_outputs(self.outputs)
