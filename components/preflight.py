"""What is in a stack's way, asked of the services before anything is touched: a connection that does not work, names
that are somebody else's, what keeps a link from working.

Only what is new is asked about: where every index of a stack is there, it costs three requests. Where anything of a
collection is ours, its other names are not asked about: state may know them, though they lost their owner references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pulumi

from components.embedding_model import name_in_cluster
from components.objects import objects, resource_name
from components.settings import Collection, Embedding
from components.sources import tables
from providers.alias import AliasKind
from providers.index import IndexKind
from providers.ingest_pipeline import IngestPipelineKind
from providers.kit import AnyKind, Connections, NotOwned, Refused, SearchStackError, pluralize, index_owners, owner_of
from providers.kit.values import hide, validation_errors
from providers.model_group import ModelGroupKind
from providers.search_pipeline import SearchPipelineKind
from providers.source_table import SourceTableKind
from providers.sync_link import SyncLinkKind

Wanted = tuple[AnyKind, Any]
"""What is to be made: a kind, at the services, and its inputs."""

KINDS: Mapping[str, type[AnyKind]] = {
    "ingest_pipeline": IngestPipelineKind,
    "search_pipeline": SearchPipelineKind,
    "index": IndexKind,
    "link": SyncLinkKind,
    "alias": AliasKind,
}
"""By their part in a collection."""


def require_clear(
    connections: Connections, stack: str, embedding: Embedding, collections: Sequence[Collection]
) -> None:
    """Raises pulumi.RunError with all that is in the way of the `SemanticSearchStack` of that name, a line each."""
    if found := obstacles(connections, stack, embedding, collections):
        things = f"{counted(len(found), 'thing')} {'is' if len(found) == 1 else 'are'}"
        raise pulumi.RunError("\n".join([f"{things} in the way, nothing was touched:", *(f"  {x}" for x in found)]))


def obstacles(
    connections: Connections, stack: str, embedding: Embedding, collections: Sequence[Collection]
) -> list[str]:
    """Each thing that is in the way, once."""
    found: dict[str, None] = {}
    try:
        connections.check_connectivity()
        owners = {name: reference.owner for name, reference in index_owners(connections.search).items()}
        for line in _Preflight(connections, stack, embedding, collections, owners).lines():
            found[line] = None
    except SearchStackError as error:
        found[hide(str(error), connections.secrets())] = None
    return list(found)


class _Preflight:
    """One look at one stack; `owners` of the cluster's indexes, by their names."""

    def __init__(
        self,
        connections: Connections,
        stack: str,
        embedding: Embedding,
        collections: Sequence[Collection],
        owners: Mapping[str, str],
    ) -> None:
        self._connections, self._stack, self._collections = connections, stack, collections
        every = [self._objects(collection, embedding) for collection in collections]
        self._new = [parts for parts in every if owners.get(parts["index"][1].name) != parts["index"][1].owner]
        self._unknown = [parts for parts in self._new if parts["index"][1].owner not in owners.values()]

    def lines(self) -> Iterator[str]:
        """What is in the way. Raises SearchStackError where it cannot be asked."""
        if self._new:
            yield from chain.from_iterable(map(_taken, self._claims()))
            yield from filter(None, map(_impossible, [*self._tables(), *_flat(self._new)]))

    def _claims(self) -> Sequence[Sequence[Wanted]]:
        """Names that nobody must have, in groups of which state knows all or none."""
        if len(self._unknown) == len(self._collections):
            return [[self._group(), *_flat(self._unknown)]]
        return [list(parts.values()) for parts in self._unknown]

    def _objects(self, collection: Collection, embedding: Embedding) -> dict[str, Wanted]:
        name = f"{self._stack}-{collection.name}"
        declared = objects(collection, embedding)
        return {
            part: self._wanted(kind, resource_name(name, part), **getattr(declared, part))
            for part, kind in KINDS.items()
        }

    def _tables(self) -> Iterator[Wanted]:
        for table in tables(self._collections):
            yield self._wanted(SourceTableKind, table.resource_name(self._stack), **table.inputs)

    def _group(self) -> Wanted:
        embedding = f"{self._stack}-embedding"
        return self._wanted(ModelGroupKind, f"{embedding}-group", name=name_in_cluster(embedding))

    def _wanted(self, kind: type[AnyKind], resource: str, **props: Any) -> Wanted:
        inputs = {"model_id": "not made yet", **props, "owner": owner_of(resource)}
        if wrong := validation_errors(kind.inputs_type, inputs):
            raise Refused(f"{resource}: {'; '.join(wrong)}")
        return kind(self._connections), kind.inputs_type.model_validate(inputs)


def _taken(wanted: Sequence[Wanted]) -> list[str]:
    """A line for each name that is somebody else's; none where any of them is ours."""
    refused = []
    for kind, inputs in wanted:
        try:
            if kind.find(inputs) is not None:
                return []
        except (NotOwned, Refused) as error:
            refused.append(str(error))
    return refused


def _impossible(wanted: Wanted) -> str:
    kind, inputs = wanted
    try:
        kind.require_possible(inputs)
    except Refused as error:
        return str(error)
    return ""


def _flat(every: Sequence[Mapping[str, Wanted]]) -> list[Wanted]:
    return [wanted for parts in every for wanted in parts.values()]
