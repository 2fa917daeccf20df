"""Preflight: reports every name of another owner and every problem of a link at once, before anything is created."""

from __future__ import annotations

import pulumi
import pytest

from components.preflight import problems, require_possible
from components.settings import Collection, Embedding
from components.wiring import StackWiring
from providers.kit import OwnerReference
from tests.services import PASSWORD

EMBEDDING = Embedding(url="https://e.test/v1", model="m", dimension=8)
DOCS = Collection(
    name="docs",
    source={"table": "db.t", "columns": {"id": "INT", "t2": "TEXT"}, "primary_key": "id"},
    fields={"id": "id", "text": "t2"},
    mapping={"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
    field_map={"text": "vector"},
)
OBJECTS = StackWiring("search", EMBEDDING, [DOCS]).collection(DOCS)
INDEX = OBJECTS.names.index
MADE = {"mappings": {"_meta": {"pulumi": {"index": "p/s/search-docs-index#00ff"}}}}


@pytest.fixture(autouse=True)
def stack(monkeypatch):
    monkeypatch.setattr(pulumi, "get_project", lambda: "p")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "s")


@pytest.fixture
def revision():
    return "8.0.1.1.54"


@pytest.fixture
def polardb(start_polardb, revision):
    polardb = start_polardb(polardb_version=revision)
    polardb.run("CREATE DATABASE db")
    return polardb


def state(reference, **more):
    """The state of a stack that holds the index by this owner reference."""
    outputs = {"owner": reference.owner, "uid": reference.uid, "name": INDEX, **more}
    return {"urn:pulumi:s::p::index::search-docs-index": {"outputs": outputs}}


@pytest.fixture
def found(polardb):
    """Returns the problems of these collections."""
    return lambda *collections: problems(polardb.connections, StackWiring("search", EMBEDDING, collections or [DOCS]))


def test_an_empty_cluster_has_no_problems_with_or_without_the_table(found, polardb):
    assert found() == []
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY, t2 TEXT)")
    assert found() == []


def test_every_name_that_is_taken_is_reported_at_once(found, rest):
    theirs = {"name": "p-s-search-embedding", "description": "theirs"}
    rest.post("/_plugins/_ml/model_groups/_register", theirs)
    rest.put(f"/_ingest/pipeline/{INDEX}", {"processors": []})
    rest.put(f"/_search/pipeline/{INDEX}", {"response_processors": []})
    rest.put(f"/{INDEX}", {})
    rest.put("/docs", {})
    group, *others = [line.partition(";")[0] for line in found()]
    assert group.startswith("model group p-s-search-embedding (")
    assert others == [
        f"ingest pipeline {INDEX} exists and is not ours",
        f"search pipeline {INDEX} exists and is not ours",
        f"index {INDEX} exists and is not ours",
        "alias docs: an index has that name",
    ]


OURS = {"processors": [], "description": "[pulumi:p/s/search-docs-ingest-pipeline]"}


def test_our_own_objects_are_no_problem(found, rest):
    """As after a run that was killed: the pipeline exists, and its index does not."""
    rest.put(f"/_ingest/pipeline/{INDEX}", OURS)
    assert found() == []


def test_an_object_without_owner_reference_beside_our_own_is_no_problem(found, rest, polardb):
    """If the object is in Pulumi's state, its resource repairs it."""
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY, t2 TEXT)")
    rest.put(f"/{INDEX}", {"mappings": {"properties": {"text": {"type": "text"}}}})
    polardb.run(f"CALL dbms_etl.sync_by_map('search', '{INDEX}.text(db.t.t2)', '{INDEX}.id=db.t.id', '', '')")
    rest.delete(f"/{INDEX}")
    rest.put(f"/_search/pipeline/{INDEX}", {"response_processors": []})
    assert len(found()) == 1
    rest.put(f"/_ingest/pipeline/{INDEX}", OURS)
    assert found() == []


def test_another_generation_is_checked_for_requirements_but_not_for_its_owner(found, rest, polardb):
    rest.put("/docs_1", MADE)
    rest.put("/theirs", {"aliases": {"docs": {}}})
    assert found() == []
    polardb.database.server_variables["log_bin"] = "OFF"
    [line] = found()
    assert "binlog is off" in line


def test_an_existing_generation_takes_two_requests_and_one_statement(found, rest, search, polardb):
    rest.put(f"/{INDEX}", MADE)
    polardb.database.links = None  # a query for links would fail
    search.application.requests.reset()
    assert found() == []
    assert search.application.requests.counts() == {"GET /": 1, "GET /_mapping": 1}


