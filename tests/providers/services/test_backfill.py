"""Backfill: progress by count, and the lookup of missing rows."""

from __future__ import annotations

import json

import httpx
import pytest

from providers.services.backfill import (
    PAGE,
    Backfill,
    BackfillProbe,
    BackfillSource,
    MissingRows,
    Progress,
    duration,
    with_plain_key,
)


@pytest.mark.parametrize(
    ("rows", "documents", "texts", "vectors", "left"),
    [
        (0, 0, 0, 0, 0),
        (3, 3, 3, 3, 0),
        (3, 2, 3, 2, 2),
        (3, 3, 3, 1, 2),
        (3, 3, 2, 2, 0),
        (3, 4, 3, 4, 0),
    ],
    ids=["empty", "complete", "a missing row", "missing vectors", "a blank text", "a row deleted meanwhile"],
)
def test_left_counts_missing_rows_and_vectors(rows, documents, texts, vectors, left):
    assert Backfill(rows, documents, {"t2": texts}, {"t2": vectors}).left == left


def test_progress_shows_counts_and_the_remaining_time():
    first, now = Backfill(400, 0, {"t2": 400}, {"t2": 0}), Backfill(400, 100, {"t2": 400}, {"t2": 100})
    assert str(now) == "100 of 400 rows, 100 of 400 vectors of t2"
    assert Progress(first, now, 10).seconds_left == 30
    assert Progress(first, first, 10).seconds_left is None


def at(documents, vectors, rows=1204, missing=None):
    return Backfill(rows, documents, {"t2": rows}, {"t2": vectors}, missing)


@pytest.mark.parametrize(
    ("first", "now", "seconds", "line"),
    [
        (at(0, 0), at(0, 0), 8, "0 % · no row yet"),
        (at(0, 0), at(750, 745), 18, "62 % · 42/s · 11 s left"),
        (at(0, 0, 10**7), at(125_000, 125_000, 10**7), 3600, "1 % · 35/s · 79 h left"),
        (at(600, 600), at(600, 600), 5, "49 % · waiting"),
        (at(0, 0), at(1203, 1203, missing=frozenset("a")), 30, "99 % · 1 row to go"),
        (at(0, 0), at(1204, 1204, missing=frozenset("ab")), 30, "99 % · 2 rows to go"),
        (at(0, 0), at(1204, 1204), 30, "100 % · 40/s · 1 s left"),
    ],
    ids=str,
)
def test_the_first_25_characters_say_how_far_it_is(first, now, seconds, line):
    shown = str(Progress(first, now, seconds))
    assert (shown, len(shown) <= 25) == (line, True)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "1 s"), (12.4, "12 s"), (89, "89 s"), (90, "2 min"), (5400, "2 h"), (10**6, "278 h")]
)
def test_a_duration_has_one_unit(seconds, shown):
    assert duration(seconds) == shown


def test_missing_rows_are_named_and_counted():
    now = Backfill(400, 400, {"t2": 400}, {"t2": 400}, frozenset({"7", "23", "8", "9", "6"}))
    assert str(now) == "400 of 400 rows, 400 of 400 vectors of t2, but not all of 23, 6, 7 and 2 more"
    assert now.left == 5
    assert str(Backfill(1, 1, {}, {}, frozenset({"a"}))) == "1 of 1 rows, but not all of a"


@pytest.mark.parametrize(
    ("rows", "documents", "nearly_done"),
    [(10, 0, True), (1000, 0, True), (1001, 0, False), (10**6, 990_000, True), (10**6, 989_999, False)],
)
def test_rows_are_looked_up_when_few_are_left(rows, documents, nearly_done):
    assert Backfill(rows, documents, {}, {}).nearly_done is nearly_done


ALL = None
CALLS = {
    "none is missing": ([(ALL, "")], 1),
    "missing rows arrive": ([(ALL, "ab"), ("ab", "")], 2),
    "some are still missing, so all are looked up again": ([(ALL, "ab"), ("ab", "b"), ("b", ""), (ALL, "")], 3),
    "repeated until none is missing": (
        [(ALL, "a"), ("a", "a"), ("a", ""), (ALL, "cd"), ("cd", "c"), ("c", ""), (ALL, "e"), ("e", "")],
        6,
    ),
}


