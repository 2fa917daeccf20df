"""What is protected is judged before anything is deleted, and what a killed run left behind is deleted."""

from __future__ import annotations

import pytest

from tests.e2e.test_repair import is_alive, plugins_of

ML = "/_plugins/_ml"


@pytest.fixture
def filled(project, world, eventually):
    """A stack that is up, whose one collection is protected, and in which every row with a text has its vector."""
    project.collection(deletion_protection=True)
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    return project


@pytest.fixture
def everything(world):
    """Returns every list of the servers, and what every index says and is called."""
    return lambda: (world.inventory(), indexes(world))


def indexes(world):
    shown = {name: each for name, each in world.search("GET", "/_all").items() if not name.startswith(".")}
    return {name: (each["aliases"], each["mappings"].get("_meta")) for name, each in shown.items()}


def one_line(output):
    return " ".join(output.split())


def add_collection(project, name, **changes):
    [collection, *_] = project.blocks["collections"]
    project.configure(collections=[collection, {**collection, "name": name, **changes}])


# destroy


def test_destroy_deletes_nothing_of_an_unprotected_collection_beside_a_protected_one(filled, world, everything):
    add_collection(filled, "notes", deletion_protection=False)
    filled.up()
    before, index = everything(), filled.outputs()["collections"]["docs"]["index"]
    output = one_line(filled.destroy(ok=False))
    assert f"nothing was deleted: index {index} of collection docs has 5 documents, and deletion protection" in output
    assert "set deletion_protection: false" in output
    assert everything() == before
    assert world.nearest("notes", "a warm jumper")[0] == "1"


def test_destroy_with_a_second_alias_on_the_index_deletes_neither_alias_nor_link(filled, world, everything):
    index = filled.outputs()["collections"]["docs"]["index"]
    world.search("POST", "/_aliases", {"actions": [{"add": {"index": index, "alias": "second"}}]})
    before = everything()
    assert f"index {index} of collection docs has 5 documents" in one_line(filled.destroy(ok=False))
    assert everything() == before


def test_destroy_deletes_nothing_of_an_index_whose_meta_somebody_overwrote(filled, world, everything):
    index = filled.outputs()["collections"]["docs"]["index"]
    world.search("PUT", f"/{index}/_mapping", {"_meta": {"theirs": "1"}})
    before = everything()
    output = one_line(filled.destroy(ok=False))
    assert f"index {index} has lost its owner reference, since somebody overwrote its _meta" in output
    assert "run `pulumi up --refresh`, which writes it again" in output
    assert f"index {index} of collection docs has 5 documents, and deletion protection is on" in output
    assert everything() == before
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    filled.collection(deletion_protection=False)
    filled.up("--refresh")
    filled.destroy()
    assert [world.inventory()[kind] for kind in ("indexes", "aliases", "links", "search pipelines", "models")] == [
        []
    ] * 5


def test_destroy_is_refused_while_only_the_index_says_that_it_is_protected(project, world, everything, eventually):
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    index = project.outputs()["collections"]["docs"]["index"]
    [meta] = [each["mappings"]["_meta"] for each in world.search("GET", f"/{index}/_mapping").values()]
    protected = {**meta, "pulumi": {**meta["pulumi"], "protected": "true"}}
    world.search("PUT", f"/{index}/_mapping", {"_meta": protected})
    before = everything()
    output = one_line(project.destroy(ok=False))
    assert (
        "the index says that they are protected, though deletion_protection is false; run `pulumi up --refresh`"
        in output
    )
    assert everything() == before
    project.up("--refresh")
    project.destroy()
    assert world.inventory()["indexes"] == []


def test_destroy_names_a_foreign_model_in_our_group_before_anything_is_deleted(project, world, everything):
    project.up()
    [group] = world.inventory()["model_groups"]
    [connector] = world.inventory()["connectors"]
    theirs = {"name": "theirs", "function_name": "remote", "model_group_id": group, "connector_id": connector}
    made = world.search("POST", f"{ML}/models/_register", theirs)["model_id"]
    before = everything()
    output = one_line(project.destroy(ok=False))
    assert (
        f"model theirs ({made}) is not of this stack and uses connector {connector} and model group {group}" in output
    )
    assert everything() == before
    world.search("DELETE", f"{ML}/models/{made}")
    project.destroy()
    assert world.inventory()["model_groups"] == []


