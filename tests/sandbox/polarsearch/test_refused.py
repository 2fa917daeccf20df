"""What a real node takes and the stand-in refuses by name: one table."""

import json

import pytest


def mapped(**field):
    return "PUT", "/new", {"mappings": {"properties": {"f": field}}}


def declared(**mapping):
    return "PUT", "/new", {"mappings": mapping}


def analysed(**analysis):
    return "PUT", "/new", {"settings": {"analysis": analysis}}


def asked(query, **body):
    return "POST", "/there/_search", {"query": query, **body}


def piped(kind, **config):
    return "PUT", "/_ingest/pipeline/p", {"processors": [{kind: config}]}


def found(**pipeline):
    return "PUT", "/_search/pipeline/p", pipeline


def written(**document):
    return "PUT", "/there/_doc/2", document


def bulk(action, body):
    return "POST", "/_bulk", f"{json.dumps(action)}\n{json.dumps(body)}\n"


REFUSED = [
    *(mapped(type=kind) for kind in ("geo_point", "flat_object", "date_nanos", "unsigned_long", "binary", "alias")),
    mapped(type="keyword", null_value="none"),
    mapped(type="keyword", normalizer="lowercase"),
    mapped(type="keyword", copy_to="all"),
    mapped(type="text", similarity="boolean"),
    mapped(type="text", term_vector="yes"),
    mapped(type="text", index_options="offsets"),
    mapped(type="text", position_increment_gap=5),
    mapped(type="text", meta={"unit": "ms"}),
    mapped(type="long", coerce=False),
    mapped(type="long", ignore_malformed=True),
    mapped(type="date", format="strict_year_month"),
    mapped(type="date", locale="ROOT"),
    mapped(type="object", enabled=False),
    mapped(type="nested", include_in_root=True),
    mapped(type="knn_vector", dimension=2, space_type="hamming"),
    mapped(type="knn_vector", dimension=2, space_type="l1"),
    mapped(type="knn_vector", dimension=2, method={"name": "ivf"}),
    declared(_source={"enabled": False}),
    declared(dynamic_date_formats=["yyyy"]),
    declared(dynamic_templates=[{"a": {"match": "x", "mapping": {"type": "{dynamic_type}"}}}]),
    analysed(filter={"mine": {"type": "stop", "stopwords": ["a"]}}),
    analysed(analyzer={"mine": {"tokenizer": "ngram"}}),
    analysed(analyzer={"mine": {"tokenizer": "standard", "filter": ["asciifolding"]}}),
    analysed(normalizer={"mine": {"type": "custom", "filter": ["lowercase"]}}),
    ("PUT", "/new", {"settings": {"index.mapping.depth.limit": 5}}),
    ("PUT", "/new", {"settings": {"index.sort.field": "f"}}),
    ("PUT", "/there/_settings", {"index.codec": "best_compression"}),
    ("PUT", "/_cluster/settings", {"persistent": {"*": None}}),
    ("PUT", "/_cluster/settings", {"persistent": {"indices.recovery.max_bytes_per_sec": "50mb"}}),
    asked({"match_none": {}}),
    asked({"match": {"text": {"query": "a b", "minimum_should_match": "50%"}}}),
    asked({"match": {"text": {"query": "a", "fuzziness": 1}}}),
    asked({"multi_match": {"query": "a", "fields": ["text"], "tie_breaker": 0.5}}),
    asked({"ids": {"values": [1]}}),
    asked({"range": {"n": {"from": 1}}}),
    asked({"range": {"day": {"gte": "now-1d"}}}),
    asked({"term": {"text": {"value": "a", "case_insensitive": True}}}),
    asked({"knn": {"text": {"vector": [1, 2], "k": 1}}}),
    asked({"wildcard": {"text": "a*"}}),
    asked({"match_all": {}}, sort=["n"]),
    asked({"match_all": {}}, track_total_hits=True),
    asked({"match_all": {}}, size=10001),
    ("GET", "/there/_search?filter_path=-hits", None),
    ("GET", "/there/_search?filter_path=**._id", None),
    ("GET", "/_cat/indices", None),
    piped("uppercase", field="text"),
    piped("text_embedding", model_id="m", field_map={"text": "vector"}, skip_existing=True),
    ("POST", "/_aliases", {"actions": [{"add": {"index": "*", "alias": "a"}}]}),
    ("POST", "/_aliases", {"actions": [{"add": {"index": "there", "alias": "a", "is_write_index": True}}]}),
    ("PUT", "/new", {"aliases": {"a": {"is_write_index": True}}}),
    ("GET", "/there,-other/_count", None),
    ("GET", "/there/_search?_source_includes=n", None),
    ("GET", "/_cluster/health/there?wait_for_status=green", None),
    ("PUT", "/_cluster/settings", {"persistent": {"plugins.ml_commons.safe_delete_model": True}}),
    piped("set", field="text", value="{{other}}"),
    piped("set", field="text", value="a", override=False),
    piped("lowercase", field="text", ignore_failure=True),
    found(response_processors=[{"rename_field": {"field": "a", "target_field": "b"}}]),
    found(request_processors=[{"filter_query": {"query": {"match_all": {}}}}]),
    written(n="many"),
    written(n=2**63),
    written(day="yesterday"),
    written(flag="maybe"),
    written(vector=[1, 2, 3]),
    written(new=[1, "a"]),
    bulk({"update": {"_index": "there", "_id": "1"}}, {"doc": {"n": 2}}),
    ("PUT", "/there/_doc/2?routing=a", {}),
    ("PUT", "/there/_doc/2", '{"n": 1'),
]
FIELDS = {"n": "long", "day": "date", "flag": "boolean", "text": "text"}


@pytest.fixture
def there(client):
    properties = {name: {"type": kind} for name, kind in FIELDS.items()}
    properties["vector"] = {"type": "knn_vector", "dimension": 2}
    client.ok("PUT", "/there", {"mappings": {"properties": properties}})
    client.ok("PUT", "/there/_doc/1?refresh=true", {"n": 1, "text": "a"})
    return client


@pytest.mark.parametrize(("method", "path", "body"), REFUSED, ids=str)
def test_what_is_not_taken_is_refused_by_name_and_changes_nothing(there, method, path, body):
    before = [there("GET", target) for target in ("/there", "/new", "/there/_count", "/_ingest/pipeline")]
    response = there.raw(method, path, body)
    assert (response.status, b"(in the sandbox)" in response.body) == (400, True), response.body
    there.raw("POST", "/there/_refresh")
    assert [there("GET", target) for target in ("/there", "/new", "/there/_count", "/_ingest/pipeline")] == before
