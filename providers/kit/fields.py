"""How a kind declares its properties.

The names and types here are what Pulumi keeps in state, so a field, once released, keeps its name and meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class _Marker:
    """A fact about a property, attached to its type."""


REPLACES, SECRET = _Marker(), _Marker()

Immutable = Annotated[T, REPLACES]
"""A property whose change replaces the resource: `dimension: Immutable[int]`."""

Secret = Annotated[T, SECRET]
"""A property that is encrypted in state and never printed: `credential: Secret[dict[str, str]]`."""


class Part(BaseModel):
    """A nested value of a property. Unknown keys are refused, so that a typing error is not silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Inputs(BaseModel):
    """What a person declares, and `owner`: who declared it, `<project>/<stack>/<resource name>`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    owner: str = ""

    @classmethod
    def immutable(cls) -> frozenset[str]:
        """Names of the properties whose change replaces the resource."""
        return cls._with(REPLACES)

    @classmethod
    def secret(cls) -> frozenset[str]:
        """Names of the properties that are never shown."""
        return cls._with(SECRET)

    @classmethod
    def _with(cls, marker: _Marker) -> frozenset[str]:
        return frozenset(name for name, field in cls.model_fields.items() if marker in field.metadata)

    def dumped(self) -> dict[str, Any]:
        """As Pulumi's property values: JSON, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True, warnings=False)  # drifted state may hold anything


class NamedInputs(Inputs):
    """Inputs of an object that the service knows by the name a person gives it."""

    name: Immutable[str]


class State(Inputs):
    """What a kind's state adds to its inputs: `incarnation`, the token its create wrote into the object's mark."""

    incarnation: str = ""
