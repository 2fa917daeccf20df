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
    *(mapped(type=kind) for kind in ("alias", "completion", "join", "rank_feature", "integer_range", "wildcard")),
    mapped(type="keyword", normalizer="mine"),
    mapped(type="long", null_value="many"),
    mapped(type="keyword", copy_to="all"),
    mapped(type="text", similarity="boolean"),
    mapped(type="text", index_options="offsets"),
    mapped(type="date", format="strict_year_month"),
    mapped(type="date", locale="ROOT"),
    mapped(type="nested", include_in_root=True),
    mapped(type="knn_vector", dimension=2, space_type="hamming"),
    mapped(type="knn_vector", dimension=2, space_type="l1"),
    mapped(type="knn_vector", dimension=2, method={"name": "ivf"}),
    declared(_source={"enabled": False}),
    declared(dynamic_date_formats=["yyyy"]),
    declared(dynamic_templates=[{"a": {"match": "x", "mapping": {"type": "{dynamic_type}"}}}]),
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
    analysed(analyzer={"mine": {"tokenizer": "mine"}}),
    analysed(analyzer={"mine": {"tokenizer": "standard", "filter": ["mine"]}}),
    *(written(**{kind: "1"}) for kind in ("geo_point", "flat_object", "date_nanos", "unsigned_long", "binary")),
    written(strict="1"),
    written(strict=1.5),
    asked({"term": {"nothing": "none"}}),
    asked({"exists": {"field": "nothing"}}),
    asked({"term": {"lower": "a"}}),
    asked({"term": {"geo_point": "1"}}),
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
    properties |= {
        kind: {"type": kind} for kind in ("geo_point", "flat_object", "date_nanos", "unsigned_long", "binary")
    }
    properties |= {"strict": {"type": "long", "coerce": False}, "nothing": {"type": "keyword", "null_value": "none"}}
    properties |= {"lower": {"type": "keyword", "normalizer": "lowercase"}}
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


DECLARED = [
    ({"type": "long", "coerce": True, "ignore_malformed": False}, {"coerce": True, "ignore_malformed": False}),
    ({"type": "long", "null_value": "5"}, {"null_value": 5}),
    ({"type": "float", "null_value": 1}, {"null_value": 1.0}),
    ({"type": "keyword", "copy_to": "all", "meta": {"unit": "ms"}}, {"copy_to": ["all"], "meta": {"unit": "ms"}}),
    ({"type": "keyword", "null_value": None, "similarity": "BM25"}, {"similarity": "BM25"}),
    ({"type": "text", "position_increment_gap": 100, "term_vector": "no"}, {}),
    ({"type": "date", "ignore_malformed": False}, {}),
    ({"type": "geo_point", "ignore_malformed": False, "ignore_z_value": True}, {}),
    ({"type": "binary", "doc_values": False}, {}),
    ({"type": "object", "enabled": False}, {"enabled": False}),
]
"""Fields, and what a 2.19.1 node shows of them beside their types."""


@pytest.mark.parametrize(("field", "shown"), DECLARED, ids=str)
def test_what_a_field_may_have_is_shown_as_a_real_node_shows_it(client, field, shown):
    client.ok("PUT", "/new", {"mappings": {"properties": {"f": field, "all": {"type": "text"}}}})
    mapping = client.ok("GET", "/new/_mapping")["new"]["mappings"]["properties"]["f"]
    assert mapping == {"type": field["type"], **shown}


def test_a_copied_field_is_found_where_it_is_copied_to(client):
    fields = {"f": {"type": "keyword", "copy_to": "all"}, "all": {"type": "text"}}
    client.ok("PUT", "/new", {"mappings": {"properties": fields}})
    client.ok("PUT", "/new/_doc/1?refresh=true", {"f": "A mug"})
    found = client.ok("POST", "/new/_search", {"query": {"match": {"all": "mug"}}})["hits"]["hits"]
    assert [hit["_source"] for hit in found] == [{"f": "A mug"}]


def test_what_is_in_an_object_that_is_not_enabled_is_kept_as_it_is(client):
    client.ok("PUT", "/new", {"mappings": {"properties": {"f": {"type": "object", "enabled": False}}}})
    client.ok("PUT", "/new/_doc/1?refresh=true", {"f": {"a": [1, "b"]}})
    assert client.ok("GET", "/new/_doc/1")["_source"] == {"f": {"a": [1, "b"]}}
    assert client.ok("GET", "/new/_mapping")["new"]["mappings"]["properties"]["f"] == {
        "type": "object",
        "enabled": False,
    }


def test_parts_of_an_analyzer_that_are_approximated_are_named(client):
    parts = {"filter": {"mine": {"type": "edge_ngram", "min_gram": 1}}, "analyzer": {"own": {"tokenizer": "ngram",
             "filter": ["lowercase", "mine"]}}}  # fmt: skip
    body = {"settings": {"analysis": parts}, "mappings": {"properties": {"f": {"type": "text", "analyzer": "own"}}}}
    response = client.raw("PUT", "/new", body)
    told = str(response.headers)
    assert response.status == 200
    assert "tokenizer [ngram] is approximated by [standard] (in the sandbox)" in told
    assert "filter [edge_ngram] is approximated by [none] (in the sandbox)" in told
