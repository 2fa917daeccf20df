"""SyncLink on both services: refused before any call, checked by its message, recreated when it fails."""

from __future__ import annotations

import pytest

from providers.kit import OwnerReference
from providers.sync_link import SyncLinkInputs, SyncLinkKind

LINK = {
    "owner": "p/s/link",
    "index": "docs_1",
    "table": "db.t",
    "key": "id",
    "fields": {"id": "id", "text": "t2"},
}
SAME_NAMES = {**LINK, "fields": {"id": "id", "t2": "t2"}}
BACKENDS = {
    "sync_by_map": LINK,
    "sync_by_table": {**SAME_NAMES, "backend": "sync_by_table"},
    "sync_by_sql": {**LINK, "backend": "sync_by_sql"},
    "search_view": {**LINK, "backend": "search_view"},
}


@pytest.fixture
def revision():
    """The revision of the database; a test may set another with `parametrize`."""
    return "8.0.1.1.54"


@pytest.fixture
def polardb(start_polardb, revision, rest):
    """A database with a table of three rows, and an index for them."""
    polardb = start_polardb(polardb_version=revision)
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY, t2 TEXT)")
    polardb.run("INSERT INTO db.t VALUES (1, 'a mug'), (2, 'a cup'), (3, NULL)")
    make_index(rest)
    return polardb


def make_index(rest):
    fields = {"id": {"type": "integer"}, "text": {"type": "text"}, "t2": {"type": "text"}}
    rest.put("/docs_1", {"mappings": {"properties": fields}, "settings": {"index.refresh_interval": "0s"}})


@pytest.fixture
def links(drive, polardb):
    return drive(SyncLinkKind, polardb.connections)


@pytest.fixture
def documents(rest):
    """Returns the documents of the index, by id."""

    def found():
        rest.post("/docs_1/_refresh")
        return {hit["_id"]: hit["_source"] for hit in rest.post("/docs_1/_search", {"size": 100})["hits"]["hits"]}

    return found


@pytest.fixture
def shown(polardb):
    """Returns the handle of every link."""

    def handles(views=False):
        rows = polardb.run("SHOW SEARCH VIEW STATUS" if views else "CALL dbms_etl.show_sync_link()")
        return [str(next(iter(row.values()))) for row in rows]

    return handles


@pytest.fixture
def meta(rest):
    return lambda: rest.get("/docs_1/_mapping")["docs_1"]["mappings"].get("_meta", {}).get("pulumi", {})


@pytest.mark.parametrize("declared", BACKENDS.values(), ids=BACKENDS)
def test_create_read_update_delete(links, polardb, documents, shown, meta, reference, declared):
    created = links.create(**declared)
    assert (created.id, meta()) == ("docs_1", {"link": str(reference(created))})
    polardb.until(lambda: set(documents()) == {"1", "2", "3"})
    text = next(name for name, column in declared["fields"].items() if column == "t2")
    polardb.run("UPDATE db.t SET t2 = 'a kettle' WHERE id = 1")
    polardb.until(lambda: documents()["1"][text] == "a kettle")
    assert links.read(created).props == created.props
    assert links.update(created).props == created.props
    links.delete(created)
    assert links.read(created) is None
    assert (meta(), shown(), shown(views=True)) == ({}, [], [])
    assert set(documents()) == {"1", "2", "3"}
    links.delete(created)


QUERY = "SELECT a.id, CONCAT(a.t2, ' ', b.t2) AS text FROM db.t AS a JOIN db.t AS b ON b.id = a.next"


@pytest.mark.parametrize("backend", ["search_view", "sync_by_sql"])
def test_a_link_of_a_query(links, polardb, documents, shown, meta, reference, backend):
    """Of a table that is joined with itself."""
    polardb.run("ALTER TABLE db.t ADD COLUMN next INT")
    polardb.run("UPDATE db.t SET next = 1")
    fields = {"id": "id", "text": "text"}
    created = links.create(**{**LINK, "backend": backend, "query": QUERY, "fields": fields})
    assert (created.id, meta()) == ("docs_1", {"link": str(reference(created))})
    polardb.until(lambda: {id: each["text"] for id, each in documents().items()} == {
        "1": "a mug a mug", "2": "a cup a mug", "3": None,
    })  # fmt: skip
    polardb.run("UPDATE db.t SET t2 = 'a kettle' WHERE id = 1")
    polardb.until(lambda: documents()["2"]["text"] == "a cup a kettle")
    assert documents()["1"]["text"] == "a kettle a kettle"
    assert links.read(created).props == created.props
    assert links.diff(created, query=QUERY.replace("JOIN", "INNER  JOIN")) == []
    assert links.diff(created, query=f"{QUERY} WHERE a.id > 1") == ["query"]
    links.delete(created)
    assert links.read(created) is None
    assert (meta(), shown(), shown(views=True)) == ({}, [], [])


