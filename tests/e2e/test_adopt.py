"""`python -m ops adopt` on objects that the tutorial's ten requests made: the stack owns them as they are."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from tests.e2e.tutorial import COLLECTION, INDEX, MAPPING, ML, PIPELINE, ROWS, Tutorial

DONE = "adopted: run `pulumi up`, which takes the objects over"


@pytest.fixture
def made(request, world, eventually):
    """The tutorial's objects, its three rows embedded by the model of 1024 numbers, or by that which the test sets."""
    tutorial = Tutorial(world, *getattr(request, "param", ()))
    tutorial.run()
    eventually(lambda: world.count(INDEX, "my_vector") == len(ROWS))
    return tutorial


@pytest.fixture
def stack(project):
    """A stack that declares what the tutorial made, and was never up."""
    project.embedding(model="text-embedding-v4", dimension=1024)
    project.configure(collections=[COLLECTION])
    return project


def command(*args: str, name: str = "adopt") -> list[str]:
    return [sys.executable, "-m", "ops", name, *args]


@pytest.fixture
def adopt(stack, world):
    """Runs the command on the stack, and returns its exit code and its output on one line."""

    def run(*args: str) -> tuple[int, str]:
        done = subprocess.run(command(*args), cwd=stack.folder, env=stack.environ, capture_output=True, text=True)
        output = done.stdout + done.stderr
        assert "Traceback" not in output
        for secret in (world.search_password, world.database["password"], world.api_key):
            assert secret not in output
        return done.returncode, output

    return run


