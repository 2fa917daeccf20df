"""Index on the service: extended in place, keeps other entries of its `_meta`, and does not lose documents."""

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
    """Answers with health red until cleared. Requested before `indexes`, its route precedes those of the service."""
    with respx.mock(assert_all_called=False) as router:
        router.get(path="/_cluster/health/docs_1").respond(json={"status": "red"})
        yield router


@pytest.fixture
def indexes(drive):
    return drive(IndexKind)


@pytest.fixture
def settings(rest):
    """Returns the index's settings, flattened."""
    return lambda name="docs_1": rest.get(f"/{name}/_settings?flat_settings=true")[name]["settings"]


@pytest.fixture
def meta(rest):
    return lambda name="docs_1": rest.get(f"/{name}/_mapping")[name]["mappings"].get("_meta", {})


@pytest.fixture
def fill(rest):
    """Adds a document without the pipeline."""
    return lambda name="docs_1", id=1: rest.put(f"/{name}/_doc/{id}?pipeline=_none", {"id": id})


def test_create_read_update_delete(indexes, reference, meta):
    created = indexes.create(**DOCS)
    assert created.id == "docs_1"
    assert meta() == {"pulumi": {"index": str(reference(created)), "protected": "true"}}
    assert indexes.read(created).props == created.props
    changed = indexes.update(created, replicas=1, search_pipeline="")
    assert (changed.props["replicas"], changed.props["search_pipeline"], reference(changed)) == (
        1,
        "",
        reference(created),
    )
    indexes.delete(changed)
    assert indexes.read(changed) is None
    indexes.delete(changed)


@pytest.mark.parametrize(
    ("added", "shown"),
    [
        ({"price": {"type": "float"}}, "price (float)"),
        ({"text": {**TEXT, "fields": {"raw": {"type": "keyword"}}}}, "text.raw (keyword)"),
        ({"a": {"properties": {"b": TEXT}}}, "a (object), a.b (text)"),
    ],
    ids=["a field", "another way to index one", "an object"],
)
def test_refresh_names_a_field_that_was_added_by_hand_and_up_keeps_it(indexes, rest, added, shown):
    created, lines = indexes.create(**DOCS), []
    rest.put("/docs_1/_mapping", {"properties": added})
    indexes.provider._bound.warn = lines.append
    indexes.provider._bound.services.declares = False
    assert indexes.read(created).inputs == created.inputs
    assert lines == [f"index docs_1 has fields that nobody declares, and keeps them: {shown}"]
    indexes.update(created, replicas=1)
    assert rest.get("/docs_1/_mapping")["docs_1"]["mappings"]["properties"].items() >= added.items()
    assert len(lines) == 1


def test_defaults_of_the_service_are_no_drift(indexes, rest, fill):
    created = indexes.create(**DOCS)
    rest.put("/docs_1/_doc/1?pipeline=_none", {"id": 1, "a_field_that_a_document_brought": True})
    assert {name: indexes.read(created).inputs[name] for name in DOCS} == {
        **DOCS,
        "vectors": {"vector": {"dimension": 4, "space_type": "cosinesimil", "engine": "faiss", "method": "hnsw",
                               "parameters": {"m": 16}}},
    }  # fmt: skip


def test_vector_compression_is_no_drift(indexes):
    half = {"encoder": {"name": "sq", "parameters": {"type": "fp16"}}, "m": 8}
    vectors = {
        "halves": {"dimension": 4, "parameters": half},
        "disk": {"dimension": 8, "mode": "on_disk", "compression_level": "32x"},
    }
    created = indexes.create(**{**DOCS, "vectors": vectors})
    shown = indexes.read(created).inputs["vectors"]
    assert shown == created.props["vectors"]
    assert {name: shown["disk"][name] for name in vectors["disk"]} == vectors["disk"]
    assert shown["halves"]["parameters"] == half