def test_problems_of_a_link_are_reported_before_anything_is_created(found, polardb):
    polardb.run("CREATE TABLE db.t(id INT, n INT, t2 TEXT, PRIMARY KEY (id, n))")
    polardb.database.server_variables["log_bin"] = "OFF"
    table, link = found()
    assert table == "table db.t: its primary key is (id, n), not (id); declare it as it is, or name another table"
    assert link.startswith(f"sync link db.t → {INDEX}: binlog is off: set the cluster parameter loose_polar_log_bin")
    assert link.endswith("; (id) is no primary or unique key of db.t, which has (id, n)")


def test_a_missing_column_of_our_own_table_is_no_problem(found, polardb):
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY) COMMENT = '[pulumi:p/s/search-db.t-table#00ff]'")
    assert found() == []


def test_a_missing_column_of_an_adopted_table_is_reported(found, polardb):
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY)")
    [line] = found()
    assert line.startswith("table db.t has no column t2; it was there before us and is never altered: add it yourself")


QUERY = "SELECT p.id, p.name, c.name AS kind, p.made FROM db.p AS p LEFT JOIN db.c AS c ON c.id = p.c"


def queried(query=QUERY, **changes):
    source, fields = {"query": query, "key": "id"}, {"id": "id", "text": "kind"}
    return Collection(
        **{**DOCS.model_dump(exclude={"source", "fields"}), "source": source, "fields": fields, **changes}
    )


def test_every_table_of_a_query_must_be_there(found, polardb):
    tables, grants = (
        [f"there is no table db.{name} that" for name in "pc"],
        "this account can see: check `query` and its",
    )
    [line] = found(queried())
    assert line.endswith(f": {tables[0]} {grants} grants; {tables[1]} {grants} grants")
    polardb.run("CREATE TABLE db.p(id INT PRIMARY KEY, name TEXT, c INT, made DATETIME)")
    other = DOCS.model_copy(update={"name": "other", "source": DOCS.source.model_copy(update={"table": "db.c"})})
    assert found(queried(), other) == []  # the stack makes that one


def test_keys_columns_and_types_of_every_table_of_a_query_are_checked(found, polardb):
    polardb.run("CREATE TABLE db.p(id INT PRIMARY KEY, name TEXT, c INT)")
    polardb.run("CREATE TABLE db.c(id INT, lang CHAR(2), name BIT(1), PRIMARY KEY (id, lang))")
    mapping = {**DOCS.mapping, "made": {"type": "date"}}
    link, field = found(queried(fields={"id": "id", "text": "kind", "made": "made"}, mapping=mapping))
    assert link.partition(": ")[2].split("; ") == [
        "db.p has no column made: it has id, name, c",
        "column db.c.name is bit, which AutoETL cannot sync: leave it out",
        "(id) is no unique key of db.c, which has (id, lang): join it on such a key, or a row of db.p would have "
        "several documents",
    ]
    assert field == "collection docs: field_map.text: column kind is bit(1); only text can be embedded"
    polardb.run("ALTER TABLE db.p ADD COLUMN made DATETIME")
    date, _ = found(queried(fields={"id": "id", "text": "kind", "made": "made"}, mapping=mapping))[1:]
    assert date.startswith("collection docs: mapping.made: a datetime is written with a blank; write {type: date,")


def test_grants_on_every_table_of_a_query_are_checked(found, polardb, connect, search):
    polardb.run("CREATE TABLE db.p(id INT PRIMARY KEY, name TEXT, c INT, made DATETIME)")
    polardb.run("CREATE TABLE db.c(id INT PRIMARY KEY, name TEXT)")
    assert found(queried()) == []
    polardb.run("CREATE USER joe IDENTIFIED BY 'password-of-joe'")
    for grant in ("ALTER, SELECT ON db.p", "SELECT ON db.c", "EXECUTE ON dbms_etl.*"):
        polardb.run(f"GRANT {grant} TO joe")
    values = {"search_url": search.url, "database_host": "127.0.0.1", "database_port": polardb.port}
    connections = connect(**values, database_user="joe", database_password="password-of-joe")
    [line] = problems(connections, StackWiring("search", EMBEDDING, [queried()]))
    assert line.endswith(": this account lacks ALTER on db.c: grant it")


@pytest.mark.parametrize("revision", ["8.0.1.1.52"])
def test_a_revision_without_search_views_is_told_what_to_use_for_a_query(found, polardb):
    polardb.run("CREATE TABLE db.p(id INT PRIMARY KEY, name TEXT, c INT, made DATETIME)")
    polardb.run("CREATE TABLE db.c(id INT PRIMARY KEY, name TEXT)")
    [line] = found(queried())
    assert line.endswith("needs PolarDB 8.0.1.1.54 or later, this is 8.0.1.1.52: upgrade it, or use sync_by_sql")
    assert found(queried(sync={"backend": "sync_by_sql"})) == []


@pytest.mark.parametrize("revision", ["8.0.1.1.51"])
def test_a_revision_without_links_is_reported(found):
    [line] = found()
    assert line.endswith("sync_by_map needs PolarDB 8.0.1.1.52 or later, this is 8.0.1.1.51: upgrade it")


