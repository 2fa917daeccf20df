# ruff: noqa: E501  the table of refusals has one line each
"""SyncLink: validation, plan and pending reasons."""

from __future__ import annotations

import dataclasses

import pytest

from providers.kit import Plan, plan_by_field
from providers.services.prerequisites import LinkPrerequisites, unmet_prerequisites
from providers.services.tables import TableFacts
from providers.sync_link import (
    SyncLinkInputs,
    SyncLinkKind,
    SyncLinkState,
    problem_of,
)

LINK = SyncLinkInputs(owner="p/s/link", index="docs_1", table="db.t", key="id", fields={"text": "t2", "id": "id"})
TABLE = TableFacts(
    columns={"id": "int", "t1": "int", "t2": "text", "b": "bit"},
    keys=[["id"]],
    row_keys=[["id"]],
    privileges=frozenset({"ALTER", "SELECT"}),
)
GOOD = LinkPrerequisites(
    revision=(8, 0, 1, 1, 52), binlog=True, tables={"db.t": TABLE}, index_fields=frozenset({"id", "text"})
)


def given(source):
    """Returns GOOD with changes of its own, or of its table."""
    table = {name: value for name, value in source.items() if hasattr(TABLE, name)}
    others = {name: value for name, value in source.items() if name not in table}
    return dataclasses.replace(GOOD, tables={"db.t": dataclasses.replace(TABLE, **table)}, **others)


@pytest.mark.parametrize(
    ("link", "source", "found"),
    [
        ({}, {}, []),
        ({}, {"revision": None, "privileges": None}, []),
        ({}, {"revision": (8, 0, 1, 1, 51)}, ["sync_by_map needs PolarDB 8.0.1.1.52 or later, this is 8.0.1.1.51: upgrade it"]),
        ({"backend": "search_view"}, {}, ["search_view needs PolarDB 8.0.1.1.54 or later, this is 8.0.1.1.52: upgrade it, or use sync_by_sql"]),
        ({"backend": "search_view"}, {"revision": (8, 0, 2, 2, 34)}, []),
        ({}, {"revision": (8, 0, 2, 2, 32)}, ["sync_by_map needs PolarDB 8.0.2.2.33 or later, this is 8.0.2.2.32: upgrade it"]),
        ({}, {"binlog": False}, ["binlog is off: set the cluster parameter loose_polar_log_bin to ON (restarts the cluster)"]),
        ({}, {"columns": {}}, ["there is no table db.t that this account can see: check `table` and its grants"]),
        ({"fields": {"text": "t9", "id": "id"}}, {}, ["db.t has no column t9: it has id, t1, t2, b"]),
        ({"fields": {"text": "b", "id": "id"}}, {}, ["column b is bit, which AutoETL cannot sync: leave it out"]),
        ({}, {"keys": []}, ["(id) is no primary or unique key of db.t, which has none"]),
        ({"key": ["t1"]}, {}, ["(t1) is no primary or unique key of db.t, which has (id)"]),
        ({"key": ["t1", "id"]}, {"keys": [["id", "t1"]]}, []),
        ({}, {"privileges": frozenset({"SELECT"})}, ["this account lacks ALTER on db.t: grant it"]),
        ({}, {"privileges": frozenset()}, ["this account lacks ALTER and SELECT on db.t: grant it"]),
        ({}, {"index_fields": None}, ["there is no index docs_1: make it first, with its pipeline, or AutoETL makes one without vectors"]),
        ({}, {"index_fields": frozenset({"id"})}, ["index docs_1 has no field text: add it to its mapping"]),
        ({"backend": "sync_by_table"}, {}, ["sync_by_table cannot rename columns: name the fields like them, or use sync_by_map"]),
        ({"backend": "search_view", "fields": {"text": "t2"}}, {"revision": None}, ["a search view must contain its key: add id to `fields`"]),
    ],
    ids=lambda value: None if isinstance(value, dict) else (value[0][:40] if value else "works"),
)  # fmt: skip
def test_invalid_inputs_are_refused(link, source, found):
    assert unmet_prerequisites(LINK.model_copy(update=link), given(source)) == found


QUERY = "SELECT p.id, c.name, p.name AS title FROM shop.p AS p LEFT JOIN shop.c AS c ON c.code = p.c AND c.lang = 'en'"
SHOP = SyncLinkInputs(
    backend="search_view", index="docs_1", table="shop.p", key="id", fields={"text": "name", "id": "id"}, query=QUERY
)
PRIVILEGES = frozenset({"ALTER", "SELECT"})
ITEMS = TableFacts({"id": "int", "name": "text", "c": "char"}, [["id"]], [["id"]], PRIVILEGES)
KINDS = TableFacts(
    {"id": "int", "code": "char", "lang": "char", "name": "text"}, [["id"], ["lang", "code"]], [["id"]], PRIVILEGES
)
FITTING = dataclasses.replace(GOOD, revision=(8, 0, 1, 1, 54), tables={"shop.p": ITEMS, "shop.c": KINDS})