def test_fields_and_settings_are_added_in_place(indexes, settings):
    created = indexes.create(**DOCS)
    more = {
        "properties": {**DOCS["properties"], "note": {"type": "keyword"}},
        "vectors": {**DOCS["vectors"], "second": {"dimension": 8}},
        "settings": {"knn.algo_param.ef_search": "64"},
        "default_pipeline": "",
    }
    grown = indexes.update(created, **more)
    assert grown.props["properties"]["note"] == {"type": "keyword"}
    assert set(grown.props["vectors"]) == {"vector", "second"}
    assert settings()["index.knn.algo_param.ef_search"] == "64"
    assert "index.refresh_interval" not in settings()
    assert settings()["index.default_pipeline"] == "_none"


def test_the_meta_of_link_and_aliases_is_kept(indexes, rest, meta):
    created = indexes.create(**DOCS)
    others: dict[str, Any] = {
        "team": "search",
        "pulumi": {**meta()["pulumi"], "link": "p/s/link#1", "alias:docs": "p/s/alias#2"},
    }
    rest.put("/docs_1/_mapping", {"_meta": others})
    indexes.update(created, replicas=1)
    assert meta() == others
    indexes.update(created, deletion_protection=False)
    assert meta()["pulumi"] == {k: v for k, v in others["pulumi"].items() if k != "protected"}
    assert meta()["team"] == "search"


@pytest.mark.parametrize("protection", [True, False])
def test_an_index_that_serves_an_alias_of_its_stack_is_not_deleted(indexes, rest, failed, meta, protection):
    created = indexes.create(**DOCS, deletion_protection=protection)
    rest.put("/docs_1/_mapping", {"_meta": {"pulumi": {**meta()["pulumi"], "alias:docs": "p/s/alias#2"}}})
    rest.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "docs"}}]})
    with pytest.raises(failed, match=r"index docs_1 still serves alias docs; run `pulumi up --refresh`"):
        indexes.delete(created)
    rest.delete("/docs_1/_alias/docs")
    indexes.delete(created)
    assert indexes.read(created) is None


def test_an_alias_of_another_owner_does_not_prevent_the_delete(indexes, rest):
    created = indexes.create(**DOCS, deletion_protection=False)
    rest.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": "theirs"}}]})
    indexes.delete(created)
    assert indexes.read(created) is None


def test_an_index_of_another_owner_is_refused_and_can_be_adopted(indexes, rest, failed, reference, meta):
    fields = {"id": {"type": "integer"}, "vector": Vector(dimension=4, parameters={"m": 16}).mapped()}
    rest.put("/docs_1", {"mappings": {"properties": fields}, "settings": {"index.knn": True}})
    with pytest.raises(failed, match=r"index docs_1 exists and is not ours; .* `python -m ops adopt`"):
        indexes.create(**DOCS)
    rest.put("/docs_1/_mapping", {"_meta": {"pulumi": {"index": "p/s/docs"}}})
    adopted = indexes.create(**DOCS)
    assert meta()["pulumi"]["index"] == str(reference(adopted))
    assert adopted.props["properties"] == DOCS["properties"]


def test_an_incompatible_index_is_not_adopted(indexes, rest, failed):
    rest.put("/docs_1", {"mappings": {"properties": {"id": TEXT}, "_meta": {"pulumi": {"index": "p/s/docs"}}}})
    with pytest.raises(failed, match="index docs_1: field id, setting knn cannot change in place"):
        indexes.create(**DOCS)


def test_an_alias_of_the_same_name_is_refused(indexes, rest, failed):
    rest.put("/somewhere", {"aliases": {"docs_1": {}}})
    with pytest.raises(failed, match="docs_1 is an alias of somewhere, not an index; choose another name"):
        indexes.create(**DOCS)


def test_delete_leaves_an_object_that_another_create_took_over(indexes):
    former, latter = indexes.create(**DOCS), indexes.create(**DOCS)
    indexes.delete(former)
    assert indexes.read(latter).props == latter.props
    indexes.delete(latter)
    assert indexes.read(latter) is None