@pytest.mark.parametrize("where", ["", " WHERE a.t2 <> 'a cup'"])
@pytest.mark.parametrize("backend", ["search_view", "sync_by_sql"])
def test_a_link_of_a_query_over_one_table(links, polardb, documents, backend, where):
    query = f"SELECT a.t2 AS text, a.id FROM db.t AS a{where}"
    links.create(**{**LINK, "backend": backend, "query": query, "fields": {"id": "id", "text": "text"}})
    polardb.until(lambda: set(documents()) == ({"1"} if where else {"1", "2", "3"}))
    polardb.run("UPDATE db.t SET t2 = 'a kettle' WHERE id > 1")
    polardb.until(lambda: {id: each["text"] for id, each in documents().items()}.get("3") == "a kettle")
    assert set(documents()) == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (
            QUERY.replace("b.id =", "b.t2 ="),
            r"\(t2\) is no unique key of db.t, which has \(id\): join it on such a key",
        ),
        (QUERY.replace("db.t AS b", "db.u AS b"), "there is no table db.u that this account can see"),
    ],
)
def test_a_query_that_cannot_be_followed_is_refused_before_any_call(links, polardb, meta, failed, query, why):
    polardb.run("ALTER TABLE db.t ADD COLUMN next INT")
    with pytest.raises(failed, match=why):
        links.create(**{**LINK, "backend": "search_view", "query": query, "fields": {"id": "id", "text": "text"}})
    assert meta() == {}


@pytest.mark.parametrize(
    ("revision", "declared", "why"),
    [
        ("8.0.1.1.53", BACKENDS["search_view"], r"search_view needs PolarDB 8.0.1.1.54 or later, this is 8.0.1.1.53"),
        ("8.0.1.1.51", LINK, r"sync_by_map needs PolarDB 8.0.1.1.52 or later, this is 8.0.1.1.51: upgrade it"),
    ],
)
def test_an_old_revision_is_refused_before_any_call(links, meta, failed, revision, declared, why):
    with pytest.raises(failed, match=why):
        links.create(**declared)
    assert meta() == {}


@pytest.mark.parametrize("revision", ["8.0.1.1.52", "8.0.2.2.33"])
def test_the_oldest_supported_revisions_are_accepted(links, revision):
    links.delete(links.create(**LINK))


def test_every_reason_is_reported_at_once_and_nothing_is_changed(start_polardb, drive, rest, failed):
    make_index(rest)
    polardb = start_polardb(polardb_version="8.0.1.1.54", binlog=False)
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t(id INT, t2 TEXT, b BIT)")
    with pytest.raises(failed) as refused:
        drive(SyncLinkKind, polardb.connections).create(**{**LINK, "fields": {"id": "id", "text": "b", "x": "t9"}})
    for reason in ("binlog is off", "has no column t9", "column b is bit", "which has none", "has no field x"):
        assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_missing_grants_are_named(links, polardb, connect, drive, failed, search):
    polardb.run("CREATE USER reader IDENTIFIED BY 'reader-password'")
    polardb.run("GRANT SELECT ON db.* TO reader")
    polardb.run("GRANT EXECUTE ON dbms_etl.* TO reader")
    where = {"database_host": "127.0.0.1", "database_port": polardb.port, "database_user": "reader"}
    reader = connect(search_url=search.url, **where, database_password="reader-password")
    with pytest.raises(failed, match=r"this account lacks ALTER on db\.t: grant it"):
        drive(SyncLinkKind, reader).create(**LINK)


def test_a_link_without_an_index_is_refused(links, rest, failed, shown):
    rest.delete("/docs_1")
    with pytest.raises(failed, match="there is no index docs_1: make it first, with its pipeline"):
        links.create(**LINK)
    assert shown() == []