@pytest.mark.parametrize(
    ("link", "tables", "found"),
    [
        ({}, {}, []),
        ({"backend": "sync_by_sql"}, {}, []),
        ({"backend": "sync_by_map"}, {}, ["sync_by_map is documented for one table alone: use search_view or sync_by_sql for a query"]),
        ({"backend": "sync_by_table"}, {}, ["sync_by_table is documented for one table alone: use search_view or sync_by_sql for a query", "sync_by_table cannot rename columns: name the fields like them, or use sync_by_map"]),
        ({"table": "shop.c"}, {}, ["the query's first table is shop.p: name it as `table`"]),
        ({"fields": {"id": "id", "text": "nome"}}, {}, ["the query has no column nome: it has id, name, title"]),
        ({"fields": {"text": "name"}}, {}, ["a search view must contain its key: add id to `fields`"]),
        ({"key": ["title"], "fields": {"text": "name", "id": "title"}}, {}, ["(name) is no primary or unique key of shop.p, which has (id)"]),
        ({}, {"shop.c": TableFacts({})}, ["there is no table shop.c that this account can see: check `query` and its grants"]),
        ({}, {"shop.c": dataclasses.replace(KINDS, columns={"id": "int", "code": "char", "name": "bit"})}, ["shop.c has no column lang: it has id, code, name", "column shop.c.name is bit, which AutoETL cannot sync: leave it out"]),
        ({}, {"shop.c": dataclasses.replace(KINDS, keys=[["id"]])}, ["(code, lang) is no unique key of shop.c, which has (id): join it on such a key, or a row of shop.p would have several documents"]),
        ({}, {"shop.c": dataclasses.replace(KINDS, keys=[["CODE"]])}, []),
        ({}, {"shop.p": dataclasses.replace(ITEMS, row_keys=[])}, ["(id) is no primary or unique key of shop.p, which has none"]),
        ({}, {"shop.c": dataclasses.replace(KINDS, privileges=frozenset({"SELECT"}))}, ["this account lacks ALTER on shop.c: grant it"]),
        ({}, {"shop.p": TableFacts({}), "shop.c": TableFacts({})}, [f"there is no table shop.{name} that this account can see: check `query` and its grants" for name in "pc"]),
    ],
    ids=lambda value: None if isinstance(value, dict) else (value[0][:50] if value else "works"),
)  # fmt: skip
def test_every_table_of_a_query_is_checked(link, tables, found):
    given = dataclasses.replace(FITTING, tables={**FITTING.tables, **tables})
    assert unmet_prerequisites(SHOP.model_copy(update=link), given) == found


def test_a_key_that_is_no_column_of_the_first_table_is_refused():
    wrong = SHOP.model_copy(update={"key": ["name"], "fields": {"text": "name"}})
    first, *_ = unmet_prerequisites(wrong, FITTING)
    assert (
        first
        == "name is a column of shop.c; a row is known by columns of shop.p, the first table: name its primary key"
    )


def test_a_query_is_kept_in_its_normal_form():
    spelled = SHOP.model_validate(
        {**SHOP.model_dump(), "query": QUERY.replace("SELECT", "select ").replace(" AS p", " p")}
    )
    assert plan_by_field(SHOP, spelled) == Plan()
    assert "query" not in LINK.dumped()
    another = SHOP.model_validate({**SHOP.model_dump(), "query": QUERY.replace("'en'", "'de'")})
    assert plan_by_field(SHOP, another) == Plan(replaces=frozenset({"query"}))


def test_every_reason_is_reported_at_once():
    source = {"binlog": False, "keys": [], "index_fields": None, "revision": (8, 0, 1, 1, 1)}
    assert len(unmet_prerequisites(LINK, given(source))) == 4


@pytest.mark.parametrize("change", [{"index": "x"}, {"table": "db.u"}, {"key": ["t1"]}, {"fields": {"id": "id"}}, {"backend": "sync_by_sql"}])  # fmt: skip
def test_every_change_replaces_the_link(change):
    assert plan_by_field(LINK, LINK.model_copy(update=change)) == Plan(replaces=frozenset(change))
    assert plan_by_field(LINK, LINK.model_copy(update={"drop_procedure": "dbms_etl.x"})).replaces == frozenset()


@pytest.mark.parametrize(
    ("problem", "reason"),
    [("", None), ("it broke", "sync link into docs_1: it broke; mend the cause, then `pulumi up` makes it again")],
)
def test_a_resource_that_is_not_ready_reports_why(problem, reason):
    assert SyncLinkKind.not_ready_reason(SyncLinkState(**LINK.model_dump(), problem=problem)) == reason


def test_a_missing_link_or_index_is_a_problem():
    assert problem_of(None, "docs_1", has_index=True) == "PolarDB has no such link any more"
    assert problem_of(None, "docs_1", has_index=False) == "index docs_1 is gone"
