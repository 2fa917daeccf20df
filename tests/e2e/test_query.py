"""A collection that is filled by a query over two tables: up, changes of either table, another query, destroy."""

from __future__ import annotations

import pytest

QUERY = """
SELECT p.id, p.name, c.name AS category, CONCAT(p.name, ' ', IFNULL(c.name, '')) AS described
FROM shop.products AS p LEFT JOIN shop.categories AS c ON c.id = p.category_id
"""
SHOP = (
    "CREATE DATABASE IF NOT EXISTS shop",
    "CREATE TABLE shop.categories (id INT PRIMARY KEY, name VARCHAR(50))",
    "CREATE TABLE shop.products (id INT PRIMARY KEY, name VARCHAR(50), category_id INT)",
    "INSERT INTO shop.categories VALUES (1, 'kitchen'), (2, 'clothing')",
    "INSERT INTO shop.products VALUES (1, 'kettle', 1), (2, 'jumper', 2), (3, 'mug', 1), (4, 'voucher', NULL)",
)


@pytest.fixture
def revision():
    """The first with search views."""
    return "8.0.1.1.54"


@pytest.fixture(params=["search_view", "sync_by_sql"])
def filled(project, world, request, eventually):
    """A stack that is up, whose documents are the query's rows."""
    if request.param == "search_view" and world.box is None:
        pytest.skip("only the sandbox has search views")
    for statement in SHOP:
        world.sql(statement)
    mapping = {
        "id": {"type": "integer"},
        "name": {"type": "text"},
        "category": {"type": "keyword"},
        "text": {"type": "text"},
        "vector": {"type": "knn_vector"},
    }
    project.collection(
        source={"query": QUERY, "key": "id"},
        fields={"id": "id", "name": "name", "category": "category", "text": "described"},
        mapping=mapping,
        **({"sync": {"backend": request.param}} if request.param != "search_view" else {}),
    )
    project.before = world.inventory()
    project.up()
    eventually(lambda: categories(world) == {"1": "kitchen", "2": "clothing", "3": "kitchen", "4": None})
    return project


def categories(world):
    """Returns the category in each document, by id."""
    world.search("POST", "/docs/_refresh")
    hits = world.search("POST", "/docs/_search", {"size": 100})["hits"]["hits"]
    return {hit["_id"]: hit["_source"]["category"] for hit in hits}


def test_a_collection_follows_a_query_over_two_tables(filled, world, eventually):
    index = filled.outputs()["collections"]["docs"]["index"]
    eventually(lambda: world.count("docs", "vector") == 4)
    assert world.nearest("docs", "jumper clothing")[0] == "2"
    world.sql("UPDATE shop.categories SET name = 'garden' WHERE id = 1")
    eventually(lambda: categories(world) == {"1": "garden", "2": "clothing", "3": "garden", "4": None})
    eventually(lambda: world.nearest("docs", "mug garden")[0] == "3")
    world.sql("UPDATE shop.products SET category_id = 1, name = 'scarf' WHERE id = 2")
    world.sql("INSERT INTO shop.products VALUES (5, 'lamp', 2)")
    eventually(lambda: categories(world) == {"1": "garden", "2": "garden", "3": "garden", "4": None, "5": "clothing"})
    world.sql("DELETE FROM shop.categories WHERE id = 1")
    eventually(lambda: categories(world) == {"1": None, "2": None, "3": None, "4": None, "5": "clothing"})

    filled.collection(source={"query": " ".join(QUERY.lower().split()), "key": ["id"]})
    assert filled.preview() == {}
    filled.refresh("--expect-no-changes")
    assert filled.outputs()["collections"]["docs"]["index"] == index
    filled.destroy()
    assert world.inventory() == filled.before


def test_another_query_moves_the_alias_when_all_its_rows_are_there(filled, world, eventually):
    old = filled.outputs()["collections"]["docs"]["index"]
    world.embeddings.hold()
    inner = QUERY.replace("LEFT JOIN", "JOIN")
    filled.collection(source={"query": inner, "key": "id"}, cutover_timeout=1)
    output = filled.up(ok=False)
    assert f"alias docs stays on {old}" in output
    assert "has 0 of 3 rows, 0 of 3 vectors of described" in output
    assert set(categories(world)) == {"1", "2", "3", "4"}
    world.embeddings.release()
    filled.collection(cutover_timeout=60)
    filled.up()
    new = filled.outputs()["collections"]["docs"]["index"]
    assert [name for name in world.inventory()["indexes"] if name not in filled.before["indexes"]] == [new] != [old]
    assert categories(world) == {"1": "kitchen", "2": "clothing", "3": "kitchen"}
    world.sql("DELETE FROM shop.categories WHERE id = 1")
    eventually(lambda: categories(world) == {"2": "clothing"})
    world.sql("INSERT INTO shop.categories VALUES (1, 'back')")
    eventually(lambda: categories(world) == {"1": "back", "2": "clothing", "3": "back"})
