"""What the stack's checkpoint knows already: the owner references of the objects that it holds.

A renamed stack or project, or a component moved with `aliases`, declares new owners for objects that still carry the
former ones. The program cannot read its own state but through the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.runtime import invoke

from providers.kit import OwnerReference

READ_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"
"""A function of the engine's own (pkg/resource/deploy/builtins.go): `{stackName} → {outputs: {urn: …}}`."""


def references_in_state() -> frozenset[OwnerReference]:
    """Returns the owner references of what the running program's stack held before this run; asks the engine."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    shown = invoke(READ_RESOURCES, {"stackName": name}).value or {}
    return frozenset(references_of(shown.get("outputs", {})))


def references_of(resources: Mapping[str, Any]) -> Iterator[OwnerReference]:
    """Yields the owner references in the outputs of resources, by URN; those of other programs have none."""
    for shown in resources.values():
        outputs = shown.get("outputs") or {}
        if outputs.get("owner") and outputs.get("uid"):
            yield OwnerReference(str(outputs["owner"]), str(outputs["uid"]))
