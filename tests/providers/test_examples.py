"""Every example in a docstring runs as a program."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import textwrap

import pulumi
import pytest

import components
import providers
from components.settings import Collection, Embedding
from providers.connection import Connection

MODULES = [
    importlib.import_module(module.name)
    for package in (providers, components)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]
WRITTEN = {
    name: thing
    for module in MODULES
    for name, thing in vars(module).items()
    if inspect.isclass(thing) and issubclass(thing, pulumi.Resource) and thing.__module__ == module.__name__
}
EXAMPLES = {name: thing for name, thing in WRITTEN.items() if "Example:" in (thing.__doc__ or "")}


def example_of(thing):
    """Returns the indented block after `Example:`."""
    return textwrap.dedent(inspect.getdoc(thing).split("Example:\n")[1])


def upstream(names):
    """Returns the resources of other examples that an example uses, created as in those examples."""
    connection = Connection("upstream", search_url="http://search.test")
    given = {**WRITTEN, "Embedding": Embedding, "Collection": Collection, "connection": connection}
    given["opts"] = pulumi.ResourceOptions(provider=connection)
    for name in names:
        exec(example_of(WRITTEN[name]), given)
    return given


MADE_FROM = {
    "Model": ["ModelGroup", "Connector"],
    "IngestPipeline": ["ModelGroup", "Connector", "Model"],
    "SearchPipeline": ["ModelGroup", "Connector", "Model"],
    "Index": ["ModelGroup", "Connector", "Model", "IngestPipeline"],
    "Alias": ["ModelGroup", "Connector", "Model", "IngestPipeline", "Index"],
    "SyncLink": ["ModelGroup", "Connector", "Model", "IngestPipeline", "Index", "SourceTable"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_and_declares_its_resource(declare, name):
    before = declare(lambda: upstream(MADE_FROM.get(name, [])) and None)
    after = declare(lambda: exec(example_of(EXAMPLES[name]), upstream(MADE_FROM.get(name, []))))
    added = {resource.type.split(":")[-1] for resource in after[len(before) :]}
    assert (name if name != "Connection" else "pulumi-python") in added


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_inputs_of_an_example_are_valid(declare, name):
    declared = declare(lambda: exec(example_of(EXAMPLES[name]), upstream(MADE_FROM.get(name, []))))
    for resource in declared:
        if kind := getattr(WRITTEN.get(resource.type.split(":")[-1]), "kind", None):
            kind.inputs_type.model_validate({name: resource[name] for name in resource.inputs})


def test_every_public_resource_has_an_example():
    assert set(WRITTEN) - set(EXAMPLES) == {"SearchCollection"}
