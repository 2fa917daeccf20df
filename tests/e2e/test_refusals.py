"""Invalid input is refused in one line with advice, and nothing is changed."""

from __future__ import annotations

import httpx
import pytest

from components.generation import names
from components.settings import Collection, Embedding
from sandbox import wire

ADOPT = "choose another name, or adopt it: `python -m ops adopt`"


def refused(project, *texts):
    """Asserts that `up` fails with these texts and without a traceback. Returns its output in one line."""
    output = project.up(ok=False)
    flat = " ".join(output.split())
    for text in texts:
        assert text in flat, output
    assert "Traceback" not in output
    assert "a mistake of ours" not in output
    assert "an unhandled error occurred" not in output
    assert "trying again" not in output.partition("Diagnostics:")[2]  # shown only while it retries
    return flat


def connection(project, **changes):
    project.configure(connection={**project.blocks["connection"], **changes})


def test_every_mistake_in_the_configuration_is_reported_at_once(project, world):
    before = world.inventory()
    connection(project, serach_url="x")
    project.embedding(dimension=0)
    project.collection(field_map={"text": "id"})
    refused(
        project,
        "4 mistakes in the configuration, nothing was touched:",
        "connection.serach_url: is no key we know; did you mean search_url?",
        "embedding.dimension: Input should be greater than or equal to 1",
        "collections[0].field_map.text: id is mapped as integer; map it as {type: knn_vector}",
    )
    assert world.inventory() == before


def test_an_unexpanded_variable_as_key_is_refused(project, world):
    before = world.inventory()
    project.secret("embeddingApiKey", "${YOUR_API_KEY}")
    refused(project, "embeddingApiKey: is the name of a variable that no shell expanded; set the key itself")
    assert world.inventory() == before


def test_a_secret_in_plain_text_is_refused(project, world):
    project.run("config", "set", "--plaintext", "searchPassword", "open-secret-123")
    output = refused(project, "searchPassword: stands in the file as plain text")
    assert "open-secret-123" not in output


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({"search_url": "http://127.0.0.1:9"}, ["Connection refused; check `search_url`"]),
        ({"search_url": "https://127.0.0.1:{embeddings}"}, ["the port speaks http: write http:// in `search_url`"]),
        ({"search_username": "nobody"}, ["Unauthorized (HTTP 401); check `search_username` and `search_password`"]),
        ({"database_port": 9}, ["connect to 127.0.0.1:9: ", "(2003); check `database_host` and `database_port`"]),
        ({"database_user": "nobody"}, ["Access denied for user 'nobody'", "(1045); check `database_user`"]),
    ],
    ids=["unreachable search", "https for http", "unknown user", "unreachable database", "unknown database user"],
)
def test_a_connection_that_does_not_work_is_refused_with_advice(project, world, changes, texts):
    before = world.inventory()
    port = httpx.URL(world.embeddings_url).port
    connection(project, **{key: v.format(embeddings=port) if isinstance(v, str) else v for key, v in changes.items()})
    output = refused(project, *texts)
    assert world.search_password not in output
    assert world.inventory() == before


def test_a_connection_that_does_not_work_is_not_stored(project, world):
    """A refresh uses the stored connection, and would fail with one that does not work."""
    project.up()
    works = project.blocks["connection"]
    connection(project, search_url="http://127.0.0.1:9")
    refused(project, "1 thing is in the way, nothing was touched:", "Connection refused; check `search_url`")
    project.configure(connection=works)
    assert " unchanged" in project.up("--refresh")


def test_http_for_an_https_port_is_explained(project, world):
    def close_connection(_):
        raise wire.Lost

    server = wire.serve(close_connection)
    try:
        connection(project, search_url=f"http://127.0.0.1:{server.port}")
        refused(project, "if the port speaks https, write https:// in `search_url`")
    finally:
        server.stop()


