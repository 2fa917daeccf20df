"""What the stack's checkpoint knows already: the owner references of the objects that it holds.

A renamed stack or project, or a component moved with `aliases`, declares new owners for objects that still carry the
former ones. The program cannot read its own state but through the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.runtime import invoke

from providers.kit import Clock, OwnerReference, SearchStackError, retry

READ_RESOURCES = "pulumi:pulumi:readStackResourceOutputs"
"""A function of the engine's own (pkg/resource/deploy/builtins.go): `{stackName} → {outputs: {urn: …}}`.

Resources that others have replaced, and that wait to be deleted, are not among them.
"""

Resources = Mapping[str, Any]
"""What a stack's state holds, by URN."""


def resources_in_state(clock: Clock | None = None) -> Resources:
    """Returns what the state of the running program's stack held before this run. Raises pulumi.RunError.

    The engine reads the stack's file, which it may be writing at the same time: "failed to load checkpoint: EOF".
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        return retry(lambda: _read(name), lambda _: True, times=6, pause=0.1, clock=clock or Clock())
    except SearchStackError as error:
        raise pulumi.RunError(str(error)) from None


def _read(stack: str) -> Resources:
    try:
        shown: Mapping[str, Any] = invoke(READ_RESOURCES, {"stackName": stack}).value or {}
    except Exception as error:  # the SDK raises nothing more specific
        raise SearchStackError(" ".join(str(error).split())) from error
    outputs: Resources = shown.get("outputs", {})
    return outputs


def references_of(resources: Resources) -> Iterator[OwnerReference]:
    """Yields the owner references in the outputs of resources; those of other programs have none."""
    for shown in resources.values():
        outputs = shown.get("outputs") or {}
        if outputs.get("owner") and outputs.get("uid"):
            yield OwnerReference(str(outputs["owner"]), str(outputs["uid"]))


def outputs_of(resources: Resources, name: str) -> Mapping[str, Any]:
    """Returns the outputs of the resource of that name; none where state does not have it."""
    found = (shown.get("outputs") or {} for urn, shown in resources.items() if urn.rpartition("::")[2] == name)
    return next(found, {})
