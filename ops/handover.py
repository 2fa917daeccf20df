"""Handing over to a stack what a person made: the names in its configuration, and an owner reference without a uid on
each object, which the next `pulumi up` takes over.

The configuration is written first and an index last: an `up` in between refuses the index. What is written already is
not written again, so a command that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel

from components.wiring import NOT_MADE, Declaration
from ops.adoptable import Adoptable, MadeIndex, MadeModel
from providers.kit import OwnerReference, describe, read_description, with_meta
from providers.model import ModelKind
from providers.model_group import ModelGroup, ModelGroupKind
from providers.services import Connections
from providers.services.index_meta import alias_place, rewrite_meta
from providers.services.mlcommons import find_named, write_connector_reference


@dataclass(frozen=True)
class Write:
    """One write: what it is about, and the call that does it."""

    what: str
    run: Callable[[], object]


def writes(found: Adoptable) -> Iterator[Write]:
    """Yields what is left to write, in order."""
    if blocks := configuration(found):
        yield Write(f"configuration: {', '.join(blocks)}", partial(found.stack.configure, blocks))
    if found.model:
        yield from _of_the_model(found, found.model)
    for declared in found.named:
        yield Write(f"owner reference of {_called(declared)}", partial(_hand_over, found.connections, declared))
    for index in found.indexes:
        references = _references(found, index)
        run = partial(_write_references, found.connections, index, references)
        yield Write(f"owner references of index {index.name}: {', '.join(references)}", run)


def configuration(found: Adoptable) -> dict[str, Any]:
    """Returns the blocks that are not in the configuration yet, by their paths."""
    wiring, written = found.wiring, found.stack.settings
    blocks: dict[str, tuple[BaseModel | None, ...]] = {
        f"collections[{at}].adopted": (new.adopted, old.adopted)
        for at, (new, old) in enumerate(zip(wiring.collections, written.collections, strict=True))
    }
    blocks["embedding.adopted"] = (wiring.embedding.adopted, written.embedding.adopted)
    return {path: new.model_dump(exclude_defaults=True) for path, (new, old) in blocks.items() if new and new != old}


def _of_the_model(found: Adoptable, made: MadeModel) -> Iterator[Write]:
    search, wiring = found.connections.search, found.wiring.embedding_model
    declared, connector = wiring.model(made.state.group_id, made.state.connector_id), wiring.connector()
    if not made.connector.owner:
        reference = OwnerReference(connector.owner)
        run: Callable[[], object] = partial(write_connector_reference, search, made.state.connector_id, reference)
        yield Write(f"owner reference of connector {made.connector.name} ({made.state.connector_id})", run)
    if not made.state.owner:
        run = partial(ModelKind(found.connections).update, made.id, made.state, declared.owned, "")
        yield Write(f"owner reference of model {made.state.name} ({made.id})", run)


def _hand_over(connections: Connections, declared: Declaration[Any]) -> None:
    """Ends the description of a model group or a pipeline with the owner; all else of it stays as it is."""
    kind, name = declared.resource.kind(connections), declared.inputs.declared()["name"]
    if isinstance(kind, ModelGroupKind):
        for id, shown in find_named(connections.search, "model_groups", name, lambda id: kind.read(id, declared.owned)):
            kind.update(id, shown, shown.model_copy(update={"owner": declared.owner}), "")
    else:
        path = f"{kind.path}/{name}"
        shown = connections.search.get(path)[name]
        text, _ = read_description(shown.get("description", ""))
        described = describe(text, OwnerReference(declared.owner))
        connections.search.put(path, {**shown, "description": described})


def _references(found: Adoptable, made: MadeIndex) -> dict[str, str]:
    """Returns the owner references that an index keeps, by their places."""
    wiring = found.of(made)
    link = wiring.link(made.name, made.collection.source.table)
    owners = {"index": wiring.index(NOT_MADE, NOT_MADE).owner, "link": link.owner}
    if wiring.names.alias in found.inventory.indexes[made.name]:
        owners[alias_place(wiring.names.alias)] = wiring.alias(made.name).owner
    return {place: str(OwnerReference(owner)) for place, owner in owners.items()}


def _write_references(connections: Connections, made: MadeIndex, references: Mapping[str, str]) -> None:
    """An index that is protected says so at once, whatever becomes of the configuration before the next `up`."""
    protected = {"protected": "true"} if made.collection.deletion_protection else {}
    rewrite_meta(connections.search, made.name, lambda meta: with_meta(meta, **references, **protected))


def _called(declared: Declaration[Any]) -> str:
    noun = {ModelGroup: "model group"}.get(declared.resource) or declared.resource.kind.noun
    return f"{noun} {declared.inputs.declared()['name']}"
