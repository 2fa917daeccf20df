"""A stack on the oldest supported OpenSearch and on a new one: up, another key, destroy."""

from __future__ import annotations

import pytest

NEW_KEY = "sk-another-0123456789"
LOST = ("connectors/_create", "models/_register", "model_groups/_register")
KINDS = ("connectors", "models", "model_groups", "indexes", "links")
MAPPING = {
    "id": {"type": "integer"},
    "text": {"type": "text"},
    "vector": {"type": "knn_vector", "method": {"name": "hnsw", "engine": "lucene"}},
}


@pytest.fixture
def filled(box, project, world, eventually):
    """A stack that is up after lost answers to creates, in which every text has its vector."""
    for path in LOST:
        world.search("POST", "/_sandbox/faults", {"method": "POST", "path": f"/_plugins/_ml/{path}", "kind": "lost"})
    project.embedding(batch_size=None)
    project.collection(mapping=MAPPING)
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    assert project.preview() == {}
    return project


@pytest.fixture
def with_new_key(filled, world):
    """A stack whose configuration has another key, which the embedding service accepts too."""
    world.keys.add(NEW_KEY)
    filled.secret("embeddingApiKey", NEW_KEY)
    return filled


@pytest.fixture
def check_and_destroy(world, eventually):
    """Checks that a row gets its vector with the new key alone, that there is one object of each kind, and destroys."""

    def check(project):
        world.keys.discard(world.api_key)
        world.sql("INSERT INTO db.docs (id, body) VALUES (6, 'a bell')")
        eventually(lambda: world.count("docs", "vector") == 5)
        assert [len(world.inventory()[kind]) for kind in KINDS] == [1] * len(KINDS)
        project.destroy()
        assert [world.inventory()[kind] for kind in KINDS] == [[]] * len(KINDS)

    return check


@pytest.mark.parametrize("world", ["2.11.1"], indirect=True)
def test_in_2_11_another_key_needs_another_model(with_new_key, check_and_destroy):
    output = with_new_key.up(ok=False)
    assert "changing connector_id needs OpenSearch 2.12 or later; replace it instead: `pulumi up --replace`" in output
    with_new_key.up("--replace", with_new_key.resource("search-embedding-model")["urn"])
    check_and_destroy(with_new_key)


@pytest.mark.parametrize("world", ["3.3.2"], indirect=True)
def test_in_3_x_another_key_keeps_the_model(with_new_key, check_and_destroy):
    model = with_new_key.outputs()["model_id"]
    with_new_key.up()
    assert with_new_key.outputs()["model_id"] == model
    check_and_destroy(with_new_key)
