"""The example application on a stack, on the sandbox and on real servers: it knows the outputs and accounts only."""

from __future__ import annotations

import json
import re

import pytest

from examples.search_app import settings
from examples.search_app.pages import application


@pytest.fixture
def shelved(project, world):
    """The project with a keyword beside its text; the rows with even ids are of the kind `left`."""
    world.sql("UPDATE db.docs SET note = IF(id % 2 = 0, 'left', 'right')")
    project.collection(
        source={
            "table": "db.docs",
            "columns": {"id": "INT", "body": "TEXT", "note": "VARCHAR(50)"},
            "primary_key": "id",
        },
        fields={"id": "id", "text": "body", "note": "note"},
        mapping={
            "id": {"type": "integer"},
            "text": {"type": "text"},
            "note": {"type": "keyword"},
            "vector": {"type": "knn_vector"},
        },
        settings={"refresh_interval": "500ms"},
    )
    return project


@pytest.fixture
def opened(world, eventually):
    """Opens the application on a project that is up."""

    apps = []

    def client(project):
        eventually(lambda: world.count("docs") == 5)
        database = {
            f"DATABASE_{name.upper()}": str(world.database[name]) for name in ("host", "port", "user", "password")
        }
        told = {
            **database,
            "SEARCH_URL": world.search_url,
            "SEARCH_USERNAME": world.search_username,
            "SEARCH_PASSWORD": world.search_password,
            **({"SEARCH_CA_FILE": world.search_ca_file} if world.search_ca_file else {}),
        }
        apps.append(application(settings.read(told, lambda: json.dumps(project.outputs()))))
        return apps[-1].test_client()

    yield client
    for app in apps:
        app.extensions["search"].close()


def found(client, **asked):
    """Returns the ids of each list."""
    page = client.get("/", query_string=asked).text
    assert 'role="alert"' not in page
    sections = re.split(r'class="column ', page)[1:]
    return {each.split('"')[0]: re.findall(r'data-id="(\w+)"', each) for each in sections}


@pytest.mark.parametrize("texts", [{}, {"long_texts": "chunk", "texts": {"vector": {"chunk_tokens": 20}}}])
def test_a_stack_is_searched_in_three_ways_with_filters(shelved, opened, texts):
    shelved.collection(**texts)
    shelved.up()
    client = opened(shelved)
    lists = found(client, q="a kettle for tea")
    assert {mode: ids[0] for mode, ids in lists.items()} == {"words": "2", "meaning": "2", "hybrid": "2"}
    assert all(
        ids[0] == "2" and "3" not in ids for ids in found(client, q="kettle shoes", **{"is.note": "left"}).values()
    )
    assert all(set(ids) <= {"3", "5"} for ids in found(client, q="garden shoes", **{"min.id": "3"}).values())


def test_an_edited_row_is_found_again(shelved, opened, world):
    shelved.up()
    client = opened(shelved)
    saved = client.post("/edit/docs/3", data={"body": "slippers made of felt"}).text
    assert re.search(r"Found again after \d+\.\d s", saved)
    assert "number 1" in saved
    assert found(client, q="felt", view="words") == {"words": ["3"]}
