"""Deletion guard: judges whether a stack may be deleted, before anything of it is.

It depends on all other resources of a stack, and so is deleted, or updated where the stack loses a collection, before
any of them is deleted. Its refusal has every reason at once. It is no object of a service, and costs no request until
then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi import Input

from providers.kit import (
    Inputs,
    Nested,
    OwnerReference,
    Properties,
    Property,
    Refused,
    Resource,
    State,
    deletion_protected,
    meta_reference,
    pluralize,
    prop,
    read_references,
)
from providers.services import Inventory, RecordKind
from providers.services.backfill import count_documents
from providers.services.index_meta import is_protected
from providers.services.objects import Objects, owners_of
from providers.services.tables import Tables, count_rows


class GuardedCollection(Nested):
    """A collection: its alias, its index, the name of the index's resource, and whether its documents are protected."""

    alias: str
    index: str
    resource: str
    deletion_protection: bool = True


class DeletionGuardProperties(Properties):
    """`collections` by name; `tables`, as `<database>.<name>`, with whether their rows are protected.

    `groups` and `connectors` are the ids of the stack's, which nobody else's models may use. `resources` are the names
    of its resources; `run` is a garbage collector's, which is updated first: where the two differ, the last run did not
    end.
    """

    collections: Property[dict[str, GuardedCollection], Mapping[str, Any]] = prop(default={})
    tables: Property[dict[str, bool], Mapping[str, bool]] = prop(default={})
    groups: Property[list[str], Sequence[Input[str]]] = prop(default=[])
    connectors: Property[list[str], Sequence[Input[str]]] = prop(default=[])
    resources: Property[list[str], Sequence[str]] = prop(default=[])
    run: Property[str] = prop(default="")


class DeletionGuardInputs(DeletionGuardProperties, Inputs):
    """What a person declares."""

    @property
    def owners(self) -> frozenset[str]:
        """The owners of what the stack's resources make."""
        return owners_of(self.owner, self.resources)


class DeletionGuardState(DeletionGuardInputs, State):
    """`resumed_at`: when its run resumed one that did not end, or took over what a run before had made and state had
    forgotten, in seconds of Unix time; 0 where it did neither.
    """

    resumed_at: Property[float] = prop(default=0)


def taken_out(old: DeletionGuardInputs, new: DeletionGuardInputs) -> DeletionGuardInputs:
    """Returns what the old configuration has and the new one has not."""
    collections = {name: each for name, each in old.collections.items() if name not in new.collections}
    tables = {name: protected for name, protected in old.tables.items() if name not in new.tables}
    return old.model_copy(update={"collections": collections, "tables": tables})


def indexes_of(collection: GuardedCollection, owner: str, objects: Objects) -> list[str]:
    """Returns the indexes that would be deleted with a collection: of any generation, and whatever `_meta` says."""
    stack = OwnerReference(owner).stack
    return [
        index
        for index, meta in objects.metas.items()
        if meta_reference(meta, "index").owner == f"{stack}/{collection.resource}"
        or (not meta_reference(meta, "index").owner and _is_named(index, collection, objects))
    ]


def _is_named(index: str, collection: GuardedCollection, objects: Objects) -> bool:
    return index == collection.index or collection.alias in objects.indexes[index].get("aliases", {})


def lost_references(guarded: DeletionGuardInputs, objects: Objects) -> Iterator[str]:
    """Yields the indexes that no longer say whose they are, and so would be left behind, without their pipelines."""
    for collection in guarded.collections.values():
        meta = objects.metas.get(collection.index)
        if meta is not None and not meta_reference(meta, "index").owner:
            declared = "deletion_protection: false and then " if collection.deletion_protection else ""
            yield (
                f"index {collection.index} has lost its owner reference, since somebody overwrote its _meta; "
                f"{'set ' if declared else ''}{declared}run `pulumi up --refresh`, which writes it again"
            )


def foreign_models(guarded: DeletionGuardInputs, objects: Objects) -> Iterator[str]:
    """Yields models that are not of this stack and use its model groups and connectors."""
    used, stack = [*guarded.groups, *guarded.connectors], OwnerReference(guarded.owner).stack
    for model in objects.models_with(used):
        if model.reference.stack != stack:
            inside = " and ".join(f"{noun} {id}" for noun, id in sorted(model.uses) if id in used)
            yield f"{model} is not of this stack and uses {inside}; delete it, or move it elsewhere, first"


