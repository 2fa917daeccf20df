"""Request flows for `differential`: what OpenSearch's API can be asked, drawn at random; each area draws its own kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

Flow = list[tuple[str, str, Any]]
TUTORIALS = json.loads(Path(__file__).with_name("tutorials.json").read_text())

TYPES = ["text", "keyword", "long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float", "unsigned_long", "boolean", "date", "ip", "binary", "flat_object", "geo_point", "object", "nested", "knn_vector", "date_nanos"]  # fmt: skip
ODD_TYPES = ["string", "alias", "rank_feature", "completion", "wildcard", "geo_shape", "token_count", "nonsense"]
ODD = (None, True, "x", 5, -1, 1.5, [], ["a"], {}, {"a": 1}, "true", "5", "")
PARAMETERS: dict[str, tuple[Any, ...]] = {
    "index": (True, False, "false"), "store": (True, False), "doc_values": (True, False), "norms": (True, False),
    "analyzer": ("standard", "simple", "whitespace", "english", "keyword", "stop", "nope"),
    "search_analyzer": ("standard", "simple", "nope"), "copy_to": ("k1", ["t1"]), "null_value": ("x", 5, True, "2020-01-01"),
    "ignore_above": (3, 256, "10"), "normalizer": ("lowercase", "nope"), "coerce": (True, False), "meta": ({"unit": "m"},),
    "ignore_malformed": (True, False), "scaling_factor": (100, 0, "10"), "format": ("yyyy-MM-dd", "epoch_millis",
    "yyyy-MM-dd HH:mm:ss||yyyy-MM-dd||epoch_millis", "strict_date_optional_time", "nonsense"), "dynamic": (True, "strict", "no"),
    "enabled": (True, False), "boost": (1, 2), "similarity": ("BM25", "boolean", "nope"), "fielddata": (True, False),
    "fields": ({"raw": {"type": "keyword"}}, {"en": {"type": "text", "analyzer": "english"}}, {"x": {"type": "object"}}),
    "properties": ({"a": {"type": "text"}}, {"a": {"type": "nope"}}), "index_options": ("docs", "positions", "nope"),
    "term_vector": ("yes", "no"), "position_increment_gap": (0, 100), "eager_global_ordinals": (True,), "nonsense": (1,),
    "dimension": (2, 4, 0, 20000, "x"), "data_type": ("float", "byte", "nope"), "space_type": ("l2", "cosinesimil", "nope"),
    "split_queries_on_whitespace": (True, False), "locale": ("en", "ROOT"), "positive_score_impact": (True,),
}  # fmt: skip
VALUES: tuple[Any, ...] = (
    "apple pie", "Apple", "a red apple", "", " ", "5", "5.7", "1e3", "x", "true", "false", "yes", True, False, 0, 5, -5, 5.7,
    1000, 70000, 3000000000, 2**63, 1.5e10, None, [], [1, 2], ["a", "b"], [None], ["a", 1], {"a": 1}, {}, [{"a": 1}, {"a": 2}],
    "2019-03-01", "2019-03-01T10:00:00Z", "2019-03-01 10:00:00", "2019/03/01", "2019", 1552348800000, "1552348800000",
    "2019-13-01", "03/21/2019", "1.2.3.4", "::1", "300.1.1.1", "41.1,-71.3", [-71.3, 41.1], {"lat": 41.1, "lon": -71.3},
    {"lat": 95, "lon": 2}, "aGVsbG8=", [0.5, 0.25], [1, 2], [1], [0, 0], "中文测试", "naïve café", "user@example.com",
)  # fmt: skip
SETTINGS: dict[str, tuple[Any, ...]] = {
    "number_of_shards": (1, 2, "1", 0, "x", 2000), "number_of_replicas": (0, 1, "2", -1), "refresh_interval": ("1s", "-1",
    "500ms", "5", "1 s", "0s"), "max_result_window": (5, 50000, 0), "codec": ("default", "best_compression", "zstd", "nope"),
    "knn": (True, False, "yes"), "knn.algo_param.ef_search": (100, 1, "x"), "auto_expand_replicas": ("0-1", "false", "x"),
    "default_pipeline": ("p", "_none"), "final_pipeline": ("p",), "search.default_pipeline": ("p",), "hidden": (False, True),
    "mapping.total_fields.limit": (1000, 1, -1), "translog.durability": ("async", "request", "x"), "priority": (5, -1),
    "translog.sync_interval": ("5s", "1ms"), "blocks.write": (False, True), "gc_deletes": ("60s", "x"), "nope": (1,),
    "merge.policy.max_merged_segment": ("5gb", "x"), "routing.allocation.enable": ("all", "x"), "sort.field": ("k1",),
    "queries.cache.enabled": (True, "x"), "store.type": ("fs", "niofs", "x"), "requests.cache.enable": (True, 5),
    "number_of_routing_shards": (4,), "max_ngram_diff": (2, -1), "search.idle.after": ("30s", "-1"), "uuid": ("x",),
    "analysis": ({"analyzer": {"mine": {"type": "custom", "tokenizer": "standard", "filter": ["lowercase", "asciifolding"]}}},
    {"analyzer": {"mine": {"tokenizer": "standard", "filter": ["lowercase", "nope"]}}}, {"analyzer": {"mine": {"type":
    "standard", "stopwords": "_english_"}}}, {"analyzer": {"mine": {"type": "nope"}}}, {"filter": {"f": {"type": "stop",
    "stopwords": ["a"]}}, "analyzer": {"mine": {"tokenizer": "whitespace", "filter": ["f", "lowercase"]}}}, {"analyzer":
    {"mine": {"tokenizer": "nope"}}}, {"normalizer": {"n": {"type": "custom", "filter": ["lowercase"]}}}),
}  # fmt: skip


def some(random: Random, table: dict[str, tuple[Any, ...]], most: int, odd: float = 0.06) -> dict[str, Any]:
    """Some keys of a table, each with one of its values, or now and then an odd one."""
    names = random.sample(sorted(table), random.randint(0, most))
    return {name: random.choice(ODD if random.random() < odd else table[name]) for name in names}


def field(random: Random, depth: int = 0) -> dict[str, Any]:
    kind = random.choice(TYPES if random.random() < 0.96 else ODD_TYPES)
    made = {"type": kind, **some(random, PARAMETERS, random.choice((0, 0, 1, 2)))}
    if kind == "scaled_float" and random.random() < 0.9:
        made.setdefault("scaling_factor", 100)
    if kind == "knn_vector":
        made = {
            "type": kind,
            "dimension": 2,
            **some(random, {"method": METHODS, **_of("dimension", "data_type", "space_type")}, 2),
        }
    if kind in ("object", "nested") and depth < 2:
        made["properties"] = {f"f{at}": field(random, depth + 1) for at in range(random.randint(0, 2))}
    return made


def _of(*names: str) -> dict[str, tuple[Any, ...]]:
    return {name: PARAMETERS[name] for name in names}


METHODS = (
    {"name": "hnsw", "engine": "lucene"}, {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil", "parameters": {"m": 8}},
    {"name": "hnsw", "engine": "faiss", "space_type": "innerproduct"}, {"name": "hnsw", "engine": "nmslib", "space_type": "l2"},
    {"name": "nope"}, {"engine": "lucene"}, {"name": "hnsw", "engine": "nope"}, {"name": "hnsw", "nonsense": 1},
    {"name": "hnsw", "engine": "lucene", "parameters": {"nope": 1}}, {"name": "ivf", "engine": "faiss"},
)  # fmt: skip


def mappings(random: Random) -> Flow:
    """Mappings of every type and parameter, made and then added to."""
    properties = {f"f{at}": field(random) for at in range(random.randint(1, 3))}
    roots = {"dynamic": (True, "strict", "false", "x"), "_meta": ({"a": 1},), "date_detection": (False,), "nonsense": (1,),
             "numeric_detection": (True,), "_source": ({"enabled": True},), "dynamic_templates": ([{"t": {"match": "*_k",
             "mapping": {"type": "keyword"}}}],)}  # fmt: skip
    root = some(random, roots, random.choice((0, 0, 1)))
    body = {"settings": {"index.knn": True}, "mappings": {**root, "properties": properties}}
    name = random.choice(sorted(properties))
    more = {"properties": {name: field(random), "new": field(random)}}
    return [
        ("PUT", "/a", body),
        ("GET", "/a/_mapping", None),
        ("PUT", "/a/_mapping", more),
        ("GET", "/a/_mapping", None),
    ]


def settings(random: Random) -> Flow:
    """Index settings at creation and afterwards."""
    body = {"settings": some(random, SETTINGS, 3)}
    if random.random() < 0.3:
        body = {"settings": {"index": body["settings"]}}
    change = some(random, SETTINGS, 2) or {"refresh_interval": None}
    flow: Flow = [("PUT", "/a", body), ("GET", "/a/_settings", None), ("PUT", "/a/_settings", change)]
    return [*flow, ("GET", "/a/_settings?flat_settings=true", None), ("GET", "/_cluster/health/a", None)]


PLAIN: dict[str, Any] = {
    "t1": {"type": "text"}, "k1": {"type": "keyword"}, "n1": {"type": "integer"}, "n2": {"type": "double"}, "l1": {"type": "long"},
    "b1": {"type": "boolean"}, "d1": {"type": "date"}, "d2": {"type": "date", "format": "yyyy-MM-dd"}, "i1": {"type": "ip"},
    "g1": {"type": "geo_point"}, "o1": {"properties": {"k": {"type": "keyword"}}}, "s1": {"type": "scaled_float", "scaling_factor": 10},
    "x1": {"type": "nested", "properties": {"k": {"type": "keyword"}, "n": {"type": "integer"}}}, "f1": {"type": "float"},
    "kk": {"type": "keyword", "ignore_above": 4}, "sh": {"type": "short"}, "ul": {"type": "unsigned_long"}, "fo": {"type": "flat_object"},
    "v1": {"type": "knn_vector", "dimension": 2, "method": {"name": "hnsw", "engine": "lucene", "space_type": "l2"}},
    "m1": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "ci": {"type": "integer", "coerce": False},
    "bi": {"type": "binary"}, "hf": {"type": "half_float"}, "kn": {"type": "keyword", "normalizer": "lowercase"},
}  # fmt: skip
INDEX: tuple[str, str, Any] = (
    "PUT",
    "/a",
    {"settings": {"index.knn": True, "number_of_replicas": 0}, "mappings": {"properties": PLAIN}},
)


def documents(random: Random) -> Flow:
    """Documents of many values, for mapped fields and new ones."""
    flow: Flow = [INDEX]
    for at in range(4):
        names = [
            *random.sample(sorted(PLAIN), random.randint(1, 2)),
            *random.sample(["new1", "new2", "o1.z"], random.randint(0, 1)),
        ]
        params = random.choice(("", "", "?refresh=true", "?op_type=create", "?refresh=x", "?nope=1", "?pipeline=p"))
        path = f"/a/_doc/{random.choice((1, 1, at))}{params}"
        flow.append((random.choice(("PUT", "POST")), path, {name: random.choice(VALUES) for name in names}))
    get = ("GET", random.choice(("/a/_doc/1", "/a/_doc/1?_source=t1,k1", "/a/_doc/9", "/a/_doc/1?_source=false")), None)
    return [*flow, get, ("GET", "/a/_mapping", None), ("DELETE", "/a/_doc/1", None)]


DOCUMENTS: list[dict[str, Any]] = [
    {"t1": "a red apple pie", "k1": "red", "n1": 1, "n2": 1.5, "b1": True, "d1": "2019-03-01", "v1": [1, 2], "x1": [{"k": "a", "n": 1}]},
    {"t1": "green apple", "k1": "green", "n1": 5, "n2": 2.5, "b1": False, "d1": "2020-01-01T10:00:00Z", "v1": [3, 4], "i1": "10.0.0.5"},
    {"t1": "banana split with cream", "k1": ["red", "yellow"], "n1": 9, "l1": 2**40, "d2": "2021-05-05", "v1": [0.5, 1], "m1": "Big Cat"},
    {"t1": "apple apple banana", "kk": "longer than four", "n2": -1, "s1": 1.25, "x1": [{"k": "a", "n": 2}, {"k": "b", "n": 3}], "kn": "ABC"},
    {"k1": "", "o1": {"k": "in"}, "f1": 0.1, "g1": "41,-71", "ul": 5, "fo": {"a": {"b": "c"}}, "hf": 1.1},
]  # fmt: skip


def leaf(random: Random) -> dict[str, Any]:
    """A query of one clause."""
    name = random.choice([*PLAIN, "t1", "t1", "k1", "n1", "d1", "nope", "m1.raw", "x1.k", "o1.k"])
    value = random.choice(
        ("apple", "red", "Apple PIE", 5, 1.5, True, "true", "2019-03-01", "10.0.0.5", "x", "a", "10.0.0.0/8", "5", "")
    )
    kinds: dict[str, Any] = {
        "match": {name: random.choice((value, {"query": value, "operator": random.choice(("and", "or", "x"))},
                                       {"query": value, "minimum_should_match": random.choice((1, 2, "50%", "-1"))}))},
        "term": {name: random.choice((value, {"value": value, "boost": 2}))}, "terms": {name: random.choice(([value, "green"], value, []))},
        "range": {name: random.choice(({"gte": value}, {"lt": value, "boost": 2}, {"gt": 1, "lte": 5}, {"gte": "2019-01-01"},
                                       {"from": 1}, {"gte": "01/03/2019", "format": "dd/MM/yyyy"}, {"lte": "now"}))},
        "exists": {"field": name}, "ids": {"values": random.choice((["0", "2"], ["9"], [1], "1"))}, "match_all": {}, "match_none": {},
        "prefix": {name: random.choice(("re", {"value": "a"}))}, "knn": {random.choice(("v1", "v1", "k1", "nope")): random.choice((
            {"vector": [1, 1], "k": 2}, {"vector": [1, 1], "k": 5, "filter": {"term": {"k1": "red"}}}, {"vector": [1], "k": 1},
            {"vector": [1, 1]}, {"vector": [1, 1], "k": 0}, {"vector": [1, 1], "min_score": 0.2}, {"vector": [1, 1], "k": 2, "boost": 2}))},
        "multi_match": {"query": value, "fields": random.choice((["t1", "m1"], ["t1^2", "k1"], ["t*"], []))},
        "nested": {"path": random.choice(("x1", "o1", "nope")), "query": random.choice(({"term": {"x1.k": "a"}}, {"match_all": {}},
                   {"range": {"x1.n": {"gte": 2}}})), "score_mode": random.choice(("avg", "sum", "max", "none"))},
        "match_phrase": {"t1": "apple pie"}, "wildcard": {"k1": "r*"}, "fuzzy": {"t1": "aple"}, "query_string": {"query": "apple"},
        "nope": {}, "constant_score": {"filter": {"term": {"k1": "red"}}}, "script_score": {"query": {"match_all": {}}},
    }  # fmt: skip
    kind = random.choice(list(kinds))
    return {kind: kinds[kind]}


def query(random: Random, depth: int = 0) -> dict[str, Any]:
    if depth > 1 or random.random() < 0.7:
        return leaf(random)
    clauses = random.sample(["must", "filter", "should", "must_not"], random.randint(1, 3))
    body: dict[str, Any] = {name: [query(random, depth + 1) for _ in range(random.randint(0, 2))] for name in clauses}
    return {"bool": body | some(random, {"minimum_should_match": (1, 2, "50%"), "boost": (2,), "nope": (1,)}, 1, odd=0)}


def searches(random: Random) -> Flow:
    """Searches and counts over a handful of documents."""
    flow: Flow = [
        INDEX,
        *(("PUT", f"/a/_doc/{at}", doc) for at, doc in enumerate(DOCUMENTS)),
        ("POST", "/a/_refresh", None),
    ]
    options = {"size": (0, 2, 10, -1, 10001), "from": (1, 0), "sort": (["n1"], [{"n1": "desc"}], [{"k1": {"order": "asc"}}], ["_doc"],
               [{"t1": "asc"}], [{"nope": "asc"}], [{"d1": {"order": "desc", "missing": "_last"}}], ["_score"]), "explain": (True,),
               "_source": (True, False, ["t1"], {"includes": ["k*"]}, {"excludes": ["v1"]}, {"nope": 1}), "min_score": (0.5,),
               "track_total_hits": (True, False, 2), "post_filter": ({"term": {"k1": "red"}},), "version": (True,), "nope": (1,),
               "aggs": ({"a": {"terms": {"field": "k1"}}},), "highlight": ({"fields": {"t1": {}}},), "timeout": ("1s",),
               "seq_no_primary_term": (True,), "search_after": ([1],), "ext": ({},)}  # fmt: skip
    for _ in range(5):
        body = {"query": query(random), **some(random, options, random.choice((0, 0, 1, 2)), odd=0.02)}
        flow.append(("POST", "/a/_search", body))
    return [*flow, ("POST", "/a/_count", {"query": query(random)})]


def aliases(random: Random) -> Flow:
    """Aliases set, moved, shown and refused."""
    flow: Flow = [("PUT", "/a", None), ("PUT", "/b", {"aliases": {"al": {}}})]
    for _ in range(4):
        body = {
            "index": random.choice(("a", "b", "nope", "a*", "zz*", "*", ["a", "b"], "al")),
            "alias": random.choice(("al", "x", "A", "b", "al*", "")),
        }
        body |= some(
            random,
            {
                "is_write_index": (True, False),
                "routing": ("1",),
                "filter": ({"term": {"a": 1}},),
                "nope": (1,),
                "must_exist": (True,),
            },
            1,
        )
        actions = [
            {random.choice(("add", "add", "remove", "remove_index", "nope")): body} for _ in range(random.randint(0, 2))
        ]
        flow.append(("POST", "/_aliases", {"actions": actions}))
        flow.append(("GET", random.choice(("/_alias", "/_alias/al", "/a/_alias", "/_alias/x,al", "/_alias/a*")), None))
    return [
        *flow,
        ("DELETE", random.choice(("/a/_alias/al", "/b/_alias/x", "/al", "/a,b", "/nope")), None),
        ("GET", "/_alias", None),
    ]


def pipelines(random: Random) -> Flow:
    """Ingest and search pipelines, shown, used and deleted."""
    kinds: dict[str, tuple[Any, ...]] = {
        "set": ({"field": "a", "value": 1}, {"field": "a"}, {"field": "a", "value": "x", "nope": 1}, {"field": "a.b", "value": [1]}),
        "remove": ({"field": "a"}, {"field": ["a", "b"], "ignore_missing": True}, {}), "rename": ({"field": "a", "target_field": "b"}, {"field": "a"}),
        "lowercase": ({"field": "t"}, {"field": "t", "ignore_missing": True}), "trim": ({"field": "t"},), "fail": ({"message": "no"}, {}),
        "text_embedding": ({"model_id": "m", "field_map": {"t": "v"}}, {"model_id": "", "field_map": {"t": "v"}}, {"model_id": "m"},
                           {"model_id": "m", "field_map": {}}, {"model_id": "m", "field_map": {"t": "v"}, "batch_size": 0}),
        "append": ({"field": "a", "value": 1},), "nope": ({},), "script": ({"source": "ctx.a = 1"},),
    }  # fmt: skip
    steps = [{kind: random.choice(kinds[kind])} for kind in random.choices(list(kinds), k=random.randint(0, 2))]
    extra = some(random, {"description": ("d",), "version": (1,), "on_failure": ([],), "nope": (1,)}, 1)
    document = {name: random.choice(VALUES) for name in ("a", "t")}
    techniques = {"normalization": {"technique": random.choice(("min_max", "l2", "nope"))}, "combination": {"technique": random.choice((
        "arithmetic_mean", "geometric_mean", "nope")), "parameters": {"weights": random.choice(([0.3, 0.7], [1.0], [0.5, 0.6]))}}}  # fmt: skip
    phases = (
        {"normalization-processor": techniques},
        {"normalization-processor": {}},
        {"nope": {}},
        {"score-ranker-processor": {"combination": {"technique": "rrf"}}},
    )
    search: dict[str, Any] = some(random, {"request_processors": ([{"neural_query_enricher": {"default_model_id": "m"}}], [{"neural_query_enricher": {}}],
              [{"filter_query": {"query": {"match_all": {}}}}], [{"nope": {}}]), "phase_results_processors": tuple([p] for p in phases),
              "description": ("d",), "nope": (1,)}, 2)  # fmt: skip
    return [
        ("PUT", "/_ingest/pipeline/p", {"processors": steps, **extra}), ("GET", "/_ingest/pipeline/p", None),
        ("POST", "/_ingest/pipeline/p/_simulate", {"docs": [{"_source": document}]}), ("PUT", "/a", {"settings": {"default_pipeline": "p"}}),
        ("PUT", "/a/_doc/1", document), ("GET", "/a/_doc/1", None), ("DELETE", "/_ingest/pipeline/p", None),
        ("PUT", "/_search/pipeline/s", search), ("GET", "/_search/pipeline/s", None), ("DELETE", "/_search/pipeline/nope", None),
    ]  # fmt: skip


def models(random: Random) -> Flow:
    """Connectors, groups and models: made, shown, changed, refused."""
    ml, action = "/_plugins/_ml", {"action_type": "predict", "method": "POST", "url": "https://api.openai.com/v1/embeddings",
                                   "headers": {"Authorization": "Bearer ${credential.key}"}, "request_body": '{ "input": ${parameters.input} }'}  # fmt: skip
    action |= some(random, {"action_type": ("PREDICT", "nope", "execute"), "url": ("https://nowhere.test/", "http://127.0.0.1:1/"),
                            "pre_process_function": ("connector.pre_process.openai.embedding",), "headers": ({},), "nope": (1,)}, 1)  # fmt: skip
    body: dict[str, Any] = {
        "name": "c",
        "version": random.choice(("1", 1)),
        "protocol": "http",
        "credential": {"key": "k"},
        "actions": [action],
    }
    body |= some(random, {"protocol": ("aws_sigv4", "nope"), "credential": ({}, {"access_key": "a", "secret_key": "b"}), "parameters": ({"model": "m"},
                 {"n": 1, "o": {"a": 1}}, {"region": "r", "service_name": "s"}), "client_config": ({"max_connection": 5}, {"nope": 1}), "description":
                 ("d",), "actions": ([],), "nope": (1,), "access_mode": ("public",)}, 2)  # fmt: skip
    if random.random() < 0.15:
        del body[random.choice(("name", "version", "protocol", "credential", "actions"))]
    name = f"g{random.randint(0, 10**9)}"
    group = {"name": name, **some(random, {"description": ("d",), "nope": (1,), "access_mode": ("private",)}, 1)}
    register = {"name": name, "function_name": random.choice(("remote", "REMOTE", "nope", "text_embedding")), "connector_id": "nope",
                **some(random, {"description": ("d",), "is_enabled": (True,), "nope": (1,), "model_group_id": ("nope",)}, 1)}  # fmt: skip
    return [
        ("POST", f"{ml}/connectors/_create", body), ("GET", f"{ml}/connectors/nope-{name}", None), ("POST", f"{ml}/model_groups/_register", group),
        ("POST", f"{ml}/model_groups/_register", group), ("POST", f"{ml}/models/_register", register), ("DELETE", f"{ml}/connectors/nope", None),
    ]  # fmt: skip


def bulk(random: Random) -> Flow:
    """Several writes at once."""
    lines: list[Any] = []
    for at in range(random.randint(1, 4)):
        verb = random.choice(("index", "index", "create", "update", "delete", "nope"))
        meta = {
            "_id": str(random.choice((1, at))),
            **some(
                random,
                {"_index": ("b",), "pipeline": ("p",), "routing": ("r",), "nope": (1,)},
                random.choice((0, 0, 1)),
                0,
            ),
        }
        document = {random.choice(sorted(PLAIN)): random.choice(VALUES)}
        lines.append({verb: meta})
        if verb != "delete":
            lines.append(
                {"doc": document, **some(random, {"doc_as_upsert": (True,), "nope": (1,)}, 1, 0)}
                if verb == "update"
                else document
            )
    return [INDEX, ("POST", random.choice(("/a/_bulk", "/a/_bulk?refresh=true", "/_bulk")), lines), ("POST", "/a/_refresh", None), ("GET", "/a/_count", None),
            ("GET", "/a/_doc/1", None)]  # fmt: skip


def cluster(random: Random) -> Flow:
    """Cluster settings, health, and what there is no route for."""
    table: dict[str, tuple[Any, ...]] = {
        "cluster.metadata.a": ("x", 1), "action.auto_create_index": (True, "x"), "plugins.ml_commons.trusted_connector_endpoints_regex": (["^a$"], "x"),
        "plugins.ml_commons.connector.private_ip_enabled": (True, "x"), "nope": (1,), "plugins.ml_commons.model_auto_deploy.enable": (False,),
        "cluster.routing.allocation.enable": ("all",), "plugins.ml_commons.nope": (1,), "search.max_buckets": (100,), "cluster.name": ("x",),
    }  # fmt: skip
    body = {
        scope: some(random, table, 2)
        for scope in random.sample(["persistent", "transient", "persistent", "nope"], random.randint(1, 2))
    }
    paths = (
        "/_cluster/health/nope?timeout=1ms",
        "/nope",
        "/_nope",
        "/nope/_mapping",
        "/nope/_settings",
        "/_mapping",
        "/a/_nope",
        "/a/_settings",
        "/_cat/indices",
    )
    flow: Flow = [
        ("PUT", "/_cluster/settings", body),
        ("GET", "/_cluster/settings", None),
        ("GET", random.choice(paths), None),
    ]
    return [
        *flow,
        ("PUT", random.choice(("/Upper", "/_x", "/a,b", "/a b", "/x" * 3)), None),
        ("DELETE", random.choice(("/nope", "/nope*")), None),
    ]


def tutorials(random: Random) -> Flow:
    """An index body of the kind that tutorials show, with a document and a search."""
    case = random.choice(TUTORIALS)
    flow: Flow = [("PUT", "/a", case["index"]), ("GET", "/a", None)]
    flow += [("PUT", f"/a/_doc/{at}", document) for at, document in enumerate(case.get("documents", []))]
    flow.append(("POST", "/a/_refresh", None))
    return [*flow, *(("POST", "/a/_search", body) for body in case.get("searches", []))]


AREAS: dict[str, Callable[[Random], Flow]] = {
    area.__name__: area
    for area in (mappings, settings, documents, searches, aliases, pipelines, models, bulk, cluster, tutorials)
}
