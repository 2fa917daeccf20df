"""Alias on both services: moved by one request, and only to an index that has every row and every vector."""

from __future__ import annotations

import pytest

from providers.alias import AliasInputs, AliasKind

DOCS = {"owner": "p/s/alias", "name": "docs", "index": "docs_1"}
CUTOVER = {"table": "db.t", "vector_fields": {"t2": "vector"}, "timeout": 60}
VECTOR = {"type": "knn_vector", "dimension": 2}


@pytest.fixture
def indexes(rest):
    """Two generations of an index."""
    for name in ("docs_1", "docs_2"):
        rest.put(f"/{name}", {"mappings": {"properties": {"vector": VECTOR}}, "settings": {"index.knn": True}})


@pytest.fixture
def aliases(drive, indexes):
    return drive(AliasKind)


@pytest.fixture
def table(start_polardb):
    """A table of four rows: two texts, a blank one and NULL."""
    polardb = start_polardb(polardb_version="8.0.1.1.54")
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY, t2 TEXT)")
    polardb.run(r"INSERT INTO db.t VALUES (1, 'a mug'), (2, '杯子'), (3, ' \n'), (4, NULL)")
    return polardb


@pytest.fixture
def table_aliases(drive, indexes, table):
    """Aliases with a connection to the table."""
    return drive(AliasKind, table.connections)


@pytest.fixture
def indexes_of(rest):
    """Returns the indexes of an alias."""
    return lambda name="docs": sorted(rest.get(f"/_alias/{name}"))


@pytest.fixture
def meta(rest):
    return lambda name: rest.get(f"/{name}/_mapping")[name]["mappings"].get("_meta", {}).get("pulumi", {})


@pytest.fixture
def fill(rest):
    """Writes documents, with a vector or without."""

    def write(index, *ids, vector=True):
        for id in ids:
            rest.put(f"/{index}/_doc/{id}", {"id": id, **({"vector": [1, 0]} if vector else {})})

    return write


@pytest.fixture
def protect(rest, meta):
    """Marks the alias's index as protected, as the Index resource does."""

    def write(created):
        index = created.props["index"]
        rest.put(f"/{index}/_mapping", {"_meta": {"pulumi": {**meta(index), "protected": "true"}}})

    return write


def test_create_read_update_delete(aliases, indexes_of, meta, reference):
    created = aliases.create(**DOCS)
    assert (created.id, indexes_of()) == ("docs", ["docs_1"])
    assert meta("docs_1") == {"alias:docs": str(reference(created))}
    assert aliases.read(created).props == created.props
    moved = aliases.update(created, index="docs_2")
    assert indexes_of() == ["docs_2"]
    assert (meta("docs_1"), meta("docs_2")) == ({}, {"alias:docs": str(reference(created))})
    aliases.delete(moved)
    assert aliases.read(moved) is None
    assert meta("docs_2") == {}
    aliases.delete(moved)


def test_a_new_alias_is_set_at_once(table_aliases, indexes_of):
    """No application searches it yet, so it need not wait for the documents."""
    table_aliases.create(**DOCS, cutover=CUTOVER)
    assert indexes_of() == ["docs_1"]


def test_the_alias_moves_in_one_request(table_aliases, indexes_of, fill, requests):
    created = table_aliases.create(**DOCS, cutover=CUTOVER)
    fill("docs_2", 1, 2)
    fill("docs_2", 3, 4, vector=False)
    requests("all")
    table_aliases.update(created, index="docs_2")
    assert requests("POST /_aliases") == 1
    assert indexes_of() == ["docs_2"]


