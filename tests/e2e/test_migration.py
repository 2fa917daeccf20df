"""Changes on a live stack: another key, another model, another mapping, and second thoughts. No search ever fails."""

from __future__ import annotations

import json

import pytest

NEW_KEY = "sk-rotated-0123456789"


@pytest.fixture
def filled(project, world, eventually):
    """The stack is up, and every row that has a text has its vector."""
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    return project


def versions(world):
    return [world.search("GET", f"/docs/_doc/{id}")["_version"] for id in range(1, 6)]


def test_another_key_without_a_failed_search(filled, world, traffic):
    before, index = filled.outputs(), world.search("GET", "/docs")
    world.keys.add(NEW_KEY)
    filled.secret("embeddingApiKey", NEW_KEY)
    assert filled.preview() == {"search-embedding-connector": "replace", "search-embedding-model": "update"}
    with traffic() as failed:
        filled.up()
        world.keys.discard(world.api_key)
        assert world.ask("docs", "a warm jumper")[0] == "1"
    assert failed == []
    assert (filled.outputs(), world.search("GET", "/docs")) == (before, index)
    assert len(world.inventory()["connectors"]) == 1


def test_a_bad_key_never_reaches_the_live_model(filled, world, traffic):
    before = world.inventory()
    filled.secret("embeddingApiKey", "sk-wrong-0123456789")
    with traffic() as failed:
        said = filled.up(ok=False)
    assert failed == []
    assert "Incorrect API key provided" in said
    assert "`pulumi config set --secret embeddingApiKey`" in said
    assert "sk-wrong-0123456789" not in said
    assert "Traceback" not in said
    assert world.inventory()["models"] == before["models"]
    filled.secret("embeddingApiKey", world.api_key)
    filled.up()
    assert world.inventory()["models"] == before["models"]
    assert len(world.inventory()["connectors"]) == 1


def test_another_model_is_another_generation_without_a_failed_search(filled, world, traffic):
    old = filled.outputs()["collections"]["docs"]["index"]
    filled.embedding(dimension=128)
    assert filled.preview()["search-docs-alias"] == "update"
    with traffic() as failed:
        filled.up()
    assert world.unexplained(failed) == []
    new = filled.outputs()["collections"]["docs"]["index"]
    left = world.inventory()
    assert (left["indexes"], left["aliases"]) == ([new], ["docs"])
    assert old != new
    assert left["ingest pipelines"] == left["search pipelines"] == [new]
    assert len(left["models"]) == len(left["connectors"]) == len(left["links"]) == 1
    assert world.count(new, "vector") == 4
    assert filled.preview() == {}


def test_protected_documents_may_go_once_their_successor_serves(filled, world):
    filled.collection(deletion_protection=True)
    filled.up()
    filled.collection(revision=2)
    filled.up()
    assert len(world.inventory()["indexes"]) == 1
    said = filled.destroy(ok=False)
    assert "alias docs serves 5 documents" in said
    assert "set deletion_protection: false" in said
    assert world.ask("docs", "a warm jumper")[0] == "1"
    assert filled.preview() == {}


def test_a_backfill_that_takes_too_long_leaves_the_alias_and_goes_on_later(filled, world):
    old = filled.outputs()["collections"]["docs"]["index"]
    world.embeddings.hold()  # rows take their time, as a million of them would
    filled.collection(cutover_timeout=1)
    filled.embedding(dimension=128)
    said = filled.up(ok=False)
    assert f"alias docs stays on {old}" in said
    assert "has 0 of 5 rows, 0 of 4 vectors of body" in said
    assert "run `pulumi up` again to go on" in said
    assert world.ask("docs", "a warm jumper")[0] == "1"
    assert old in world.inventory()["indexes"]
    world.embeddings.release()
    filled.collection(cutover_timeout=60)
    filled.up()
    new = filled.outputs()["collections"]["docs"]["index"]
    assert world.inventory()["indexes"] == [new] != [old]
    assert world.ask("docs", "a warm jumper")[0] == "1"


def test_a_generation_taken_back_embeds_nothing_twice(filled, world):
    before = world.inventory()
    world.embeddings.hold()
    filled.collection(cutover_timeout=1)
    filled.embedding(dimension=128)
    filled.up(ok=False)
    world.embeddings.release()
    filled.embedding(dimension=64)
    filled.up()
    after = world.inventory()
    assert {key: after[key] for key in ("indexes", "aliases", "models")} == {
        key: before[key] for key in ("indexes", "aliases", "models")
    }
    assert versions(world) == [1, 1, 1, 1, 1]  # no document was written a second time
    assert len(after["links"]) == len(after["connectors"]) == 1
    assert world.count("docs", "vector") == 4
    assert filled.preview() == {}


def test_an_alias_that_moved_before_the_change_was_taken_back_never_disappears(box, filled, world):
    """What followed the move failed, so that state does not know of it: going back would delete what is served."""
    before, old = world.inventory(), filled.outputs()["collections"]["docs"]["index"]
    filled.embedding(dimension=128)
    world.search("POST", "/_sandbox/faults", {"method": "GET", "path": f"/{old}/_mapping", "kind": "500"})
    filled.up(ok=False)
    [serving] = world.search("GET", "/_alias/docs")
    assert serving != old
    filled.embedding(dimension=64)
    said = filled.up(ok=False)
    assert f"index {serving} still serves alias docs; run `pulumi up --refresh`" in " ".join(said.split())
    assert world.ask("docs", "a warm jumper")[0] == "1"
    filled.up("--refresh")
    assert world.ask("docs", "a warm jumper")[0] == "1"
    after = world.inventory()
    assert {key: after[key] for key in ("indexes", "aliases")} == {key: before[key] for key in ("indexes", "aliases")}
    assert len(after["links"]) == len(after["connectors"]) == len(after["models"]) == 1
    assert filled.preview() == {}


def test_what_may_change_in_place(filled, world):
    index = filled.outputs()["collections"]["docs"]["index"]
    mapping = {**filled.blocks["collections"][0]["mapping"], "note": {"type": "keyword"}}
    filled.collection(mapping=mapping, settings={"refresh_interval": "2s"}, search={"weights": [0.5, 0.5]})
    assert set(filled.preview().values()) == {"update"}
    filled.up()
    shown = world.search("GET", f"/{index}")[index]
    assert shown["settings"]["index"]["refresh_interval"] == "2s"
    assert shown["mappings"]["properties"]["note"] == {"type": "keyword"}
    weights = json.dumps(world.search("GET", f"/_search/pipeline/{index}"))
    assert "[0.5, 0.5]" in weights
    assert filled.outputs()["collections"]["docs"]["index"] == index


def test_a_mapped_field_never_changes_under_the_same_name(filled, world):
    mapping = {**filled.blocks["collections"][0]["mapping"], "id": {"type": "long"}}
    filled.collection(mapping=mapping)
    said = filled.run("preview", ok=False)
    assert "field id cannot change in place" in said
    assert "another `revision`" in said
    filled.collection(revision=2)
    filled.up()
    index = filled.outputs()["collections"]["docs"]["index"]
    assert world.search("GET", f"/{index}/_mapping")[index]["mappings"]["properties"]["id"] == {"type": "long"}


def test_a_renamed_collection_keeps_the_table_that_the_stack_made(project, world, eventually):
    world.sql("DROP TABLE db.docs")
    project.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (1, 'a warm jumper')")
    project.collection(name="articles")
    project.up()
    eventually(lambda: world.ask("articles", "a warm jumper") == ["1"])
    assert world.sql("SELECT COUNT(*) FROM db.docs") == [(1,)]
    assert world.inventory()["aliases"] == ["articles"]