def test_a_link_of_another_owner_is_refused_and_can_be_adopted(links, polardb, failed, rest, meta, reference, shown):
    polardb.run("CALL dbms_etl.sync_by_table('search', 'db.t', 'docs_1', 'id,t2')")
    with pytest.raises(failed, match=r"sync link into docs_1 exists and is not ours; .* `python -m ops adopt`"):
        links.create(**LINK)
    before = shown()
    rest.put("/docs_1/_mapping", {"_meta": {"pulumi": {"link": "p/s/link"}}})
    adopted = links.create(**LINK)
    assert (meta(), shown()) == ({"link": str(reference(adopted))}, before)


def test_delete_leaves_an_object_that_another_create_took_over(links, shown):
    former, latter = links.create(**LINK), links.create(**LINK)
    assert len(shown()) == 1
    links.delete(former)
    assert links.read(latter).props == latter.props
    links.delete(latter)
    assert shown() == []


def test_delete_knows_its_link_where_only_the_reference_of_the_link_is_lost(links, rest, shown):
    """A killed run's request has come late, to an index that was made again; somebody's `_meta` has neither."""
    created = links.create(**LINK)
    rest.put("/docs_1/_mapping", {"_meta": {"theirs": 1}})
    links.delete(created)
    assert len(shown()) == 1
    rest.put("/docs_1/_mapping", {"_meta": {"pulumi": {"index": str(OwnerReference("p/s/index", "00ff"))}}})
    links.delete(created)
    assert shown() == []


def test_an_active_link_that_keeps_crashing_is_not_ready(links, polardb, rest, failed, documents):
    created = links.create(**LINK)
    polardb.until(lambda: len(documents()) == 3)
    rest.put("/_ingest/pipeline/broken", {"processors": [{"fail": {"message": "no such model"}}]})
    rest.put("/docs_1/_settings", {"index.default_pipeline": "broken"})
    polardb.run("INSERT INTO db.t VALUES (4, 'a pot')")
    polardb.until(lambda: links.kind.read("docs_1", links.kind.inputs_type(**LINK)).problem)
    [row] = polardb.run("CALL dbms_etl.show_sync_link()")
    assert row["Status"] == "active"
    reported = (
        r"sync link into docs_1: .*no such model.*\(job recovering, restarted \d+ times\); mend the cause, and it goes"
    )
    with pytest.raises(failed, match=reported) as failing:
        links.read(created)
    assert "no such model" in links.kept(failing.value).props["problem"]


def test_a_recovering_link_is_awaited_and_not_recreated(links, polardb, rest, shown, documents, reference, failed):
    """A recreated link would embed every row again."""
    created = links.create(**LINK)
    polardb.until(lambda: len(documents()) == 3)
    rest.put("/_ingest/pipeline/broken", {"processors": [{"fail": {"message": "no such model"}}]})
    rest.put("/docs_1/_settings", {"index.default_pipeline": "broken"})
    polardb.run("INSERT INTO db.t VALUES (4, 'a pot')")
    polardb.until(lambda: links.kind.read("docs_1", links.kind.inputs_type(**LINK)).problem)
    before = shown()
    with pytest.raises(failed, match="mend the cause, and it goes on by itself"):
        links.update(created)
    assert shown() == before
    rest.put("/docs_1/_settings", {"index.default_pipeline": "_none"})
    polardb.until(lambda: len(documents()) == 4)
    repaired = links.update(created)
    assert (repaired.props["problem"], reference(repaired), shown()) == ("", reference(created), before)


def test_a_link_that_does_not_come_up_names_the_row_that_is_refused(links, polardb, rest, documents, failed):
    created = links.create(**LINK)
    polardb.until(lambda: len(documents()) == 3)
    blank = "ctx['text'] instanceof String && ctx['text'].chars().allMatch(Character::isWhitespace)"
    rest.put("/_ingest/pipeline/filled", {"processors": [{"fail": {"message": "a blank text", "if": blank}}]})
    rest.put("/docs_1/_settings", {"index.default_pipeline": "filled"})
    polardb.run("INSERT INTO db.t VALUES (4, ' ')")
    polardb.until(lambda: links.kind.read("docs_1", links.kind.inputs_type(**LINK)).problem)
    with pytest.raises(failed, match=r"row id=4 \(2 characters\) is refused: .*a blank text.* \(gave up after 30 s\)"):
        links.update(created)


