"""Request flows for `differential`: what OpenSearch's API can be asked, drawn at random, by area."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

Flow = list[tuple[str, str, Any]]
DRAWN = json.loads(Path(__file__).with_name("flows.json").read_text())
TYPES, ODD_TYPES, ODD, VALUES, METHODS = (DRAWN[name] for name in ("TYPES", "ODD_TYPES", "ODD", "VALUES", "METHODS"))
PARAMETERS, SETTINGS, PLAIN = DRAWN["PARAMETERS"], DRAWN["SETTINGS"], DRAWN["PLAIN"]
DOCUMENTS: list[dict[str, Any]] = DRAWN["DOCUMENTS"]
TUTORIALS = json.loads(Path(__file__).with_name("tutorials.json").read_text())


def some(random: Random, table: Mapping[str, Sequence[Any]], most: int, odd: float = 0.06) -> dict[str, Any]:
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


def mappings(random: Random) -> Flow:
    """Mappings of every type and parameter, made and then added to."""
    properties = {f"f{at}": field(random) for at in range(random.randint(1, 3))}
    roots = {
        "dynamic": (True, "strict", "false", "x"),
        "_meta": ({"a": 1},),
        "date_detection": (False,),
        "nonsense": (1,),
        "numeric_detection": (True,),
        "_source": ({"enabled": True},),
        "dynamic_templates": ([{"t": {"match": "*_k", "mapping": {"type": "keyword"}}}],),
    }
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


def leaf(random: Random) -> dict[str, Any]:
    """A query of one clause."""
    name = random.choice([*PLAIN, "t1", "t1", "k1", "n1", "d1", "nope", "m1.raw", "x1.k", "o1.k"])
    value = random.choice(
        ("apple", "red", "Apple PIE", 5, 1.5, True, "true", "2019-03-01", "10.0.0.5", "x", "a", "10.0.0.0/8", "5", "")
    )
    kinds: dict[str, Any] = {
        "match": {
            name: random.choice(
                (
                    value,
                    {"query": value, "operator": random.choice(("and", "or", "x"))},
                    {"query": value, "minimum_should_match": random.choice((1, 2, "50%", "-1"))},
                )
            )
        },
        "term": {name: random.choice((value, {"value": value, "boost": 2}))},
        "terms": {name: random.choice(([value, "green"], value, []))},
        "range": {
            name: random.choice(
                (
                    {"gte": value},
                    {"lt": value, "boost": 2},
                    {"gt": 1, "lte": 5},
                    {"gte": "2019-01-01"},
                    {"from": 1},
                    {"gte": "01/03/2019", "format": "dd/MM/yyyy"},
                    {"lte": "now"},
                )
            )
        },
        "exists": {"field": name},
        "ids": {"values": random.choice((["0", "2"], ["9"], [1], "1"))},
        "match_all": {},
        "match_none": {},
        "prefix": {name: random.choice(("re", {"value": "a"}))},
        "knn": {
            random.choice(("v1", "v1", "k1", "nope")): random.choice(
                (
                    {"vector": [1, 1], "k": 2},
                    {"vector": [1, 1], "k": 5, "filter": {"term": {"k1": "red"}}},
                    {"vector": [1], "k": 1},
                    {"vector": [1, 1]},
                    {"vector": [1, 1], "k": 0},
                    {"vector": [1, 1], "min_score": 0.2},
                    {"vector": [1, 1], "k": 2, "boost": 2},
                )
            )
        },
        "multi_match": {"query": value, "fields": random.choice((["t1", "m1"], ["t1^2", "k1"], ["t*"], []))},
        "nested": {
            "path": random.choice(("x1", "o1", "nope")),
            "query": random.choice(({"term": {"x1.k": "a"}}, {"match_all": {}}, {"range": {"x1.n": {"gte": 2}}})),
            "score_mode": random.choice(("avg", "sum", "max", "none")),
        },
        "match_phrase": {"t1": "apple pie"},
        "wildcard": {"k1": "r*"},
        "fuzzy": {"t1": "aple"},
        "query_string": {"query": "apple"},
        "nope": {},
        "constant_score": {"filter": {"term": {"k1": "red"}}},
        "script_score": {"query": {"match_all": {}}},
    }
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
    options = {
        "size": (0, 2, 10, -1, 10001),
        "from": (1, 0),
        "sort": (
            ["n1"],
            [{"n1": "desc"}],
            [{"k1": {"order": "asc"}}],
            ["_doc"],
            [{"t1": "asc"}],
            [{"nope": "asc"}],
            [{"d1": {"order": "desc", "missing": "_last"}}],
            ["_score"],
        ),
        "explain": (True,),
        "_source": (True, False, ["t1"], {"includes": ["k*"]}, {"excludes": ["v1"]}, {"nope": 1}),
        "min_score": (0.5,),
        "track_total_hits": (True, False, 2),
        "post_filter": ({"term": {"k1": "red"}},),
        "version": (True,),
        "nope": (1,),
        "aggs": ({"a": {"terms": {"field": "k1"}}},),
        "highlight": ({"fields": {"t1": {}}},),
        "timeout": ("1s",),
        "seq_no_primary_term": (True,),
        "search_after": ([1],),
        "ext": ({},),
    }
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
        "set": (
            {"field": "a", "value": 1},
            {"field": "a"},
            {"field": "a", "value": "x", "nope": 1},
            {"field": "a.b", "value": [1]},
        ),
        "remove": ({"field": "a"}, {"field": ["a", "b"], "ignore_missing": True}, {}),
        "rename": ({"field": "a", "target_field": "b"}, {"field": "a"}),
        "lowercase": ({"field": "t"}, {"field": "t", "ignore_missing": True}),
        "trim": ({"field": "t"},),
        "fail": ({"message": "no"}, {}),
        "text_embedding": (
            {"model_id": "m", "field_map": {"t": "v"}},
            {"model_id": "", "field_map": {"t": "v"}},
            {"model_id": "m"},
            {"model_id": "m", "field_map": {}},
            {"model_id": "m", "field_map": {"t": "v"}, "batch_size": 0},
        ),
        "append": ({"field": "a", "value": 1},),
        "nope": ({},),
        "script": ({"source": "ctx.a = 1"},),
    }
    steps = [{kind: random.choice(kinds[kind])} for kind in random.choices(list(kinds), k=random.randint(0, 2))]
    extra = some(random, {"description": ("d",), "version": (1,), "on_failure": ([],), "nope": (1,)}, 1)
    document = {name: random.choice(VALUES) for name in ("a", "t")}
    techniques = {
        "normalization": {"technique": random.choice(("min_max", "l2", "nope"))},
        "combination": {
            "technique": random.choice(("arithmetic_mean", "geometric_mean", "nope")),
            "parameters": {"weights": random.choice(([0.3, 0.7], [1.0], [0.5, 0.6]))},
        },
    }
    phases = (
        {"normalization-processor": techniques},
        {"normalization-processor": {}},
        {"nope": {}},
        {"score-ranker-processor": {"combination": {"technique": "rrf"}}},
    )
    search: dict[str, Any] = some(
        random,
        {
            "request_processors": (
                [{"neural_query_enricher": {"default_model_id": "m"}}],
                [{"neural_query_enricher": {}}],
                [{"filter_query": {"query": {"match_all": {}}}}],
                [{"nope": {}}],
            ),
            "phase_results_processors": tuple([p] for p in phases),
            "description": ("d",),
            "nope": (1,),
        },
        2,
    )
    return [
        ("PUT", "/_ingest/pipeline/p", {"processors": steps, **extra}),
        ("GET", "/_ingest/pipeline/p", None),
        ("POST", "/_ingest/pipeline/p/_simulate", {"docs": [{"_source": document}]}),
        ("PUT", "/a", {"settings": {"default_pipeline": "p"}}),
        ("PUT", "/a/_doc/1", document),
        ("GET", "/a/_doc/1", None),
        ("DELETE", "/_ingest/pipeline/p", None),
        ("PUT", "/_search/pipeline/s", search),
        ("GET", "/_search/pipeline/s", None),
        ("DELETE", "/_search/pipeline/nope", None),
    ]


def models(random: Random) -> Flow:
    """Connectors, groups and models: made, shown, changed, refused."""
    ml, action = (
        "/_plugins/_ml",
        {
            "action_type": "predict",
            "method": "POST",
            "url": "https://api.openai.com/v1/embeddings",
            "headers": {"Authorization": "Bearer ${credential.key}"},
            "request_body": '{ "input": ${parameters.input} }',
        },
    )
    action |= some(
        random,
        {
            "action_type": ("PREDICT", "nope", "execute"),
            "url": ("https://nowhere.test/", "http://127.0.0.1:1/"),
            "pre_process_function": ("connector.pre_process.openai.embedding",),
            "headers": ({},),
            "nope": (1,),
        },
        1,
    )
    body: dict[str, Any] = {
        "name": "c",
        "version": random.choice(("1", 1)),
        "protocol": "http",
        "credential": {"key": "k"},
        "actions": [action],
    }
    body |= some(
        random,
        {
            "protocol": ("aws_sigv4", "nope"),
            "credential": ({}, {"access_key": "a", "secret_key": "b"}),
            "parameters": ({"model": "m"}, {"n": 1, "o": {"a": 1}}, {"region": "r", "service_name": "s"}),
            "client_config": ({"max_connection": 5}, {"nope": 1}),
            "description": ("d",),
            "actions": ([],),
            "nope": (1,),
            "access_mode": ("public",),
        },
        2,
    )
    if random.random() < 0.15:
        del body[random.choice(("name", "version", "protocol", "credential", "actions"))]
    name = f"g{random.randint(0, 10**9)}"
    group = {"name": name, **some(random, {"description": ("d",), "nope": (1,), "access_mode": ("private",)}, 1)}
    register = {
        "name": name,
        "function_name": random.choice(("remote", "REMOTE", "nope", "text_embedding")),
        "connector_id": "nope",
        **some(random, {"description": ("d",), "is_enabled": (True,), "nope": (1,), "model_group_id": ("nope",)}, 1),
    }
    return [
        ("POST", f"{ml}/connectors/_create", body),
        ("GET", f"{ml}/connectors/nope-{name}", None),
        ("POST", f"{ml}/model_groups/_register", group),
        ("POST", f"{ml}/model_groups/_register", group),
        ("POST", f"{ml}/models/_register", register),
        ("DELETE", f"{ml}/connectors/nope", None),
    ]


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
    return [
        INDEX,
        ("POST", random.choice(("/a/_bulk", "/a/_bulk?refresh=true", "/_bulk")), lines),
        ("POST", "/a/_refresh", None),
        ("GET", "/a/_count", None),
        ("GET", "/a/_doc/1", None),
    ]


def cluster(random: Random) -> Flow:
    """Cluster settings, health, and what there is no route for."""
    table: dict[str, tuple[Any, ...]] = {
        "cluster.metadata.a": ("x", 1),
        "action.auto_create_index": (True, "x"),
        "plugins.ml_commons.trusted_connector_endpoints_regex": (["^a$"], "x"),
        "plugins.ml_commons.connector.private_ip_enabled": (True, "x"),
        "nope": (1,),
        "plugins.ml_commons.model_auto_deploy.enable": (False,),
        "cluster.routing.allocation.enable": ("all",),
        "plugins.ml_commons.nope": (1,),
        "search.max_buckets": (100,),
        "cluster.name": ("x",),
    }
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
