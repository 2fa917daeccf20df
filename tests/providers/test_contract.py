"""The contract of every kind. Kinds are found, not listed."""

from __future__ import annotations

import base64
import importlib
import inspect
import pathlib
import pkgutil
import re
import subprocess
import sys

import pulumi.dynamic
import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.output import Unknown

import providers
from providers.kit import DynamicProvider, Inputs, Kind, Properties, Resource, State
from providers.kit.values import normalize

for module in pkgutil.iter_modules(providers.__path__, "providers."):
    importlib.import_module(module.name)


def _derived(base):
    for kind in base.__subclasses__():
        yield kind
        yield from _derived(kind)


KINDS = sorted(
    (kind for kind in _derived(Kind) if re.fullmatch(r"providers\.\w+", kind.__module__)),
    key=lambda kind: kind.__name__.removesuffix("Kind"),
)
RESOURCES = {resource.kind: resource for resource in Resource.__subclasses__()}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def test_each_file_declares_one_kind():
    files = {module.name for module in pkgutil.iter_modules(providers.__path__, "providers.") if not module.ispkg}
    assert {kind.__module__ for kind in KINDS} == files - {"providers.connection"}
    assert len(KINDS) == len(files) - 1 >= 10


@every_kind
def test_the_pickle_contains_names_only(kind):
    """Pulumi stores it in the state of every resource, so it must be small, and the same for every Python."""
    pickled = base64.b64decode(serialize_provider(DynamicProvider(kind)))
    assert len(pickled) < 150
    assert kind.__module__.encode() in pickled
    assert kind.__qualname__.encode() in pickled
    assert b"__dict__" not in pickled


def test_thousands_of_resources_can_be_declared():
    """The SDK's pickler recurses once for every provider that has a dict, and fails at about a thousand."""
    assert len({serialize_provider(DynamicProvider(KINDS[0])) for _ in range(3000)}) == 1


def test_a_pickle_is_loaded_in_another_process():
    pickled = serialize_provider(DynamicProvider(KINDS[0]))
    code = f"import base64, dill; print(dill.loads(base64.b64decode({pickled!r})).kind.__name__)"
    root = str(pathlib.Path(providers.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == KINDS[0].__name__


@every_kind
def test_the_state_extends_the_inputs(kind):
    assert issubclass(kind.inputs_type, Inputs)
    assert issubclass(kind.state_type, kind.inputs_type)
    assert issubclass(kind.state_type, State)


@every_kind
def test_each_property_is_validated_when_others_are_unknown(kind):
    """In a preview an id may be unknown; every other property is normalized nevertheless."""
    fields = kind.inputs_type.model_fields
    [given, *_] = [name for name in fields if name != "owner"]
    defaults = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    news = {name: Unknown() if fields[name].is_required() else value for name, value in defaults.items()}
    assert normalize(kind.inputs_type, {**news, given: Unknown()}).keys() >= {given}


@every_kind
def test_a_change_of_identity_replaces(kind):
    assert kind.identity <= kind.inputs_type.immutable()


@every_kind
def test_properties_are_declared_once(kind):
    """The resource and the inputs inherit all of them from one class."""
    resource = RESOURCES[kind]
    [properties] = [base for base in resource.__bases__ if not issubclass(base, Resource)]
    assert issubclass(properties, Properties)
    assert issubclass(kind.inputs_type, properties)
    assert set(properties.__annotations__) == set(kind.inputs_type.model_fields) - {"owner"}
    assert not set(kind.inputs_type.__annotations__) & set(properties.__annotations__)


@every_kind
def test_the_resource_refuses_an_unknown_property(kind):
    with pytest.raises(TypeError, match=f"{RESOURCES[kind].__name__} has no property colour"):
        RESOURCES[kind]("one", colour="red")  # type: ignore[call-arg]


@every_kind
def test_the_type_token_is_the_released_one(kind):
    """Module path, class name and token are part of the state format."""
    resource = RESOURCES[kind]
    family = "polardb" if resource.__name__ in ("SourceTable", "SyncLink") else "polarsearch"
    assert resource._resource_type_name == f"dynamic/{family}:{resource.__name__}"
    assert kind.__module__ == f"providers.{re.sub('(?<!^)(?=[A-Z])', '_', resource.__name__).lower()}"


@every_kind
def test_each_kind_is_documented_with_an_example(kind):
    for documented in (sys.modules[kind.__module__], kind, kind.inputs_type, kind.state_type, RESOURCES[kind]):
        assert documented.__doc__, documented
    assert "Example:" in RESOURCES[kind].__doc__


@every_kind
def test_each_file_has_five_blocks_in_order(kind):
    """Properties, inputs and state, pure rules, the kind, its private helpers, the resource, in this order."""
    source = inspect.getsource(sys.modules[kind.__module__])
    names = [kind.inputs_type.__name__, kind.state_type.__name__, kind.__name__, RESOURCES[kind].__name__]
    places = [source.index(f"class {name}(") for name in names]
    assert places == sorted(places)
    assert source.count("\n") <= 360


def test_every_dynamic_resource_is_a_kit_resource():
    assert set(pulumi.dynamic.Resource.__subclasses__()) == {Resource}
