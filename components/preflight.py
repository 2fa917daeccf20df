"""What is in a stack's way, asked of the services before anything is made: above all, names that are somebody else's.

Only what is new is asked about: where every index of a stack is there, it costs one request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from components.embedding_model import name_in_cluster
from components.objects import Objects, objects, resource_name
from components.settings import Collection, Embedding
from components.sources import tables
from providers.index import IndexKind
from providers.ingest_pipeline import IngestPipelineKind
from providers.kit import Connections, Kind, Mark, SearchStackError, counted, index_marks, owner_of
from providers.kit.values import hide, mistakes
from providers.model_group import ModelGroupKind
from providers.search_pipeline import SearchPipelineKind
from providers.source_table import SourceTableKind
from providers.sync_link import SyncLinkKind

AnyKind = Kind[Any, Any]
Wanted = tuple[type[AnyKind], dict[str, Any]]
"""What is to be made: its kind and its inputs."""

KINDS: Mapping[str, type[AnyKind]] = {
    "ingest_pipeline": IngestPipelineKind,
    "search_pipeline": SearchPipelineKind,
    "index": IndexKind,
    "link": SyncLinkKind,
}
"""By their part in a collection. The index looks after the alias's name."""


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
    """Each thing that is in the way, once. A PolarSearch that does not answer is left to the resources."""
    try:
        marks = index_marks(connections.impatient().search)
    except SearchStackError:
        return []
    new = [wanted for collection in collections for wanted in _new(stack, embedding, collection, marks)]
    every = [_group(stack), *_tables(stack, collections), *new] if new else []
    return list(dict.fromkeys(line for kind, inputs in every for line in _asked(connections, kind, inputs)))


def _group(stack: str) -> Wanted:
    embedding = f"{stack}-embedding"
    return ModelGroupKind, {"name": name_in_cluster(embedding), "owner": owner_of(f"{embedding}-group")}


def _tables(stack: str, collections: Sequence[Collection]) -> Iterator[Wanted]:
    for table in tables(collections):
        yield SourceTableKind, {**table.inputs, "owner": owner_of(table.resource_name(stack))}


def _new(stack: str, embedding: Embedding, collection: Collection, marks: Mapping[str, Mark]) -> Iterator[Wanted]:
    """The objects of a collection, unless its index is ours already."""
    name = f"{stack}-{collection.name}"
    declared = objects(collection, embedding, owner_of(resource_name(name, "alias")))
    mark = marks.get(declared.index["name"], Mark())
    if mark.owner != owner_of(resource_name(name, "index")):
        yield from ((kind, _inputs(name, part, declared)) for part, kind in KINDS.items())


def _inputs(name: str, part: str, declared: Objects) -> dict[str, Any]:
    return {"model_id": "not made yet", **getattr(declared, part), "owner": owner_of(resource_name(name, part))}


def _asked(connections: Connections, kind: type[AnyKind], inputs: dict[str, Any]) -> list[str]:
    if wrong := mistakes(kind.inputs_type, inputs):
        return wrong
    try:
        return kind(connections).obstacles(kind.inputs_type.model_validate(inputs))
    except SearchStackError as error:
        return [hide(str(error), connections.secrets())]
