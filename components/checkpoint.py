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
"""A function of the engine's own (pkg/resource/deploy/builtins.go): `{stackName} → {outputs: {urn: …}}`.

Resources that others have replaced, and that wait to be deleted, are not among them.
"""

Resources = Mapping[str, Any]
"""What a stack's state holds, by URN."""


def resources_in_state() -> Resources:
    """Returns what the state of the running program's stack held before this run; asks the engine."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    shown: Mapping[str, Any] = invoke(READ_RESOURCES, {"stackName": name}).value or {}
    outputs: Resources = shown.get("outputs", {})
    return outputs


def references_of(resources: Resources) -> Iterator[OwnerReference]:
    """Yields the owner references in the outputs of resources; those of other programs have none."""
    for shown in resources.values():
        outputs = shown.get("outputs") or {}
        if outputs.get("owner") and outputs.get("uid"):
            yield OwnerReference(str(outputs["owner"]), str(outputs["uid"]))


def outputs_of(resources: Resources, name: str) -> Mapping[str, Any] | None:
    """Returns the outputs of the resource of that name; None where state has none."""
    found = (shown.get("outputs") or {} for urn, shown in resources.items() if urn.rpartition("::")[2] == name)
    return next(found, None)