class DeletionGuardKind(RecordKind[DeletionGuardInputs, DeletionGuardState]):
    """Refuses to be deleted while a protected object of its stack would be. The id is the owner."""

    inputs_type = DeletionGuardInputs
    state_type = DeletionGuardState

    def is_ours(self, inputs: DeletionGuardInputs, inventory: Inventory) -> bool:
        """It has no name that could be somebody else's."""
        return False

    def bring_up(self, id: str, inputs: DeletionGuardInputs, uid: str) -> DeletionGuardState:
        resumed = self.services.took_over or self.services.last_run != "ended"
        return self._shown(dict(inputs), uid=uid, resumed_at=self.services.clock.time() if resumed else 0)

    def update(self, id: str, old: DeletionGuardState, new: DeletionGuardInputs, uid: str) -> None:
        """What was taken out of the configuration is deleted after it."""
        lost = taken_out(old, new)
        if lost.collections or lost.tables:
            objects = Objects(self.services, old.owners)
            reasons = [*lost_references(lost, objects), *self._protected(lost, objects)]
            _refuse([*reasons, "put what was taken out of the configuration back first"] if reasons else [])

    def delete(self, id: str, state: DeletionGuardState) -> None:
        objects = Objects(self.services, state.owners)
        users = [*foreign_models(state, objects), *self._foreign_indexes(state, objects)]
        _refuse([*users, *lost_references(state, objects), *self._protected(state, objects)])
        self.services.judged |= state.owners

    def _protected(self, guarded: DeletionGuardInputs, objects: Objects) -> Iterator[str]:
        """Yields whose documents and rows are protected, and what to do about it."""
        declared, others = self._documents(guarded, objects)
        if what := [*declared, *self._rows(guarded)]:
            yield str(deletion_protected(" and ".join(what)))
        for each in others:
            yield (
                f"{each}, and the index says that they are protected, though deletion_protection is false; run "
                f"`pulumi up --refresh`, which writes it again"
            )

    def _documents(self, guarded: DeletionGuardInputs, objects: Objects) -> tuple[list[str], list[str]]:
        """Returns what is protected by the configuration, and what by the index alone."""
        declared: list[str] = []
        others: list[str] = []
        for name, collection in guarded.collections.items():
            for index in indexes_of(collection, guarded.owner, objects):
                by_index = is_protected(objects.metas[index])
                if not (collection.deletion_protection or by_index):
                    continue
                if documents := count_documents(self.search, index):
                    what = f"index {index} of collection {name} has {pluralize(documents, 'document')}"
                    (declared if collection.deletion_protection else others).append(what)
        return declared, others

    def _rows(self, guarded: DeletionGuardInputs) -> Iterator[str]:
        """Yields the protected tables that this stack made and that would be dropped."""
        protected = [table for table, is_protected in guarded.tables.items() if is_protected]
        if not protected:
            return
        tables = Tables(self.database, protected)
        for table in protected:
            owners = {each.owner for each in read_references(tables.comment(table) or "")[1]}
            if owners and owners <= guarded.owners and (rows := count_rows(self.database, table)):
                yield f"table {table} has {pluralize(rows, 'row')}"

    def _foreign_indexes(self, guarded: DeletionGuardInputs, objects: Objects) -> Iterator[str]:
        """Yields indexes that are not of this stack and use a pipeline of one that is."""
        ours = {index for each in guarded.collections.values() for index in indexes_of(each, guarded.owner, objects)}
        pipelines = {each for index in ours for each in objects.pipelines_of(index)}
        stack = OwnerReference(guarded.owner).stack
        for index in sorted(objects.metas.keys() - ours):
            used = [f"{noun} {name}" for noun, name in objects.pipelines_of(index) if (noun, name) in pipelines]
            if used and meta_reference(objects.metas[index], "index").stack != stack:
                yield f"index {index} is not of this stack and uses {' and '.join(used)}; give it others first"


def _refuse(reasons: Sequence[str]) -> None:
    if reasons:
        raise Refused(f"nothing was deleted: {'; '.join(reasons)}")


class DeletionGuard(DeletionGuardProperties, Resource, module="polarsearch", name="DeletionGuard"):
    """Refuses, before anything is deleted, what would delete protected documents or rows. Its id is its owner.

    It has to depend on every one of the stack's resources.

    Example:
        guard = DeletionGuard(
            "guard",
            collections={"documents": {"alias": "documents", "index": "test_index", "resource": "documents"}},
            resources=["documents"],
            opts=opts,
        )
    """

    kind = DeletionGuardKind
