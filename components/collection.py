"""A searchable collection: a table's rows, their text turned into vectors, under one name."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi import Input, ResourceOptions

from providers.kit import short_stack_trace

from .queries import hybrid, neural, ready
from .settings import Collection, Embedding
from .wiring import CollectionWiring


class SearchCollection(pulumi.ComponentResource):
    """Pipelines, index, sync link and alias of one collection; `table` is the id of its source table, or of the first
    table of its query.

    Documents are embedded by the model `model_id`, queries by `query_model_id`, where that is another one.

    What cannot change in place builds another generation beside this one, and the alias moves to it once it is full.
    `outputs` is what applications need: `alias`, the `index` behind it, and two ready query bodies, `neural` and
    `hybrid`, each a JSON text in which `{{text}}` stands for the text to search for, as a JSON string.
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
        query_model_id: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        with short_stack_trace():
            super().__init__("polardb:semanticsearch:SearchCollection", name, None, opts)
        wiring, inside = CollectionWiring(name, collection, embedding), ResourceOptions(parent=self)
        self.ingest_pipeline = wiring.ingest_pipeline(model_id).declare(inside)
        self.search_pipeline = wiring.search_pipeline(model_id if query_model_id is None else query_model_id).declare(
            inside
        )
        self.index = wiring.index(self.ingest_pipeline.name, self.search_pipeline.name).declare(inside)
        self.link = wiring.link(self.index.name, table).declare(inside)
        self.alias = wiring.alias(self.index.name).declare(ResourceOptions(parent=self, depends_on=[self.link]))
        texts = collection.embedded_texts()
        self.outputs = {
            "alias": self.alias.name,
            "index": self.index.name,
            "neural": ready(neural(texts)),
            "hybrid": ready(hybrid(texts)),
        }
        self.register_outputs(self.outputs)
