"""The pure rules: text to tokens, settings to nested settings, filters, scores; and when a search sees a document."""

import numpy as np
import pytest

from sandbox.polarsearch import hybrid, scoring
from sandbox.polarsearch.analysis import Analysis
from sandbox.polarsearch.matches import Matches
from sandbox.polarsearch.processors import Source
from sandbox.polarsearch.settings import flatten, nest, seconds
from sandbox.polarsearch.source import filtered, select

# as a real node's _analyze answered
TOKENS = [
    (
        "Hello's wi-fi 3.14 a_b x.y foo:bar can’t",
        ["hello's", "wi", "fi", "3.14", "a_b", "x.y", "foo:bar", "can’t"],
    ),
    (
        "红苹果カタカナひらがな한국어 iPhone15 中a国1二",
        [*"红苹果", "カタカナ", *"ひらがな", "한국어", "iphone15", *"中a国1二"],
    ),
    ("  ", []),
    ("Straße, ÉCOLE!", ["straße", "école"]),
]


@pytest.mark.parametrize(("text", "tokens"), TOKENS)
def test_text_is_cut_as_the_standard_analyzer_cuts_it(text, tokens):
    analyzer = Analysis({}).analyzer("standard")
    assert analyzer is not None
    assert analyzer(text) == tokens


NESTED = [
    ({"index.a": "1", "index.b.c": "2"}, {"index": {"a": "1", "b": {"c": "2"}}}),
    ({"index.knn": "true", "index.knn.advanced.x": "1"}, {"index": {"knn": "true", "knn.advanced": {"x": "1"}}}),
]


@pytest.mark.parametrize(("flat", "nested"), NESTED)
def test_settings_nest_with_a_dot_where_a_key_is_the_start_of_another(flat, nested):
    assert nest(flat) == nested


def test_settings_become_dotted_texts_and_null_is_kept():
    assert flatten({"index": {"a": True, "b": None, "c": [1, "x"]}}) == {
        "index.a": "true",
        "index.b": None,
        "index.c": ["1", "x"],
    }


@pytest.mark.parametrize(("text", "wanted"), [("500ms", 0.5), ("1s", 1), ("2m", 120), ("-1", -1), ("1d", 86400)])
def test_time_values_are_read_with_their_units(text, wanted):
    assert seconds(text) == wanted


DOCUMENT: Source = {"a": 1, "o": {"x": 1, "y": 2}, "v": [0.1]}
FILTERS = [
    (True, DOCUMENT),
    (["a"], {"a": 1}),
    ("o.x", {"o": {"x": 1}}),
    (["o"], {"o": {"x": 1, "y": 2}}),
    ({"excludes": ["v"]}, {"a": 1, "o": {"x": 1, "y": 2}}),
    ({"includes": ["o.*"], "excludes": ["*.y"]}, {"o": {"x": 1}}),
    ({"excludes": "o.x"}, {"a": 1, "o": {"y": 2}, "v": [0.1]}),
]


@pytest.mark.parametrize(("wanted", "kept"), FILTERS)
def test_source_filters_keep_what_was_asked_for(wanted, kept):
    assert filtered(DOCUMENT, wanted) == kept


ANSWER = {"took": 3, "hits": {"total": {"value": 1}, "hits": [{"_id": "1", "_score": 1.0}]}}
PATHS = [
    ("took", {"took": 3}),
    ("hits.hits._id", {"hits": {"hits": [{"_id": "1"}]}}),
    ("hits.total,took", {"took": 3, "hits": {"total": {"value": 1}}}),
    ("hits.*", {"hits": ANSWER["hits"]}),
    ("nothing", {}),
]


@pytest.mark.parametrize(("path", "kept"), PATHS)
def test_filter_path_keeps_what_it_names(path, kept):
    assert select(ANSWER, path) == kept


@pytest.mark.parametrize(("length", "stored"), [(1, 1), (39, 39), (40, 40), (41, 40), (100, 96), (1000, 984)])
def test_long_texts_are_remembered_by_a_rounded_length(length, stored):
    assert scoring.stored_length(length) <= length
    assert scoring.stored_length(length) == stored


SPACES = [
    ("l2", [[1, 2], [3, 4]], [1, 2], [1, 1 / 9]),
    ("cosinesimil", [[1, 0], [0, 2]], [1, 0], [1, 0.5]),
    ("innerproduct", [[1, 2], [-1, -2]], [1, 1], [4, 1 / 4]),
]


