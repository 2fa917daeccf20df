"""What a kind declares is what it reads back: the service's way of showing things is never taken for a change.

Each case is a kind's whole life by its own verbs: made, read, read again after a change, found, dropped.
"""

from __future__ import annotations

import pytest

from providers.alias import AliasKind
from providers.connector import ConnectorKind
from providers.index import IndexKind
from providers.ingest_pipeline import IngestPipelineKind
from providers.kit.errors import Rejected
from providers.model import ModelKind
from providers.model_group import ModelGroupKind
from providers.search_pipeline import SearchPipelineKind
from providers.trusted_endpoint import TrustedEndpointKind
from sandbox.polarsearch.errors import MARK
from tests.conformance.life import Life
from tests.conformance.server import GOOD_KEY, TRUSTED


@pytest.fixture
def trusted(server):
    server.trust()
    return server


ACTION = {
    "url": "http://127.0.0.1:1/v1/embeddings",
    "headers": {"Authorization": "Bearer ${credential.api_key}", "X-Empty": ""},
    "request_body": '{ "model": "${parameters.model}", "input": ${parameters.input} }',
    "pre_process_function": "connector.pre_process.openai.embedding",
    "post_process_function": "connector.post_process.openai.embedding",
}
CONNECTORS = [
    {},
    {"credential": {"api_key": GOOD_KEY, "other": "x"}},
    {"description": "a [bracket] and «ünïcode» 描述"},
    {
        "parameters": {
            "text": "a",
            "whole": 5,
            "yes": True,
            "list": ["a", 1],
            "object": {"k": 1.5},
            "none": "",
            "<&>": "<&>",
        }
    },
    {"parameters": {"number": 1.5, "empty": {}, "nothing": [], "中": "文"}},
    {"client_config": {"max_connection": 5, "read_timeout": 10, "retry_backoff_policy": "constant"}},
    {"client_config": {"max_retry_times": 0}},
    {"actions": [ACTION, {**ACTION, "action_type": "batch_predict"}]},
    {"actions": [{**ACTION, "headers": {}, "pre_process_function": None}]},
    {"actions": [{**ACTION, "method": "PUT"}]},
]


@pytest.mark.parametrize("declared", CONNECTORS, ids=lambda declared: ",".join(declared) or "least")
def test_a_connector(trusted, declared):
    life = Life(trusted, ConnectorKind, **{"name": "connector", "actions": [ACTION], **declared})
    assert not life.changed()
    assert life.read().uid == "one"
    assert life.kind.find(life.inputs)[0] == life.id
    life.kind.update(life.id, life.read(), life.inputs, "two")
    assert life.read().uid == "two"
    assert not life.changed()
    life.drop()


def test_a_connector_that_a_model_uses_is_not_taken_over(trusted):
    life = Life(trusted, ConnectorKind, name="connector", actions=[ACTION])
    trusted.model(life.id, deploy=False)
    assert life.kind.find(life.inputs) is None


@pytest.mark.parametrize("declared", [{}, {"description": "of embeddings"}], ids=["least", "description"])
def test_a_model_group(server, declared):
    life = Life(server, ModelGroupKind, name="group", **declared)
    assert not life.changed()
    assert life.kind.find(life.inputs)[0] == life.id
    life.update(name="another", description="changed")
    assert not life.changed()
    assert life.read().uid == "two"
    life.drop()


def test_a_model(trusted):
    connector, group, other = trusted.connector(model="hashing"), trusted.group(), trusted.group("other")
    uses = {"connector_id": connector, "group_id": group}
    life = Life(trusted, ModelKind, name="model", dimension=1024, space="hashing/1024", description="d", **uses)
    assert not life.changed()
    assert life.read().model_state == "DEPLOYED"
    assert life.kind.find(life.inputs)[0] == life.id
    life.update(name="renamed", description="", connector_id=trusted.connector(), group_id=other)
    assert not life.changed()
    assert life.read().uid == "two"
    life.drop()


def test_another_connector_reaches_a_live_model_only_once_it_is_proved(trusted):
    uses = {"connector_id": trusted.connector(), "group_id": trusted.group()}
    life = Life(trusted, ModelKind, name="model", dimension=1024, space="hashing/1024", **uses)
    life.update(connector_id=trusted.connector(model="text-embedding-v4"))
    trusted.embeddings.asked.clear()
    assert trusted.embed(life.id, "after the swap").status == 200
    assert trusted.embeddings.asked == [["after the swap"]]
    models = trusted.until("POST", "/_plugins/_ml/models/_search", lambda found: found["hits"]["total"]["value"] == 1,
                           {"query": {"match_all": {}}})  # fmt: skip
    assert models["hits"]["hits"][0]["_id"] == life.id