@pytest.mark.parametrize(
    ("key", "of_deleted_rows", "progress", "line"),
    [
        (None, [], "83 % · waiting", "3 of 4 rows, 2 of 2 vectors of t2"),
        ("id", [99], "83 % · 1 row to go", "4 of 4 rows, 2 of 2 vectors of t2, but not all of 4"),
    ],
    ids=["by count", "by key, where a document of a deleted row does not count for a missing one"],
)
def test_the_alias_waits_for_every_row_and_reports_progress(
    table, indexes, fill, indexes_of, key, of_deleted_rows, progress, line
):
    reported = []

    def report(line):
        if not reported:
            fill("docs_2", 4, vector=False)
        reported.append(line)

    aliases = AliasKind(table.connections, report)
    declared = AliasInputs(**DOCS, cutover={**CUTOVER, "key": key})
    aliases.create(declared, "1")
    fill("docs_2", 1, 2)
    fill("docs_2", 3, *of_deleted_rows, vector=False)
    to_docs_2 = declared.model_copy(update={"index": "docs_2"})
    aliases.update("docs", aliases.read("docs", declared), to_docs_2, "1")
    assert reported == [f"{progress}: alias docs stays on docs_1: docs_2 has {line}", ""]
    assert indexes_of() == ["docs_2"]


@pytest.mark.parametrize(
    ("rows", "vectors", "line"),
    [
        ((1, 2, 3), (1, 2), "3 of 4 rows, 2 of 2 vectors of t2"),
        ((1, 2, 3, 4), (1,), "4 of 4 rows, 1 of 2 vectors of t2"),
        ((), (), "0 of 4 rows, 0 of 2 vectors of t2"),
    ],
)
def test_after_a_timeout_the_alias_stays_and_the_next_update_continues(
    table_aliases, fill, indexes_of, failed, fake_clock, rows, vectors, line
):
    created = table_aliases.create(**DOCS, cutover=CUTOVER)
    for id in rows:
        fill("docs_2", id, vector=id in vectors)
    started = fake_clock.time
    with pytest.raises(failed) as error:
        table_aliases.update(created, index="docs_2")
    assert str(error.value) == (
        f"alias docs stays on docs_1: docs_2 has {line} (gave up after 60 s); run `pulumi up` again to go on"
    )
    assert 60 <= fake_clock.time - started < 70
    assert indexes_of() == ["docs_1"]
    fill("docs_2", 1, 2)
    fill("docs_2", 3, 4, vector=False)
    table_aliases.update(created, index="docs_2")
    assert indexes_of() == ["docs_2"]


def test_an_index_of_the_same_name_is_refused(aliases, rest, failed):
    rest.put("/docs", {})
    with pytest.raises(failed, match="alias docs: an index has that name; choose another name, or delete that index"):
        aliases.create(**DOCS)


BY_MAP = "CALL dbms_etl.sync_by_map('search', 'docs_2.t2(db.t.t2)', 'docs_2.id=db.t.id', '', '')"
BY_VIEW = "CREATE SEARCH VIEW docs_2 (id, t2, PRIMARY KEY (id)) AS SELECT id, t2 FROM db.t"


@pytest.mark.parametrize(
    ("link", "shown"),
    [(BY_MAP, "CALL dbms_etl.show_sync_link()"), (BY_VIEW, "SHOW SEARCH VIEW STATUS")],
    ids=["procedure", "search view"],
)
def test_a_timeout_reports_the_error_of_the_link(table_aliases, table, rest, failed, link, shown):
    """Waiting longer would not help."""
    created = table_aliases.create(**DOCS, cutover=CUTOVER)
    rest.put("/_ingest/pipeline/broken", {"processors": [{"fail": {"message": "no such model"}}]})
    rest.put("/docs_2/_settings", {"index.default_pipeline": "broken"})
    table.run(link)
    table.until(lambda: "no such model" in str(table.run(shown)))
    with pytest.raises(failed, match=r"0 of 4 rows, .*; its link is held up: .*no such model.* \(gave up after 60 s\)"):
        table_aliases.update(created, index="docs_2")


def test_a_missing_table_is_reported_and_the_alias_stays(table_aliases, table, indexes_of, failed):
    created = table_aliases.create(**DOCS, cutover=CUTOVER)
    table.run("DROP TABLE db.t")
    with pytest.raises(failed, match="check the table's name"):
        table_aliases.update(created, index="docs_2")
    assert indexes_of() == ["docs_1"]


