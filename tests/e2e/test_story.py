"""The whole tutorial as one `pulumi up`, with the configuration of stack dev: two collections, real embeddings."""

from __future__ import annotations

import csv
import io
import json
import pathlib

import pytest
import yaml

from dev.question import filled
from sandbox.defaults import PRODUCTS
from sandbox.samples import SHOP, TUTORIAL
from tests.e2e.world import PATIENCE

DEV = pathlib.Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml"


@pytest.fixture
def dev(project, world):
    """The configuration of stack dev, with the addresses of this test's services."""
    config = yaml.safe_load(DEV.read_text())["config"]
    blocks = {
        key.split(":")[1]: value for key, value in config.items() if not key.lower().endswith(("password", "key"))
    }
    connection = {**blocks["connection"], **project.blocks["connection"]}
    project.configure(
        connection=connection,
        embedding={**blocks["embedding"], "url": world.embeddings_url},
        collections=blocks["collections"],
    )
    return project


@pytest.fixture
def sample_rows(world):
    """The sample rows of the sandbox: the shop's and the tutorial's."""
    rows = csv.DictReader(io.StringIO(PRODUCTS.read_text(encoding="utf-8")))
    for statement in f"{TUTORIAL};{SHOP}".split(";"):
        if statement.strip():
            world.sql(statement)
    world.fill("shop.products", [tuple(value or None for value in row.values()) for row in rows])


def test_up_search_change_destroy(dev, world, sample_rows, eventually):
    before = world.inventory()
    shown = dev.up().split("\nOutputs:\n")[1].split("\n\n")[0]
    assert len(shown.splitlines()) <= 16
    outputs = dev.outputs()
    products = outputs["collections"]["products"]
    assert outputs["dimension"] == 384
    assert products["alias"] == "products"
    assert dev.resource("search-products-index")["outputs"]["name"] == products["index"]
    assert world.search("GET", f"/_plugins/_ml/models/{outputs['model_id']}")["model_state"] == "DEPLOYED"
    [(rows,)] = world.sql("SELECT COUNT(*) FROM shop.products")
    eventually(lambda: world.count("products", "description_vector") == rows > 400, 5 * PATIENCE)  # real embeddings

    found = world.search("POST", "/products/_search", filled(products["neural"], "something to keep coffee hot"))
    best = found["hits"]["hits"][0]["_source"]
    assert best["name"] == "Insulated Travel Mug"
    assert "description_vector" not in best
    hybrid = filled(products["hybrid"], "double-walled mug")
    assert world.search("POST", "/products/_search", hybrid)["hits"]["hits"][0]["_source"]["name"] == best["name"]

    def first():
        query = filled(products["neural"], "a boat made of folded paper")
        return world.search("POST", "/products/_search", query)["hits"]["hits"][0]["_source"]

    insert = "INSERT INTO shop.products (id, name, category, description, price) VALUES (9001, 'Boat', 'toys', %s, 3.5)"
    world.sql(insert, "An origami ship that floats in the bath.")
    eventually(lambda: first()["name"] == "Boat" and first()["price"] == 3.5)
    world.sql("UPDATE shop.products SET name = 'Anvil', description = 'A heavy block of iron.' WHERE id = 9001")
    eventually(lambda: first()["name"] not in ("Boat", "Anvil"))
    world.sql("DELETE FROM shop.products WHERE id = 9001")
    eventually(lambda: world.count("products") == rows)

    assert "24 unchanged" in dev.up("--diff")
    assert dev.preview() == {}
    dev.refresh("--expect-no-changes")
    assert world.api_key not in json.dumps(dev.state())
    assert world.search_password not in json.dumps(dev.state())
    dev.destroy()
    assert world.inventory() == before


def test_a_missing_table_is_created_and_dropped_again(project, world, eventually):
    world.sql("DROP TABLE db.docs")
    before = world.inventory()
    project.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (1, 'a warm jumper')")
    eventually(lambda: world.nearest("docs", "a warm jumper") == ["1"])
    project.collection(deletion_protection=True)
    project.up()
    assert "deletion protection is on" in project.destroy(ok=False)
    assert world.nearest("docs", "a warm jumper") == ["1"]
    project.collection(deletion_protection=False)
    project.up()
    project.destroy()
    assert world.inventory() == before


def test_an_adopted_table_keeps_its_rows(project, world):
    project.up()
    project.destroy()
    assert world.sql("SELECT COUNT(*) FROM db.docs") == [(5,)]
