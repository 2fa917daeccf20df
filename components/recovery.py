"""What a killed run left behind: objects of ours that neither state nor the configuration knows.

A garbage collector is updated before everything else of a stack, which gives it another `run`, and a deletion guard
with the same after everything else: where state has two, the last run did not end. Asking for every object costs some
requests, so it is done only then, in the runs after the one that resumed it, whose requests may come late, or where an
index of ours is such an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import pulumi

from providers.kit import Inputs, LastRun, OwnerReference, SearchStackError, hide, meta_reference
from providers.services import Connections, Inventory
from providers.services.index_meta import Meta
from providers.services.objects import Found, Objects, owners_of, unused
from providers.services.orphans import Orphans, protected_documents
from providers.source_table import SourceTableInputs
from providers.sync_link import SyncLinkInputs
from providers.trusted_endpoint import TrustedEndpointInputs

from .checkpoint import Resources, outputs_of, references_of
from .wiring import StackWiring

RESUMES = (
    "the last run did not end: every object is compared with what is declared, and what that run left behind is "
    "deleted; `pulumi refresh --clear-pending-creates` ends Pulumi's warnings of pending operations"
)

LATE = 3600
"""Seconds in which a request of a run that was killed may still arrive."""

MADE_ANEW = frozenset({"model", "connector"})
"""Objects whose names do not tell whether they are what is declared; another is as good."""


class Recovery:
    """What is kept of the objects of one stack, and what is not."""

    def __init__(self, stack: StackWiring, state: Resources) -> None:
        self._stack, self._state = stack, state
        self._known = frozenset(references_of(state))

    @property
    def did_not_end(self) -> bool:
        """Whether the last run began to change something, and did not come to its end."""
        return self._collector.get("run") != self._guard.get("run")

    def last_run(self, time: float) -> LastRun:
        """Returns how the run before ended. `time` is Unix time, in seconds."""
        if self.did_not_end:
            return "did not end"
        return "resumed" if time - float(self._guard.get("resumed_at") or 0) < LATE else "ended"

    def strays(self, metas: Mapping[str, Meta]) -> list[str]:
        """Returns the indexes of ours that neither state nor the configuration knows; one that was handed over, and not
        taken over yet, is not ours.
        """
        references = ((name, meta_reference(meta, "index")) for name, meta in metas.items())
        ours = [(name, each) for name, each in references if each.uid and each.owner in self._owners]
        return [name for name, each in ours if not self._is_expected(name, each)]

    def delete_orphans(self, connections: Connections, inventory: Inventory) -> None:
        """Deletes what the last run left behind, if it was killed, and says so. Raises pulumi.RunError."""
        if self.did_not_end:
            pulumi.info(RESUMES)
        if self.last_run(connections.clock.time()) == "ended" and not self.strays(inventory.metas):
            return
        try:
            self._delete_orphans(connections)
        except SearchStackError as error:
            raise pulumi.RunError(hide(str(error), connections.secrets())) from None

    def _delete_orphans(self, connections: Connections) -> None:
        """Deletes what is ours, is not known, and is used by nothing that is kept."""
        objects = Objects(connections, self._owners)
        found = objects.everything()
        kept = {each for each in found if not objects.is_ours(each) or self._is_kept(each)}
        kept |= set(self._with_documents(connections, objects, unused(found, kept.__contains__)))
        Orphans(connections, pulumi.warn).delete(unused(found, kept.__contains__))

    def _with_documents(self, connections: Connections, objects: Objects, left: Iterable[Found]) -> Iterator[Found]:
        for each in left:
            if each.noun == "index" and protected_documents(connections, each.id, objects.metas[each.id]):
                yield each

    def _is_kept(self, found: Found) -> bool:
        return self._is_expected(found.name, found.reference, made_anew=found.noun in MADE_ANEW)

    def _is_expected(self, name: str, reference: OwnerReference, *, made_anew: bool = False) -> bool:
        """Tells whether state knows an object, or a create of this run takes it over."""
        declared = not made_anew and name == self._declared_names.get(reference.owner)
        return declared or reference in self._known

    @cached_property
    def _owners(self) -> frozenset[str]:
        """The owners of what is declared, and of what the last run began to make."""
        return frozenset(self._declared_names).union(
            *(
                owners_of(str(each["owner"]), each["resources"])
                for each in (self._collector, self._guard)
                if each.get("owner")
            )
        )

    @cached_property
    def _collector(self) -> Mapping[str, Any]:
        return outputs_of(self._state, self._stack.garbage_collector().name)

    @cached_property
    def _guard(self) -> Mapping[str, Any]:
        return outputs_of(self._state, self._stack.deletion_guard([], [], "").name)

    @cached_property
    def _declared_names(self) -> dict[str, str]:
        """What is declared, by owner."""
        return {each.owner: called(each.inputs) for each in self._stack.declarations()}


def called(inputs: Inputs) -> str:
    """Returns the name by which a service knows what is declared."""
    if isinstance(inputs, SyncLinkInputs):
        return inputs.index
    if isinstance(inputs, TrustedEndpointInputs):
        return inputs.pattern
    return inputs.id if isinstance(inputs, SourceTableInputs) else str(inputs.declared()["name"])
