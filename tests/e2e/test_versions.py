"""A stack on the oldest OpenSearch promised, and on a new one: brought up, given another key, destroyed."""

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
    """The stack is up, though answers of what makes something were lost; every text has its vector."""
    for path in LOST:
        world.search("POST", "/_sandbox/faults", {"method": "POST", "path": f"/_plugins/_ml/{path}", "kind": "lost"})
    project.embedding(batch_size=None)
    project.collection(mapping=MAPPING)
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    assert project.preview() == {}
    return project


@pytest.fixture
def rekeyed(filled, world):
    """The embedding service takes another key too, and the stack is to have that."""
    world.keys.add(NEW_KEY)
    filled.secret("embeddingApiKey", NEW_KEY)
    return filled


@pytest.fixture
def works_and_goes(world, eventually):
    """With the new key alone a row gets its vector; there is one of each thing, and after a destroy none."""

    def check(project):
        world.keys.discard(world.api_key)
        world.sql("INSERT INTO db.docs (id, body) VALUES (6, 'a bell')")
        eventually(lambda: world.count("docs", "vector") == 5)
        assert [len(world.inventory()[kind]) for kind in KINDS] == [1] * len(KINDS)
        project.destroy()
        assert [world.inventory()[kind] for kind in KINDS] == [[]] * len(KINDS)

    return check


@pytest.mark.parametrize("world", ["2.11.1"], indirect=True)
def test_in_2_11_another_key_wants_another_model_and_says_how(rekeyed, works_and_goes):
    said = rekeyed.up(ok=False)
    assert "changing connector_id needs OpenSearch 2.12 or later; replace it instead: `pulumi up --replace`" in said
    rekeyed.up("--replace", rekeyed.resource("search-embedding-model")["urn"])
    works_and_goes(rekeyed)


@pytest.mark.parametrize("world", ["3.3.2"], indirect=True)
def test_in_3_x_another_key_is_given_to_the_same_model(rekeyed, works_and_goes):
    model = rekeyed.outputs()["model_id"]
    rekeyed.up()
    assert rekeyed.outputs()["model_id"] == model
    works_and_goes(rekeyed)
