"""A missing grant is reported, with what to grant, before anything is created."""

from __future__ import annotations

import pytest


@pytest.fixture
def limited(project, world):
    """A stack that uses a PolarDB account with only the grants of the test."""
    world.sql("CREATE USER 'limited'@'%' IDENTIFIED BY 'limited-password'")
    world.sql("GRANT EXECUTE ON dbms_etl.* TO 'limited'@'%'")
    project.environ["POLARDB_PASSWORD"] = "limited-password"
    project.configure(connection={**project.blocks["connection"], "database_user": "limited"})
    return project


@pytest.mark.parametrize(
    ("grants", "texts"),
    [
        (["SELECT"], ["this account lacks ALTER on db.docs: grant it"]),
        (["ALTER"], ["this account lacks SELECT on db.docs: grant it"]),
    ],
    ids=["no ALTER", "no SELECT"],
)
def test_a_missing_grant_is_named(limited, world, grants, texts):
    world.sql(f"GRANT {', '.join(grants)} ON db.docs TO 'limited'@'%'")
    before = world.inventory()
    output = " ".join(limited.up(ok=False).split())
    for text in texts:
        assert text in output
    assert "limited-password" not in output
    assert world.inventory() == before


def test_alter_select_and_execute_are_sufficient(limited, world, eventually):
    world.sql("GRANT ALTER, SELECT ON db.* TO 'limited'@'%'")
    limited.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    limited.destroy()


def test_a_missing_execute_grant_is_named(limited, world):
    world.sql("GRANT ALTER, SELECT ON db.* TO 'limited'@'%'")
    world.sql("REVOKE EXECUTE ON dbms_etl.* FROM 'limited'@'%'")
    before = world.inventory()
    output = " ".join(limited.up(ok=False).split())
    assert world.inventory() == before
    assert "(1370); grant EXECUTE on dbms_etl" in output
