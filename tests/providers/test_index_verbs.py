"""Index, against the service: grows, keeps what others wrote into its `_meta`, and does not lose documents."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from providers.index import IndexKind
from providers.services.vector import Vector

TEXT = {"type": "text"}
DOCS: dict[str, Any] = {
    "owner": "p/s/docs",
    "name": "docs_1",
    "properties": {"id": {"type": "integer"}, "text": TEXT},
    "vectors": {"vector": {"dimension": 4, "parameters": {"m": 16}}},
    "default_pipeline": "embed",
    "search_pipeline": "mix",
    "settings": {"refresh_interval": "5s"},
    "replicas": 0,
}


@pytest.fixture
def red():
    """The index's health, until cleared. Asked for before `indexes`, it is answered before the service is."""
    with respx.mock(assert_all_called=False) as router:
        router.get(path="/_cluster/health/docs_1").respond(json={"status": "red"})
        yield router


@pytest.fixture
def indexes(drive):
    return drive(IndexKind)


@pytest.fixture
def settings(ask):
    """The index's settings, flat."""
    return lambda name="docs_1": ask.get(f"/{name}/_settings?flat_settings=true")[name]["settings"]


@pytest.fixture
def meta(ask):
    return lambda name="docs_1": ask.get(f"/{name}/_mapping")[name]["mappings"].get("_meta", {})


@pytest.fixture
def fill(ask):
    """Adds a document, past the pipeline."""
    return lambda name="docs_1", id=1: ask.put(f"/{name}/_doc/{id}?pipeline=_none", {"id": id})


def test_a_life(indexes, reference, meta):
    made = indexes.create(**DOCS)
    assert made.id == "docs_1"
    assert meta() == {"pulumi": {"index": str(reference(made)), "protected": "true"}}
    assert indexes.read(made).props == made.props
    changed = indexes.update(made, replicas=1, search_pipeline="")
    assert (changed.props["replicas"], changed.props["search_pipeline"], reference(changed)) == (1, "", reference(made))
    indexes.delete(changed)
    assert indexes.read(changed) is None
    indexes.delete(changed)


def test_it_reads_back_as_declared_whatever_the_service_fills_in(indexes, ask, fill):
    made = indexes.create(**DOCS)
    ask.put("/docs_1/_doc/1?pipeline=_none", {"id": 1, "a_field_that_a_document_brought": True})
    assert {name: indexes.read(made).inputs[name] for name in DOCS} == {
        **DOCS,
        "vectors": {"vector": {"dimension": 4, "space_type": "cosinesimil", "engine": "faiss", "method": "hnsw",
                               "parameters": {"m": 16}}},
    }  # fmt: skip


def test_what_keeps_vectors_small_reads_back_as_declared(indexes):
    half = {"encoder": {"name": "sq", "parameters": {"type": "fp16"}}, "m": 8}
    vectors = {
        "halves": {"dimension": 4, "parameters": half},
        "disk": {"dimension": 8, "mode": "on_disk", "compression_level": "32x"},
    }
    made = indexes.create(**{**DOCS, "vectors": vectors})
    shown = indexes.read(made).inputs["vectors"]
    assert shown == made.props["vectors"]
    assert {name: shown["disk"][name] for name in vectors["disk"]} == vectors["disk"]
    assert shown["halves"]["parameters"] == half


def test_it_grows(indexes, settings):
    made = indexes.create(**DOCS)
    more = {
        "properties": {**DOCS["properties"], "note": {"type": "keyword"}},
        "vectors": {**DOCS["vectors"], "second": {"dimension": 8}},
        "settings": {"knn.algo_param.ef_search": "64"},
        "default_pipeline": "",
    }
    grown = indexes.update(made, **more)
    assert grown.props["properties"]["note"] == {"type": "keyword"}
    assert set(grown.props["vectors"]) == {"vector", "second"}
    assert settings()["index.knn.algo_param.ef_search"] == "64"
    assert "index.refresh_interval" not in settings()
    assert settings()["index.default_pipeline"] == "_none"


def test_what_the_link_and_the_aliases_keep_in_its_meta_stays(indexes, ask, meta):
    made = indexes.create(**DOCS)
    others: dict[str, Any] = {
        "team": "search",
        "pulumi": {**meta()["pulumi"], "link": "p/s/link#1", "alias:docs": "p/s/alias#2"},
    }
    ask.put("/docs_1/_mapping", {"_meta": others})
    indexes.update(made, replicas=1)
    assert meta() == others
    indexes.update(made, deletion_protection=False)
    assert meta()["pulumi"] == {k: v for k, v in others["pulumi"].items() if k != "protected"}
    assert meta()["team"] == "search"


@pytest.mark.parametrize("protection", [True, False])
def test_an_index_that_serves_an_alias_of_its_stack_stays(indexes, ask, ended, meta, protection):
    made = indexes.create(**DOCS, deletion_protection=protection)
    ask.put("/docs_1/_mapping", {"_meta": {"pulumi": {**meta()["pulumi"], "alias:docs": "p/s/alias#2"}}})
    ask.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "docs"}}]})
    with pytest.raises(ended, match=r"index docs_1 still serves alias docs; run `pulumi up --refresh`"):
        indexes.delete(made)
    ask.delete("/docs_1/_alias/docs")
    indexes.delete(made)
    assert indexes.read(made) is None


def test_an_alias_of_somebody_else_holds_no_index(indexes, ask):
    made = indexes.create(**DOCS, deletion_protection=False)
    ask.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "theirs"}}]})
    indexes.delete(made)
    assert indexes.read(made) is None