def test_a_lost_answer_does_not_create_a_duplicate(indexes, search, requests):
    search.faults.add("PUT", "/docs_1", "lost")
    created = indexes.create(**DOCS)
    assert requests("PUT /{index}") == 1
    assert indexes.read(created).props == created.props


def test_drift_is_shown_and_repaired(indexes, rest):
    created = indexes.create(**DOCS)
    edited = {"number_of_replicas": 3, "refresh_interval": None, "default_pipeline": "x"}
    rest.put("/docs_1/_settings", {"index": edited})
    shown = indexes.read(created)
    assert (shown.inputs["replicas"], shown.inputs["settings"], shown.inputs["default_pipeline"]) == (3, {}, "x")
    assert indexes.update(shown, **created.inputs).props == created.props


def test_a_protected_index_with_documents_is_not_deleted(indexes, rest, fill, failed):
    created = indexes.create(**DOCS)
    fill(id=1)
    fill(id=2)
    rest.post("/_aliases", {"actions": [{"add": {"index": "docs_1", "alias": name}} for name in ("docs", "all")]})
    line = (
        "index docs_1 has 2 documents, served as all, docs, and deletion protection is on; to delete them, "
        "set deletion_protection: false (where it was renamed or taken out of the configuration, put it back first), "
        "run `pulumi up`, and try again"
    )
    with pytest.raises(failed) as refused:
        indexes.delete(created)
    assert str(refused.value) == line
    indexes.delete(indexes.update(created, deletion_protection=False))
    assert indexes.read(created) is None


def test_a_protected_index_without_documents_is_deleted(indexes):
    created = indexes.create(**DOCS)
    indexes.delete(created)
    assert indexes.read(created) is None


@pytest.mark.parametrize(
    ("owner", "moved", "is_deleted"),
    [("p/s/docs", True, True), ("p/s/docs", False, False), ("p/s/x", True, False)],
    ids=["moved", "not yet moved", "moved to another owner's index"],
)
def test_a_protected_index_is_deleted_once_its_alias_has_moved(indexes, rest, fill, failed, owner, moved, is_deleted):
    former = indexes.create(**DOCS)
    fill()
    indexes.create(**{**DOCS, "name": "docs_2", "owner": owner})
    if moved:
        rest.post("/_aliases", {"actions": [{"add": {"index": "docs_2", "alias": "docs"}}]})
    if is_deleted:
        indexes.delete(former)
        assert indexes.read(former) is None
    else:
        with pytest.raises(failed, match=r"index docs_1 has 1 document, and deletion protection is on"):
            indexes.delete(former)


def test_an_index_without_a_primary_shard_is_kept_and_the_next_update_continues(red, indexes, failed):
    with pytest.raises(failed, match=r"index docs_1 has no primary shard; .*\(gave up after 300 s\)") as error:
        indexes.create(**DOCS)
    kept = indexes.kept(error.value)
    with pytest.raises(failed, match="no primary shard"):
        indexes.read(kept)
    red.clear()
    assert indexes.update(kept).props["available"] is True


@pytest.mark.parametrize(
    ("version", "vector", "why"),
    [("3.1.0", {"engine": "nmslib", "space_type": "l2"}, "use faiss"), ("2.18.0", {}, "use innerproduct")],
)
def test_an_option_that_the_version_lacks_is_refused_before_the_create(indexes, rest, failed, version, vector, why):
    with pytest.raises(failed, match=f"index docs_1: vector: .*{why}"):
        indexes.create(**{**DOCS, "vectors": {"vector": {"dimension": 4, **vector}}})
    assert rest.get("/_alias") == {}


@pytest.mark.parametrize("version", ["2.11.0", "3.1.0"])
def test_create_read_update_delete_in_other_versions(indexes, version):
    created = indexes.create(**{**DOCS, "vectors": {"vector": {"dimension": 4, "space_type": "l2"}}})
    assert indexes.diff(indexes.read(created)) == []
    indexes.delete(indexes.update(created, replicas=1))
