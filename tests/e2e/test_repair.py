"""Recovery from lost answers, killed runs, unavailable services and manual changes."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re

import pytest

from tests.e2e.conftest import RECORDED

LOST = [
    ("POST", "/_plugins/_ml/model_groups/_register"),
    ("POST", "/_plugins/_ml/connectors/_create"),
    ("POST", "/_plugins/_ml/models/_register"),
    ("PUT", "/_ingest/pipeline/*"),
    ("PUT", "/_search/pipeline/*"),
    ("PUT", "/docs_*"),
    ("POST", "/_aliases"),
    ("PUT", "/_cluster/settings"),
]


def test_lost_answers_create_no_duplicates(box, project, world, eventually):
    for method, path in LOST:
        world.search("POST", "/_sandbox/faults", {"method": method, "path": path, "kind": "lost"})
    project.up()
    assert world.search("GET", "/_sandbox/faults")["faults"] == []
    made = world.inventory()
    for kind in ("model_groups", "connectors", "models", "ingest pipelines", "search pipelines", "indexes", "links"):
        assert len(made[kind]) == 1, kind
    eventually(lambda: world.count("docs", "vector") == 4)
    assert project.preview() == {}


@pytest.mark.parametrize("kind", ["502", "503", "429", "refused"])
def test_a_service_that_is_briefly_unavailable_creates_no_duplicates(box, project, world, kind):
    world.search("POST", "/_sandbox/faults", {"method": "*", "path": "/_*", "kind": kind, "times": 3})
    project.up(ok=None)
    world.search("DELETE", "/_sandbox/faults")
    project.up()
    made = world.inventory()
    assert [len(made[k]) for k in ("model_groups", "connectors", "models", "indexes", "links")] == [1] * 5


def test_a_created_resource_that_cannot_be_read_is_kept_with_encrypted_secrets(box, project, world):
    world.search("POST", "/_sandbox/faults", {"method": "GET", "path": "/_plugins/_ml/connectors/*", "kind": "500"})
    output = project.up(ok=False)
    assert "GET /_plugins/_ml/connectors/" in output
    kept = project.resource("search-embedding-connector")
    assert kept["initErrors"]
    assert world.api_key not in output + json.dumps(project.state())
    project.up()
    assert world.inventory()["connectors"] == [kept["id"]]
    assert project.preview() == {}


def test_the_next_up_continues_a_killed_run(box, project, world, held_up, eventually):
    project.kill(held_up(project, "POST", "/_plugins/_ml/models/_register", 3))
    project.run("cancel", "--yes")
    eventually(lambda: len(world.inventory()["models"]) == 1)
    project.up()
    made = world.inventory()
    assert [len(made[k]) for k in ("model_groups", "connectors", "models", "indexes", "links")] == [1] * 5
    project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    project.destroy()
    assert world.inventory()["models"] == []


def test_an_up_that_takes_back_what_a_killed_one_changed_looks_at_every_object(box, filled, held_up, world, eventually):
    """State says that nothing changed; the request that was under way arrives after the kill."""
    filled.collection(replicas=1)
    filled.kill(held_up(filled, "PUT", "/docs_*/_settings", 1))
    filled.run("cancel", "--yes")
    eventually(lambda: replicas(filled, world) == "1")
    filled.collection(replicas=0)
    assert filled.preview() == RECORDED
    updated = re.findall(r"(search-[\w.-]+) updated", filled.up())
    assert updated == ["search-garbage-collector", "search-docs-index", "search-deletion-guard"]
    assert replicas(filled, world) == "0"
    assert filled.preview() == {}


def replicas(project, world):
    name = project.resource("search-docs-index")["id"]
    return world.search("GET", f"/{name}/_settings")[name]["settings"]["index"]["number_of_replicas"]


def test_an_up_after_a_killed_destroy_makes_again_what_is_gone(box, filled, held_up, world, eventually):
    filled.kill(held_up(filled, "DELETE", "/_search/pipeline/*", 1, command="destroy"))
    filled.run("cancel", "--yes")
    filled.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    assert filled.preview() == {}
    filled.destroy()
    assert world.inventory()["search pipelines"] == []


def test_a_plugin_exits_when_its_engine_is_gone(box, project, held_up, eventually):
    running = held_up(project, "PUT", "/_cluster/settings", 2)
    plugins = plugins_of(project)
    assert plugins
    project.kill(running)
    eventually(lambda: not any(map(is_alive, plugins)))


def plugins_of(project):
    """Returns the processes that run our providers for this project."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            here = (process / "cwd").resolve() == project.folder.resolve()
            if here and b"pulumi.dynamic" in (process / "cmdline").read_bytes():
                found.append(process)
    return found


