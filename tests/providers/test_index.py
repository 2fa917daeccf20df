"""Index: plan, validation and pending reasons."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from providers.index import IndexInputs, IndexKind, IndexState, body, shown, unsupported
from providers.kit import Plan, Refused
from providers.services.index_names import validated_index_name
from providers.services.vector import Vector

TEXT = {"type": "text"}
DOCS = IndexInputs(
    owner="p/s/docs",
    name="docs_1",
    properties={"id": {"type": "integer"}, "text": TEXT},
    vectors={"vector": Vector(dimension=384)},
    default_pipeline="p1",
    search_pipeline="s1",
    settings={"refresh_interval": "5s"},
)


def docs(**changes):
    return IndexInputs(**{**DOCS.model_dump(), **changes})


@pytest.mark.parametrize(
    ("change", "updates", "replaces"),
    [
        ({}, set(), set()),
        ({"replicas": 2}, {"replicas"}, set()),
        ({"default_pipeline": "p2", "search_pipeline": ""}, {"default_pipeline", "search_pipeline"}, set()),
        ({"settings": {"refresh_interval": "1s"}}, {"settings"}, set()),
        ({"settings": {}}, {"settings"}, set()),
        ({"properties": {**DOCS.properties, "more": TEXT}}, {"properties"}, set()),
        ({"vectors": {"vector": {"dimension": 384}, "second": {"dimension": 8}}}, {"vectors"}, set()),
        ({"deletion_protection": False}, {"deletion_protection"}, set()),
        ({"name": "docs_2", "shards": 3}, set(), {"name", "shards"}),
        ({"name": "docs_2", "vectors": {"vector": {"dimension": 768}}}, {"vectors"}, {"name"}),
    ],
    ids=["same", "replicas", "pipelines", "setting", "setting removed", "field added", "vector added", "protection",
         "another name and shards", "another name and dimension"],
)  # fmt: skip
def test_plan(change, updates, replaces):
    assert IndexKind.plan(DOCS, docs(**change)) == Plan(frozenset(updates), frozenset(replaces))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"shards": 3}, "shards 1 → 3"),
        ({"properties": {"id": TEXT, "text": TEXT}}, "field id"),
        ({"properties": {"text": TEXT}}, "field id"),
        ({"vectors": {"vector": {"dimension": 768}}}, "vector field vector"),
        ({"vectors": {"vector": {"dimension": 384, "space_type": "l2"}}}, "vector field vector"),
        ({"vectors": {"vector": {"dimension": 384, "mode": "on_disk"}}}, "vector field vector"),
        ({"vectors": {}}, "setting knn, vector field vector"),
        ({"settings": {"refresh_interval": "5s", "codec": "best_compression"}}, "setting codec"),
    ],
)
def test_a_change_that_needs_a_new_index_is_refused_under_the_same_name(change, what):
    with pytest.raises(Refused, match=rf"^index docs_1: {what} cannot change in place .*another `revision`"):
        IndexKind.plan(DOCS, docs(**change))


@pytest.mark.parametrize("name", ["docs", "docs_1", "1-2.3", "商品"])
def test_a_valid_index_name_is_accepted(name):
    assert validated_index_name(name) == name


@pytest.mark.parametrize(
    "name", ["Docs", "a b", "a/b", "a*", "a,b", "a#b", "a:b", "_a", "-a", "+a", ".", "..", "", "a" * 256]
)
def test_an_index_name_that_opensearch_refuses_is_refused(name):
    with pytest.raises(ValueError, match="index name"):
        validated_index_name(name)


def test_settings_are_normalized():
    given = {"index": {"refresh_interval": "5s"}, "knn.algo_param": {"ef_search": 100.0}, "hidden": True}
    assert docs(settings=given).settings == {
        "refresh_interval": "5s",
        "knn.algo_param.ef_search": "100",
        "hidden": "true",
    }


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"settings": {"index.number_of_replicas": 1}}, "number_of_replicas has an input of its own"),
        ({"properties": {"v": {"type": "knn_vector"}}}, "v is a vector field; declare it in `vectors`"),
        ({"vectors": {"v": {"dimension": 0}}}, "greater than or equal to 1"),
        ({"vectors": {"v": {"dimension": 16001}}}, "less than or equal to 16000"),
        ({"shards": 0}, "greater than or equal to 1"),
    ],
)
def test_invalid_inputs_are_refused(change, what):
    with pytest.raises(ValidationError, match=what):
        docs(**change)


def test_the_create_request_has_the_owner_reference_pipelines_and_vectors():
    created = body(DOCS, "00ff")
    assert created["settings"]["index"] == {
        "number_of_shards": 1,
        "knn": True,
        "number_of_replicas": 1,
        "default_pipeline": "p1",
        "search.default_pipeline": "s1",
        "refresh_interval": "5s",
    }
    assert created["mappings"]["_meta"] == {"pulumi": {"index": "p/s/docs#00ff", "protected": "true"}}
    assert created["mappings"]["properties"]["vector"] == {
        "type": "knn_vector",
        "dimension": 384,
        "method": {"name": "hnsw", "engine": "faiss", "space_type": "cosinesimil", "parameters": {}},
    }


@pytest.mark.parametrize(
    ("vector", "version", "problems"),
    [
        ({}, (2, 19, 0), 0),
        ({}, (2, 18, 0), 1),
        ({"space_type": "l2"}, (2, 11, 0), 0),
        ({"engine": "lucene"}, (2, 11, 0), 0),
        ({"engine": "nmslib", "space_type": "l2"}, (2, 19, 0), 0),
        ({"engine": "nmslib", "space_type": "l2"}, (3, 0, 0), 1),
        ({"engine": "lucene", "compression_level": "4x"}, (2, 17, 0), 0),
        ({"engine": "lucene", "compression_level": "4x", "mode": "on_disk"}, (2, 16, 0), 1),
    ],
)
def test_an_option_that_the_version_lacks_is_reported(vector, version, problems):
    assert len(unsupported(docs(vectors={"v": {"dimension": 8, **vector}}), version)) == problems


PASSAGES = {"type": "nested", "properties": {"text": TEXT}}


def test_a_vector_with_a_dotted_name_is_inside_of_its_nested_field():
    inputs = docs(properties={"text": TEXT, "v": PASSAGES}, vectors={"v.knn": {"dimension": 8}})
    created = body(inputs, "00ff")
    assert created["settings"]["index"]["knn"] is True
    nested = created["mappings"]["properties"]["v"]
    assert (nested["type"], sorted(nested["properties"])) == ("nested", ["knn", "text"])
    index = {
        "settings": {"index": {"number_of_shards": "1", "number_of_replicas": "1"}},
        "mappings": created["mappings"],
    }
    state = shown("docs_1", index, inputs)
    assert (state.properties, state.vectors) == (inputs.properties, inputs.vectors)


@pytest.mark.parametrize(
    ("around", "version", "problems"),
    [(PASSAGES, (2, 15, 0), 1), (PASSAGES, (2, 16, 0), 0), ({"properties": {"text": TEXT}}, (2, 15, 0), 0)],
)
def test_a_nested_vector_needs_a_version_that_finds_it_by_text_alone(around, version, problems):
    inputs = docs(properties={"v": around}, vectors={"v.knn": {"dimension": 8, "engine": "lucene"}})
    assert len(unsupported(inputs, version)) == problems


def test_a_resource_that_is_not_ready_reports_why():
    state = IndexState(**DOCS.model_dump())
    assert IndexKind.not_ready_reason(state) is None
    assert "no primary shard" in str(IndexKind.not_ready_reason(state.model_copy(update={"available": False})))