def test_a_failed_link_is_recreated_by_the_next_update(links, polardb, rest, shown, documents, failed):
    created = links.create(**LINK)
    polardb.until(lambda: len(documents()) == 3)
    polardb.run("ALTER TABLE db.t RENAME COLUMN t2 TO gone")
    polardb.run("ALTER TABLE db.t RENAME COLUMN gone TO t2")
    polardb.run("INSERT INTO db.t VALUES (4, 'a pot')")
    with pytest.raises(failed, match=r"job failed") as error:
        links.read(created)
    before = shown()
    repaired = links.update(links.kept(error.value))
    assert (repaired.props["problem"], len(shown())) == ("", 1)
    assert shown() != before
    polardb.until(lambda: len(documents()) == 4)


def test_a_dropped_link_is_shown_and_recreated(links, polardb, shown, failed):
    created = links.create(**LINK)
    polardb.run("CALL dbms_etl.drop_sync_link(%s)", [created.props["link"]])
    with pytest.raises(failed, match="PolarDB has no such link any more") as error:
        links.read(created)
    assert links.update(links.kept(error.value)).props["problem"] == ""
    assert len(shown()) == 1


def test_documents_of_rows_deleted_without_a_link_cause_a_warning(links, polardb, shown, documents):
    """They stay, since a link only loads existing rows."""
    warnings = []
    kind = SyncLinkKind(polardb.connections, warn=warnings.append)
    created = links.create(**LINK)
    polardb.until(lambda: len(documents()) == 3)
    polardb.run("CALL dbms_etl.drop_sync_link(%s)", shown())
    polardb.run("DELETE FROM db.t WHERE id = 1")
    inputs = SyncLinkInputs(**created.inputs)
    kind.update(created.id, kind.read(created.id, inputs), inputs, "2")
    assert "made again and loads every row; 3 documents were there" in warnings[0]
    assert "1" in documents()


def test_a_recreated_index_is_filled_again(links, polardb, rest, documents, reference, meta, failed):
    created = links.create(**LINK)
    polardb.until(lambda: len(documents()) == 3)
    rest.delete("/docs_1")
    with pytest.raises(failed, match="index docs_1 is gone") as error:
        links.read(created)
    make_index(rest)
    again = links.update(links.kept(error.value))
    assert meta() == {"link": str(reference(again))}
    polardb.until(lambda: len(documents()) == 3)


def test_an_index_recreated_before_a_refresh_is_filled_again(links, polardb, rest, documents, shown):
    """The new index has no owner reference of the link, and no documents."""
    created = links.create(**LINK)
    polardb.until(lambda: len(documents()) == 3)
    rest.delete("/docs_1")
    make_index(rest)
    links.update(created)
    polardb.until(lambda: len(documents()) == 3)
    assert len(shown()) == 1


def test_a_link_without_its_index_is_dropped(links, rest, shown):
    created = links.create(**LINK)
    rest.delete("/docs_1")
    links.delete(created)
    assert shown() == []


def test_after_a_kill_between_owner_reference_and_call_the_link_is_created(links, rest, shown, polardb, documents):
    rest.put("/docs_1/_mapping", {"_meta": {"pulumi": {"link": "p/s/link#killed"}}})
    links.create(**LINK)
    assert len(shown()) == 1
    polardb.until(lambda: len(documents()) == 3)


@pytest.mark.parametrize(
    ("lists", "configured", "works"),
    [
        (True, None, True),
        (False, None, True),
        (False, "dbms_etl.drop_sync_link", True),
        (True, "dbms_etl.other", False),
    ],
    ids=["looked up", "not listed: the default name", "configured", "configured with a wrong name"],
)
def test_the_name_of_the_drop_procedure_is_configurable(start_polardb, drive, rest, failed, lists, configured, works):
    make_index(rest)
    polardb = start_polardb(polardb_version="8.0.1.1.54", list_routines=lists)
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY, t2 TEXT)")
    links = drive(SyncLinkKind, polardb.connections)
    created = links.create(**LINK, drop_procedure=configured)
    if works:
        links.delete(created)
        assert polardb.run("CALL dbms_etl.show_sync_link()") == []
    else:
        with pytest.raises(failed, match=r"CALL dbms_etl\.other: .* does not exist \(1305\); .*`drop_procedure`"):
            links.delete(created)
