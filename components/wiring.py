"""What the resources of a stack are called and declared as: once, in typed inputs, for everything that reads them.

Every name is known before anything is made. Where one object's output goes into another, the output is an argument, so
that a component passes the Output and everybody else the name. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import pulumi
from pulumi import Input
from pydantic import ValidationError

from providers.alias import Alias, AliasInputs, Cutover
from providers.connector import Connector, openai_compatible
from providers.index import Index, IndexInputs
from providers.ingest_pipeline import IngestPipeline, IngestPipelineInputs
from providers.kit import Inputs, Resource, format_error, owner_of
from providers.model import Model, ModelInputs
from providers.model_group import ModelGroup, ModelGroupInputs
from providers.search_pipeline import SearchPipeline, SearchPipelineInputs
from providers.services.texts import processors_after, processors_before
from providers.source_table import SourceTable, SourceTableInputs
from providers.sync_link import SyncLink, SyncLinkInputs
from providers.trusted_endpoint import TrustedEndpoint, TrustedEndpointInputs

from .generation import Names, embedding_space, names
from .settings import Collection, Embedding, SettingsError

NOT_MADE = "known once it is made"
"""Stands for an id that the service gives, where nothing is made."""

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True)
class Declaration(Generic[R]):
    """One resource of a stack: its class, its name in Pulumi and its inputs."""

    resource: type[R]
    name: str
    inputs: Inputs

    def declare(self, opts: pulumi.ResourceOptions) -> R:
        """Declares the resource in the running program."""
        return self.resource.declare(self.name, self.inputs, opts)

    @property
    def owner(self) -> str:
        """The owner of what this program's resource makes."""
        return owner_of(self.name)

    @property
    def owned(self) -> Any:
        """The inputs with their owner."""
        return self.inputs.model_copy(update={"owner": self.owner})


def _declaration(resource: type[R], name: str, inputs: Callable[[], Inputs]) -> Declaration[R]:
    """Raises SettingsError for inputs that the settings' own rules let pass."""
    try:
        return Declaration(resource, name, inputs())
    except ValidationError as error:
        raise SettingsError([f"{name}: {format_error(e['loc'], e['msg'])}" for e in error.errors()]) from None


@dataclass(frozen=True)
class EmbeddingWiring:
    """The objects of an embedding model; `name` is the component's."""

    name: str
    embedding: Embedding

    @property
    def cluster_name(self) -> str:
        """What group and connector are called in the cluster: `<project>-<stack>-<name>`."""
        return f"{pulumi.get_project()}-{pulumi.get_stack()}-{self.name}"

    def endpoint(self) -> Declaration[TrustedEndpoint]:
        """The URL that PolarSearch may call."""
        inputs = TrustedEndpointInputs
        return _declaration(TrustedEndpoint, f"{self.name}-endpoint", lambda: inputs(pattern=self.embedding.pattern))

    def group(self) -> Declaration[ModelGroup]:
        """The group of the model."""
        description = f"Embedding models of {pulumi.get_stack()}"
        return _declaration(
            ModelGroup,
            f"{self.name}-group",
            lambda: ModelGroupInputs(name=self.cluster_name, description=description),
        )

    def connector(self) -> Declaration[Connector]:
        """How to call the embedding service."""
        embedding = self.embedding
        return _declaration(
            Connector,
            f"{self.name}-connector",
            lambda: openai_compatible(
                name=self.cluster_name,
                description=f"Calls {embedding.model}",
                url=embedding.url,
                model=embedding.model,
                api_key=embedding.api_key,
                dimensions=embedding.requested_dimensions,
                batch_size=embedding.batch_size,
            ),
        )

    def model(self, group_id: Input[str], connector_id: Input[str]) -> Declaration[Model]:
        """The model, at a group and a connector."""
        embedding = self.embedding
        return _declaration(
            Model,
            f"{self.name}-model",
            lambda: ModelInputs(
                name=f"{self.cluster_name}-{embedding.model}",
                description=f"{embedding.model}, {embedding.dimension} numbers",
                group_id=group_id,
                connector_id=connector_id,
                dimension=embedding.dimension,
                space=embedding_space(embedding),
            ),
        )

    def declarations(self) -> list[Declaration[Any]]:
        """Every object, before anything is made."""
        return [self.endpoint(), self.group(), self.connector(), self.model(NOT_MADE, NOT_MADE)]


