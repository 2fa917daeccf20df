"""Changes of a live stack: key, model and mapping, and reverting them. No search fails meanwhile."""

from __future__ import annotations

import json

from tests.e2e.conftest import RECORDED

NEW_KEY = "sk-rotated-0123456789"


"""In a preview: the digest of what the configuration makes is another."""


def versions(world):
    return [world.search("GET", f"/docs/_doc/{id}")["_version"] for id in range(1, 6)]


def test_the_key_changes_without_a_failed_search(filled, world, traffic):
    before, index = filled.outputs(), world.search("GET", "/docs")
    world.keys.add(NEW_KEY)
    filled.secret("embeddingApiKey", NEW_KEY)
    changed = {"search-embedding-connector": "replace", "search-embedding-model": "update"}
    assert filled.preview() == {**changed, **RECORDED}
    with traffic() as failed:
        filled.up()
        world.keys.discard(world.api_key)
        assert world.nearest("docs", "a warm jumper")[0] == "1"
    assert failed == []
    assert (filled.outputs(), world.search("GET", "/docs")) == (before, index)
    assert len(world.inventory()["connectors"]) == 1


def test_an_invalid_key_never_reaches_the_live_model(filled, world, traffic):
    before = world.inventory()
    filled.secret("embeddingApiKey", "sk-wrong-0123456789")
    with traffic() as failed:
        output = filled.up(ok=False)
    assert failed == []
    assert "Incorrect API key provided" in output
    assert "`pulumi config set --secret embeddingApiKey`" in output
    assert "sk-wrong-0123456789" not in output
    assert "Traceback" not in output
    assert world.inventory()["models"] == before["models"]
    filled.secret("embeddingApiKey", world.api_key)
    filled.up()
    assert world.inventory()["models"] == before["models"]
    assert len(world.inventory()["connectors"]) == 1


def test_the_model_changes_without_a_failed_search(filled, world, traffic):
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


def test_queries_get_a_model_of_their_own_without_a_failed_search(filled, world, traffic):
    """Another prefix of queries leaves every vector as it is; taken back, the queries' model goes."""
    before, index = filled.outputs(), world.search("GET", "/docs")
    filled.embedding(query_prefix="query: ")
    made = {"search-embedding-query-connector": "create", "search-embedding-query-model": "create"}
    assert filled.preview() == {**made, "search-docs-search-pipeline": "update", **RECORDED}
    with traffic() as failed:
        filled.up()
    assert failed == []
    assert world.search("GET", "/docs") == index
    assert set(filled.outputs()) == {*before, "query_model_id"}
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    assert filled.preview() == {}
    filled.embedding(query_prefix="")
    with traffic() as failed:
        filled.up()
    assert failed == []
    assert filled.outputs() == before
    assert len(world.inventory()["models"]) == len(world.inventory()["connectors"]) == 1


def test_another_prefix_of_documents_is_another_generation(filled, world):
    old = filled.outputs()["collections"]["docs"]["index"]
    filled.embedding(document_prefix="passage: ", query_prefix="passage: ")
    filled.up()
    new = filled.outputs()["collections"]["docs"]["index"]
    assert (world.inventory()["indexes"], old == new) == ([new], False)
    assert world.count(new, "vector") == 4
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    assert set(filled.outputs()) == {"model_id", "dimension", "collections"}


def test_protected_documents_are_deleted_once_the_next_generation_serves(filled, world):
    filled.collection(deletion_protection=True)
    filled.up()
    filled.collection(revision=2)
    filled.up()
    assert len(world.inventory()["indexes"]) == 1
    output = filled.destroy(ok=False)
    assert "of collection docs has 5 documents" in " ".join(output.split())
    assert "set deletion_protection: false" in output
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    assert filled.preview() == {}


def test_after_a_cutover_timeout_the_alias_stays_and_the_next_up_continues(filled, world):
    old = filled.outputs()["collections"]["docs"]["index"]
    world.embeddings.hold()  # the backfill is slow, as with a million rows
    filled.collection(cutover_timeout=1)
    filled.embedding(dimension=128)
    output = filled.up(ok=False)
    assert f"alias docs stays on {old}" in output
    assert "has 0 of 5 rows, 0 of 4 vectors of body" in output
    assert "run `pulumi up` again to go on" in output
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    assert old in world.inventory()["indexes"]
    world.embeddings.release()
    filled.collection(cutover_timeout=60)
    filled.up()
    new = filled.outputs()["collections"]["docs"]["index"]
    assert world.inventory()["indexes"] == [new] != [old]
    assert world.nearest("docs", "a warm jumper")[0] == "1"


def test_reverting_a_generation_embeds_nothing_twice(filled, world):
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
    assert versions(world) == [1, 1, 1, 1, 1]  # no document was written twice
    assert len(after["links"]) == len(after["connectors"]) == 1
    assert world.count("docs", "vector") == 4
    assert filled.preview() == {}


def test_an_up_that_fails_after_the_alias_moved_can_be_reverted(box, filled, world):
    """The move is in state although the update broke off: reverting moves the alias back before the index goes."""
    before, old = world.inventory(), filled.outputs()["collections"]["docs"]["index"]
    filled.embedding(dimension=128)
    world.search("POST", "/_sandbox/faults", {"method": "GET", "path": f"/{old}/_mapping", "kind": "500"})
    filled.up(ok=False)
    [serving] = world.search("GET", "/_alias/docs")
    assert serving != old
    filled.embedding(dimension=64)
    filled.up()
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    after = world.inventory()
    assert {key: after[key] for key in ("indexes", "aliases")} == {key: before[key] for key in ("indexes", "aliases")}
    assert len(after["links"]) == len(after["connectors"]) == len(after["models"]) == 1
    assert filled.preview() == {}


def test_reverting_a_killed_move_never_deletes_the_serving_index(box, filled, world, held_up, traffic):
    """The run is killed after the move, which is not in state: the alias moves back before anything is deleted."""
    before, old = world.inventory(), filled.outputs()["collections"]["docs"]["index"]
    filled.embedding(dimension=128)
    filled.kill(held_up(filled, "GET", f"/{old}/_mapping", 3))
    filled.run("cancel", "--yes")
    [serving] = world.search("GET", "/_alias/docs")
    assert serving != old
    filled.embedding(dimension=64)
    with traffic() as failed:
        filled.up()
    assert failed == []
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    after = world.inventory()
    assert {key: after[key] for key in ("indexes", "aliases")} == {key: before[key] for key in ("indexes", "aliases")}
    assert filled.preview() == {}


def test_settings_mapping_and_weights_change_in_place(filled, world):
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


def test_a_changed_field_needs_another_revision(filled, world):
    mapping = {**filled.blocks["collections"][0]["mapping"], "id": {"type": "long"}}
    filled.collection(mapping=mapping)
    output = filled.run("preview", ok=False)
    assert "field id cannot change in place" in output
    assert "another `revision`" in output
    filled.collection(revision=2)
    filled.up()
    index = filled.outputs()["collections"]["docs"]["index"]
    assert world.search("GET", f"/{index}/_mapping")[index]["mappings"]["properties"]["id"] == {"type": "long"}


def test_a_renamed_collection_keeps_its_table(project, world, eventually):
    world.sql("DROP TABLE db.docs")
    project.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (1, 'a warm jumper')")
    project.collection(name="articles")
    project.up()
    eventually(lambda: world.nearest("articles", "a warm jumper") == ["1"])
    assert world.sql("SELECT COUNT(*) FROM db.docs") == [(1,)]
    assert world.inventory()["aliases"] == ["articles"]
