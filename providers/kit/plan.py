"""What a change of inputs means for an existing resource. Pure: no client, no Pulumi."""

from __future__ import annotations

from dataclasses import dataclass

from .properties import Inputs


@dataclass(frozen=True)
class Plan:
    """Properties to update in place, and properties that force a replacement."""

    updates: frozenset[str] = frozenset()
    replaces: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.updates or self.replaces)


def plan_by_field(old: Inputs, new: Inputs) -> Plan:
    """Compares the inputs that both sides declare: `Immutable` properties replace, the others update."""
    changed = frozenset(name for name in type(new).model_fields if getattr(old, name) != getattr(new, name))
    replaces = changed & type(new).immutable()
    return Plan(updates=changed - replaces, replaces=replaces)
