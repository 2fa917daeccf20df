"""What a person handed over to a stack, and what happens once it is gone."""

from __future__ import annotations

import dataclasses

import pytest

from tests.e2e.conftest import NAME, STACK

RESOURCES = {"index": "search-docs-index", "pipeline": "search-docs-ingest-pipeline"}


@pytest.fixture
def adopted(project, world, eventually):
    """A stack to which a person handed over an index and its ingest pipeline, as a former stack left them."""
    project.up()
    index = project.outputs()["collections"]["docs"]["index"]
    fields = world.search("GET", f"/{index}/_mapping")[index]["mappings"]["properties"]
    project.destroy()
    pipeline = {"description": f"[pulumi:{NAME}/{STACK}/{RESOURCES['pipeline']}]", "processors": []}
    world.search("PUT", f"/_ingest/pipeline/{index}", pipeline)
    meta = {"pulumi": {"index": f"{NAME}/{STACK}/{RESOURCES['index']}"}}
    settings = {"knn": True, "default_pipeline": index, "number_of_replicas": 0}
    body = {"settings": {"index": settings}, "mappings": {"_meta": meta, "properties": fields}}
    world.search("PUT", f"/{index}", body)
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    assert [project.resource(name)["outputs"]["adopted"] for name in RESOURCES.values()] == [True, True]
    assert project.resource("search-docs-alias")["outputs"]["adopted"] is False
    return project


@pytest.mark.parametrize(("kind", "path"), [("index", "/{}"), ("pipeline", "/_ingest/pipeline/{}")], ids=RESOURCES)
def test_an_adopted_object_that_is_gone_is_an_error_until_it_is_named(adopted, world, eventually, kind, path):
    name = adopted.outputs()["collections"]["docs"]["index"]
    world.search("DELETE", path.format(name))
    before = adopted.resource(RESOURCES[kind])
    for command in (["refresh"], ["up"], ["up", "--refresh"]):
        output = adopted.run(*command, "--yes", "--skip-preview", ok=False)
        assert f"{name} was adopted, so no new one is made in its place" in output, command
        assert "Traceback" not in output
    after = adopted.resource(RESOURCES[kind])
    assert (after["id"], after["outputs"]) == (before["id"], before["outputs"])

    named = {**adopted.environ, "POLARSEARCH_MAKE_ANEW": name}
    output = dataclasses.replace(adopted, environ=named).up("--refresh")
    assert f"{name} is gone: `pulumi up` makes it again" in output
    assert adopted.resource(RESOURCES[kind])["outputs"]["adopted"] is False
    eventually(lambda: world.count("docs", "vector") == 4)
    assert adopted.preview() == {}


def test_an_adopted_object_that_is_gone_does_not_keep_a_stack_from_going(adopted, world):
    world.search("DELETE", f"/{adopted.outputs()['collections']['docs']['index']}")
    adopted.destroy()
    left = world.inventory()
    assert (left["indexes"], left["links"], left["ingest pipelines"], left["models"]) == ([], [], [], [])