@pytest.mark.parametrize(("calls", "looks"), CALLS.values(), ids=CALLS)
def test_missing_rows_are_looked_up_until_none_is_missing(calls, looks):
    asked = iter(calls)

    def call(keys):
        expected, missing = next(asked)
        assert keys == (ALL if expected is ALL else frozenset(expected))
        return frozenset(missing)

    rows = MissingRows(call)
    assert [not rows.find() for _ in range(looks)] == [False] * (looks - 1) + [True]
    assert next(asked, None) is None


@pytest.fixture
def backfill(rest, polardb):
    """The backfill of an index from a table; the test writes the documents with `fill`."""
    vector = {"type": "knn_vector", "dimension": 2}
    rest.put("/docs", {"mappings": {"properties": {"v": vector}}, "settings": {"index.knn": True}})
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t (id INT PRIMARY KEY, body TEXT)")
    source = BackfillSource("db.t", {"body": "v"}, "id")
    return BackfillProbe(polardb.connections.search, polardb.connections.database, "docs", source)


def fill(rest, *ids, vector=True):
    for id in ids:
        rest.put(f"/docs/_doc/{id}", {"v": [1, 0]} if vector else {})


def test_a_document_of_a_deleted_row_does_not_count_for_a_missing_one(backfill, rest, polardb):
    """By count, one row and one document are complete."""
    polardb.run("INSERT INTO db.t VALUES (1, 'a')")
    fill(rest, 2)
    assert backfill.observe() == Backfill(1, 1, {"body": 1}, {"body": 1}, frozenset({"1"}))
    fill(rest, 1)
    assert backfill.observe().left == 0


