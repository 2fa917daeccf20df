"""Mapped fields have the form in which a real OpenSearch shows them, and change in place where it lets them."""

from __future__ import annotations

import json

import pytest

from providers.services.mappings import (
    ANALYZERS,
    SET_BY_INDEX,
    STRUCTURE,
    TABLE,
    all_as_shown,
    as_shown,
    canonical,
    field_at,
    grows_into,
    normal_field,
    normal_fields,
    vectors_inside,
)
from tests.real.learn import RECORDING, lines, placed, without
from tests.real.learn import TABLE as FILE
from tests.real.learned import table, written
from tests.real.parameters import BASES

RECORDED = json.loads(RECORDING.read_text(encoding="utf-8"))
TEXT = {"type": "text"}
WORD = {"type": "keyword"}
DEPENDS = (*SET_BY_INDEX, *ANALYZERS)
"""Parameters whose default depends on the index: they are kept, though they are not shown."""
KINDS = [kind for kind in RECORDED["types"] if not kind.startswith("knn_vector")]


def answers(kind, what):
    """Each answer about a type with the parameter it is about."""
    return [(name, answer) for name, about in RECORDED["types"][kind].items() for answer in about[what]]


def test_the_table_is_what_was_recorded():
    assert FILE.read_text(encoding="utf-8") == lines(table(RECORDED), 3) + "\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_recorded_value_is_in_the_form_in_which_it_is_shown(kind):
    for name, answer in answers(kind, "values"):
        declared = placed(BASES[kind], name, answer["value"])
        normal = normal_field(declared).get(name)
        if "shown" in answer and (name, normal) != ("analyzer", None):  # with one for searches, the default is shown
            shown = placed(BASES[kind], name, written(answer))
            assert canonical(normal) == canonical(normal_field(shown).get(name)), declared
        elif "refused" not in answer and name not in DEPENDS:
            assert normal is None, declared


@pytest.mark.parametrize("kind", KINDS)
def test_every_recorded_value_reads_back_as_declared(kind):
    for name, answer in answers(kind, "values"):
        if "refused" in answer:
            continue
        declared = normal_field(placed(BASES[kind], name, answer["value"]))
        base = without(BASES[kind], name)
        shown = {**base, name: answer["shown"]} if "shown" in answer else base
        assert as_shown(normal_field(shown), declared) == declared


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_is_refused_is_sent_as_it_is_written(kind):
    for name, answer in answers(kind, "values"):
        declared = placed(BASES[kind], name, answer["value"])
        if "refused" in answer and name not in STRUCTURE and answer["value"] is not None:
            assert name in normal_field(declared), declared


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "," not in kind])
def test_a_change_is_in_place_where_it_was_made(kind):
    for name, change in answers(kind, "changes"):
        if name == "fields" or not change.keys() & {"from", "to"}:
            continue
        old, new = (
            normal_field(placed(BASES[kind], name, change[at]) if at in change else without(BASES[kind], name))
            for at in ("from", "to")
        )
        assert grows_into(old, new) is (change["result"] == "made"), (name, change)


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ({"a.b": TEXT}, {"a": {"properties": {"b": TEXT}}}),
        ({"a.b.c": TEXT}, {"a": {"properties": {"b": {"properties": {"c": TEXT}}}}}),
        ({"a": {"properties": {"b": TEXT}}, "a.c": TEXT}, {"a": {"properties": {"b": TEXT, "c": TEXT}}}),
        ({"a.c": TEXT, "a": {"dynamic": True, "type": "object"}},
         {"a": {"dynamic": "true", "properties": {"c": TEXT}}}),
        ({"a": TEXT, "a.b": TEXT}, {"a": TEXT, "a.b": TEXT}),
        ({".a": TEXT, "a.": TEXT}, {".a": TEXT, "a.": TEXT}),
        ({"a": {"type": "object", "properties": {"b": TEXT}}}, {"a": {"properties": {"b": TEXT}}}),
        ({"a": {"properties": {}}}, {"a": {"type": "object"}}),
        ({"a": {"type": "search_as_you_type", "max_shingle_size": 3}}, {"a": {"type": "search_as_you_type"}}),
        ({"a": {"type": "long", "copy_to": 1.5}}, {"a": {"type": "long", "copy_to": ["1.5"]}}),
        ({"a": {"type": "long", "copy_to": [1e10, True, "b"]}},
         {"a": {"type": "long", "copy_to": ["1.0E10", "true", "b"]}}),
        ({"a": {"type": "long", "copy_to": -1e-7}}, {"a": {"type": "long", "copy_to": ["-1.0E-7"]}}),
        ({"a": {"type": "keyword", "null_value": ["a", 1, 1.5, None, True, ["b"], {"c": 1}]}},
         {"a": {"type": "keyword", "null_value": "[a, 1, 1.5, null, true, [b], {c=1}]"}}),
        ({"a": {"type": "date", "format": ["yyyy"]}}, {"a": {"type": "date", "format": "[yyyy]"}}),
        ({"a": {"enabled": False}}, {"a": {"type": "object", "enabled": False}}),
        ({"a": {"type": "nested", "properties": {"b.c": TEXT}}},
         {"a": {"type": "nested", "properties": {"b": {"properties": {"c": TEXT}}}}}),
        ({"a": {**TEXT, "fields": {"b": {"type": "keyword", "index": True}}}},
         {"a": {**TEXT, "fields": {"b": {"type": "keyword"}}}}),
        ({"a": {**TEXT, "fields": {}}}, {"a": TEXT}),
        ({"a": "text", "b": {"type": None}, "c": {"type": "none", "p": 1}},
         {"a": "text", "b": {"type": None}, "c": {"type": "none", "p": 1}}),
    ],
)  # fmt: skip
def test_a_mapping_has_one_form_in_every_spelling(declared, shown):
    assert normal_fields(declared) == shown
    assert normal_fields(shown) == shown