@pytest.mark.parametrize(("space", "matrix", "vector", "scores"), SPACES)
def test_vectors_are_scored_as_their_space_says(space, matrix, vector, scores):
    found = scoring.vector_scores(space, np.array(matrix, np.float32), np.array(vector, np.float32))
    assert list(found) == pytest.approx(scores)


def test_a_hybrid_query_that_found_nothing_adds_nothing():
    one = Matches(np.array([True, True, False]), np.array([2.0, 1.0, 0.0], np.float32))
    none = Matches(np.zeros(3, np.bool_), np.zeros(3, np.float32))
    found = hybrid.combined([one, none], {"normalization-processor": {}})
    assert list(found.mask) == [True, True, False]
    assert found.scores[:2] == pytest.approx([0.5, 0.0005])


def test_a_search_sees_a_document_after_the_refresh_interval_and_not_before(client, clock):
    client.ok("PUT", "/i", {"settings": {"refresh_interval": "5s"}})
    client.ok("PUT", "/i/_doc/1", {"t": "x"})
    assert client.ids("i", {"match_all": {}}) == []
    assert client.ok("GET", "/i/_doc/1")["found"]
    clock.now += 4.9
    assert client.ids("i", {"match_all": {}}) == []
    clock.now += 0.2
    assert client.ids("i", {"match_all": {}}) == ["1"]


def test_with_refreshing_turned_off_only_asking_for_it_helps(client, clock):
    client.ok("PUT", "/i", {"settings": {"refresh_interval": "-1"}})
    client.ok("PUT", "/i/_doc/1", {"t": "x"})
    clock.now += 3600
    assert client.ids("i", {"match_all": {}}) == []
    client.ok("POST", "/i/_refresh")
    assert client.ids("i", {"match_all": {}}) == ["1"]


def test_a_search_goes_on_seeing_the_old_document_until_the_refresh(client):
    client.ok("PUT", "/i/_doc/1?refresh=true", {"t": "old"})
    client.ok("PUT", "/i/_doc/1", {"t": "new"})
    client.ok("DELETE", "/i/_doc/1")
    assert client.ids("i", {"match": {"t": "old"}}) == ["1"]
    client.ok("POST", "/i/_refresh")
    assert client.ids("i", {"match_all": {}}) == []


def test_texts_of_a_bulk_are_embedded_in_batches(client, deployed, embeddings):
    processor = {"text_embedding": {"model_id": deployed, "field_map": {"t": "v"}, "batch_size": 4}}
    client.ok("PUT", "/_ingest/pipeline/p", {"processors": [processor]})
    client.ok("PUT", "/i", {"settings": {"default_pipeline": "p"}})
    embeddings.requests.clear()
    lines = [part for at in range(10) for part in ({"index": {"_index": "i", "_id": str(at)}}, {"t": f"text {at}"})]
    assert not client.bulk(*lines)["errors"]
    assert [len(texts) for texts in embeddings.requests] == [4, 4, 2]


def test_an_embedding_service_that_is_down_is_said_to_be_unreachable(client, deployed, embeddings):
    embeddings.down = True
    path, body = f"/_plugins/_ml/_predict/text_embedding/{deployed}", {"text_docs": ["a"]}
    assert client.reason("POST", path, body) == (500, "Error communicating with remote model: ConnectionRefusedError")


def test_a_private_address_can_be_forbidden(client, clock, connector_body, deploying):
    deploying(client, clock)
    ml = {"trusted_connector_endpoints_regex": [".*"], "connector.private_ip_enabled": False}
    client.ok("PUT", "/_cluster/settings", {"persistent": {"plugins.ml_commons": ml}})
    body = connector_body()
    body["actions"][0]["url"] = "http://10.1.2.3/v1"
    made = client.ok("POST", "/_plugins/_ml/connectors/_create", body)["connector_id"]
    model = {"name": "m", "function_name": "remote", "connector_id": made}
    id = client.ok("POST", "/_plugins/_ml/models/_register", model)["model_id"]
    reason = "Remote inference host name has private ip address: 10.1.2.3"
    assert client.reason("POST", f"/_plugins/_ml/_predict/text_embedding/{id}", {"text_docs": ["a"]}) == (400, reason)
