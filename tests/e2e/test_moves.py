"""Things that move while a stack stands: a table, the stack, the project, a component."""

from __future__ import annotations

import dataclasses

import pytest

from tests.e2e.conftest import NAME, STACK

SOURCE = {"columns": {"id": "INT", "body": "TEXT"}, "primary_key": "id"}
OBJECTS = ("models", "model_groups", "ingest pipelines", "search pipelines", "indexes", "aliases", "links", "tables")


def documents_of(world):
    found = world.search("POST", "/docs/_search", {"size": 100})["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in found}


def moved(filled, world, **changes):
    """Runs `up` of the moved project: nothing is in the way, nothing is embedded again, and it is quiet after."""
    before, documents = world.inventory(), documents_of(world)
    project = dataclasses.replace(filled, **changes)
    project.up()
    assert project.preview() == {}
    after = world.inventory()
    assert {kind: after[kind] for kind in OBJECTS} == {kind: before[kind] for kind in OBJECTS}
    assert len(after["connectors"]) == 1
    assert documents_of(world) == documents
    return project


def test_a_renamed_stack_keeps_what_its_state_holds(filled, world):
    filled.run("stack", "rename", "renamed")
    project = moved(filled, world, stack="renamed")
    assert "renamed/search-docs-index#" in str(world.search("GET", "/docs/_mapping"))
    project.destroy()
    assert world.inventory()["indexes"] == []


def test_a_renamed_project_keeps_what_its_state_holds(filled, world):
    program = filled.folder / "Pulumi.yaml"
    text = program.read_text().replace(f"name: {NAME}", "name: renamed")
    filled.run("stack", "rename", f"organization/renamed/{STACK}")
    program.unlink()
    program.write_text(text)
    configured = filled.folder / "stacks" / f"Pulumi.{STACK}.yaml"
    configured.write_text(configured.read_text().replace(f"{NAME}:", "renamed:"))
    moved(filled, world)


def test_a_renamed_component_keeps_what_its_state_holds(filled, world):
    program = filled.folder / "__main__.py"
    text = program.read_text().replace('NAME = "search"', 'NAME = "shop"')
    assert "declared_after(last_run)" in text
    text = text.replace("declared_after(last_run)", "pulumi.ResourceOptions(aliases=[pulumi.Alias(name='search')])")
    program.unlink()
    program.write_text(text)
    moved(filled, world)


def test_another_stack_with_the_same_names_is_still_in_the_way(filled, world):
    filled.run("stack", "rename", "renamed")
    project = dataclasses.replace(filled, stack="second")
    written = (filled.folder / "stacks" / "Pulumi.renamed.yaml").read_text()
    project.run("stack", "init")
    (filled.folder / "stacks" / "Pulumi.second.yaml").write_text(written)
    output = project.up(ok=False)
    assert "things are in the way, nothing was touched" in output


def test_a_renamed_table_is_not_made_anew(filled, world, eventually):
    world.sql("RENAME TABLE db.docs TO db.items")
    tables = world.inventory()["tables"]
    for command in ("refresh", "up"):
        args = ["--refresh"] if command == "up" else []
        output = filled.run(command, "--yes", "--skip-preview", *args, ok=False)
        assert "table db.docs is gone" in output
        assert "db.items has its columns" in output
        assert "write its new name in source.table" in output
    assert world.inventory()["tables"] == tables

    filled.collection(source={"table": "db.items", **SOURCE})
    filled.up()
    world.sql("INSERT INTO db.items (id, body) VALUES (9, 'a rake')")
    eventually(lambda: "9" in documents_of(world))
    assert filled.preview() == {}
    filled.destroy()
    assert world.inventory()["tables"] == tables


def test_a_renamed_table_does_not_keep_a_stack_from_going(filled, world):
    world.sql("RENAME TABLE db.docs TO db.items")
    tables = world.inventory()["tables"]
    filled.destroy()
    left = world.inventory()
    assert (left["tables"], left["indexes"], left["links"]) == (tables, [], [])


def test_a_table_of_ours_is_followed_to_its_new_name(project, world):
    project.collection(source={"table": "db.made", **SOURCE})
    before = world.inventory()["tables"]
    project.up()
    world.sql("RENAME TABLE db.made TO db.remade")
    output = project.refresh(ok=False)
    assert "table db.made is gone: db.remade carries its owner reference" in output
    project.collection(source={"table": "db.remade", **SOURCE})
    project.up()
    project.destroy()
    assert world.inventory()["tables"] == before


def test_a_table_that_an_online_schema_change_swapped_is_the_same_table(filled, world, eventually):
    """As gh-ost and pt-online-schema-change do: a filled copy takes the name, in one RENAME."""
    index = filled.outputs()["collections"]["docs"]["index"]
    world.sql("CREATE TABLE db._docs_gho (id INT PRIMARY KEY, body TEXT, note VARCHAR(50), added INT)")
    world.sql("INSERT INTO db._docs_gho (id, body) SELECT id, body FROM db.docs")
    world.sql("RENAME TABLE db.docs TO db._docs_del, db._docs_gho TO db.docs")
    filled.up("--refresh", ok=None)
    filled.up("--refresh")
    world.sql("INSERT INTO db.docs (id, body) VALUES (9, 'a rake')")
    eventually(lambda: "9" in documents_of(world))
    assert filled.outputs()["collections"]["docs"]["index"] == index
    assert filled.preview() == {}


def protected(project, *names):
    [collection] = project.blocks["collections"][:1]
    project.configure(collections=[{**collection, "name": name, "deletion_protection": True} for name in names])


@pytest.mark.parametrize("names", [["items"], []], ids=["renamed", "taken out"])
def test_what_a_refusal_says_about_a_protected_collection_that_is_gone_from_the_file_works(
    filled, world, eventually, names
):
    protected(filled, "docs", "other")
    filled.up()
    protected(filled, "other", *names)
    output = filled.up(ok=False)
    assert "set deletion_protection: false (where it was renamed or taken out of the configuration" in output
    assert "docs" in world.inventory()["aliases"]

    [other, *rest] = filled.blocks["collections"]
    filled.configure(collections=[other, *rest, {**other, "name": "docs", "deletion_protection": False}])
    filled.up()
    filled.configure(collections=[other, *rest])
    filled.up()
    assert world.inventory()["aliases"] == sorted(["other", *names])
    assert len(world.inventory()["links"]) == len(["other", *names])
    assert filled.preview() == {}
