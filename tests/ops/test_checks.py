"""What is wrong, computed from facts."""

from __future__ import annotations

import pytest

from components.settings import Collection, Embedding, SyncSettings
from ops import checks
from ops.checks import ColumnFacts, NodeFacts
from ops.examination import nodes_of
from providers.kit import OwnerReference
from providers.services.objects import Found

ACCOUNT = "`u`@`%`"


@pytest.mark.parametrize(
    ("line", "statements"),
    [
        ("this account lacks ALTER on db.docs: grant it", ["GRANT ALTER ON `db`.`docs` TO `u`@`%`"]),
        ("x: this account lacks ALTER and SELECT on db.t: grant", ["GRANT ALTER, SELECT ON `db`.`t` TO `u`@`%`"]),
        ("CALL dbms_etl.show_sync_link(): denied (1370); grant", ["GRANT EXECUTE ON `dbms_etl`.* TO `u`@`%`"]),
        ("binlog is off", []),
    ],
)
def test_a_missing_grant_has_its_statement(line, statements):
    assert checks.statements_for(line, ACCOUNT) == statements


@pytest.mark.parametrize(
    ("grants", "account"),
    [
        (["GRANT USAGE ON *.* TO `u`@`10.%`"], "`u`@`10.%`"),
        (["GRANT USAGE ON *.* TO 'u'@'%' WITH GRANT OPTION"], "'u'@'%'"),
        ([], "<account>"),
    ],
)
def test_the_account_is_the_one_of_its_grants(grants, account):
    assert checks.account_of(grants) == account


@pytest.mark.parametrize(
    ("grants", "may"),
    [
        (["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"], True),
        (["GRANT CREATE ON `db`.* TO `u`@`%`"], True),
        (["GRANT ALTER, SELECT ON `db`.* TO `u`@`%`"], False),
        (["GRANT `role`@`%` TO `u`@`%`"], True),
    ],
)
def test_a_table_that_up_must_make_needs_create(grants, may):
    assert (list(checks.unmakeable(["db.t"], grants)) == []) is may


def collection(**changes):
    source = {"table": "db.docs", "columns": {"id": "INT", "body": "TEXT"}, "primary_key": "id"}
    mapping = {"text": {"type": "text"}, "vector": {"type": "knn_vector"}}
    given = {"name": "docs", "source": source, "fields": {"text": "body"}, "mapping": mapping}
    return Collection.model_validate({**given, "field_map": {"text": "vector"}, **changes})


KNOWN = "text-embedding-v4"


def embedding(model):
    return Embedding(url="https://e.test/v1", model=model, dimension=64)


@pytest.mark.parametrize(
    ("long_texts", "facts", "model", "texts"),
    [
        ("refuse", ColumnFacts(10, 9, 100, 100, 50, 9000), KNOWN, ["may refuse that row"]),
        ("refuse", ColumnFacts(10, 9, 100, 100, 50, 8176), KNOWN, []),
        ("refuse", ColumnFacts(10, 9, 100, 100, 50, 9000), "my-own", []),
        ("cut", ColumnFacts(10, 9, 100, 100, 50, 9000), KNOWN, []),
        ("cut", ColumnFacts(10, 0, 0, 0, 0, 0), KNOWN, ["every text is blank"]),
        ("cut", ColumnFacts(0, 0, 0, 0, 0, 0), KNOWN, []),
    ],
)
def test_texts(long_texts, facts, model, texts):
    declared = collection(long_texts=long_texts)
    [text] = declared.embedded_texts()
    found = [each.line for each in checks.text_findings(declared, text, [facts], embedding(model))]
    assert len(found) == len(texts)
    assert all(part in line for part, line in zip(texts, found, strict=True))


@pytest.mark.parametrize(
    ("model", "limit"),
    [(KNOWN, "is 8192 tokens"), ("my-own", "is 512 tokens, which is assumed: `embedding.max_tokens`")],
)
def test_the_share_of_blank_texts_and_the_longest_are_noted(model, limit):
    declared = collection()
    [text] = declared.embedded_texts()
    note = checks.text_note(declared, text, [ColumnFacts(8, 6, 100, 100, 50, 60)], embedding(model))
    assert note == f"docs: text: 25 % blank; the longest has 50 characters, the model's limit {limit}"


@pytest.mark.parametrize(
    ("resolved", "changes", "allowed", "words"),
    [
        ({"10.0.0.1": []}, {}, False, "10.0.0.1 is a private address"),
        ({"e.vpc": ["10.0.0.1"]}, {}, False, "e.vpc is 10.0.0.1 here, a private address"),
        ({"e.vpc": ["10.0.0.1"]}, {"private_address": True}, False, ""),
        ({"e.vpc": ["10.0.0.1"]}, {}, True, ""),
        ({"e.com": ["8.8.8.8"]}, {}, False, ""),
        ({"e.com": []}, {}, False, ""),
    ],
    ids=str,
)
def test_private_addresses(resolved, changes, allowed, words):
    embedding = Embedding(url="https://e/v1", model="m", dimension=8, **changes)
    found = checks.private_findings(embedding, resolved, allowed=allowed)
    assert [words in each.line for each in found] == ([True] if words else [])


