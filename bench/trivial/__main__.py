"""Declares the resources in shape.json: empty ones, with the parents and dependencies of real ones."""

import json
from pathlib import Path

import pulumi

from bench.trivial.nothing import Nothing

made: dict[str, pulumi.Resource] = {}
connection = pulumi.ProviderResource("pulumi-python", "connection", {})
for each in json.loads(Path("shape.json").read_text()):
    parent, needs = made.get(each["parent"]), [made[name] for name in each["needs"]]
    options = pulumi.ResourceOptions(parent=parent, depends_on=needs)
    if each["component"]:
        made[each["name"]] = pulumi.ComponentResource("trivial:index:Group", each["name"], None, options)
    else:
        options = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(provider=connection))
        made[each["name"]] = Nothing(each["name"], options)
