"""Alias, against both services: moved by one request, and only to an index that has every row and every vector."""

from __future__ import annotations

import pytest

from providers.alias import AliasInputs, AliasKind

DOCS = {"owner": "p/s/alias", "name": "docs", "index": "docs_1"}
CUTOVER = {"table": "db.t", "vector_fields": {"t2": "vector"}, "timeout": 60}
VECTOR = {"type": "knn_vector", "dimension": 2}


@pytest.fixture
def indexes(ask):
    """Two generations of an index."""
    for name in ("docs_1", "docs_2"):
        ask.put(f"/{name}", {"mappings": {"properties": {"vector": VECTOR}}, "settings": {"index.knn": True}})


@pytest.fixture
def aliases(drive, indexes):
    return drive(AliasKind)


@pytest.fixture
def table(start_polardb):
    """Four rows: two texts, a blank one, none."""
    polardb = start_polardb(polardb_version="8.0.1.1.54")
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY, t2 TEXT)")
    polardb.run(r"INSERT INTO db.t VALUES (1, 'a mug'), (2, '杯子'), (3, ' \n'), (4, NULL)")
    return polardb


@pytest.fixture
def guarded(drive, indexes, table):
    """Aliases that can look into the table."""
    return drive(AliasKind, table.connections)


@pytest.fixture
def behind(ask):
    """The indexes behind an alias."""
    return lambda name="docs": sorted(ask.get(f"/_alias/{name}"))


@pytest.fixture
def meta(ask):
    return lambda name: ask.get(f"/{name}/_mapping")[name]["mappings"].get("_meta", {}).get("pulumi", {})


@pytest.fixture
def fill(ask):
    """Writes documents, with a vector or without."""

    def write(index, *ids, vector=True):
        for id in ids:
            ask.put(f"/{index}/_doc/{id}", {"id": id, **({"vector": [1, 0]} if vector else {})})

    return write


@pytest.fixture
def protect(ask, meta):
    """Marks the alias's index as protected, as Index does."""

    def write(made):
        index = made.props["index"]
        ask.put(f"/{index}/_mapping", {"_meta": {"pulumi": {**meta(index), "protected": "true"}}})

    return write


def test_a_life(aliases, behind, meta, reference):
    made = aliases.create(**DOCS)
    assert (made.id, behind()) == ("docs", ["docs_1"])
    assert meta("docs_1") == {"alias:docs": str(reference(made))}
    assert aliases.read(made).props == made.props
    moved = aliases.update(made, index="docs_2")
    assert behind() == ["docs_2"]
    assert (meta("docs_1"), meta("docs_2")) == ({}, {"alias:docs": str(reference(made))})
    aliases.delete(moved)
    assert aliases.read(moved) is None
    assert meta("docs_2") == {}
    aliases.delete(moved)


def test_the_first_time_it_is_set_at_once(guarded, behind):
    """There is nothing to protect: an application that searches it finds what is there so far."""
    guarded.create(**DOCS, cutover=CUTOVER)
    assert behind() == ["docs_1"]


def test_it_moves_in_one_request(guarded, behind, fill, requests):
    made = guarded.create(**DOCS, cutover=CUTOVER)
    fill("docs_2", 1, 2)
    fill("docs_2", 3, 4, vector=False)
    requests("all")
    guarded.update(made, index="docs_2")
    assert requests("POST /_aliases") == 1
    assert behind() == ["docs_2"]


