"""What keeps the runs of a program short."""

from __future__ import annotations

from pulumi import Output
from pulumi.runtime.settings import SETTINGS

from providers.model_group import ModelGroup


def test_the_sdk_waits_for_the_registration_of_a_resource_and_for_none_of_its_properties(declare):
    properties, awaited, known = [], [], []

    def program():
        group = ModelGroup("group", name="models", description="ours")
        properties.extend(each for each in vars(group).values() if isinstance(each, Output))
        awaited.extend(each for each in properties if each._data in SETTINGS.outputs)
        return Output.all(group.name, group.description).apply(known.extend)

    declare(program)
    assert (properties != [], awaited, known) == (True, [], ["models", "ours"])
