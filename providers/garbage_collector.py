"""Garbage collector: deletes what a killed run left behind.

A create that was killed, or whose answer was lost, may have made an object that no state knows. The collector is made
before everything else of a stack, and so deleted after it: whatever still carries an owner reference of the stack's
resources then is such an object. It is no object of a service, and costs no request until it is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulumi import Output

from providers.kit import Inputs, Properties, Property, Resource, Secret, State, new_uid, prop
from providers.services import Inventory, RecordKind
from providers.services.objects import Objects, owners_of, unused
from providers.services.orphans import Orphans, require_none_left


class GarbageCollectorProperties(Properties):
    """`resources` are the names of the stack's resources; `configuration` is a digest of what they declare."""

    resources: Property[list[str], Sequence[str]]
    configuration: Secret[str] = prop(default="")


class GarbageCollectorInputs(GarbageCollectorProperties, Inputs):
    """What a person declares."""


class GarbageCollectorState(GarbageCollectorInputs, State):
    """`run` is a random token of the last run that changed anything: a guard that is updated last has the same."""

    run: Property[str] = prop(default="")


class GarbageCollectorKind(RecordKind[GarbageCollectorInputs, GarbageCollectorState]):
    """Deletes orphans when it is deleted. The id is the owner."""

    inputs_type = GarbageCollectorInputs
    state_type = GarbageCollectorState

    def is_ours(self, inputs: GarbageCollectorInputs, inventory: Inventory) -> bool:
        """It has no name that could be somebody else's."""
        return False

    def bring_up(self, id: str, inputs: GarbageCollectorInputs, uid: str) -> GarbageCollectorState:
        return self._shown(dict(inputs), uid=uid, run=new_uid())

    def delete(self, id: str, state: GarbageCollectorState) -> None:
        """Everything that state knew is deleted by now."""
        objects = Objects(self.services, owners_of(state.owner, state.resources))
        found = objects.everything()
        foreign = [each for each in found if not objects.is_ours(each)]
        orphans = unused(found, lambda each: each in foreign)
        Orphans(self.services, self.warn).delete(orphans)
        require_none_left([each for each in found if each not in (*foreign, *orphans)], foreign)


class GarbageCollector(GarbageCollectorProperties, Resource, module="polarsearch", name="GarbageCollector"):
    """Deletes, when it is deleted, what carries an owner reference of `resources` and is in no state.

    Every one of them has to depend on it. Its id is its owner.

    Example:
        collector = GarbageCollector("collector", resources=["group", "connector", "model"], opts=opts)
    """

    kind = GarbageCollectorKind

    if TYPE_CHECKING:
        run: Output[str] = prop(init=False)