def test_wrong_passwords_are_reported_and_not_shown(project, world):
    project.environ |= {"POLARSEARCH_PASSWORD": "wrong-password-1", "POLARDB_PASSWORD": "wrong-password-2"}
    output = refused(project, "(HTTP 401)", "(1045)", "POLARSEARCH_PASSWORD", "POLARDB_PASSWORD")
    assert "wrong-password" not in output


def test_a_dimension_that_the_model_does_not_return_is_refused(project, world):
    project.embedding(send_dimensions=False)
    refused(project, "answers with vectors of 1024 numbers, `dimension` says 64; set `dimension` to 1024")
    assert world.inventory()["indexes"] == []
    project.embedding(send_dimensions=True)
    project.up()


def test_a_column_that_the_table_lacks_is_refused(project, world):
    before = world.inventory()
    project.collection(
        source={"table": "db.docs", "columns": {"id": "INT", "boddy": "TEXT"}, "primary_key": "id"},
        fields={"id": "id", "text": "boddy"},
    )
    refused(project, "table db.docs has no column boddy; it was there before us and is never altered")
    assert world.inventory() == before


def test_a_pattern_that_does_not_match_the_url_is_refused(project, world):
    """The connector would be refused, since the list of trusted endpoints does not contain its URL."""
    project.embedding(trusted_pattern="^http://127.0.0.1:1/.*$")
    refused(project, "embedding.trusted_pattern: ^http://127.0.0.1:1/.*$ does not match the whole of")


def test_a_disabled_binlog_is_refused(box, project, world):
    box.database.binlog = False
    box.database.server_variables["log_bin"] = "OFF"
    before = world.inventory()
    refused(project, "in the way, nothing was touched:", "binlog is off: set the cluster parameter loose_polar_log_bin")
    assert world.inventory() == before


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [
        ("/_ingest/pipeline/{index}", {"processors": []}, "ingest pipeline"),
        ("/_search/pipeline/{index}", {"response_processors": []}, "search pipeline"),
        ("/{index}", None, "index docs_"),
    ],
    ids=["ingest pipeline", "search pipeline", "index"],
)
def test_a_name_of_another_owners_object_is_refused(project, world, path, body, what):
    generated = names(Collection(**project.blocks["collections"][0]), Embedding(**project.blocks["embedding"]))
    path = path.format(index=generated.index)
    world.search("PUT", path, body)
    theirs, before = world.search("GET", path), world.inventory()
    refused(project, "1 thing is in the way, nothing was touched:", what, f"exists and is not ours; {ADOPT}")
    assert world.search("GET", path) == theirs
    assert world.inventory() == before


def test_an_alias_name_that_is_taken_is_refused(project, world):
    world.search("PUT", "/docs")
    before = world.inventory()
    refused(project, "alias docs: an index has that name; choose another name")
    assert world.inventory() == before
    world.search("DELETE", "/docs")
    world.search("PUT", "/theirs")
    world.search("POST", "/_aliases", {"actions": [{"add": {"index": "theirs", "alias": "docs"}}]})
    before = world.inventory()
    refused(project, f"alias docs exists and is not ours; {ADOPT}")
    assert world.inventory() == before


PRIVATE_FLAG = "plugins.ml_commons.connector.private_ip_enabled"


def test_a_private_address_is_refused_then_allowed_and_what_was_there_is_restored(project, world):
    shown = world.search("GET", "/_cluster/settings?flat_settings=true")
    before = {scope: {PRIVATE_FLAG: shown[scope].get(PRIVATE_FLAG)} for scope in ("persistent", "transient")}
    world.search("PUT", "/_cluster/settings", {"persistent": {PRIVATE_FLAG: False}, "transient": {PRIVATE_FLAG: None}})
    made = world.inventory()
    output = project.up(ok=False)
    assert "1 thing is in the way, nothing was touched" in output
    assert "127.0.0.1 is a private address, which it refuses to call; write private_address: true" in output
    assert world.inventory() == made
    project.embedding(private_address=True)
    project.up()
    assert project.preview() == {}
    project.destroy()
    assert world.inventory() == made
    world.search("PUT", "/_cluster/settings", before)