@pytest.mark.parametrize("version", ["2.15.0"])
def test_options_that_the_version_lacks_are_reported(found):
    assert [line.partition(" (")[0] for line in found()] == [
        f"ingest pipeline {INDEX}: batch_size needs OpenSearch 2.16 or later; leave it out",
        f"index {INDEX}: vector: faiss knows cosinesimil from OpenSearch 2.19; use innerproduct, or engine lucene",
    ]


def test_an_unreachable_database_is_reported_once(connect, search):
    values = {"search_url": search.url, "database_host": "127.0.0.1", "database_port": 1, "database_user": "u"}
    other = DOCS.model_copy(update={"name": "other"})
    connections = connect(**values, database_password=PASSWORD)
    [line] = problems(connections, StackWiring("search", EMBEDDING, [DOCS, other]))
    assert line.startswith("connect to 127.0.0.1:1: ")
    assert line.endswith("(2003); check `database_host` and `database_port`, and that this machine may reach them")


def test_unreachable_services_are_reported_in_one_line_without_passwords(connect, fake_clock):
    where = {"search_url": "http://127.0.0.1:9", "database_host": "127.0.0.1", "database_port": 1}
    connections = connect(**where, database_user=PASSWORD, database_password=PASSWORD)
    [line] = problems(connections, StackWiring("search", EMBEDDING, [DOCS]))
    assert "Connection refused; check `search_url`, and that this machine may reach it; and connect to" in line
    assert PASSWORD not in line


def test_what_state_holds_is_ours_under_a_former_owner(polardb, rest):
    rest.put(f"/{INDEX}", {"mappings": {"_meta": {"pulumi": {"index": "p/former/search-docs-index#00ff"}}}})
    stack, in_state = StackWiring("search", EMBEDDING, [DOCS]), OwnerReference("p/former/search-docs-index", "00ff")
    assert problems(polardb.connections, stack, state(in_state)) == []
    [line] = problems(polardb.connections, stack, state(OwnerReference(in_state.owner, "other")))
    assert line.startswith(f"index {INDEX} belongs to p/former/search-docs-index")


OURS_IN_STATE = OwnerReference("p/s/search-docs-index", "00ff")


@pytest.mark.parametrize(
    ("adopted", "there", "name", "said"),
    [
        (True, False, INDEX, f"{INDEX} was adopted, so no new one is made in its place"),
        (True, True, INDEX, ""),
        (False, False, INDEX, ""),
        (True, False, "docs_of_another_generation", ""),
    ],
    ids=["adopted and gone", "adopted and there", "made by the stack", "no longer declared"],
)
def test_an_adopted_index_that_is_gone_is_reported(polardb, rest, adopted, there, name, said):
    if there:
        rest.put(f"/{INDEX}", MADE)
    stack = StackWiring("search", EMBEDDING, [DOCS])
    found = problems(polardb.connections, stack, state(OURS_IN_STATE, adopted=adopted, name=name))
    assert len(found) == bool(said)
    assert all(said in line and f"`POLARSEARCH_MAKE_ANEW={INDEX} pulumi up --refresh`" in line for line in found)


def test_a_problem_ends_the_program(polardb, rest):
    require_possible(polardb.connections, "search", EMBEDDING, [DOCS], dict)
    rest.put(f"/{INDEX}", {})
    rest.put("/docs", {})
    with pytest.raises(pulumi.RunError) as failed:
        require_possible(polardb.connections, "search", EMBEDDING, [DOCS], dict)
    head, *lines = str(failed.value).splitlines()
    assert head == "2 things are in the way, nothing was touched:"
    assert [line.split()[0] for line in lines] == ["index", "alias"]


PRIVATE_FLAG = "plugins.ml_commons.connector.private_ip_enabled"
PRIVATE_URL = "http://10.1.2.3:8080/v1/embeddings"


@pytest.mark.parametrize(
    ("url", "declared", "allowed", "refused"),
    [
        (PRIVATE_URL, False, False, True),
        (PRIVATE_URL, True, False, False),
        (PRIVATE_URL, False, True, False),
        ("http://localhost/v1/embeddings", False, False, True),
        ("http://[::1]/v1/embeddings", False, False, True),
        ("https://embeddings.example/v1/embeddings", False, False, False),
    ],
)
def test_a_private_address_has_to_be_declared_or_allowed(polardb, rest, url, declared, allowed, refused):
    rest.put("/_cluster/settings", {"persistent": {PRIVATE_FLAG: allowed}})
    embedding = Embedding(url=url, model="m", dimension=8, private_address=declared)
    found = problems(polardb.connections, StackWiring("search", embedding, [DOCS]))
    assert [line.split(" ")[0] for line in found] == (["embedding.url:"] if refused else [])
    assert all(line.endswith("write private_address: true") for line in found)
