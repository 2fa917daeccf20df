"""Alias: plan and validation."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from providers.alias import AliasInputs, Cutover
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


@pytest.mark.parametrize("name", ["docs", "Docs-1", "商品", "a.b"])
def test_a_valid_alias_name_is_accepted(name):
    assert AliasInputs(name=name, index="x").name == name


@pytest.mark.parametrize("name", ["", "_a", "-a", ".a", "a b", "a,b", "a*", "a/b", "a" * 256])
def test_an_alias_name_that_opensearch_refuses_is_refused(name):
    with pytest.raises(ValidationError):
        AliasInputs(name=name, index="x")


@pytest.mark.parametrize(
    "cutover", [{"table": "t", "vector_fields": {}}, {"table": "a.b", "vector_fields": {}, "timeout": 0}]
)
def test_an_invalid_cutover_is_refused(cutover):
    with pytest.raises(ValidationError):
        AliasInputs(name="x", index="y", cutover=cutover)
