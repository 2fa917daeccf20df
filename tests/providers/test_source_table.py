"""SourceTable: plan, validation and differences."""

from __future__ import annotations

import pytest

from providers.kit import Plan, plan_by_field
from providers.services.column_types import base_type, column_type
from providers.source_table import SourceTableInputs, gone, mismatches

ROWS = SourceTableInputs(
    owner="p/s/rows", database="db", name="t", columns={"id": "INT", "t2": "TEXT"}, primary_key="id"
)


@pytest.mark.parametrize(
    ("change", "plan"),
    [
        ({}, Plan()),
        ({"columns": {**ROWS.columns, "t3": "TEXT"}}, Plan(updates=frozenset({"columns"}))),
        ({"deletion_protection": False}, Plan(updates=frozenset({"deletion_protection"}))),
        ({"name": "u"}, Plan(replaces=frozenset({"name"}))),
        ({"database": "other"}, Plan(replaces=frozenset({"database"}))),
        ({"primary_key": ["t2"]}, Plan(replaces=frozenset({"primary_key"}))),
    ],
    ids=["same", "column", "protection", "name", "database", "key"],
)
def test_plan(change, plan):
    assert plan_by_field(ROWS, ROWS.model_copy(update=change)) == plan


@pytest.mark.parametrize(
    "text",
    ["INT", "int(11) unsigned", "DECIMAL(10, 2)", "VARCHAR(200) NOT NULL", "BIGINT AUTO_INCREMENT", "ENUM('a','b')",
     "TIMESTAMP DEFAULT CURRENT_TIMESTAMP", "VARCHAR(9)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'x'"],
)  # fmt: skip
def test_a_valid_column_type_is_accepted(text):
    assert column_type(text) == " ".join(text.split())


@pytest.mark.parametrize("text", ["", "INT; DROP TABLE t", "INT) ENGINE=x", "VARCHAR(x)", "`x` INT"])
def test_an_invalid_column_type_is_refused(text):
    with pytest.raises(ValueError, match="is no column type"):
        column_type(text)


@pytest.mark.parametrize(
    ("text", "base"),
    [("INT(11) UNSIGNED", "int"), ("Integer", "int"), ("BOOL", "tinyint"), ("numeric(3,1)", "decimal"), ("", "")],
)
def test_the_base_type_of_a_column(text, base):
    assert base_type(text) == base


@pytest.mark.parametrize(
    ("shown", "key", "found"),
    [
        ({"id": "int(11)", "t2": "text", "more": "blob"}, ["id"], []),
        ({"id": "int"}, ["id"], []),
        ({"id": "bigint", "t2": "text"}, ["id"], ["column id is bigint, not INT"]),
        ({"id": "int", "t2": "text"}, ["id", "t2"], ["its primary key is (id, t2), not (id)"]),
    ],
    ids=["as declared, with another column", "a missing column", "another type", "another key"],
)
def test_differences_between_table_and_declaration_are_listed(shown, key, found):
    assert mismatches(ROWS, shown, key) == found


@pytest.mark.parametrize(
    ("like", "ours", "line"),
    [
        ([], False, "was there before this stack, which makes no empty table in its place; if it was renamed"),
        (["db.a", "db.b"], False, "in its place; db.a, db.b has its columns; if it was renamed"),
        (["db.a"], True, "table db.t is gone: db.a carries its owner reference; if it was renamed, rename it back, or"),
    ],
    ids=str,
)
def test_a_table_that_is_gone_says_what_may_have_happened(like, ours, line):
    assert line in gone("db.t", like, ours=ours)
