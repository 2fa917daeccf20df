"""Alias: set at once, moved when the new index is full, left where it is when that takes too long."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from providers.alias import AliasInputs, Backfill, Cutover, time_left
from providers.kit import Plan, plan_by_field

CUTOVER = Cutover(table="db.t", vector_fields={"t2": "vector"})
DOCS = AliasInputs(owner="p/s/a", name="docs", index="docs_1", cutover=CUTOVER)


@pytest.mark.parametrize(
    ("change", "plan"),
    [
        ({}, Plan()),
        ({"index": "docs_2"}, Plan(updates=frozenset({"index"}))),
        ({"cutover": None}, Plan(updates=frozenset({"cutover"}))),
        ({"name": "other"}, Plan(replaces=frozenset({"name"}))),
    ],
    ids=["same", "index", "cutover", "name"],
)
def test_plan(change, plan):
    assert plan_by_field(DOCS, DOCS.model_copy(update=change)) == plan


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
    ids=["empty", "full", "a row is missing", "vectors are missing", "a blank text", "a row was just deleted"],
)
def test_knows_what_is_left(rows, documents, texts, vectors, left):
    assert Backfill(rows, documents, {"t2": texts}, {"t2": vectors}).left == left


def test_says_how_far_it_is_and_when_it_may_be_done():
    first, now = Backfill(400, 0, {"t2": 400}, {"t2": 0}), Backfill(400, 100, {"t2": 400}, {"t2": 100})
    assert str(now) == "100 of 400 rows, 100 of 400 vectors of t2"
    assert time_left(first, now, 10) == ", about 30 s to go"
    assert time_left(first, first, 10) == ""


@pytest.mark.parametrize("name", ["docs", "Docs-1", "商品", "a.b"])
def test_takes_alias_names(name):
    assert AliasInputs(name=name, index="x").name == name


@pytest.mark.parametrize("name", ["", "_a", "-a", ".a", "a b", "a,b", "a*", "a/b", "a" * 256])
def test_refuses_alias_names_as_opensearch_does(name):
    with pytest.raises(ValidationError):
        AliasInputs(name=name, index="x")


@pytest.mark.parametrize(
    "cutover", [{"table": "t", "vector_fields": {}}, {"table": "a.b", "vector_fields": {}, "timeout": 0}]
)
def test_refuses_a_cutover_that_makes_no_sense(cutover):
    with pytest.raises(ValidationError):
        AliasInputs(name="x", index="y", cutover=cutover)