INGEST_PIPELINES = [
    {},
    {"batch_size": 10},
    {"skip_blank": False},
    {"description": "with a [bracket]"},
    {"field_map": {"text": "vector", "title": "title_vector"}},
    {"field_map": {"inner.text": "inner.vector"}},
    {
        "before": [{"set": {"field": "a", "value": 1}}, {"lowercase": {"field": "text", "ignore_missing": True}}],
        "after": [{"remove": {"field": "a"}}],
    },
]


@pytest.mark.parametrize("declared", INGEST_PIPELINES, ids=lambda declared: ",".join(declared) or "least")
def test_an_ingest_pipeline(server, declared):
    life = Life(
        server, IngestPipelineKind, **{"name": "p", "model_id": "m", "field_map": {"text": "vector"}, **declared}
    )
    assert not life.changed()
    assert life.kind.find(life.inputs)[0] == "p"
    life.update(model_id="n", batch_size=5)
    assert not life.changed()
    assert life.read().uid == "two"
    life.drop()


SEARCH_PIPELINES = [
    {},
    {"weights": [1.0]},
    {"weights": [0.2, 0.3, 0.5], "normalization": "l2", "combination": "geometric_mean"},
    {"weights": [0.1, 0.9], "combination": "harmonic_mean", "description": "d"},
]


@pytest.mark.parametrize("declared", SEARCH_PIPELINES, ids=["least", "one weight", "l2", "harmonic"])
def test_a_search_pipeline(server, declared):
    life = Life(server, SearchPipelineKind, name="p", model_id="m", **declared)
    assert not life.changed()
    assert life.kind.find(life.inputs)[0] == "p"
    life.update(model_id="n", weights=[0.5, 0.5])
    assert not life.changed()
    life.drop()


OTHER_PROCESSORS = [
    {"normalization": "none"},
    {"request_processors": [{"neural_sparse_two_phase_processor": {"enabled": True}}]},
    {"request_processors": [{"filter_query": {"query": {"term": {"a": 1}}}}]},
    {"request_processors": [{"oversample": {"sample_factor": 1.5}}], "response_processors": [{"truncate_hits": {}}]},
    {"response_processors": [{"rename_field": {"field": "a", "target_field": "b"}}]},
    {
        "normalization": "none",
        "phase_results_processors": [{"score-ranker-processor": {"combination": {"technique": "rrf"}}}],
    },
]


@pytest.mark.parametrize("declared", OTHER_PROCESSORS, ids=lambda declared: " ".join(declared))
def test_a_search_pipeline_with_other_processors(server, declared):
    try:
        life = Life(server, SearchPipelineKind, name="p", model_id="m", **declared)
    except Rejected as error:
        if MARK not in str(error) and "Invalid processor type" not in str(error):  # a module that a node may lack
            raise
        pytest.skip(str(error))
    assert not life.changed()
    life.update(model_id="n")
    assert not life.changed()
    life.drop()