@pytest.mark.parametrize(
    ("available", "settings", "level"),
    [
        (20, {}, ""),
        (15, {}, "low"),
        (10, {}, "high"),
        (5, {}, "flood_stage"),
        (10, {checks.WATERMARK + "low": "0.95", checks.WATERMARK + "high": "97%"}, ""),
        (10, {checks.WATERMARK + "high": "10b", checks.WATERMARK + "low": "50b"}, "high"),
        (12, {checks.WATERMARK + "high": "10b", checks.WATERMARK + "low": "50b"}, "low"),
    ],
)
def test_disk_watermarks(available, settings, level):
    found = list(checks.disk_findings([NodeFacts("n1", 100, available, 0, 0)], settings))
    assert [f"over the {level} watermark" in each.line for each in found] == ([True] if level else [])


def test_only_nodes_that_hold_data_are_counted():
    sizes = {
        "fs": {"total": {"total_in_bytes": 100, "free_in_bytes": 50, "available_in_bytes": 40}},
        "os": {"mem": {"total_in_bytes": 8}},
        "jvm": {"mem": {"heap_max_in_bytes": 2}},
    }
    shown = {"a": {"name": "n1", "roles": ["data", "ml"], **sizes}, "b": {"name": "n2", "roles": ["ml"], **sizes}}
    assert list(nodes_of({"nodes": shown})) == [NodeFacts("n1", 100, 40, 8, 2)]


@pytest.mark.parametrize(("limit", "allowed"), [("50%", 35 + 5), ("10b", 20), ("0.5", 40)])
def test_native_memory_is_a_share_of_what_the_heaps_leave(limit, allowed):
    nodes = [NodeFacts("a", 0, 0, 100, 30), NodeFacts("b", 0, 0, 20, 10)]
    assert checks.memory_limit(nodes, limit) == allowed


@pytest.mark.parametrize(("needed", "allowed", "count"), [(10, 9, 1), (9, 9, 0), (10, 0, 0)])
def test_vectors_that_do_not_fit_are_a_finding(needed, allowed, count):
    assert len(list(checks.memory_findings(needed, allowed))) == count


def test_an_index_that_a_full_disk_blocked_is_a_finding():
    blocked = {"settings": {"index": {"blocks": {"read_only_allow_delete": "true"}}}}
    [found] = checks.blocked_findings({"docs_1": blocked, "theirs": blocked}, ["docs_1", "docs_2"])
    assert found.statements == ['PUT /docs_1/_settings {"index.blocks.read_only_allow_delete": null}']


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (1023, "1023 B"), (2048, "2.0 KB"), (3 * 2**30, "3.0 GB"), (2**40, "1.0 TB")]
)
def test_sizes(size, shown):
    assert checks.sized(size) == shown


OURS = OwnerReference("p/s/r", "0123456789abcdef")


@pytest.mark.parametrize(
    ("noun", "id", "statements"),
    [
        ("model", "m1", ["DELETE /_plugins/_ml/models/m1"]),
        ("model group", "g1", ["DELETE /_plugins/_ml/model_groups/g1"]),
        ("connector", "c1", ["DELETE /_plugins/_ml/connectors/c1"]),
        ("ingest pipeline", "in", ["DELETE /_ingest/pipeline/in"]),
        ("search pipeline", "out", ["DELETE /_search/pipeline/out"]),
        ("index", "docs_1", ["DELETE /docs_1"]),
        ("alias", "docs_1/docs", ["DELETE /docs_1/_alias/docs"]),
        ("sync link", "docs_1", []),
        ("trusted endpoint", "key", []),
        ("table", "db.docs", []),
    ],
)
def test_an_orphan_comes_with_the_request_that_deletes_it(noun, id, statements):
    [found] = checks.orphan_findings([Found(noun, id, "named", OURS)])
    assert found.statements == statements
    assert f"{noun} named" in found.line
    assert "[pulumi" not in found.line


@pytest.mark.parametrize(
    ("backend", "revision", "notes"),
    [
        (None, (8, 0, 1, 1, 54), 1),
        ("sync_by_sql", (8, 0, 2, 2, 34), 1),
        (None, (8, 0, 1, 1, 53), 0),
        ("search_view", (8, 0, 1, 1, 54), 0),
        (None, None, 0),
    ],
)
def test_search_views_are_recommended_where_the_revision_has_them(backend, revision, notes):
    collection = Collection(
        name="docs",
        source={"table": "db.t", "columns": {"id": "INT", "body": "TEXT"}, "primary_key": "id"},
        fields={"id": "id", "text": "body"},
        mapping={"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
        field_map={"text": "vector"},
        sync=SyncSettings(backend=backend),
    )
    assert len(checks.backend_notes(collection, revision)) == notes