def answered(stack, answer: bytes) -> tuple[int, str]:
    """Runs the command in a terminal, and gives it an answer."""
    terminal, stdin = pty.openpty()
    running = subprocess.Popen(
        command(), cwd=stack.folder, env=stack.environ, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    os.write(terminal, answer)
    output, _ = running.communicate()
    os.close(terminal)
    os.close(stdin)
    return running.returncode, output.decode()


def ids_of(stack) -> dict[str, str]:
    return {each["urn"].rpartition("::")[2]: each.get("id", "") for each in stack.state()}


def test_what_the_tutorial_made_is_owned_as_it_is(stack, world, made, adopt, traffic):
    documents, inventory = made.documents(), world.inventory()
    embedded = world.embeddings.texts
    with traffic(INDEX, {"match": {"my_text": "aaa"}}) as failed:
        code, output = adopt("--yes")
        assert code == 0, output
        stack.up()
    assert failed == []
    assert stack.preview() == {}
    assert made.documents() == documents
    assert world.embeddings.texts - embedded == 3 + 1  # the texts that are compared, and the test of the model
    ids = ids_of(stack)
    assert ids["search-embedding-model"] == made.ids["model"]
    assert ids["search-embedding-connector"] == made.ids["connector"]
    assert ids["search-documents-index"] == ids["search-documents-link"] == INDEX
    assert ids["search-documents-ingest-pipeline"] == PIPELINE
    for kind in ("models", "connectors", "model_groups", "indexes", "links", "ingest pipelines"):
        assert world.inventory()[kind] == inventory[kind]
    assert world.inventory()["aliases"] == ["documents"]
    stack.refresh("--expect-no-changes")
    assert adopt("--yes") == (0, "there is nothing to adopt\n")
    looked = subprocess.run(command("--json", name="doctor"), cwd=stack.folder, env=stack.environ, capture_output=True)
    assert json.loads(looked.stdout)["findings"] == []


def test_what_was_adopted_changes_and_goes_as_what_the_stack_made(stack, world, made, adopt, eventually):
    before = world.inventory()
    adopt("--yes")
    stack.up()
    world.keys.add("sk-rotated-0123456789")
    stack.secret("embeddingApiKey", "sk-rotated-0123456789")
    stack.up()
    world.keys.discard(world.api_key)
    [connector] = world.inventory()["connectors"]
    assert connector != made.ids["connector"]
    assert made.ids["connector"] not in str(world.search("GET", "/_cluster/settings"))
    stack.embedding(dimension=512)
    stack.up()
    left = world.inventory()
    assert INDEX not in left["indexes"]
    assert PIPELINE not in left["ingest pipelines"]
    assert made.ids["model"] not in left["models"]
    assert world.nearest("documents", "aaa", "my_vector", 1) == ["1"]
    stack.destroy()
    [group] = world.search("POST", f"{ML}/model_groups/_search", {"query": {"match_all": {}}})["hits"]["hits"]
    assert group["_source"]["name"] == "test_model_group"
    gone = ("connectors", "models", "indexes", "links", "ingest pipelines")
    after = world.inventory()
    assert {kind: after[kind] for kind in gone} == {kind: [] for kind in gone}
    assert (after["settings"], after["tables"]) == (before["settings"], before["tables"])


NORMAL = {"type": "knn_vector", "space_type": "cosinesimil"}
DECLARED_OTHERWISE = [
    ({"mapping": {**MAPPING, "my_vector": NORMAL}}, {}, '"space_type": "l2"', '"cosinesimil", "engine": "faiss"'),
    ({"before": [{"lowercase": {"field": "my_text"}}]}, {}, "before is nothing", "it cannot change in place"),
    ({"name": INDEX}, {}, f"collection {INDEX}: an index has that name", "name the collection otherwise"),
    ({"sync": {"backend": "search_view"}}, {}, "is filled by a link of dbms_etl", "sync.backend is search_view"),
    ({}, {"model": "hashing"}, "asks for text-embedding-v4", "embedding.model is hashing"),
]


def test_what_is_declared_otherwise_and_cannot_change_in_place_is_refused_with_both_values(stack, world, made, adopt):
    before, embedding = world.inventory(), stack.blocks["embedding"]
    for collection, changed, *texts in DECLARED_OTHERWISE:
        stack.configure(collections=[{**COLLECTION, **collection}], embedding={**embedding, **changed})
        code, output = adopt("--yes")
        assert code == 1, output
        assert all(text in output for text in texts), output
    assert world.inventory() == before
    assert "pulumi" not in str(world.search("GET", f"/{INDEX}/_mapping"))


@pytest.mark.parametrize("made", [("all-MiniLM-L6-v2", 384)], indirect=True, ids=["filled by MiniLM"])
def test_vectors_of_another_model_of_the_same_dimension_are_refused(stack, world, made, adopt):
    made.model = "hashing"
    made.connector()
    made.register("another model")
    made.deploy()
    made.pipeline()
    stack.embedding(model="hashing", dimension=384)
    before = world.inventory()
    code, output = adopt("--yes")
    assert code == 1
    assert "my_vector of document 1 has a cosine of " in output
    assert world.inventory() == before


def test_an_index_without_vectors_is_refused(stack, world, made, adopt, eventually):
    world.sql("UPDATE db.test_table SET t2 = NULL")
    eventually(lambda: world.count(INDEX, "my_vector") == 0)
    code, output = adopt("--yes")
    assert code == 1
    assert f"index {INDEX} has 3 documents, and no vector in my_vector" in output


def test_a_group_with_other_models_is_refused(stack, world, made, adopt):
    ours = made.ids["model"]
    made.register()
    code, output = adopt("--yes")
    assert code == 1
    assert f"is that of model qwen embedding model ({made.ids['model']}), too; give them another model group" in output
    assert ours not in output.partition("✗")[2]


def test_an_index_that_no_link_fills_is_refused(stack, world, made, adopt):
    [link] = world.inventory()["links"]
    world.sql("CALL dbms_etl.drop_sync_link(%s)", link)
    code, output = adopt("--yes")
    assert code == 1
    assert f"no link fills index {INDEX}" in output


def test_nothing_is_written_before_somebody_agrees(stack, world, made, adopt):
    before, path = world.inventory(), stack.folder / "stacks" / "Pulumi.test.yaml"
    written = path.read_text()
    code, output = adopt()
    assert code == 1
    assert "+ owner references of index test_index: index, link" in output
    assert "nothing is written: run it in a terminal, or with --yes" in output
    code, output = adopt("--json")
    assert (code, json.loads(output)["done"]) == (1, False)
    code, output = answered(stack, b"n\n")
    assert (code, "Adopt?" in output, DONE in output) == (1, True, False)
    assert (world.inventory(), path.read_text()) == (before, written)
    assert "pulumi" not in str(world.search("GET", f"/{INDEX}/_mapping"))
    code, output = answered(stack, b"y\n")
    assert (code, DONE in output) == (0, True)
    assert "pulumi" in str(world.search("GET", f"/{INDEX}/_mapping"))


@pytest.mark.parametrize("world", ["2.11.1"], indirect=True)
def test_before_2_12_no_model_can_be_adopted(box, stack, made, adopt):
    code, output = adopt("--yes")
    assert (code, "adopting a model needs OpenSearch 2.12 or later" in output) == (1, True)


def test_a_name_that_there_is_not_and_an_option_that_names_none_are_told(stack, made, adopt):
    code, output = adopt("--yes", "--index", "documents=nope")
    assert (code, "there is no index nope; name another with --index" in output) == (1, True)
    assert adopt("--index", "nope") == (2, "--index nope: write <collection>=<index>\n")


WRITES = [
    ("PUT", "/_cluster/settings"),
    ("PUT", f"{ML}/models/*"),
    ("PUT", f"{ML}/model_groups/*"),
    ("PUT", f"/_ingest/pipeline/{PIPELINE}"),
    ("PUT", f"/{INDEX}/_mapping"),
]


def test_a_command_that_is_killed_at_any_write_goes_on_where_it_was(box, stack, world, made, adopt, eventually):
    """An `up` in between takes over what was handed over, and refuses the rest."""
    documents = made.documents()
    for method, path in WRITES:
        slow = {"method": method, "path": path, "kind": "slow", "seconds": 1}
        world.search("POST", "/_sandbox/faults", slow)
        running = subprocess.Popen(command("--yes"), cwd=stack.folder, env=stack.environ, start_new_session=True)
        eventually(lambda: not world.search("GET", "/_sandbox/faults")["faults"])
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        output = stack.up(ok=None)
        assert "python -m ops adopt" in output or path == f"/{INDEX}/_mapping"
    code, output = adopt("--yes")
    assert code == 0, output
    stack.up()
    assert (stack.preview(), made.documents()) == ({}, documents)
    assert ids_of(stack)["search-embedding-connector"] == made.ids["connector"]


def test_a_model_group_of_a_declared_name_is_adopted(project, world, stack, adopt):
    group = "polardb-semantic-search-test-search-embedding"
    world.search("POST", f"{ML}/model_groups/_register", {"name": group, "description": "made by somebody"})
    assert f"model group {group}" in stack.up(ok=False)
    code, output = adopt("--yes")
    assert (code, f"+ owner reference of model group {group}" in output) == (0, True)
    assert "collection documents: no index has its fields and vectors; `up` makes one" in output
    [id] = world.inventory()["model_groups"]
    stack.up()
    assert world.inventory()["model_groups"] == [id]