def test_a_row_deleted_meanwhile_is_no_longer_missing(backfill, rest, polardb):
    polardb.run("INSERT INTO db.t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    fill(rest, 1)
    assert backfill.observe().missing == {"2", "3"}
    polardb.run("DELETE FROM db.t WHERE id = 2")
    polardb.run("INSERT INTO db.t VALUES (4, 'newer')")
    fill(rest, 3)
    assert backfill.observe().missing == set()


def test_only_a_text_that_is_not_blank_needs_a_vector(backfill, rest, polardb):
    polardb.run("INSERT INTO db.t VALUES (1, 'a'), (2, ''), (3, NULL), (4, %s), (5, %s), (6, 'f')", ["\u3000", "\x1c"])
    fill(rest, 1, 2, 3, 4, 5, 6, vector=False)
    assert backfill.observe().missing == {"1", "6"}
    fill(rest, 6)
    assert backfill.observe().missing == {"1"}


def test_each_column_of_a_joined_text_needs_its_vector(rest, polardb, backfill):
    polardb.run("CREATE TABLE db.u (id INT PRIMARY KEY, title TEXT, body TEXT)")
    polardb.run("INSERT INTO db.u VALUES (1, 'a', ''), (2, NULL, 'b'), (3, ' ', NULL), (4, 'a', 'b')")
    source = BackfillSource("db.u", {"title": "v", "body": "v"}, "id")
    probe = BackfillProbe(polardb.connections.search, polardb.connections.database, "docs", source)
    fill(rest, 1, 2, 3, 4, vector=False)
    assert probe.observe().missing == {"1", "2", "4"}
    fill(rest, 1, 2, 4)
    assert probe.observe() == Backfill(4, 4, {"title": 2, "body": 2}, {"title": 3, "body": 3}, frozenset())


def test_the_vector_of_a_passage_counts_for_its_document(rest, polardb, backfill):
    vector = {"type": "knn_vector", "dimension": 2, "method": {"name": "hnsw", "engine": "lucene"}}
    nested = {"v": {"type": "nested", "properties": {"knn": vector}}}
    rest.put("/chunks", {"mappings": {"properties": nested}, "settings": {"index.knn": True}})
    polardb.run("INSERT INTO db.t VALUES (1, 'a'), (2, 'b'), (3, '')")
    source = BackfillSource("db.t", {"body": "v.knn"}, "id")
    probe = BackfillProbe(polardb.connections.search, polardb.connections.database, "chunks", source)
    for id in (1, 2, 3):
        rest.put(f"/chunks/_doc/{id}", {"v": [{"knn": [1, 0]}, {"knn": [0, 1]}]} if id == 1 else {})
    assert probe.observe() == Backfill(3, 3, {"body": 2}, {"body": 1}, frozenset({"2"}))
    rest.put("/chunks/_doc/2", {"v": [{"knn": [1, 0]}]})
    assert probe.observe().left == 0


def test_every_page_of_rows_is_looked_up(backfill, rest, search, polardb, requests):
    ids = range(1, 2 * PAGE + 1)
    values = ", ".join(f"({id}, 'x')" for id in ids)
    polardb.run(f"INSERT INTO db.t VALUES {values}")
    lines = [({"index": {"_id": str(id)}}, {"v": [1, 0]}) for id in ids if id % PAGE]
    bulk = "".join(json.dumps(line) + "\n" for pair in lines for line in pair)
    httpx.post(f"{search.url}/docs/_bulk", content=bulk, headers={"content-type": "application/x-ndjson"})
    requests("all")
    assert backfill.observe().missing == {str(PAGE), str(2 * PAGE)}
    assert requests("POST /{index}/_search") == 4  # documents and vectors, of two pages
    fill(rest, PAGE, 2 * PAGE)
    requests("all")
    assert backfill.observe().missing == set()
    assert requests("POST /{index}/_search") == 2


QUERY = (
    "SELECT t.id AS k, CONCAT(t.body, ' ', u.x) AS text FROM db.t AS t JOIN db.u AS u ON u.id = t.id WHERE u.x <> '%s'"
)


@pytest.mark.parametrize(("key", "missing"), [("k", {"2", "3"}), (None, None)])
def test_the_rows_of_a_query_are_looked_up(rest, polardb, backfill, key, missing):
    polardb.run("CREATE TABLE db.u(id INT PRIMARY KEY, x VARCHAR(5))")
    polardb.run("INSERT INTO db.t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')")
    polardb.run("INSERT INTO db.u VALUES (1, 'x'), (2, 'x'), (3, 'x'), (5, %s)", ["%s"])
    fill(rest, 1, 4, 5)
    source = BackfillSource("db.t", {"text": "v"}, key, QUERY)
    probe = BackfillProbe(polardb.connections.search, polardb.connections.database, "docs", source)
    found = probe.observe()
    assert (found.rows, found.texts, found.missing) == (3, {"text": 3}, missing)
    fill(rest, 2, 3)
    assert probe.observe().left == 0


KEYS = {
    "INT": True, "BIGINT UNSIGNED": True, "VARCHAR(20)": True, "CHAR(3)": True,
    "TINYINT(1)": False, "DECIMAL(5,2)": False, "DATE": False,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "plain"), KEYS.items())
def test_rows_of_a_query_are_looked_up_where_ids_are_the_keys_values_as_they_are(polardb, kind, plain):
    polardb.run("CREATE DATABASE db")
    polardb.run(f"CREATE TABLE db.t(ID {kind} PRIMARY KEY, body TEXT)")
    query = "SELECT t.id AS k, t.body AS b FROM db.t AS t"
    source = with_plain_key(BackfillSource("db.t", {"b": "v"}, "k", query), polardb.connections.database)
    assert source.key == ("k" if plain else None)


def test_rows_without_a_key_are_counted(rest, polardb, backfill):
    polardb.run("INSERT INTO db.t VALUES (1, 'a')")
    probe = BackfillProbe(
        polardb.connections.search, polardb.connections.database, "docs", BackfillSource("db.t", {"body": "v"})
    )
    assert probe.observe() == Backfill(1, 0, {"body": 1}, {"body": 0})
