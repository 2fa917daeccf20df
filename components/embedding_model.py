"""An embedding model, ready to be called from pipelines: trusted endpoint, model group, connector, model."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi import Output, ResourceOptions

from components.generation import space
from components.settings import Embedding
from providers.connector import Connector
from providers.model import Model
from providers.model_group import ModelGroup
from providers.trusted_endpoint import TrustedEndpoint


def name_in_cluster(embedding_model: str) -> str:
    """What the group and the connector of an embedding model are called: `<project>-<stack>-<its name>`."""
    return f"{pulumi.get_project()}-{pulumi.get_stack()}-{embedding_model}"


class EmbeddingModel(pulumi.ComponentResource):
    """Lets PolarSearch call an OpenAI-compatible embedding service, and proves that it can.

    Another key, URL or batch size makes a new connector, proves it, and points the model at it without a failed
    request. Another model or dimension makes another model. `model_id` is what pipelines name, `dimension` the length
    of its vectors. Nothing of it is made before `after` is there.

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
    dimension: Output[int]

    def __init__(
        self,
        name: str,
        *,
        embedding: Embedding,
        after: Sequence[pulumi.Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("polardb:semanticsearch:EmbeddingModel", name, None, opts)
        inside, first = ResourceOptions(parent=self), ResourceOptions(parent=self, depends_on=list(after))
        ours = name_in_cluster(name)
        self.endpoint = TrustedEndpoint(f"{name}-endpoint", pattern=embedding.pattern, opts=first)
        self.group = ModelGroup(
            f"{name}-group", name=ours, description=f"Embedding models of {pulumi.get_stack()}", opts=first
        )
        self.connector = Connector.openai_compatible(
            f"{name}-connector",
            name=ours,
            description=f"Calls {embedding.model}",
            url=embedding.url,
            model=embedding.model,
            api_key=embedding.api_key,
            dimensions=embedding.requested_dimensions,
            batch_size=embedding.batch_size,
            opts=ResourceOptions(parent=self, depends_on=[self.endpoint]),
        )
        self.model = Model(
            f"{name}-model",
            name=f"{ours}-{embedding.model}",
            description=f"{embedding.model}, {embedding.dimension} numbers",
            group_id=self.group.id,
            connector_id=self.connector.id,
            dimension=embedding.dimension,
            space=space(embedding),
            opts=inside,
        )
        self.model_id, self.dimension = self.model.id, self.model.dimension
        self.register_outputs({"model_id": self.model_id, "dimension": self.dimension})
