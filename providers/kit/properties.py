"""How a kind declares its properties: once, for its inputs, its state and the resource a person writes.

    class IndexProperties(Properties):
        name: Immutable[str]
        replicas: Property[int] = prop(default=1, ge=0)

    class IndexInputs(IndexProperties, Inputs): ...   # a pydantic model: `inputs.replicas` is an int
    class Index(IndexProperties, Resource): ...       # `Index("docs", name="docs")`; `index.replicas` is an Output[int]

Editors and mypy complete and check the arguments of both, each of which may be an Output. For type checkers a property
is a descriptor whose `__set__` gives the argument's type and whose `__get__` the attribute's (typing specification,
dataclass_transform); at run time it is the type itself. The names and types here are what Pulumi keeps in state, so a
property, once released, keeps its name and meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Generic, cast, overload

import pulumi
from pulumi import Input
from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator
from typing_extensions import Self, TypeVar, dataclass_transform


class _Fact:
    """A fact about a property, attached to its type."""


REPLACES, SECRET = _Fact(), _Fact()


def outputs_in(value: Any) -> Iterator[pulumi.Output[Any]]:
    """Yields the Outputs in a value, at any depth."""
    if isinstance(value, pulumi.Output):
        yield value
    elif isinstance(value, Mapping):
        yield from chain.from_iterable(map(outputs_in, value.values()))
    elif isinstance(value, (list, tuple)):
        yield from chain.from_iterable(map(outputs_in, value))


def contains_output(value: Any) -> bool:
    """Whether a value is an Output, or holds one at any depth."""
    return next(outputs_in(value), None) is not None


def when_known(value: Any, function: Callable[[Any], T]) -> Input[T]:
    """Returns what `function` makes of a value, once the Outputs in it are known.

    `Output.from_input` makes an Output of every number and text in the value, too, and the SDK waits for each of them.
    """
    outputs = list(outputs_in(value))
    if not outputs:
        return function(value)
    return pulumi.Output.all(*outputs).apply(lambda known: function(_filled(value, iter(known))))


def _filled(value: Any, known: Iterator[Any]) -> Any:
    """Returns the value with what is known in place of its Outputs, in the order of `outputs_in`."""
    if isinstance(value, pulumi.Output):
        return next(known)
    if isinstance(value, Mapping):
        return {name: _filled(each, known) for name, each in value.items()}
    return [_filled(each, known) for each in value] if isinstance(value, (list, tuple)) else value


def _validate_when_known(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """An Output is validated by the provider's check, once its value is known."""
    return value if contains_output(value) else validate(value)


WHEN_KNOWN = WrapValidator(_validate_when_known)

if TYPE_CHECKING:
    T = TypeVar("T")
    W = TypeVar("W", default=T)

    class Property(Generic[T, W]):
        """A property that is read as `T` and written as `T`, as `W`, or as an Output of either."""

        @overload
        def __get__(self, instance: pulumi.Resource, owner: type) -> pulumi.Output[T]: ...
        @overload
        def __get__(self, instance: BaseModel, owner: type) -> T: ...
        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        def __get__(self, instance: Any, owner: type) -> Any: ...
        def __set__(self, instance: Any, value: pulumi.Input[T] | pulumi.Input[W]) -> None: ...

    class Immutable(Property[T, W]):
        """A property whose change replaces the resource."""

    class Secret(Property[T, W]):
        """A property that is encrypted in state and never printed."""

    class ImmutableSecret(Property[T, W]):
        """A secret whose change replaces the resource."""

else:

    class Property:
        """The type of a property as pydantic validates it: `Property[read, written]` is `read`."""

        facts: tuple[_Fact, ...] = ()

        def __class_getitem__(cls, item):
            read = item[0] if isinstance(item, tuple) else item
            parts = (read, *cls.facts, WHEN_KNOWN)
            return Annotated[parts]

    class Immutable(Property):
        facts = (REPLACES,)

    class Secret(Property):
        facts = (SECRET,)

    class ImmutableSecret(Property):
        facts = (REPLACES, SECRET)


def prop(*, default: Any = ..., kw_only: bool = True, init: bool = True, **constraints: Any) -> Any:
    """A property's default and constraints, as pydantic's `Field` takes them. `init=False` is for outputs alone."""
    return Field(default=default, **constraints)


@dataclass_transform(kw_only_default=True, field_specifiers=(prop,))
class Properties:
    """Base of every list of properties."""


class Nested(BaseModel):
    """A nested value of a property. Unknown keys are refused, so that a typing error is not dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Inputs(Properties, BaseModel):
    """What a person declares, and `owner`: the resource that declares it, `<project>/<stack>/<resource name>`."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True, defer_build=True)

    owner: Property[str] = prop(default="")

    @classmethod
    def immutable(cls) -> frozenset[str]:
        """Returns the names of the properties whose change replaces the resource."""
        return cls._with(REPLACES)

    @classmethod
    def secret(cls) -> frozenset[str]:
        """Returns the names of the properties that are never shown."""
        return cls._with(SECRET)

    @classmethod
    def _with(cls, fact: _Fact) -> frozenset[str]:
        return frozenset(name for name, field in cls.model_fields.items() if fact in field.metadata)

    def dumped(self) -> dict[str, Any]:
        """Returns Pulumi's property values: JSON, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True, warnings=False)  # drifted state may hold anything

    def declared(self) -> dict[str, Any]:
        """Returns the arguments of a resource: JSON, with every Output as it is, and without what is not set."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "owner"}
        outputs = {name: value for name, value in given.items() if contains_output(value)}
        known = self.model_dump(mode="json", exclude_none=True, exclude={"owner", *outputs})
        return cast("dict[str, Any]", known | outputs)


class State(Inputs):
    """What a kind's state adds to its inputs: `uid`, a random token that each create writes beside the owner.

    `adopted` tells that a person handed the object over.
    """

    uid: Property[str] = prop(default="")
    adopted: Property[bool] = prop(default=False)


class NamedInputs(Inputs):
    """Inputs of an object that the service knows by the `name` a person gives it."""

    if TYPE_CHECKING:  # each kind declares it, with constraints of its own
        name: Immutable[str]
