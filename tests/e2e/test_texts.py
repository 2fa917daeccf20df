"""Texts longer than the model takes, and several columns in one text, through the whole program."""

from __future__ import annotations

import pytest

from dev.question import filled
from tests.e2e.conftest import RECORDED

MODEL = {"model": "text-embedding-v4", "dimension": 1024}
CHUNKS = {"long_texts": "chunk", "chunk_tokens": 20, "max_chunks": 1000}
WORDS = " ".join(f"filler{number}" for number in range(6000))
SENTENCE = "The kettle whistles in the kitchen at dawn."
STORY = f"{WORDS}\n{SENTENCE}\n{WORDS}"
"""More than the 8192 tokens that the model takes, and than the 10000 that OpenSearch chunks by default."""

CHINESE = "数据库中的文本" * 1200
LONG = {11: STORY, 12: CHINESE, 13: " \u3000", 14: "!!!", 15: "保温杯" * 2720}


@pytest.fixture
def long(project, world):
    """The project with a model whose limit is known, and texts near that limit and beyond it."""
    world.sql("ALTER TABLE db.docs MODIFY body LONGTEXT")
    for id, body in LONG.items():
        world.sql("INSERT INTO db.docs (id, body) VALUES (%s, %s)", id, body)
    project.embedding(**MODEL)
    source = {"table": "db.docs", "columns": {"id": "INT", "body": "LONGTEXT"}, "primary_key": "id"}
    project.collection(source=source)
    return project


def stored(world, id):
    return world.search("GET", f"/docs/_doc/{id}")["_source"]


def passages(world, index):
    world.search("POST", f"/{index}/_refresh")
    query = {"nested": {"path": "vector", "query": {"exists": {"field": "vector.knn"}}}}
    return world.search("POST", f"/{index}/_count", {"query": query})["count"]


def test_the_row_of_a_long_text_arrives_cut_by_default_and_then_chunked(long, world, eventually):
    before = world.inventory()
    long.up()
    eventually(lambda: (world.count("docs"), world.count("docs", "vector")) == (10, 8))
    assert sorted(stored(world, 11)) == ["id", "text", "vector"]
    assert (stored(world, 11)["text"], stored(world, 12)["text"]) == (STORY, CHINESE)

    [cut] = world.search("GET", "/_alias/docs")
    long.collection(texts={"vector": CHUNKS})
    long.up()
    [chunked] = world.search("GET", "/_alias/docs")
    assert chunked != cut
    assert (world.count("docs"), passages(world, "docs")) == (10, 8)

    queries = long.outputs()["collections"]["docs"]
    hit = world.search("POST", "/docs/_search", filled(queries["neural"], SENTENCE))["hits"]["hits"][0]
    [found] = hit["inner_hits"]["vector"]["hits"]["hits"]
    assert (hit["_id"], sorted(hit["_source"])) == ("11", ["id", "text"])
    assert "kettle whistles" in found["_source"]["text"]
    assert len(found["_source"]["text"].split()) == 20
    hybrid = world.search("POST", "/docs/_search", filled(queries["hybrid"], SENTENCE))["hits"]["hits"]
    assert (hybrid[0]["_id"], sorted(hybrid[0]["_source"])) == ("11", ["id", "text"])

    world.sql("UPDATE db.docs SET body = 'a teapot' WHERE id = 11")
    eventually(lambda: [passage["text"] for passage in stored(world, 11)["vector"]] == ["a teapot"])
    long.refresh("--expect-no-changes")
    assert long.preview() == {}
    long.destroy()
    assert world.inventory() == before


def test_the_row_of_a_long_text_arrives_where_the_models_limit_is_not_known(long, world, eventually):
    long.embedding(model="hashing", dimension=64, max_tokens=None)
    assumed = "how much hashing takes is not known: 512 tokens are assumed, so texts are cut at 496 bytes"
    assert assumed in " ".join(long.run("preview").split())
    assert assumed in " ".join(long.up().split())
    eventually(lambda: (world.count("docs"), world.count("docs", "vector")) == (10, 8))
    assert stored(world, 11)["text"] == STORY
    long.embedding(max_tokens=8192)
    assert long.preview() == {"search-docs-ingest-pipeline": "update", **RECORDED}
    assert "assumed" not in long.up()


def test_two_columns_make_one_vector_that_follows_both(project, world, eventually):
    columns = {"id": "INT", "body": "TEXT", "note": "VARCHAR(50)"}
    text = {"type": "text"}
    vector = {"type": "knn_vector"}
    project.embedding(**MODEL)
    project.collection(
        source={"table": "db.docs", "columns": columns, "primary_key": "id"},
        fields={"id": "id", "text": "body", "note": "note"},
        mapping={"id": {"type": "integer"}, "text": text, "note": text, "vector": vector},
        field_map={"vector": ["note", "text"]},
        texts={"vector": {"labels": {"note": "Note"}}},
    )
    world.sql("UPDATE db.docs SET note = 'for winter' WHERE id = 1")
    project.up()
    eventually(lambda: (world.count("docs"), world.count("docs", "vector")) == (5, 4))

    def exact(text):
        """The documents whose vector is that of the text."""
        query = {"neural": {"vector": {"query_text": text, "k": 5}}}
        world.search("POST", "/docs/_refresh")
        found = world.search("POST", "/docs/_search", {"query": query, "_source": False})["hits"]["hits"]
        return [hit["_id"] for hit in found if hit["_score"] > 0.9999]

    assert exact("Note: for winter\na warm jumper") == ["1"]
    assert exact("a kettle for tea") == ["2"]
    world.sql("UPDATE db.docs SET note = 'for two' WHERE id = 2")
    eventually(lambda: exact("Note: for two\na kettle for tea") == ["2"])
    world.sql("UPDATE db.docs SET note = 'alone' WHERE id = 4")
    eventually(lambda: exact("Note: alone") == ["4"])
    assert sorted(stored(world, 2)) == ["id", "note", "text", "vector"]
    project.refresh("--expect-no-changes")