@dataclass(frozen=True)
class CollectionWiring:
    """The objects of one collection; `name` is the component's."""

    name: str
    collection: Collection
    embedding: Embedding

    @cached_property
    def names(self) -> Names:
        """What the objects are called in the cluster."""
        return names(self.collection, self.embedding)

    def _described(self, purpose: str) -> str:
        return f"{purpose}: {self.collection.description}" if self.collection.description else purpose

    def ingest_pipeline(self, model_id: Input[str]) -> Declaration[IngestPipeline]:
        """Embeds the texts of every document."""
        collection = self.collection
        texts = collection.embedded_texts(self.embedding.token_limit)
        fields = dict.fromkeys(name for text in texts for name in text.fields)
        return _declaration(
            IngestPipeline,
            f"{self.name}-ingest-pipeline",
            lambda: IngestPipelineInputs(
                name=self.names.ingest_pipeline,
                model_id=model_id,
                field_map={text.embedded: text.vector for text in texts},
                batch_size=self.embedding.batch_size,
                before=processors_before(texts),
                after=processors_after(texts),
                description=self._described(f"Embeds {', '.join(fields)} of {collection.name}"),
            ),
        )

    def search_pipeline(self, model_id: Input[str]) -> Declaration[SearchPipeline]:
        """Fills in the model of queries, and weighs words against meaning."""
        search = self.collection.search
        return _declaration(
            SearchPipeline,
            f"{self.name}-search-pipeline",
            lambda: SearchPipelineInputs(
                name=self.names.search_pipeline,
                model_id=model_id,
                weights=search.weights,
                normalization=search.normalization,
                combination=search.combination,
                description=self._described(f"Searches {self.collection.name}"),
            ),
        )

    def index(self, default_pipeline: Input[str], search_pipeline: Input[str]) -> Declaration[Index]:
        """The documents."""
        collection = self.collection
        return _declaration(
            Index,
            f"{self.name}-index",
            lambda: IndexInputs(
                name=self.names.index,
                properties=collection.properties,
                vectors=collection.vectors(self.embedding),
                default_pipeline=default_pipeline,
                search_pipeline=search_pipeline,
                shards=collection.shards,
                replicas=collection.replicas,
                settings=collection.index_settings,
                deletion_protection=collection.deletion_protection,
            ),
        )

    def link(self, index: Input[str], table: Input[str]) -> Declaration[SyncLink]:
        """The link from the table into the index."""
        collection = self.collection
        return _declaration(
            SyncLink,
            f"{self.name}-link",
            lambda: SyncLinkInputs(
                backend=collection.sync.backend,
                index=index,
                table=table,
                key=collection.source.primary_key,
                fields=collection.fields,
                drop_procedure=collection.sync.drop_procedure,
            ),
        )

    def alias(self, index: Input[str]) -> Declaration[Alias]:
        """The name that applications search by."""
        collection, source = self.collection, self.collection.source
        cutover = Cutover(
            table=source.table,
            vector_fields=collection.vector_columns,
            key=source.document_key,
            timeout=collection.cutover_timeout,
        )
        return _declaration(
            Alias,
            f"{self.name}-alias",
            lambda: AliasInputs(name=self.names.alias, index=index, cutover=cutover),
        )

    def declarations(self) -> list[Declaration[Any]]:
        """Every object, before anything is made."""
        called = self.names
        return [
            self.ingest_pipeline(NOT_MADE),
            self.search_pipeline(NOT_MADE),
            self.index(called.ingest_pipeline, called.search_pipeline),
            self.link(called.index, self.collection.source.table),
            self.alias(called.index),
        ]


@dataclass(frozen=True)
class StackWiring:
    """The objects of a `SemanticSearchStack` of that name."""

    name: str
    embedding: Embedding
    collections: Sequence[Collection]

    @property
    def embedding_model(self) -> EmbeddingWiring:
        """The embedding model."""
        return EmbeddingWiring(f"{self.name}-embedding", self.embedding)

    def collection(self, collection: Collection) -> CollectionWiring:
        """One of the collections."""
        return CollectionWiring(f"{self.name}-{collection.name}", collection, self.embedding)

    def tables(self) -> dict[str, Declaration[SourceTable]]:
        """The source tables by id, each once, however many collections share it; protected if any of them is."""
        users: dict[str, list[Collection]] = {}
        for collection in self.collections:
            users.setdefault(collection.source.table, []).append(collection)
        return {table: self._table(table, collections) for table, collections in users.items()}

    def _table(self, table: str, users: Sequence[Collection]) -> Declaration[SourceTable]:
        database, name = table.split(".")
        columns = {column: kind for each in reversed(users) for column, kind in each.source.columns.items()}
        in_order = {column: columns[column] for each in users for column in each.source.columns}
        return _declaration(
            SourceTable,
            f"{self.name}-{table}-table",
            lambda: SourceTableInputs(
                database=database,
                name=name,
                columns=in_order,
                primary_key=users[0].source.primary_key,
                deletion_protection=any(each.deletion_protection for each in users),
            ),
        )