def is_alive(process):
    with contextlib.suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("{model}/_undeploy", None, "model_state is UNDEPLOYED; `pulumi up` deploys it"),
        ("{model}", {"is_enabled": False}, "is disabled; `pulumi up` enables it"),
    ],
    ids=["undeployed", "disabled"],
)
def test_refresh_shows_a_stopped_model_and_up_repairs_it(filled, world, path, body, why):
    model = f"/_plugins/_ml/models/{filled.outputs()['model_id']}"
    world.search("PUT" if body else "POST", path.format(model=model), body)
    assert why in " ".join(filled.refresh(ok=None).split())
    assert filled.preview() == {"search-embedding-model": "update"}
    filled.up()
    shown = world.search("GET", model)
    assert (shown["model_state"], shown.get("is_enabled", True)) == ("DEPLOYED", True)
    assert filled.preview() == {}


def test_refresh_shows_a_pipeline_edited_by_hand_and_up_repairs_it(filled, world, eventually):
    name = filled.outputs()["collections"]["docs"]["index"]
    world.search("PUT", f"/_ingest/pipeline/{name}", {"processors": []})
    filled.refresh()
    assert filled.preview() == {"search-docs-ingest-pipeline": "update"}
    filled.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (6, 'a blue kettle')")
    eventually(lambda: world.count("docs", "vector") == 5)
    filled.destroy()
    assert world.inventory()["ingest pipelines"] == []


def test_a_deleted_search_pipeline_is_made_again(filled, world):
    """Every search through the alias fails until then; the checks of a refresh do not need it."""
    name = filled.outputs()["collections"]["docs"]["index"]
    world.search("DELETE", f"/_search/pipeline/{name}")
    assert world.raw("POST", "/docs/_search", {}).status_code == 400
    assert f"{name} is gone: `pulumi up` makes it again" in " ".join(filled.refresh().split())
    assert filled.preview() == {"search-docs-search-pipeline": "create"}
    filled.up()
    assert world.nearest("docs", "a warm jumper", size=1) == ["1"]
    assert filled.preview() == {}


def test_a_deleted_index_is_recreated_and_filled(filled, world, eventually):
    index = filled.outputs()["collections"]["docs"]["index"]
    world.search("DELETE", f"/{index}")
    filled.refresh(ok=None)
    filled.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    assert len(world.inventory()["links"]) == 1
    assert filled.preview() == {}


def test_a_dropped_link_is_recreated(filled, world, eventually):
    [link] = world.inventory()["links"]
    world.sql("CALL dbms_etl.drop_sync_link(%s)", link)
    filled.refresh(ok=None)
    filled.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (6, 'a blue kettle')")
    eventually(lambda: world.count("docs", "vector") == 5)


def test_a_failed_link_is_recreated(filled, world, eventually):
    world.sql("ALTER TABLE db.docs RENAME COLUMN body TO text")
    eventually(lambda: "is failing" in filled.refresh(ok=None) or "sync link into" in filled.refresh(ok=None))
    output = filled.up(ok=False)
    assert "db.docs has no column body" in output
    world.sql("ALTER TABLE db.docs RENAME COLUMN text TO body")
    filled.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (6, 'a blue kettle')")
    eventually(lambda: world.count("docs", "vector") == 5)


def test_an_object_that_another_stack_took_over_is_neither_changed_nor_deleted(filled, world):
    name = filled.outputs()["collections"]["docs"]["index"]
    theirs = {"description": "theirs [pulumi:other/prod/x#1]", "request_processors": []}
    world.search("PUT", f"/_search/pipeline/{name}", theirs)
    filled.collection(search={"weights": [0.5, 0.5]})
    assert "was taken over by other/prod/x" in filled.up(ok=False)
    filled.destroy()
    assert world.search("GET", f"/_search/pipeline/{name}") == {name: theirs}


def test_an_object_without_owner_reference_is_not_deleted_and_is_named(filled, world):
    name = filled.outputs()["collections"]["docs"]["index"]
    world.search("PUT", f"/_search/pipeline/{name}", {"request_processors": []})
    output = " ".join(filled.destroy().split())
    assert f"{name} no longer carries our owner reference and is left alone" in output
    assert world.search("GET", f"/_search/pipeline/{name}") == {name: {"request_processors": []}}
    world.search("DELETE", f"/_search/pipeline/{name}")


TOO_LONG = "mug " * 9000


@pytest.mark.parametrize("chosen", ["refresh", "up"])
def test_the_row_that_the_model_refuses_is_named_and_not_the_first_of_its_batch(box, filled, world, eventually, chosen):
    filled.collection(long_texts="refuse")
    filled.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (6, 'a cup'), (7, %s), (8, 'a rake')", TOO_LONG)
    eventually(lambda: "recovering" in str(world.sql("CALL dbms_etl.show_sync_link()")))
    if chosen == "up":
        filled.collection(revision=2, cutover_timeout=3)
        output = filled.up(ok=False)  # it stops at the link or, where that was active for a moment, at the alias
        assert re.search("alias docs stays on docs_|sync link into docs_", output)
    else:
        output = filled.refresh()
    assert f"row id=7 ({len(TOO_LONG) + 1} characters) is refused: " in output
    world.sql("UPDATE db.docs SET body = 'a mug' WHERE id = 7")
    eventually(lambda: world.count("docs", "vector") == 7)
    filled.up()
    assert filled.preview() == {}