def test_a_protected_collection_that_is_taken_out_keeps_everything(filled, world, everything):
    add_collection(filled, "notes", deletion_protection=False)
    filled.up()
    before, [docs, notes] = everything(), filled.blocks["collections"]
    filled.configure(collections=[notes])
    output = one_line(filled.up(ok=False))
    assert "of collection docs has 5 documents, and deletion protection is on" in output
    assert everything() == before
    filled.configure(collections=[{**docs, "deletion_protection": False}, notes])
    filled.up()
    filled.configure(collections=[notes])
    filled.up()
    assert world.inventory()["aliases"] == ["notes"]
    assert filled.preview() == {}


# killed creates

HELD = {
    "trusted endpoint": ("PUT", "/_cluster/settings"),
    "model group": ("POST", f"{ML}/model_groups/_register"),
    "connector": ("POST", f"{ML}/connectors/_create"),
    "model": ("POST", f"{ML}/models/_register"),
    "ingest pipeline": ("PUT", "/_ingest/pipeline/*"),
    "search pipeline": ("PUT", "/_search/pipeline/*"),
    "index": ("PUT", "/docs_*"),
    "sync link": ("PUT", "/docs_*/_mapping"),
    "alias": ("POST", "/_aliases"),
}
"""A request of each kind's create."""


@pytest.fixture
def killed(world, held_up, eventually):
    """Kills an `up` while a request is held up, and returns once that request has done what it does."""

    def kill(project, method, path):
        running = held_up(project, method, path, 2)
        plugins = plugins_of(project)
        project.kill(running)
        eventually(lambda: not any(map(is_alive, plugins)))
        project.run("cancel", "--yes")

    return kill


@pytest.mark.parametrize("kind", HELD)
def test_destroy_after_a_killed_create_leaves_nothing(box, project, world, killed, kind):
    before = world.inventory()
    killed(project, *HELD[kind])
    assert world.inventory() != before
    project.destroy()
    assert world.inventory() == before


OF_A_GENERATION = ("ingest pipeline", "search pipeline", "index", "sync link")


@pytest.fixture
def small(project, world, eventually):
    """A stack that is up, whose one collection is not protected."""
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    return project


@pytest.mark.parametrize("kind", OF_A_GENERATION)
def test_the_configuration_before_a_killed_generation_leaves_nothing_of_it(box, small, world, everything, killed, kind):
    before, [collection] = world.inventory(), small.blocks["collections"]
    small.collection(revision=2)
    killed(small, *HELD[kind])
    small.configure(collections=[collection])
    small.up()
    assert world.inventory() | {"links": []} == before | {"links": []}
    assert len(world.inventory()["links"]) == 1
    assert small.preview() == {}
    small.destroy()
    assert world.inventory()["indexes"] == world.inventory()["links"] == world.inventory()["models"] == []


def test_the_configuration_before_a_killed_key_rotation_leaves_no_connector(box, small, world, killed):
    before = world.inventory()
    world.keys.add("sk-another")
    small.secret("embeddingApiKey", "sk-another")
    killed(small, *HELD["connector"])
    assert len(world.inventory()["connectors"]) == 2
    small.secret("embeddingApiKey", world.api_key)
    small.up()
    assert world.inventory()["connectors"] == before["connectors"]
    assert small.preview() == {}


def test_a_pipeline_that_a_late_request_took_over_is_taken_back_and_deleted(small, world):
    index = small.outputs()["collections"]["docs"]["index"]
    [pipeline] = world.search("GET", f"/_search/pipeline/{index}").values()
    uid = small.resource("search-docs-search-pipeline")["outputs"]["uid"]
    world.search(
        "PUT", f"/_search/pipeline/{index}", {**pipeline, "description": pipeline["description"].replace(uid, "0" * 16)}
    )
    small.collection(search={"weights": [0.5, 0.5]})
    small.up()
    assert f"#{uid}]" in world.search("GET", f"/_search/pipeline/{index}")[index]["description"]
    world.search(
        "PUT", f"/_search/pipeline/{index}", {**pipeline, "description": pipeline["description"].replace(uid, "0" * 16)}
    )
    small.destroy()
    assert world.inventory()["search pipelines"] == []