@pytest.mark.parametrize(
    ("key", "of_deleted_rows", "line"),
    [
        (None, [], "3 of 4 rows, 2 of 2 vectors of t2"),
        ("id", [99], "4 of 4 rows, 2 of 2 vectors of t2, but not all of 4"),
    ],
    ids=["counted", "by name, where a document of a deleted row does not make up for a missing one"],
)
def test_it_waits_for_every_row_and_says_how_far_it_is(table, indexes, fill, behind, key, of_deleted_rows, line):
    said = []

    def tell(line):
        if not said:
            fill("docs_2", 4, vector=False)
        said.append(line)

    aliases = AliasKind(table.connections, tell)
    declared = AliasInputs(**DOCS, cutover={**CUTOVER, "key": key})
    aliases.create(declared, "1")
    fill("docs_2", 1, 2)
    fill("docs_2", 3, *of_deleted_rows, vector=False)
    to_docs_2 = declared.model_copy(update={"index": "docs_2"})
    aliases.update("docs", aliases.read("docs", declared), to_docs_2, "1")
    assert said == [f"alias docs stays on docs_1: docs_2 has {line}", ""]
    assert behind() == ["docs_2"]


@pytest.mark.parametrize(
    ("rows", "vectors", "line"),
    [
        ((1, 2, 3), (1, 2), "3 of 4 rows, 2 of 2 vectors of t2"),
        ((1, 2, 3, 4), (1,), "4 of 4 rows, 1 of 2 vectors of t2"),
        ((), (), "0 of 4 rows, 0 of 2 vectors of t2"),
    ],
)
def test_not_in_time_it_stays_and_the_next_up_goes_on(guarded, fill, behind, ended, fake_clock, rows, vectors, line):
    made = guarded.create(**DOCS, cutover=CUTOVER)
    for id in rows:
        fill("docs_2", id, vector=id in vectors)
    started = fake_clock.time
    with pytest.raises(ended) as late:
        guarded.update(made, index="docs_2")
    assert str(late.value) == (
        f"alias docs stays on docs_1: docs_2 has {line} (gave up after 60 s); run `pulumi up` again to go on"
    )
    assert 60 <= fake_clock.time - started < 70
    assert behind() == ["docs_1"]
    fill("docs_2", 1, 2)
    fill("docs_2", 3, 4, vector=False)
    guarded.update(made, index="docs_2")
    assert behind() == ["docs_2"]


def test_an_index_of_that_name_is_in_the_way(aliases, ask, ended):
    ask.put("/docs", {})
    with pytest.raises(ended, match="alias docs: an index has that name; choose another name, or delete that index"):
        aliases.create(**DOCS)


BY_MAP = "CALL dbms_etl.sync_by_map('search', 'docs_2.t2(db.t.t2)', 'docs_2.id=db.t.id', '', '')"
BY_VIEW = "CREATE SEARCH VIEW docs_2 (id, t2, PRIMARY KEY (id)) AS SELECT id, t2 FROM db.t"


@pytest.mark.parametrize(
    ("link", "shown"),
    [(BY_MAP, "CALL dbms_etl.show_sync_link()"), (BY_VIEW, "SHOW SEARCH VIEW STATUS")],
    ids=["a procedure's link", "a search view"],
)
def test_what_holds_its_link_up_is_said(guarded, table, ask, ended, link, shown):
    """Waiting longer would not help."""
    made = guarded.create(**DOCS, cutover=CUTOVER)
    ask.put("/_ingest/pipeline/broken", {"processors": [{"fail": {"message": "no such model"}}]})
    ask.put("/docs_2/_settings", {"index.default_pipeline": "broken"})
    table.run(link)
    table.until(lambda: "no such model" in str(table.run(shown)))
    with pytest.raises(ended, match=r"0 of 4 rows, .*; its link is held up: .*no such model.* \(gave up after 60 s\)"):
        guarded.update(made, index="docs_2")


def test_a_table_that_is_gone_says_so_and_nothing_moves(guarded, table, behind, ended):
    made = guarded.create(**DOCS, cutover=CUTOVER)
    table.run("DROP TABLE db.t")
    with pytest.raises(ended, match="check the table's name"):
        guarded.update(made, index="docs_2")
    assert behind() == ["docs_1"]