@pytest.mark.parametrize(
    ("old", "new", "can"),
    [
        (TEXT, TEXT, True),
        (TEXT, WORD, False),
        (TEXT, {**TEXT, "analyzer": "ik"}, False),
        (TEXT, {**TEXT, "a_parameter_of_a_later_version": 1}, False),
        (TEXT, {**TEXT, "fields": {"raw": WORD}}, True),
        ({**TEXT, "fields": {"raw": WORD}}, TEXT, False),
        ({**TEXT, "fields": {"raw": WORD}}, {**TEXT, "fields": {"raw": {**WORD, "ignore_above": 9}}}, True),
        ({"type": "object"}, {"properties": {"a": TEXT}}, True),
        ({"properties": {"a": TEXT}}, {"properties": {"a": TEXT, "b": TEXT}}, True),
        ({"properties": {"a": TEXT}}, {"properties": {"a": {"type": "long"}}}, False),
        ({"properties": {"a": TEXT}}, {"type": "nested", "properties": {"a": TEXT}}, False),
        ({"properties": {"a": TEXT}}, {"dynamic": "strict", "properties": {"a": TEXT}}, True),
        ({"dynamic": "strict", "properties": {"a": TEXT}}, {"properties": {"a": TEXT}}, False),
        ({"properties": {"a": "text"}}, {"properties": {"a": TEXT}}, False),
        ({"type": "join", "relations": {"q": "a"}}, {"type": "join", "relations": {"q": ["a", "b", "c"]}}, True),
    ],
)  # fmt: skip
def test_a_mapping_only_grows(old, new, can):
    assert grows_into(old, new) is can


@pytest.mark.parametrize(
    ("shown", "declared", "read"),
    [
        ({**TEXT, "fields": {"raw": WORD}}, TEXT, TEXT),
        (WORD, TEXT, WORD),
        ({**WORD, "ignore_above": 5}, {**WORD, "ignore_above": 9}, {**WORD, "ignore_above": 5}),
        (WORD, {**WORD, "ignore_above": 9}, WORD),
        (WORD, {**WORD, "of_a_later_version": 1}, {**WORD, "of_a_later_version": 1}),
        ({"properties": {"a": TEXT}}, {"type": "object"}, {"type": "object"}),
        ({"type": "object"}, {"properties": {"a": TEXT}}, {}),
        (TEXT, {**TEXT, "search_analyzer": ["no text"]}, TEXT),
        (TEXT, {**TEXT, "fields": "none"}, {**TEXT, "fields": "none"}),
        (TEXT, {**TEXT, "search_analyzer": "default_search"}, {**TEXT, "search_analyzer": "default_search"}),
        ({"type": "geo_point", "null_value": {"lat": 1, "lon": 2}}, {"type": "geo_point", "null_value": "s01mtw"},
         {"type": "geo_point", "null_value": "s01mtw"}),
        ({"type": "ip"}, {"type": "ip", "ignore_malformed": False}, {"type": "ip", "ignore_malformed": False}),
    ],
)  # fmt: skip
def test_what_is_shown_of_a_field_is_what_was_declared_and_its_drift(shown, declared, read):
    assert all_as_shown({"f": shown, "more": TEXT}, {"f": declared, "gone": TEXT}) == {"f": read}


def test_vectors_are_found_at_any_depth():
    vector = {"type": "knn_vector", "dimension": 4}
    fields = {
        "v": vector,
        "a": {"type": "nested", "properties": {"v": vector, "b": {"properties": {"v": vector}}}},
        "x": "y",
    }
    assert list(vectors_inside(fields)) == ["v", "a.v", "a.b.v"]
    assert [field_at(fields, path) for path in ("v", "a.b.v", "a.c", "x.y", "z")] == [vector, vector, None, None, None]


def test_the_table_is_of_the_version_that_was_asked():
    assert TABLE["version"] == RECORDED["version"]
