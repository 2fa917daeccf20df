"""An embedding model, ready to be called from pipelines: trusted endpoint, model group, connector, model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from providers.kit import short_stack_trace

from .settings import Embedding
from .wiring import EmbeddingWiring


class EmbeddingModel(pulumi.ComponentResource):
    """Lets PolarSearch call an embedding service, and tests that it can.

    Another key, URL or batch size makes a new connector, tests it, and points the model at it without a failed request.
    Another embedding space makes another model. `model_id` is what ingest pipelines name, `query_model_id` what search
    pipelines do: another model where the service tells queries from documents. `dimension` is the length of their
    vectors. Nothing of it is made before `after` is there.

    Example:
        EmbeddingModel(
            "embedding",
            embedding=Embedding(
                url="https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings",
                model="text-embedding-v4",
                dimension=1024,
                api_key="sk-0123456789",
            ),
            opts=opts,
        )
    """

    model_id: Output[str]
    query_model_id: Output[str]
    dimension: Output[int]
    outputs: dict[str, Any]

    def __init__(
        self,
        name: str,
        *,
        embedding: Embedding,
        after: Sequence[pulumi.Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        with short_stack_trace():
            super().__init__("polardb:semanticsearch:EmbeddingModel", name, None, opts)
        wiring = EmbeddingWiring(name, embedding)
        inside, first = ResourceOptions(parent=self), ResourceOptions(parent=self, depends_on=list(after))
        self.endpoint = wiring.endpoint().declare(first)
        self.group = wiring.group().declare(first)
        trusted = ResourceOptions(parent=self, depends_on=[self.endpoint])
        self.connector = wiring.connector().declare(trusted)
        self.connectors = [self.connector]
        self.model = self.query_model = wiring.model(self.group.id, self.connector.id).declare(inside)
        if wiring.is_asymmetric:
            self.query_connector = wiring.query_connector().declare(trusted)
            self.connectors.append(self.query_connector)
            self.query_model = wiring.query_model(self.group.id, self.query_connector.id).declare(inside)
        self.model_id, self.query_model_id, self.dimension = self.model.id, self.query_model.id, self.model.dimension
        self.outputs = {"model_id": self.model_id, "dimension": self.dimension}
        if wiring.is_asymmetric:
            self.outputs["query_model_id"] = self.query_model_id
        self.register_outputs(self.outputs)
