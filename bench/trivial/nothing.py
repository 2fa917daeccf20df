"""Nothing: a resource whose provider does nothing."""

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider


class Provider(ResourceProvider):
    """Answers every call without doing anything."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["name"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, props)


class Nothing(Resource, module="trivial", name="Nothing"):
    """One resource, with a name."""

    def __init__(self, resource_name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(Provider(), resource_name, {"name": resource_name}, opts)
