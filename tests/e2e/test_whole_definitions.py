"""Parameters of a whole mapping, and processors of one's own around ours."""

from __future__ import annotations

from tests.e2e.conftest import RECORDED

FIELDS = {"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}}


def source_of(world, id):
    return world.search("GET", f"/docs/_doc/{id}")["_source"]


def test_a_whole_mapping_and_processors_of_ones_own(project, world, eventually):
    before, after = (
        [{"lowercase": {"field": "text", "ignore_missing": True}}],
        [{"set": {"field": "kind", "value": "a"}}],
    )
    kinds = {**FIELDS, "kind": {"type": "keyword"}}
    project.collection(mapping={"dynamic": "STRICT", "properties": kinds}, before=before, after=after)
    project.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (9, 'A RAKE')")
    eventually(lambda: source_of(world, 9)["text"] == "a rake")
    assert source_of(world, 9)["kind"] == "a"
    project.refresh()
    assert project.preview() == {}

    [index] = world.search("GET", "/docs/_mapping")
    assert world.raw("PUT", f"/{index}/_doc/new", {"unmapped": 1}).status_code == 400
    project.collection(mapping={"dynamic": False, **kinds})
    assert project.preview() == {"search-docs-index": "update", **RECORDED}
    project.up()
    assert world.search("GET", "/docs/_mapping")[index]["mappings"]["dynamic"] == "false"

    project.collection(before=[])
    project.up()
    assert source_of(world, 9)["text"] == "A RAKE"
    assert list(world.search("GET", "/docs/_mapping")) != [index]
    assert project.preview() == {}
