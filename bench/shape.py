"""The shape of a stack: the parents and dependencies of its resources, without their types and inputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Shape = Sequence[Mapping[str, Any]]
"""For each resource: `name`, `parent`, `needs`, and whether it is a `component`."""

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:"


def shape(state: Sequence[Mapping[str, Any]]) -> Shape:
    """Returns what bench/trivial declares, in the order of a state: each resource follows its dependencies."""
    kept = [each for each in state if each["type"] != STACK_TYPE and not each["type"].startswith(PROVIDER_TYPE)]
    names = {each["urn"]: _name(each["urn"]) for each in kept}
    return [
        {
            "name": names[each["urn"]],
            "parent": names.get(each.get("parent", "")),
            "needs": sorted(names[urn] for urn in each.get("dependencies") or [] if urn in names),
            "component": not each.get("custom", False),
        }
        for each in kept
    ]


def objects(state: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the resources of a state that represent an object of a service."""
    return [each for each in state if each.get("custom") and not each["type"].startswith(PROVIDER_TYPE)]


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