def test_an_index_somebody_put_behind_it_shows_and_is_taken_away(aliases, ask, behind, meta):
    made = aliases.create(**DOCS)
    ask.post("/_aliases", {"actions": [{"add": {"index": "docs_2", "alias": "docs"}}]})
    shown = aliases.read(made)
    assert shown.inputs["index"] == "docs_1,docs_2"
    assert shown.props["owner"] == "p/s/alias"
    aliases.update(shown, **made.inputs)
    assert behind() == ["docs_1"]


def test_moved_by_hand_it_shows_and_is_moved_back(aliases, ask, behind):
    made = aliases.create(**DOCS)
    move = [{"remove": {"index": "docs_1", "alias": "docs"}}, {"add": {"index": "docs_2", "alias": "docs"}}]
    ask.post("/_aliases", {"actions": move})
    shown = aliases.read(made)
    assert shown.inputs["index"] == "docs_2"
    aliases.update(shown, **made.inputs)
    assert behind() == ["docs_1"]


def test_somebody_elses_alias_is_refused_and_can_be_adopted(aliases, ask, ended, reference, meta):
    ask.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "docs"}}]})
    adopt = 'PUT /docs_1/_mapping {"_meta":{"pulumi":{"alias:docs":"p/s/alias"}}}'
    with pytest.raises(ended, match="alias docs exists and is not ours; choose another name, or to adopt it: ") as no:
        aliases.create(**DOCS)
    assert str(no.value).endswith(adopt)
    ask.put("/docs_1/_mapping", {"_meta": {"pulumi": {"alias:docs": "p/s/alias"}}})
    adopted = aliases.create(**DOCS)
    assert meta("docs_1") == {"alias:docs": str(reference(adopted))}


def test_what_is_taken_over_is_no_longer_the_former_ones_to_delete(aliases, behind):
    former, latter = aliases.create(**DOCS), aliases.create(**DOCS)
    aliases.delete(former)
    assert behind() == ["docs_1"]
    aliases.delete(latter)
    assert aliases.read(latter) is None


def test_a_lost_answer_does_no_harm(aliases, search, behind):
    search.faults.add("POST", "/_aliases", "lost")
    made = aliases.create(**DOCS)
    assert (behind(), aliases.read(made).props) == (["docs_1"], made.props)


def test_a_lost_answer_to_a_move_is_looked_for_in_the_same_run(aliases, search, behind, meta, reference, requests):
    made = aliases.create(**DOCS)
    search.faults.add("POST", "/_aliases", "lost")
    moved = aliases.update(made, index="docs_2")
    assert requests("POST /_aliases") == 2  # one for each move
    assert (behind(), meta("docs_2")) == (["docs_2"], {"alias:docs": str(reference(moved))})


def test_a_move_that_did_not_happen_is_told(aliases, search, behind, ended):
    made = aliases.create(**DOCS)
    search.faults.add("POST", "/_aliases", 502)
    with pytest.raises(ended, match=r"POST /_aliases: .* \(HTTP 502\)"):
        aliases.update(made, index="docs_2")
    assert behind() == ["docs_1"]
    aliases.update(made, index="docs_2")
    assert behind() == ["docs_2"]


def test_it_stays_while_it_serves_protected_documents(aliases, protect, fill, ended, behind):
    made = aliases.create(**DOCS)
    protect(made)
    fill("docs_1", 1)
    line = "alias docs serves 1 document of docs_1, and deletion protection is on; to delete them, set"
    with pytest.raises(ended, match=f"^{line} deletion_protection: false, run `pulumi up`, and try again$"):
        aliases.delete(made)
    assert behind() == ["docs_1"]


@pytest.mark.parametrize("why", ["not protected", "no documents", "another alias serves them too"])
def test_it_goes_when_nothing_is_hidden_by_that(aliases, ask, protect, fill, why):
    made = aliases.create(**DOCS)
    if why != "not protected":
        protect(made)
    if why != "no documents":
        fill("docs_1", 1)
    if why.startswith("another"):
        ask.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "all"}}]})
    aliases.delete(made)
    assert aliases.read(made) is None