def test_somebody_elses_index_is_refused_and_can_be_adopted(indexes, ask, ended, reference, meta):
    fields = {"id": {"type": "integer"}, "vector": Vector(dimension=4, parameters={"m": 16}).mapped()}
    ask.put("/docs_1", {"mappings": {"properties": fields}, "settings": {"index.knn": True}})
    adopt = r'PUT /docs_1/_mapping {"_meta":{"pulumi":{"index":"p/s/docs"}}}'
    with pytest.raises(ended, match="index docs_1 exists and is not ours; choose another name, or to adopt it: ") as no:
        indexes.create(**DOCS)
    assert str(no.value).endswith(adopt)
    ask.put("/docs_1/_mapping", {"_meta": {"pulumi": {"index": "p/s/docs"}}})
    adopted = indexes.create(**DOCS)
    assert meta()["pulumi"]["index"] == str(reference(adopted))
    assert adopted.props["properties"] == DOCS["properties"]


def test_an_index_that_cannot_become_what_is_declared_is_not_adopted(indexes, ask, ended):
    ask.put("/docs_1", {"mappings": {"properties": {"id": TEXT}, "_meta": {"pulumi": {"index": "p/s/docs"}}}})
    with pytest.raises(ended, match="index docs_1: field id, setting knn cannot change in place"):
        indexes.create(**DOCS)


def test_an_alias_of_that_name_is_in_the_way(indexes, ask, ended):
    ask.put("/somewhere", {"aliases": {"docs_1": {}}})
    with pytest.raises(ended, match="docs_1 is an alias of somewhere, not an index; choose another name"):
        indexes.create(**DOCS)


def test_what_is_taken_over_is_no_longer_the_former_ones_to_delete(indexes):
    former, latter = indexes.create(**DOCS), indexes.create(**DOCS)
    indexes.delete(former)
    assert indexes.read(latter).props == latter.props
    indexes.delete(latter)
    assert indexes.read(latter) is None


def test_a_lost_answer_is_looked_for_not_asked_for_twice(indexes, search, requests):
    search.faults.add("PUT", "/docs_1", "lost")
    made = indexes.create(**DOCS)
    assert requests("PUT /{index}") == 1
    assert indexes.read(made).props == made.props


def test_drift_shows_and_is_undone(indexes, ask):
    made = indexes.create(**DOCS)
    edited = {"number_of_replicas": 3, "refresh_interval": None, "default_pipeline": "x"}
    ask.put("/docs_1/_settings", {"index": edited})
    shown = indexes.read(made)
    assert (shown.inputs["replicas"], shown.inputs["settings"], shown.inputs["default_pipeline"]) == (3, {}, "x")
    assert indexes.update(shown, **made.inputs).props == made.props


def test_a_protected_index_with_documents_stays_and_names_its_aliases(indexes, ask, fill, ended):
    made = indexes.create(**DOCS)
    fill(id=1)
    fill(id=2)
    ask.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": name}} for name in ("docs", "all")]})
    line = (
        "index docs_1 has 2 documents, served as all, docs, and deletion protection is on; to delete them, "
        "set deletion_protection: false, run `pulumi up`, and try again"
    )
    with pytest.raises(ended) as refused:
        indexes.delete(made)
    assert str(refused.value) == line
    indexes.delete(indexes.update(made, deletion_protection=False))
    assert indexes.read(made) is None


def test_a_protected_index_without_documents_may_go(indexes):
    made = indexes.create(**DOCS)
    indexes.delete(made)
    assert indexes.read(made) is None


@pytest.mark.parametrize(
    ("owner", "moved", "goes"),
    [("p/s/docs", True, True), ("p/s/docs", False, False), ("p/s/x", True, False)],
    ids=["moved", "not yet moved", "moved to somebody else's"],
)
def test_a_former_generation_may_go_once_its_alias_has_moved_on(indexes, ask, fill, ended, owner, moved, goes):
    former = indexes.create(**DOCS)
    fill()
    indexes.create(**{**DOCS, "name": "docs_2", "owner": owner})
    if moved:
        ask.post("/_aliases", {"actions": [{"add": {"index": "docs_2", "alias": "docs"}}]})
    if goes:
        indexes.delete(former)
        assert indexes.read(former) is None
    else:
        with pytest.raises(ended, match=r"index docs_1 has 1 document, and deletion protection is on"):
            indexes.delete(former)


def test_without_a_primary_shard_it_is_kept_with_the_reason_and_the_next_up_goes_on(red, indexes, ended):
    with pytest.raises(ended, match=r"index docs_1 has no primary shard; .*\(gave up after 300 s\)") as no:
        indexes.create(**DOCS)
    kept = indexes.kept(no.value)
    with pytest.raises(ended, match="no primary shard"):
        indexes.read(kept)
    red.clear()
    assert indexes.update(kept).props["available"] is True


@pytest.mark.parametrize(
    ("version", "vector", "why"),
    [("3.1.0", {"engine": "nmslib", "space_type": "l2"}, "use faiss"), ("2.18.0", {}, "use innerproduct")],
)
def test_what_a_version_cannot_do_is_refused_before_anything_is_made(indexes, ask, ended, version, vector, why):
    with pytest.raises(ended, match=f"index docs_1: vector: .*{why}"):
        indexes.create(**{**DOCS, "vectors": {"vector": {"dimension": 4, **vector}}})
    assert ask.get("/_alias") == {}


@pytest.mark.parametrize("version", ["2.11.0", "3.1.0"])
def test_other_versions(indexes, version):
    made = indexes.create(**{**DOCS, "vectors": {"vector": {"dimension": 4, "space_type": "l2"}}})
    assert indexes.diff(indexes.read(made)) == []
    indexes.delete(indexes.update(made, replicas=1))
