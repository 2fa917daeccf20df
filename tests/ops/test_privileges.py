"""The privileges that doctor names suffice, asked of a real OpenSearch's security plugin."""

from __future__ import annotations

import pytest

from ops.privileges import ROLE, database_grants, search_role

SECURITY = "/_plugins/_security/api"
PASSWORD = "Zq7-pelican-harbour-42-Moss"


def test_the_grants_of_the_database_name_each_database_once():
    assert database_grants(["a.x", "a.y", "b.z"], "`u`@`%`") == [
        "GRANT CREATE, ALTER, SELECT ON `a`.* TO `u`@`%`",
        "GRANT CREATE, ALTER, SELECT ON `b`.* TO `u`@`%`",
        "GRANT EXECUTE ON `dbms_etl`.* TO `u`@`%`",
    ]


def test_the_role_names_each_collection_and_its_generations():
    own, seen = search_role(["docs", "products"])["index_permissions"]
    assert own["index_patterns"] == ["docs", "docs_*", "products", "products_*"]
    assert (seen["index_patterns"], [each for each in seen["allowed_actions"] if "data" in each]) == (["*"], [])


@pytest.fixture
def least(world):
    """An account of PolarSearch with the role alone."""
    if world.servers is None:
        pytest.skip("the sandbox has no roles")
    world.search("PUT", f"{SECURITY}/roles/{ROLE}", search_role(["docs"]))
    world.search("PUT", f"{SECURITY}/internalusers/least", {"password": PASSWORD})
    world.search("PUT", f"{SECURITY}/rolesmapping/{ROLE}", {"users": ["least"]})
    return "least"


def test_they_suffice_for_the_life_of_a_stack_and_for_every_command(ops, project, world, eventually, least):
    project.configure(connection={**project.blocks["connection"], "search_username": least})
    project.environ["POLARSEARCH_PASSWORD"] = PASSWORD
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    project.embedding(dimension=32)
    project.up("--refresh")
    for command in (["doctor"], ["status"], ["estimate"], ["search", "tea"]):
        ran = ops(*command, "--json")
        assert ran.code == 0, ran
    project.destroy()
