"""What the resources of a stack are called and declared as: once, in typed inputs, for everything that reads them.

Every name is known before anything is made. Where one object's output goes into another, the output is an argument, so
that a component passes the Output and everybody else the name. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Generic, TypeVar

import pulumi
from pulumi import Input
from pydantic import ValidationError

from providers.alias import Alias, AliasInputs, Cutover
from providers.connector import Connector
from providers.deletion_guard import DeletionGuard, DeletionGuardInputs, GuardedCollection
from providers.garbage_collector import GarbageCollector, GarbageCollectorInputs
from providers.index import Index, IndexInputs
from providers.ingest_pipeline import IngestPipeline, IngestPipelineInputs
from providers.kit import Inputs, Resource, format_error, owner_of, when_known
from providers.model import Model, ModelInputs
from providers.model_group import ModelGroup, ModelGroupInputs
from providers.search_pipeline import SearchPipeline, SearchPipelineInputs
from providers.services.texts import processors_after, processors_before
from providers.source_table import SourceTable, SourceTableInputs
from providers.sync_link import SyncLink, SyncLinkInputs
from providers.trusted_endpoint import TrustedEndpoint, TrustedEndpointInputs

from .embedding_calls import EmbeddingCall, call_fingerprint, calls, digest, embedding_space, is_asymmetric
from .generation import Names, names
from .settings import AdoptedModel, Collection, Embedding, SettingsError, SourceSettings

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

    def __post_init__(self) -> None:
        if not self.embedding.endpoint:
            raise SettingsError(["embedding.url: is missing; write the whole address"])

    @property
    def cluster_name(self) -> str:
        """What group and connector are called in the cluster: `<project>-<stack>-<name>`."""
        return f"{pulumi.get_project()}-{pulumi.get_stack()}-{self.name}"

    @cached_property
    def _calls(self) -> tuple[EmbeddingCall, EmbeddingCall]:
        return calls(self.embedding)

    @cached_property
    def _adopted(self) -> AdoptedModel | None:
        """What a person made, while the service is called as it is by that."""
        adopted = self.embedding.adopted
        return adopted if adopted and adopted.call == call_fingerprint(self.embedding) else None

    @cached_property
    def is_asymmetric(self) -> bool:
        """Whether queries have a connector and a model of their own."""
        return is_asymmetric(self.embedding)

    def endpoint(self) -> Declaration[TrustedEndpoint]:
        """The URL that PolarSearch may call."""
        documents, _ = self._calls
        return _declaration(
            TrustedEndpoint,
            f"{self.name}-endpoint",
            lambda: TrustedEndpointInputs(pattern=documents.pattern, private=self.embedding.private_address),
        )

    def group(self) -> Declaration[ModelGroup]:
        """The group of the model."""
        called = self._adopted.group if self._adopted else self.cluster_name
        description = f"Embedding models of {pulumi.get_stack()}"
        return _declaration(
            ModelGroup, f"{self.name}-group", lambda: ModelGroupInputs(name=called, description=description)
        )

    def connector(self) -> Declaration[Connector]:
        """How to call the embedding service, for documents; for queries too, where there is no other."""
        documents, _ = self._calls
        adopted, description = self._adopted, f"Calls {self.embedding.model}"
        return _declaration(
            Connector,
            f"{self.name}-connector",
            lambda: (
                documents.adopted_connector(adopted.connector)
                if adopted
                else documents.connector(self.cluster_name, description)
            ),
        )

    def query_connector(self) -> Declaration[Connector]:
        """How to call the embedding service for queries, where that is another call."""
        _, queries = self._calls
        description = f"Calls {self.embedding.model} for queries"
        return _declaration(
            Connector,
            f"{self.name}-query-connector",
            lambda: queries.connector(f"{self.cluster_name}-query", description),
        )

    def model(self, group_id: Input[str], connector_id: Input[str]) -> Declaration[Model]:
        """The model, at a group and a connector."""
        called = self._adopted.model if self._adopted else f"{self.cluster_name}-{self.embedding.model}"
        return self._model(f"{self.name}-model", called, group_id, connector_id)

    def query_model(self, group_id: Input[str], connector_id: Input[str]) -> Declaration[Model]:
        """The model of queries, at a group and the queries' connector."""
        called = f"{self.cluster_name}-{self.embedding.model}-query"
        return self._model(f"{self.name}-query-model", called, group_id, connector_id)

    def _model(self, name: str, called: str, group_id: Input[str], connector_id: Input[str]) -> Declaration[Model]:
        embedding = self.embedding
        numbers = "numbers" if embedding.vector_type == "float" else "bytes"
        return _declaration(
            Model,
            name,
            lambda: ModelInputs(
                name=called,
                description=f"{embedding.model}, {embedding.dimension} {numbers}",
                group_id=group_id,
                connector_id=connector_id,
                dimension=embedding.dimension,
                space=embedding_space(embedding),
                vector_type=None if embedding.vector_type == "float" else embedding.vector_type,
            ),
        )

    def declarations(self) -> list[Declaration[Any]]:
        """Every object, before anything is made."""
        every: list[Declaration[Any]] = [self.endpoint(), self.group(), self.connector()]
        every.append(self.model(NOT_MADE, NOT_MADE))
        if self.is_asymmetric:
            every += [self.query_connector(), self.query_model(NOT_MADE, NOT_MADE)]
        return every


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
        texts = collection.embedded_texts(self.embedding.text_limit)
        fields = dict.fromkeys(name for text in texts for name in text.fields)
        return _declaration(
            IngestPipeline,
            f"{self.name}-ingest-pipeline",
            lambda: IngestPipelineInputs(
                name=self.names.ingest_pipeline,
                model_id=model_id,
                field_map={text.embedded: text.vector for text in texts},
                batch_size=self.embedding.batch_size,
                before=[*collection.before, *processors_before(texts)],
                after=[*processors_after(texts), *collection.after],
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
                request_processors=search.request_processors,
                phase_results_processors=search.phase_results_processors,
                response_processors=search.response_processors,
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
                mapping=collection.mapping_parameters,
                default_pipeline=default_pipeline,
                search_pipeline=search_pipeline,
                shards=collection.shards,
                replicas=collection.replicas,
                settings=collection.index_settings,
                deletion_protection=collection.deletion_protection,
            ),
        )

    def link(self, index: Input[str], table: Input[str]) -> Declaration[SyncLink]:
        """The link from the table, or the query's tables, into the index."""
        collection = self.collection
        return _declaration(
            SyncLink,
            f"{self.name}-link",
            lambda: SyncLinkInputs(
                backend=collection.backend,
                index=index,
                table=table,
                key=collection.source.key,
                fields=collection.fields,
                query=collection.source.query,
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
            fields=collection.fields,
            key_field=collection.key_field,
            query=source.query,
            timeout=collection.cutover_timeout,
        )
        return _declaration(
            Alias,
            f"{self.name}-alias",
            lambda: AliasInputs(name=self.names.alias, index=index, cutover=cutover, prune=collection.sync.prune),
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

    @property
    def assumption(self) -> str:
        """What is assumed of the model; empty where its limit is known, or no text is cut."""
        every = chain.from_iterable(each.embedded_texts(self.embedding.text_limit) for each in self.collections)
        cut = next((text.most_bytes for text in every if text.token_limit), None)
        if cut is None or not self.embedding.limit_is_assumed:
            return ""
        return (
            f"how much {self.embedding.model} takes is not known: {self.embedding.token_limit} tokens are assumed, so "
            f"texts are cut at {cut} bytes; write its limit as "
            f"embedding.max_tokens, or long_texts: refuse where no text is to be cut"
        )

    def tables(self) -> dict[str, Declaration[SourceTable]]:
        """The source tables by id, each once, however many collections share it; protected if any of them is.

        The tables of a query are not among them.
        """
        users: dict[str, list[tuple[Collection, SourceSettings]]] = {}
        for collection in self.collections:
            if isinstance(collection.source, SourceSettings):
                users.setdefault(collection.source.table, []).append((collection, collection.source))
        return {table: self._table(table, using) for table, using in users.items()}

    def declarations(self) -> list[Declaration[Any]]:
        """Every object, before anything is made."""
        return self._declarations

    @cached_property
    def _declarations(self) -> list[Declaration[Any]]:
        collections = (self.collection(each).declarations() for each in self.collections)
        return [*self.tables().values(), *self.embedding_model.declarations(), *chain.from_iterable(collections)]

    def garbage_collector(self) -> Declaration[GarbageCollector]:
        """What deletes orphans, after everything else is deleted."""
        return _declaration(
            GarbageCollector,
            f"{self.name}-garbage-collector",
            lambda: GarbageCollectorInputs(resources=self._resources, configuration=self._digest),
        )

    def deletion_guard(
        self, groups: Sequence[Input[str]], connectors: Sequence[Input[str]], run: Input[str]
    ) -> Declaration[DeletionGuard]:
        """What judges whether the stack, or a collection of it, may be deleted."""
        return _declaration(
            DeletionGuard,
            f"{self.name}-deletion-guard",
            lambda: DeletionGuardInputs(
                collections={each.name: self._guarded(each) for each in self.collections},
                tables={
                    table: bool(each.inputs.declared()["deletion_protection"]) for table, each in self.tables().items()
                },
                groups=groups,
                connectors=connectors,
                resources=self._resources,
                run=run,
            ),
        )

    def _guarded(self, collection: Collection) -> GuardedCollection:
        wiring = self.collection(collection)
        index = wiring.index(NOT_MADE, NOT_MADE)
        return GuardedCollection(
            alias=wiring.names.alias,
            index=wiring.names.index,
            resource=index.name,
            deletion_protection=collection.deletion_protection,
        )

    @cached_property
    def _resources(self) -> list[str]:
        return [each.name for each in self.declarations()]

    @cached_property
    def _digest(self) -> Input[str]:
        """Returns a digest of all that is declared: keys are in it, but not to be read."""
        return when_known({each.name: each.inputs.declared() for each in self.declarations()}, digest)

    def required_tables(self) -> frozenset[str]:
        """The tables of queries that no resource of the stack makes."""
        return frozenset(table for each in self.collections for table in each.source.tables) - self.tables().keys()

    def _table(self, table: str, users: Sequence[tuple[Collection, SourceSettings]]) -> Declaration[SourceTable]:
        database, name = table.split(".")
        columns = {column: kind for _, source in reversed(users) for column, kind in source.columns.items()}
        in_order = {column: columns[column] for _, source in users for column in source.columns}
        return _declaration(
            SourceTable,
            f"{self.name}-{table}-table",
            lambda: SourceTableInputs(
                database=database,
                name=name,
                columns=in_order,
                primary_key=users[0][1].primary_key,
                deletion_protection=any(collection.deletion_protection for collection, _ in users),
            ),
        )
