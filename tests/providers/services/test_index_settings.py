"""Index settings are compared in one form, and may change in place where a real OpenSearch lets them."""

from __future__ import annotations

import json

import pytest

from providers.services.index_settings import expands, flat_settings, is_dynamic
from tests.real.learn import RECORDING

RECORDED = json.loads(RECORDING.read_text(encoding="utf-8"))["settings"]


@pytest.mark.parametrize(("name", "answer"), RECORDED["changes"].items())
def test_a_setting_may_change_where_a_real_node_lets_it(name, answer):
    assert is_dynamic(name) is (answer == "made")


@pytest.mark.parametrize(
    ("name", "dynamic"),
    [
        ("routing.allocation.include.zone", True),
        ("similarity.mine.k1", False),
        ("analysis.filter.mine.type", False),
        ("knn.algo_param.ef_search", True),
        ("knn.algo_param.m", False),
        ("mapping.coerce", False),
        ("a_setting_of_a_later_version", False),
    ],
)
def test_of_a_group_every_setting_may_change_and_none_that_is_not_known(name, dynamic):
    assert is_dynamic(name) is dynamic


@pytest.mark.parametrize(("name", "answers"), RECORDED["values"].items())
def test_a_setting_is_shown_as_it_was_declared(name, answers):
    for answer in answers:
        if "refused" not in answer:
            assert flat_settings({name: answer["value"]}) == flat_settings({f"index.{name}": answer["shown"]})


@pytest.mark.parametrize(
    ("spellings", "form"),
    [
        (["1s", "1000ms"], "1s"),
        (["1m", "60s", "60000ms"], "1m"),
        ([-1, "-1", -1.0], "-1"),
        (["1500ms"], "1500ms"),
        (["0s"], "0s"),
    ],
)
def test_a_time_has_one_form(spellings, form):
    for spelling in spellings:
        assert flat_settings({"refresh_interval": spelling}) == {"refresh_interval": form}


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("translog.flush_threshold_size", "1024mb", "1gb"),
        ("translog.flush_threshold_size", "536870912b", "512mb"),
        ("routing.allocation.include.zone", "60s", "60s"),
        ("sort.field", ["f"], "f"),
        ("sort.field", ["f", "g"], ["f", "g"]),
        ("analysis.filter.s.synonyms", ["a, b"], ["a, b"]),
        ("analysis.filter.s.stopwords", [], []),
        ("analysis.filter.s.stopwords", [" a"], [" a"]),
        ("analysis.filter.s.stopwords", [""], [""]),
        ("hidden", True, "true"),
        ("max_result_window", 20000.0, "20000"),
    ],
)
def test_a_setting_has_one_form(name, value, form):
    assert flat_settings({"index": {name: value}}) == {name: form}


@pytest.mark.parametrize(
    ("settings", "follows"),
    [({}, False), ({"auto_expand_replicas": "false"}, False), ({"auto_expand_replicas": "0-1"}, True)],
)
def test_the_number_of_replicas_may_follow_the_nodes(settings, follows):
    assert expands(settings) is follows
