"""What a person made of a stack's collections, as the services show it, and why it cannot be adopted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from pydantic import ValidationError

from components.embedding_calls import call_fingerprint, calls
from components.generation import generation
from components.settings import AdoptedConnector, AdoptedGeneration, AdoptedModel, Collection
from components.wiring import NOT_MADE, CollectionWiring, Declaration, StackWiring
from ops.adoption import (
    FILL,
    Difference,
    connector_mistakes,
    differences,
    fits,
    pipeline_is_fixed,
)
from ops.remade import document_problems
from ops.stack import Stack
from providers.connector import ConnectorKind, ConnectorState
from providers.index import IndexKind, immutable_changes
from providers.ingest_pipeline import IngestPipelineKind, IngestPipelineState
from providers.kit import NotFound, NotOwned, OwnerReference, Refused, SqlError, format_error, pluralize
from providers.model import ModelKind, ModelState
from providers.model_group import ModelGroupKind, ModelGroupState
from providers.services import AnyClusterKind, Connections, Inventory, require_version
from providers.services.backfill import count_documents
from providers.services.index_meta import alias_place
from providers.services.objects import Objects, Place

INDEX_FACTS = "/_all?filter_path=*.aliases,*.mappings,*.settings.index"


@dataclass(frozen=True)
class MadeIndex:
    """An index that a person made for a collection, its pipeline, and the id of the model that the pipeline names."""

    collection: Collection
    name: str
    pipeline: str
    model: str

    def __str__(self) -> str:
        return f"index {self.name}, ingest pipeline {self.pipeline}, model {self.model}"


@dataclass(frozen=True)
class MadeModel:
    """A model that a person made, with its group and its connector."""

    id: str
    state: ModelState
    group: ModelGroupState
    connector: ConnectorState

    def adopted(self, call: str) -> AdoptedModel:
        """Returns what the configuration keeps of it."""
        shown = self.connector
        [action] = shown.model_dump(mode="json", exclude_none=True)["actions"]
        connector = AdoptedConnector(
            name=shown.name, description=shown.description, parameters=shown.parameters, action=action
        )
        return AdoptedModel(call=call, group=self.group.name, model=self.state.name, connector=connector)


def require_free(what: str, reference: OwnerReference, owner: str) -> None:
    """Raises Refused for an object that another resource, or another stack, owns."""
    if reference.owner not in ("", owner):
        raise Refused(f"{what} belongs to {reference.owner}; take it out of that stack first")


@dataclass
class Adoptable:
    """What of a stack can be adopted: `indexes`, their `model`, None where the stack has one of its own, and `named`,
    what is declared under names that nobody's pipelines and model groups have.

    `found` says what is there, `changes` what the next `up` changes in place, `refused` why nothing is adopted. Nothing
    is written.
    """

    stack: Stack
    connections: Connections
    chosen: Mapping[str, str]
    """Indexes by collection, where the operator names one."""
    indexes: list[MadeIndex] = field(default_factory=list)
    model: MadeModel | None = None
    named: list[Declaration[Any]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    changes: list[Difference] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Asks every question; the later ones only where what they are about was found. Raises SearchStackError."""
        for collection in self.stack.collections:
            self._ask(self._find, collection)
        self._ask(self._require_apart)
        if self.indexes and not self.own_model and not self.refused:
            self._ask(self._find_model)
        if self.refused:
            return
        for each in self._nameable():
            self._ask(self._find_named, each)
        for collection in self.stack.collections:
            self._ask(self._alias, collection)
        for index in self.indexes:
            for question in (self._index, self._pipeline, self._link, self._documents):
                self._ask(question, index)

    def _ask(self, question: Callable[..., Iterator[str] | None], *about: Any) -> None:
        try:
            self.refused += question(*about) or []
        except (Refused, NotFound) as error:
            self.refused.append(str(error))

    @cached_property
    def inventory(self) -> Inventory:
        """The lists of the services."""
        return Inventory(self.connections)

    @cached_property
    def objects(self) -> Objects:
        """The objects of the services, and what uses them."""
        return Objects(self.connections)

    @cached_property
    def own_model(self) -> str:
        """The id of the stack's model in state; empty where it has none yet."""
        name = f"::{self.stack.wiring.embedding_model.name}-model"
        return next((each["id"] for each in self.stack.resources if each["urn"].endswith(name) and each.get("id")), "")

    @property
    def wiring(self) -> StackWiring:
        """The stack as it is declared once the names that a person gave are in its configuration."""
        embedding, made = self.stack.embedding, {each.collection.name: each for each in self.indexes}
        if self.model:
            embedding = embedding.model_copy(update={"adopted": self.model.adopted(call_fingerprint(embedding))})
        collections = [self._adopted(each, made.get(each.name)) for each in self.stack.collections]
        return StackWiring(self.stack.wiring.name, embedding, collections)

    def _adopted(self, collection: Collection, made: MadeIndex | None) -> Collection:
        if made is None:
            return collection
        fingerprint = generation(collection, self.stack.embedding)
        names = AdoptedGeneration(generation=fingerprint, index=made.name, ingest_pipeline=made.pipeline)
        return collection.model_copy(update={"adopted": names})

    def of(self, made: MadeIndex) -> CollectionWiring:
        """The objects of a collection, under the names that a person gave."""
        wiring = self.wiring
        return wiring.collection(next(each for each in wiring.collections if each.name == made.collection.name))

    @property
    def model_id(self) -> str:
        """The model that the stack is going to embed with."""
        return self.own_model or (self.model.id if self.model else "")

    @cached_property
    def _facts(self) -> Mapping[str, Any]:
        shown = self.connections.search.get(INDEX_FACTS)
        return {name: facts for name, facts in shown.items() if not name.startswith(".")}

    def _find(self, collection: Collection) -> None:
        """Finds the index of a collection that has none of ours."""
        wiring = self.stack.wiring.collection(collection)
        owner = wiring.index(NOT_MADE, NOT_MADE).owner
        references = {index: self.inventory.reference(index, "index") for index in self.inventory.metas}
        ours = {index: each for index, each in references.items() if each.owner == owner}
        if any(each.uid or index == wiring.names.index for index, each in ours.items()):
            return
        if not (name := self._name_for(collection, wiring, owner)):
            self.found.append(f"collection {collection.name}: no index has its fields and vectors; `up` makes one")
            return
        require_free(f"index {name}", self.inventory.reference(name, "index"), owner)
        self.indexes.append(self._made(collection, name))
        count = pluralize(count_documents(self.connections.search, name), "document")
        self.found.append(f"collection {collection.name}: {self.indexes[-1]}, {count}")

    def _name_for(self, collection: Collection, wiring: CollectionWiring, owner: str) -> str:
        """Returns the index that the operator names, that the configuration names, or that fits; empty without one."""
        if name := self.chosen.get(collection.name, ""):
            if name not in self._facts:
                raise Refused(f"collection {collection.name}: there is no index {name}; name another with --index")
            return name
        if wiring.names.index in self._facts:
            return wiring.names.index
        fitting = [name for name in self._facts if self._fits(collection, name, owner)]
        linked = [name for name in fitting if self.inventory.any_link(name)] or fitting
        if len(linked) > 1:
            which = f"{', '.join(linked)} have its fields"
            raise Refused(f"collection {collection.name}: {which}; name one: --index {collection.name}={linked[0]}")
        return next(iter(linked), "")

    def _fits(self, collection: Collection, index: str, owner: str) -> bool:
        is_free = self.inventory.reference(index, "index").owner in ("", owner)
        return is_free and fits(collection, self._facts[index].get("mappings", {}))

    def _made(self, collection: Collection, index: str) -> MadeIndex:
        pipeline = self._facts[index]["settings"]["index"].get("default_pipeline", "_none")
        shown = self.inventory.pipelines(IngestPipelineKind.path).get(pipeline)
        if shown is None:
            raise Refused(f"index {index} has no default_pipeline: nothing embeds its documents; {FILL}")
        model = IngestPipelineKind.shown(pipeline, shown).model_id
        if not model:
            raise Refused(f"ingest pipeline {pipeline} of index {index} embeds nothing; {FILL}")
        return MadeIndex(collection, index, pipeline, model)

    def _require_apart(self) -> Iterator[str]:
        """Yields indexes that two collections would own, and models that one stack cannot have together."""
        names = [each.name for each in self.indexes]
        for each in {name: made for name, made in zip(names, self.indexes, strict=True) if names.count(name) > 1}:
            yield f"index {each} fits two collections; name the index of the other with --index"
        models = dict.fromkeys(made.model for made in self.indexes)
        if len(models) > 1 and not self.own_model:
            yield f"the indexes are filled by the models {', '.join(models)}; a stack has one: adopt them one by one"

    def _find_model(self) -> Iterator[str]:
        """Finds the model of the indexes; yields what is not as the configuration calls it."""
        require_version(self.connections.search.version, (2, 12, 0), "adopting a model", FILL)
        wiring, id = self.stack.wiring.embedding_model, self.indexes[0].model
        declared = wiring.model(NOT_MADE, NOT_MADE)
        state = ModelKind(self.connections).read(id, declared.owned)
        group = ModelGroupKind(self.connections).read(state.group_id, wiring.group().owned)
        connector = self._connector(state, wiring.connector())
        self.model = MadeModel(id, state, group, connector)
        self.found.append(f"model {state.name} ({id}), model group {group.name}, connector {connector.name}")
        require_free(f"model {state.name}", OwnerReference(state.owner), declared.owner)
        require_free(f"connector {connector.name}", OwnerReference(connector.owner), wiring.connector().owner)
        call, embedding = calls(self.stack.embedding)[0], self.stack.embedding
        yield from (f"connector {connector.name} {line}" for line in connector_mistakes(connector, call, embedding))
        yield from self._other_models(state)

    def _connector(self, model: ModelState, declared: Declaration[Any]) -> ConnectorState:
        """Raises Refused for a model without a connector, or with one of a kind that cannot be declared."""
        if not model.connector_id:
            raise Refused(f"model {model.name} has no connector: it calls no service; {FILL}")
        try:
            return ConnectorKind(self.connections).read(model.connector_id, declared.owned)
        except ValidationError as error:
            wrong = error.errors()[0]
            line = format_error(wrong["loc"], wrong["msg"])
            raise Refused(f"connector {model.connector_id} cannot be declared: {line}; {FILL}") from None

    def _other_models(self, model: ModelState) -> Iterator[str]:
        """Yields models that the stack's group and connector would take along."""
        assert self.model
        used = {"model group": model.group_id, "connector": model.connector_id}
        others = [each for each in self.objects.models_with(list(used.values())) if each.id != self.model.id]
        for noun, id in used.items():
            if using := [str(each) for each in others if any(place[1] == id for place in each.uses)]:
                yield f"{noun} {id} is that of {', '.join(using)}, too; give them another {noun}"

    def _nameable(self) -> list[Declaration[Any]]:
        """Returns what is declared under a name that somebody else's object may have, of any index."""
        wiring = self.wiring
        every = [wiring.collection(each) for each in wiring.collections]
        pipelines = [each.ingest_pipeline(self.model_id) for each in every]
        return [wiring.embedding_model.group(), *pipelines, *(each.search_pipeline(self.model_id) for each in every)]

    def _find_named(self, declared: Declaration[Any]) -> Iterator[str]:
        """Yields why an object of a declared name cannot be adopted."""
        kind: AnyClusterKind = declared.resource.kind(self.connections)
        try:
            kind.is_ours(declared.owned, self.inventory)
        except NotOwned as error:
            if error.owner:
                yield f"{error}; take it out of that stack first"
            else:
                self.named.append(declared)

    def _index(self, made: MadeIndex) -> Iterator[str]:
        wiring = self.of(made)
        declared = wiring.index(wiring.names.ingest_pipeline, wiring.names.search_pipeline).owned
        shown = IndexKind(self.connections).read_owner(made.name, declared)
        is_fixed = partial(immutable_changes, shown)
        return self._compared(differences(f"index {made.name}", shown, declared, is_fixed))

    def _pipeline(self, made: MadeIndex) -> Iterator[str]:
        declared = self.of(made).ingest_pipeline(self.model_id).owned
        shown: IngestPipelineState = IngestPipelineKind(self.connections).read(made.pipeline, declared)
        what = f"ingest pipeline {made.pipeline}"
        yield from self._compared(differences(what, shown, declared, pipeline_is_fixed(shown, made.collection)))
        place: Place = ("ingest pipeline", made.pipeline)
        others = [
            name for name in self.objects.indexes if name != made.name and place in self.objects.pipelines_of(name)
        ]
        if others:
            yield f"{what} is the default_pipeline of {', '.join(others)}, too; give them a pipeline of their own"

    def _compared(self, found: Iterator[Difference]) -> Iterator[str]:
        for each in found:
            if each.in_place:
                self.changes.append(each)
            else:
                yield each.refusal

    def _link(self, made: MadeIndex) -> Iterator[str]:
        backend = made.collection.backend
        with suppress(SqlError):  # a revision may lack one of the two lists
            if self.inventory.link(backend, made.name):
                return
        if self.inventory.any_link(made.name):
            other = "a search view" if backend != "search_view" else "a link of dbms_etl"
            yield f"index {made.name} is filled by {other}, and sync.backend is {backend}; write the one that there is"
        else:
            yield f"no link fills index {made.name}: one that `up` makes would embed every row again"

    def _documents(self, made: MadeIndex) -> Iterator[str]:
        return document_problems(self.connections, made.name, self.of(made), self.model_id)

    def _alias(self, collection: Collection) -> Iterator[str]:
        alias, owner = collection.name, self.stack.wiring.collection(collection).alias(NOT_MADE).owner
        adopted = [each.name for each in self.indexes if each.collection.name == alias]
        if alias in self.inventory.indexes:
            yield f"collection {alias}: an index has that name, so no alias can; name the collection otherwise"
        behind = [index for index, aliases in self.inventory.indexes.items() if alias in aliases]
        theirs = [index for index in behind if self.inventory.reference(index, alias_place(alias)).owner != owner]
        if theirs not in ([], adopted):
            yield f"alias {alias} points to {', '.join(theirs)}; take it away there, or name the collection otherwise"
