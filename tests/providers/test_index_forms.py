"""Index: every spelling of a declaration is the same declaration, and what it is not is said at once."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from providers.index import IndexInputs, IndexKind, body, changed_fields, dynamic_settings, shown
from providers.kit import Plan, Refused

VECTOR = {"type": "knn_vector", "dimension": 4}
LONG, TEXT = {"type": "long"}, {"type": "text"}
META = {"pulumi": {"index": "p/s/docs#1", "protected": "true"}}


def docs(**inputs):
    return IndexInputs(owner="p/s/docs", name="docs_1", **inputs)


def served(properties=(), **settings):
    """The index as OpenSearch shows it."""
    fixed = {"number_of_shards": "1", "number_of_replicas": "1", "default_pipeline": "_none"}
    return {
        "settings": {"index": fixed | settings},
        "mappings": {"_meta": META, "properties": dict(properties)},
        "aliases": {},
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"properties": {"f": {**LONG, "index": "true", "doc_values": True}}}, {"properties": {"f": LONG}}),
        ({"properties": {"a.b": TEXT}}, {"properties": {"a": {"properties": {"b": TEXT}}}}),
        ({"properties": {"f": {**TEXT, "copy_to": "g"}}}, {"properties": {"f": {**TEXT, "copy_to": ["g"]}}}),
        ({"default_pipeline": "_none", "search_pipeline": "_none"}, {}),
        ({"settings": {"index": {"sort": {"field": ["f"]}}}}, {"settings": {"sort.field": "f"}}),
        ({"settings": {"refresh_interval": "1000ms"}}, {"settings": {"index.refresh_interval": "1s"}}),
    ],
)  # fmt: skip
def test_two_spellings_are_one_declaration(one, other):
    assert docs(**one) == docs(**other)
    assert not IndexKind.plan(docs(**one), docs(**other))


@pytest.mark.parametrize(
    ("inputs", "mapping", "settings"),
    [
        ({"properties": {"f": {"type": "keyword", "index": True, "ignore_above": "9"}}},
         {"f": {"type": "keyword", "ignore_above": 9}}, {}),
        ({"properties": {"f": {"type": "float", "null_value": 0.1}}}, {"f": {"type": "float", "null_value": 0.1}}, {}),
        ({"vectors": {"a.v": {"dimension": 4}}},
         {"a": {"properties": {"v": {**VECTOR, "method": {"name": "hnsw", "engine": "faiss", "parameters": {},
                                                           "space_type": "cosinesimil"}}}}}, {}),
        ({"replicas": 1, "settings": {"auto_expand_replicas": "0-1"}}, {},
         {"number_of_replicas": "0", "auto_expand_replicas": "0-1"}),
        ({"settings": {"query": {"default_field": ["f"]}}}, {}, {"query": {"default_field": ["f"]}}),
    ],
)  # fmt: skip
def test_an_index_shows_no_change_of_what_was_declared(inputs, mapping, settings):
    declared = docs(**inputs)
    assert IndexKind.plan(shown("docs_1", served(mapping, **settings), declared), declared) == Plan()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ({"similarity.mine.k1": "1"}, {"similarity.mine.k1": "2"}, "similarity.mine.k1"),
        ({}, {"knn.space_type": "l2"}, "knn.space_type"),
        ({"mapping.coerce": False}, {}, "mapping.coerce"),
    ],
)
def test_a_setting_that_is_fixed_is_neither_changed_nor_sent(old, new, what):
    with pytest.raises(Refused, match=f"setting {what} cannot change in place"):
        IndexKind.plan(docs(settings=old), docs(settings=new))
    assert what not in dynamic_settings(docs(settings=new))
    assert body(docs(settings=new), "1")["settings"]["index"].items() >= new.items()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "keyword"}, {"type": "keyword", "ignore_above": 256}),
        (TEXT, {**TEXT, "search_analyzer": "english"}),
        ({"properties": {"a": TEXT}}, {"dynamic": "strict", "properties": {"a": TEXT}}),
    ],
)
def test_what_a_live_index_takes_is_changed_in_place(old, new):
    assert IndexKind.plan(docs(properties={"f": old}), docs(properties={"f": new})) == Plan(frozenset({"properties"}))


@pytest.mark.parametrize(
    ("inputs", "what"),
    [
        ({"properties": {"a": {"properties": {"v": VECTOR}}}}, "a.v is a vector field; declare it in `vectors`, at"),
        ({"properties": {"a": {"type": "nested", "properties": {"b.v": VECTOR}}}}, "a.b.v is a vector field"),
        ({"properties": {"v": TEXT}, "vectors": {"v": {"dimension": 4}}}, "v is in `properties` too"),
        ({"properties": {"a.v": TEXT}, "vectors": {"a.v": {"dimension": 4}}}, "a.v is in `properties` too"),
    ],
)  # fmt: skip
def test_a_vector_in_the_wrong_place_is_refused_with_its_path(inputs, what):
    with pytest.raises(ValidationError, match=what):
        docs(**inputs)


def test_replicas_that_follow_the_nodes_are_not_set():
    assert "number_of_replicas" not in dynamic_settings(docs(settings={"auto_expand_replicas": "0-1"}))
    assert dynamic_settings(docs(settings={"auto_expand_replicas": False}))["number_of_replicas"] == 1


def test_a_vector_inside_an_object_is_mapped_beside_the_objects_other_fields():
    made = docs(properties={"a": {"properties": {"b": TEXT}}}, vectors={"a.v": {"dimension": 4}})
    fields = body(made, "1")["mappings"]["properties"]
    assert fields.keys() == {"a"}
    assert fields["a"]["properties"].keys() == {"b", "v"}


@pytest.mark.parametrize("value", [1, 1.0])
def test_a_float_of_an_encoder_stays_a_float_and_whole_numbers_whole(value):
    encoder = {"name": "sq", "parameters": {"confidence_interval": value, "bits": 7.0}}
    vector = {"dimension": 4.0, "engine": "lucene", "parameters": {"m": 16.0, "encoder": encoder}}
    made = docs(vectors={"v": vector}).vectors["v"]
    assert repr(made.mapped()["method"]["parameters"]) == (
        "{'m': 16, 'encoder': {'name': 'sq', 'parameters': {'confidence_interval': 1.0, 'bits': 7}}}"
    )


def test_only_fields_that_change_are_mapped_again():
    twice = {"type": "nested", "include_in_parent": True, "include_in_root": True}  # 2.19.1 refuses it as it is
    old = docs(properties={"a": twice, "b": TEXT}, vectors={"v": {"dimension": 4}})
    new = docs(properties={"a": twice, "b": {**TEXT, "boost": 2}, "c": LONG}, vectors={"v": {"dimension": 4}})
    assert changed_fields(old, old) == {}
    assert changed_fields(old, new) == {"b": {**TEXT, "boost": 2}, "c": LONG}