def test_an_index_added_by_hand_is_shown_and_removed(aliases, rest, indexes_of, meta):
    created = aliases.create(**DOCS)
    rest.post("/_aliases", {"actions": [{"add": {"index": "docs_2", "alias": "docs"}}]})
    shown = aliases.read(created)
    assert shown.inputs["index"] == "docs_1,docs_2"
    assert shown.props["owner"] == "p/s/alias"
    aliases.update(shown, **created.inputs)
    assert indexes_of() == ["docs_1"]


def test_an_alias_moved_by_hand_is_shown_and_moved_back(aliases, rest, indexes_of):
    created = aliases.create(**DOCS)
    move = [{"remove": {"index": "docs_1", "alias": "docs"}}, {"add": {"index": "docs_2", "alias": "docs"}}]
    rest.post("/_aliases", {"actions": move})
    shown = aliases.read(created)
    assert shown.inputs["index"] == "docs_2"
    aliases.update(shown, **created.inputs)
    assert indexes_of() == ["docs_1"]


def test_an_alias_of_another_owner_is_refused_and_can_be_adopted(aliases, rest, failed, reference, meta):
    rest.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "docs"}}]})
    with pytest.raises(failed, match=r"alias docs exists and is not ours; .* `python -m ops adopt`"):
        aliases.create(**DOCS)
    rest.put("/docs_1/_mapping", {"_meta": {"pulumi": {"alias:docs": "p/s/alias"}}})
    adopted = aliases.create(**DOCS)
    assert meta("docs_1") == {"alias:docs": str(reference(adopted))}


def test_delete_leaves_an_object_that_another_create_took_over(aliases, indexes_of):
    former, latter = aliases.create(**DOCS), aliases.create(**DOCS)
    aliases.delete(former)
    assert indexes_of() == ["docs_1"]
    aliases.delete(latter)
    assert aliases.read(latter) is None


def test_a_lost_answer_changes_nothing(aliases, search, indexes_of):
    search.faults.add("POST", "/_aliases", "lost")
    created = aliases.create(**DOCS)
    assert (indexes_of(), aliases.read(created).props) == (["docs_1"], created.props)


def test_a_move_with_a_lost_answer_is_found_in_the_same_run(aliases, search, indexes_of, meta, reference, requests):
    created = aliases.create(**DOCS)
    search.faults.add("POST", "/_aliases", "lost")
    moved = aliases.update(created, index="docs_2")
    assert requests("POST /_aliases") == 2  # one for each move
    assert (indexes_of(), meta("docs_2")) == (["docs_2"], {"alias:docs": str(reference(moved))})


def test_a_failed_move_is_reported(aliases, search, indexes_of, failed):
    created = aliases.create(**DOCS)
    search.faults.add("POST", "/_aliases", 502)
    with pytest.raises(failed, match=r"POST /_aliases: .* \(HTTP 502\)"):
        aliases.update(created, index="docs_2")
    assert indexes_of() == ["docs_1"]
    aliases.update(created, index="docs_2")
    assert indexes_of() == ["docs_2"]


def test_an_alias_that_serves_protected_documents_is_not_deleted(aliases, protect, fill, failed, indexes_of):
    created = aliases.create(**DOCS)
    protect(created)
    fill("docs_1", 1)
    line = "alias docs serves 1 document of docs_1, and deletion protection is on; to delete them, set"
    with pytest.raises(failed, match=f"^{line} deletion_protection: false .*, run `pulumi up`, and try again$"):
        aliases.delete(created)
    assert indexes_of() == ["docs_1"]


@pytest.mark.parametrize("why", ["not protected", "no documents", "another alias serves them too"])
def test_an_alias_without_protected_documents_is_deleted(aliases, rest, protect, fill, why):
    created = aliases.create(**DOCS)
    if why != "not protected":
        protect(created)
    if why != "no documents":
        fill("docs_1", 1)
    if why.startswith("another"):
        rest.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "all"}}]})
    aliases.delete(created)
    assert aliases.read(created) is None