PROPERTIES = {
    "text": {"type": "text"},
    "analysed": {
        "type": "text",
        "analyzer": "english",
        "fields": {"keyword": {"type": "keyword", "ignore_above": 256}},
    },
    "word": {"type": "keyword", "ignore_above": 100},
    "number": {"type": "integer"},
    "large": {"type": "long"},
    "price": {"type": "scaled_float", "scaling_factor": 100},
    "day": {"type": "date", "format": "yyyy-MM-dd HH:mm:ss||epoch_millis"},
    "flag": {"type": "boolean"},
    "silent": {"type": "keyword", "index": False, "doc_values": False},
    "object": {"type": "object", "properties": {"inner": {"type": "keyword"}}},
    "implied": {"properties": {"inner": {"type": "float"}}},
    "nested": {"type": "nested", "properties": {"inner": {"type": "double"}}},
    "flat": {"type": "flat_object"},
    "place": {"type": "geo_point"},
    "address": {"type": "ip"},
}
INDEXES = [
    {"properties": {name: field}} for name, field in PROPERTIES.items()
] + [
    {"vectors": {"v": {"dimension": 4, **vector}}}
    for vector in (
        {},
        {"space_type": "l2"},
        {"space_type": "innerproduct", "parameters": {"m": 8}},
        {"engine": "lucene"},
        {"engine": "lucene", "data_type": "byte"},
        {"data_type": "byte", "space_type": "innerproduct"},
        {"data_type": "float"},
        {"engine": "lucene", "space_type": "l2", "parameters": {"m": 24, "ef_construction": 64}},
        {"parameters": {"ef_construction": 128, "ef_search": 64}},
    )
] + [
    {"mapping": {"dynamic": "STRICT", "date_detection": "false"}},
    {"mapping": {"numeric_detection": True, "dynamic_templates": [{"a": {"match": "x*", "mapping": {"type": "ip"}}}]}},
    {"default_pipeline": "in", "search_pipeline": "out"},
    {"shards": 2},
    {"replicas": 1},
    {"settings": {"refresh_interval": "2s", "max_result_window": 500}},
    {"settings": {"index.refresh_interval": "-1", "max_result_window": None}},
    {"settings": {"analysis": {"analyzer": {"mine": {"tokenizer": "standard", "filter": ["lowercase", "stop"]}}}}},
    {"vectors": {"v": {"dimension": 4}}, "settings": {"knn.algo_param.ef_search": 50}},
    {"deletion_protection": False},
]  # fmt: skip


def named(declared):
    return "least" if not declared else str(declared)[:60].translate(str.maketrans("", "", "{}'[]"))


@pytest.mark.parametrize("declared", INDEXES, ids=named)
def test_an_index(server, declared):
    try:
        life = Life(server, IndexKind, **{"name": "docs", "replicas": 0, **declared})
    except Rejected as error:
        if MARK not in str(error):
            raise
        pytest.skip(str(error))
    assert not life.changed()
    assert life.kind.find(life.inputs)[0] == "docs"
    properties = {**life.inputs.properties, "added": {"type": "keyword"}}
    life.update(properties=properties, replicas=1, deletion_protection=False)
    assert not life.changed()
    assert life.read().uid == "two"
    life.drop()


def test_an_index_setting_taken_out_goes_back_to_its_default(server):
    life = Life(server, IndexKind, name="docs", replicas=0, settings={"refresh_interval": "7s"})
    life.update(settings={})
    shown = server.ok("GET", "/docs/_settings?flat_settings=true")["docs"]["settings"]
    assert "index.refresh_interval" not in shown


def test_parameters_of_a_mapping_change_in_place_and_go_back_to_their_defaults(server):
    life = Life(server, IndexKind, name="docs", replicas=0, mapping={"dynamic": "strict", "date_detection": False})
    life.update(mapping={"dynamic": False})
    assert server.ok("GET", "/docs/_mapping")["docs"]["mappings"]["date_detection"] is True
    assert not life.changed()
    server.ok("PUT", "/docs/_mapping", {"dynamic": "true"})
    assert life.changed().updates == {"mapping"}
    life.drop()


def test_an_alias(server):
    server.index("one")
    server.index("two")
    life = Life(server, AliasKind, name="docs", index="one")
    assert not life.changed()
    assert life.kind.find(life.inputs)[0] == "docs"
    life.update(index="two")
    assert not life.changed()
    assert list(server.ok("GET", "/_alias/docs")) == ["two"]
    life.drop()


PATTERN = "^http://127\\.0\\.0\\.1:1/.*$"


def effective(server):
    settings = server.ok("GET", "/_cluster/settings?include_defaults=true&flat_settings=true")
    scopes = ("transient", "persistent", "defaults")
    return next(settings[scope][TRUSTED] for scope in scopes if TRUSTED in settings[scope])


@pytest.mark.parametrize("before", [None, ["^https://theirs/.*$"]], ids=["defaults", "a list of theirs"])
def test_a_trusted_endpoint(server, before):
    if before:
        server.ok("PUT", "/_cluster/settings", {"persistent": {TRUSTED: before}})
    had = effective(server)
    life = Life(server, TrustedEndpointKind, pattern=PATTERN)
    assert effective(server) == [*had, PATTERN]
    assert not life.changed()
    life.drop()
    assert effective(server) == had
    stored = server.ok("GET", "/_cluster/settings?flat_settings=true")["persistent"]
    assert stored == ({TRUSTED: before} if before else {})
