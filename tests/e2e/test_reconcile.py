"""What AutoETL does not see: documents that have no row, and texts that have no vector."""

from __future__ import annotations

from tests.e2e.conftest import RECORDED


def ids(world):
    world.search("POST", "/docs/_refresh")
    found = world.search("POST", "/docs/_search", {"size": 100, "_source": False})["hits"]["hits"]
    return {hit["_id"] for hit in found}


def test_documents_that_a_truncate_left_are_shown_and_deleted_when_asked(filled, world, eventually):
    world.sql("TRUNCATE TABLE db.docs")
    world.sql("INSERT INTO db.docs (id, body) VALUES (2, 'a kettle'), (9, 'a rake')")
    eventually(lambda: "9" in ids(world))
    output = filled.refresh()
    assert (
        "has 4 documents without a row (1, 3, 4 and 1 more): `sync.prune: true` and `pulumi up` delete them" in output
    )
    filled.up()
    assert ids(world) == {"1", "2", "3", "4", "5", "9"}

    filled.collection(sync={"prune": True})
    assert filled.preview() == {"search-docs-alias": "update", **RECORDED}
    assert "without a row deleted" in filled.up()
    assert ids(world) == {"2", "9"}
    assert "without a row" not in filled.refresh()
    assert filled.preview() == {}

    world.sql("TRUNCATE TABLE db.docs")
    assert "2 documents without a row (2, 9): `pulumi up` deletes them" in filled.refresh()
    filled.up()
    assert ids(world) == set()


def test_texts_that_were_written_without_a_vector_are_shown_and_embedded_again(filled, world, eventually):
    pipeline = filled.outputs()["collections"]["docs"]["index"]
    whole = world.search("GET", f"/_ingest/pipeline/{pipeline}")[pipeline]
    world.search("PUT", f"/_ingest/pipeline/{pipeline}", {**whole, "processors": []})
    world.sql("INSERT INTO db.docs (id, body) VALUES (8, 'a mug'), (9, 'a rake')")
    eventually(lambda: {"8", "9"} <= ids(world))
    world.search("PUT", f"/_ingest/pipeline/{pipeline}", whole)
    assert world.count("docs", "vector") == 4
    output = filled.refresh()
    assert "has 2 documents whose text has no vector: `pulumi up` embeds them again" in output
    filled.up()
    assert world.count("docs", "vector") == 6
    assert "no vector" not in filled.refresh()
    assert filled.preview() == {}
