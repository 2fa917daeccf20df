"""The configurations of staging and prod run on the sandbox."""

from __future__ import annotations

import pathlib

import pytest
import yaml

STACKS = pathlib.Path(__file__).parents[2] / "stacks"


@pytest.mark.parametrize(("stack", "dimension"), [("prod", 1024), ("staging", 512)])
def test_the_tutorial_runs_on_each_stack(stack, dimension, project, world, eventually):
    config = yaml.safe_load((STACKS / f"Pulumi.{stack}.yaml").read_text())["config"]
    blocks = {key.split(":")[1]: value for key, value in config.items()}
    here = {"url": world.embeddings_url, "trusted_pattern": f"^{world.embeddings_url}$"}
    project.configure(embedding={**blocks["embedding"], **here}, collections=blocks["collections"])
    protected = blocks["collections"][0]["deletion_protection"]

    project.up()
    world.sql("INSERT INTO db.test_table (id, t1, t2) VALUES (1, 11, 'aaa'), (2, 22, 'bbb'), (3, 33, 'ccc')")
    eventually(lambda: world.count("documents", "my_vector") == 3)
    found = world.search("POST", "/documents/_search", {"query": {"match": {"my_text": "aaa"}}})["hits"]["hits"]
    assert [hit["_id"] for hit in found] == ["1"]
    assert len(found[0]["_source"]["my_vector"]) == dimension == project.outputs()["dimension"]
    assert set(found[0]["_source"]) == {"id", "my_text", "my_vector"}  # the column t1 is not synced

    assert project.preview() == {}
    output = project.destroy(ok=not protected)
    assert ("deletion protection is on" in output) is protected
