"""Everything that semantic search on PolarDB needs, wired: one embedding model, one or more collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from providers.connection import Connection
from providers.kit import short_stack_trace

from .collection import SearchCollection
from .embedding_model import EmbeddingModel
from .settings import Collection, Embedding
from .wiring import StackWiring


class SemanticSearchStack(pulumi.ComponentResource):
    """Source tables, one `EmbeddingModel`, and a `SearchCollection` for each of `collections`, at one `connection`.

    `outputs` for applications: `model_id`, `dimension` (the length of the vectors), `collections`, by name, and
    `query_model_id`, where queries have a model of their own.

    Example:
        SemanticSearchStack(
            "search",
            connection=connection,
            embedding=Embedding(
                url="https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings",
                model="text-embedding-v4",
                dimension=1024,
                api_key="sk-0123456789",
            ),
            collections=[
                Collection(
                    name="documents",
                    source={
                        "table": "db.test_table",
                        "columns": {"id": "INT", "t1": "INT", "t2": "TEXT"},
                        "primary_key": "id",
                    },
                    fields={"id": "id", "my_text": "t2"},
                    mapping={
                        "id": {"type": "integer"},
                        "my_text": {"type": "text"},
                        "my_vector": {"type": "knn_vector"},
                    },
                    field_map={"my_text": "my_vector"},
                )
            ],
        )
    """

    model_id: Output[str]
    dimension: Output[int]
    outputs: dict[str, Any]

    def __init__(
        self,
        name: str,
        connection: Connection,
        embedding: Embedding,
        collections: Sequence[Collection],
        opts: ResourceOptions | None = None,
    ) -> None:
        at_connection = ResourceOptions(provider=connection)
        with short_stack_trace():
            super().__init__(
                "polardb:semanticsearch:SemanticSearchStack", name, None, ResourceOptions.merge(opts, at_connection)
            )
        inside = ResourceOptions(parent=self)
        wiring = StackWiring(name, embedding, collections)
        if wiring.assumption:
            pulumi.warn(wiring.assumption, self)
        self.garbage_collector = wiring.garbage_collector().declare(inside)
        first = ResourceOptions(parent=self, depends_on=[self.garbage_collector])
        sources = {table: declaration.declare(first) for table, declaration in wiring.tables().items()}
        self.embedding = EmbeddingModel(  # a table that cannot be used shows before anything else is made
            wiring.embedding_model.name,
            embedding=embedding,
            after=[self.garbage_collector, *sources.values()],
            opts=inside,
        )
        self.model_id, self.dimension = self.embedding.model_id, self.embedding.dimension
        made = {
            collection.name: SearchCollection(
                wiring.collection(collection).name,
                model_id=self.model_id,
                query_model_id=self.embedding.query_model_id,
                table=sources[table].id if (table := collection.source.table) in sources else table,
                embedding=embedding,
                collection=collection,
                opts=inside,
            )
            for collection in collections
        }
        last = ResourceOptions(parent=self, depends_on=[each.alias for each in made.values()])
        connectors = [each.id for each in self.embedding.connectors]
        guard = wiring.deletion_guard([self.embedding.group.id], connectors, self.garbage_collector.run)
        self.deletion_guard = guard.declare(last)
        self.collections = {called: collection.outputs for called, collection in made.items()}
        self.outputs = {**self.embedding.outputs, "collections": self.collections}
        self.register_outputs(self.outputs)
