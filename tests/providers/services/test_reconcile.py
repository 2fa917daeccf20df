"""Reconcile: documents without a row and texts without a vector are found, and repaired only as they were seen."""

from __future__ import annotations

import pytest

from providers.services.backfill import PAGE, BackfillSource
from providers.services.reconcile import (
    Disagreement,
    Document,
    IndexedRows,
    delete_strays,
    disagreement,
    embed_again,
    is_blank,
)

VECTOR = {"type": "knn_vector", "dimension": 2}


def strays(*ids):
    return tuple(Document(id, 0, 1) for id in ids)


@pytest.mark.parametrize(
    ("found", "prune", "line"),
    [
        (Disagreement(), False, ""),
        (Disagreement(without_vector={"text": 0}), False, ""),
        (
            Disagreement(without_vector={"text": 1, "more": 2}),
            False,
            "1 document whose text has no vector: `pulumi up` embeds them again; "
            "2 documents whose more has no vector: `pulumi up` embeds them again",
        ),
        (
            Disagreement(4, strays("1", "2", "3", "4")),
            False,
            "4 documents without a row (1, 2, 3 and 1 more): `sync.prune: true` and `pulumi up` delete them",
        ),
        (Disagreement(1, strays("7")), True, "1 document without a row (7): `pulumi up` deletes them"),
        (
            Disagreement(2),
            True,
            "2 documents more than rows, which cannot be told apart by this key: another `revision` builds the index "
            "without them",
        ),
    ],
    ids=["nothing", "no text", "texts", "strays", "prune", "no key"],
)
def test_what_is_wrong_and_what_to_do_is_one_line(found, prune, line):
    assert found.described(prune=prune) == line


@pytest.mark.parametrize("text", ["", " ", "\t\n\x1c", "\u3000", "\u2028"])
def test_what_java_calls_white_space_is_not_embedded(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "\u00a0", "\u202f", "\u2007", "\u0085", "\u200b", None, 5, ["a"]])
def test_anything_else_is(text):
    assert not is_blank(text)


@pytest.fixture
def docs(rest, polardb):
    """An index and a table of as many rows as asked for; documents with the same ids, and those of `more`."""
    mapped = {"id": {"type": "long"}, "text": {"type": "text"}, "vector": VECTOR}
    rest.put("/docs", {"mappings": {"properties": mapped}, "settings": {"index.knn": True}})
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t (id BIGINT PRIMARY KEY, body TEXT)")

    def fill(rows, more=(), **document):
        for at in range(0, len(rows), 100):
            polardb.run(f"INSERT INTO db.t VALUES {', '.join(f'({id}, {str(id)!r})' for id in rows[at : at + 100])}")
        for id in [*rows, *more]:
            rest.put(f"/docs/_doc/{id}", {"id": id, "text": str(id), "vector": [1, 1], **document})
        rest.post("/docs/_refresh")

    return fill


def rows(key="id", key_field="id"):
    source = BackfillSource("db.t", {"body": "vector"}, key)
    return IndexedRows("docs", source, {"text": "vector"}, key_field)


def found(polardb, rest, of, **options):
    return disagreement(rest, polardb.connections.database, of, **options)


def ids(disagreement):
    return sorted(int(each.id) for each in disagreement.strays)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_documents_as_rows_agree(docs, polardb, rest, count):
    docs(range(count))
    assert found(polardb, rest, rows()) == Disagreement(0, (), {"text": 0})


@pytest.mark.parametrize("listed", [10_000, 0], ids=["at once", "by ranges"])
@pytest.mark.parametrize("count", [0, 2, PAGE, PAGE + 3])
def test_documents_without_a_row_are_found_wherever_they_are(docs, polardb, rest, count, listed):
    some = range(0, 3 * count, 3)
    more = sorted({-7, 1, 3 * count + 1})
    docs(some, more)
    seen = found(polardb, rest, rows(), listed=listed)
    assert (seen.excess, ids(seen)) == (len(more), more)
    assert delete_strays(rest, "docs", seen.strays) == len(more)
    rest.post("/docs/_refresh")
    assert not found(polardb, rest, rows(), listed=listed).excess


@pytest.mark.parametrize(("key", "key_field"), [(None, None), ("id", None)])
def test_documents_that_cannot_be_told_apart_are_counted(docs, polardb, rest, key, key_field):
    docs(range(2), [8, 9])
    seen = found(polardb, rest, rows(key, key_field), listed=0)
    assert (seen.excess, seen.strays) == (2, ())


def test_a_document_that_changed_since_it_was_seen_is_left_alone(docs, polardb, rest):
    docs(range(1), [8, 9])
    seen = found(polardb, rest, rows())
    rest.put("/docs/_doc/8", {"id": 8, "text": "a row again"})
    rest.delete("/docs/_doc/9")
    assert delete_strays(rest, "docs", seen.strays) == 0
    assert rest.get("/docs/_doc/8")["found"]


def test_a_table_that_cannot_be_asked_agrees(docs, polardb, rest):
    docs(range(1), [8])
    polardb.run("DROP TABLE db.t")
    assert found(polardb, rest, rows()) == Disagreement()


def test_texts_without_a_vector_are_embedded_by_the_pipeline_and_blank_ones_are_not_missed(docs, polardb, rest):
    docs(range(2))
    rest.put("/docs/_doc/5", {"id": 5, "text": "a"})
    rest.put("/docs/_doc/6", {"id": 6, "text": " "})
    rest.put("/docs/_doc/7", {"id": 7})
    rest.post("/docs/_refresh")
    assert found(polardb, rest, rows()).without_vector == {"text": 1}
    rest.put("/_ingest/pipeline/p", {"processors": [{"set": {"field": "vector", "value": [1, 2]}}]})
    rest.put("/docs/_settings", {"index.default_pipeline": "p"})
    assert embed_again(rest, rows()) == 1
    rest.post("/docs/_refresh")
    assert found(polardb, rest, rows()).without_vector == {"text": 0}
    assert rest.get("/docs/_doc/5")["_source"] == {"id": 5, "text": "a", "vector": [1, 2]}
