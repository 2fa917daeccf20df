"""Every route the kinds use answers in the shape they read, on both servers."""

from __future__ import annotations

import pathlib
import re

import pytest

from ops.examination import STATS
from providers.ingest_pipeline import IngestPipelineKind
from providers.search_pipeline import SearchPipelineKind
from providers.services.objects import INDEX_FACTS
from tests.conformance.server import ML, TRUSTED, connector_body

PROVIDERS = pathlib.Path(__file__).parents[2] / "providers"
PIPELINE_PATH = re.compile(r"\{self\.path\}|\{PIPELINES\[[^}]*\]\}")
REQUEST = re.compile(r'search\.(get|put|post|delete)\(\s*f?"([^"?]+)')
PIPELINES = (IngestPipelineKind.path, SearchPipelineKind.path)
LISTS = ("connectors", "models", "model_groups")


@pytest.fixture
def docs(server):
    """Two indexes; `docs` has an alias, an owner reference in `_meta`, a pipeline and one document."""
    server.index("other")
    server.index("docs", {"default_pipeline": "in"}, text={"type": "text"})
    server.ok("PUT", "/_ingest/pipeline/in", {"processors": []})
    server.ok("PUT", "/docs/_mapping", {"_meta": {"pulumi": {"index": "o#i"}}})
    server.ok("POST", "/_aliases", {"actions": [{"add": {"index": "docs", "alias": "search"}}]})
    server.ok("PUT", "/docs/_doc/1?refresh=true", {"text": "a"})
    return server


def root(server):
    return re.fullmatch(r"\d+\.\d+\.\d+", server.ok("GET", "/")["version"]["number"])


def cluster_settings(server):
    shown = server.ok("GET", "/_cluster/settings?include_defaults=true&flat_settings=true")
    assert isinstance(shown["defaults"][TRUSTED], list)
    put = server.ok("PUT", "/_cluster/settings", {"persistent": {TRUSTED: ["^a$"], "cluster.metadata.x.y": "z"}})
    assert put["persistent"] == {
        "plugins": {"ml_commons": {"trusted_connector_endpoints_regex": ["^a$"]}},
        "cluster": {"metadata": {"x": {"y": "z"}}},
    }
    shown = server.ok("GET", "/_cluster/settings?include_defaults=true&flat_settings=true")
    assert shown["persistent"] == {TRUSTED: ["^a$"], "cluster.metadata.x.y": "z"}
    assert TRUSTED not in shown["defaults"]
    put = server.ok("PUT", "/_cluster/settings", {"persistent": {TRUSTED: None, "cluster.metadata.x.y": None}})
    return put == {"acknowledged": True, "persistent": {}, "transient": {}}


def health(server):
    assert server.ask("GET", "/_cluster/health/nobody?timeout=1s").status == 408
    return server.ok("GET", "/_cluster/health/docs")["status"] == "green"


def node_stats(server):
    [node] = server.ok("GET", STATS)["nodes"].values()
    assert {"cluster_manager", "data", "ingest"} <= set(node.pop("roles"))
    assert isinstance(node.pop("name"), str)
    disk = node["fs"]["total"]
    assert 0 < disk["available_in_bytes"] <= disk["free_in_bytes"] <= disk["total_in_bytes"]
    assert node["jvm"]["mem"]["heap_max_in_bytes"] > 0
    assert node["os"]["mem"]["total_in_bytes"] > 0
    sizes = {"total_in_bytes", "free_in_bytes", "available_in_bytes", "cache_reserved_in_bytes"}
    return node.keys() == {"fs", "os", "jvm"} and disk.keys() == sizes


def one_index(server):
    missing = server.ask("GET", "/nobody")
    assert (missing.status, missing.type) == (404, "index_not_found_exception")
    twice = server.ask("PUT", "/docs", {})
    assert (twice.status, twice.type) == (400, "resource_already_exists_exception")
    shown = server.ok("GET", "/docs")["docs"]
    assert shown["settings"]["index"]["number_of_replicas"] == "0"
    assert shown["settings"]["index"]["default_pipeline"] == "in"
    assert list(server.ok("GET", "/search")) == ["docs"]  # an alias answers with what stands behind it
    return shown["mappings"] == {"_meta": {"pulumi": {"index": "o#i"}}, "properties": {"text": {"type": "text"}}}


def delete_index(server):
    assert server.ask("DELETE", "/search").status == 400  # never through an alias
    assert server.ok("DELETE", "/other") == {"acknowledged": True}
    return server.ask("DELETE", "/other").status == 404


def index_settings(server):
    assert server.ok("PUT", "/docs/_settings", {"index": {"refresh_interval": "5s"}}) == {"acknowledged": True}
    assert server.ok("GET", "/docs/_settings")["docs"]["settings"]["index"]["default_pipeline"] == "in"
    shown = server.ok("GET", "/_all/_settings?filter_path=*.settings.index.default_pipeline")
    return shown == {"docs": {"settings": {"index": {"default_pipeline": "in"}}}}


def mapping(server):
    added = {"_meta": {"pulumi": {"index": "o#j"}}, "properties": {"more": {"type": "long"}}}
    assert server.ok("PUT", "/docs/_mapping", added) == {"acknowledged": True}
    properties = {"text": {"type": "text"}, "more": {"type": "long"}}
    assert server.ok("GET", "/docs/_mapping") == {
        "docs": {"mappings": {"_meta": added["_meta"], "properties": properties}}
    }
    assert server.ask("GET", "/nobody/_mapping").status == 404
    every = server.ok("GET", INDEX_FACTS)["docs"]
    assert every["mappings"] == {"_meta": added["_meta"]}
    assert every["settings"]["index"].keys() == {"uuid", "default_pipeline"}
    shown_owners = server.ok("GET", "/_mapping?filter_path=*.mappings._meta.pulumi")
    return shown_owners == {"docs": {"mappings": {"_meta": {"pulumi": {"index": "o#j"}}}}}


def aliases(server):
    assert server.ok("GET", "/_alias/search") == {"docs": {"aliases": {"search": {}}}}
    assert server.ask("GET", "/_alias/nobody").body == {"error": "alias [nobody] missing", "status": 404}
    everything = server.ok("GET", "/_alias")
    assert {name: everything[name] for name in ("docs", "other")} == {
        "docs": {"aliases": {"search": {}}},
        "other": {"aliases": {}},
    }
    facts = "ignore_unavailable=true&filter_path=*.aliases,*.mappings._meta,*.settings.index.uuid"
    shown = server.ok("GET", f"/search,other,nobody?{facts}")
    assert {name: index.get("aliases") for name, index in shown.items()} == {"docs": {"search": {}}, "other": {}}
    assert shown["docs"]["mappings"] == {"_meta": {"pulumi": {"index": "o#i"}}}
    assert server.ok("GET", f"/nobody,nothing?{facts}") == {}
    move = [{"remove": {"index": "docs", "alias": "search"}}, {"add": {"index": "other", "alias": "search"}}]
    assert server.ok("POST", "/_aliases", {"actions": move}) == {"acknowledged": True}
    assert server.ok("GET", "/other/_alias") == {"other": {"aliases": {"search": {}}}}
    assert server.ok("DELETE", "/other/_alias/search") == {"acknowledged": True}
    return server.ask("DELETE", "/other/_alias/search").status == 404


def documents(server):
    server.ok("PUT", "/docs/_doc/2", {"text": "b"})
    assert server.ok("POST", "/docs/_refresh")["_shards"]["failed"] == 0
    assert server.ok("GET", "/docs/_count")["count"] == 2
    exists = {"exists": {"field": "nothing"}}
    assert server.ok("POST", "/docs/_count", {"query": exists})["count"] == 0
    named = [{"ids": {"values": ["2", "3"]}}, {"exists": {"field": "text"}}]
    body = {"size": 500, "_source": False, "query": {"bool": {"filter": named}}}
    [hit] = server.ok("POST", "/docs/_search", body)["hits"]["hits"]
    return (hit["_id"], "_source" in hit) == ("2", False)


def ingest_pipeline(server):
    body = {"description": "d", "processors": [{"set": {"field": "a", "value": "b"}}]}
    assert server.ok("PUT", "/_ingest/pipeline/p", body) == {"acknowledged": True}
    assert server.ok("GET", "/_ingest/pipeline/p") == {"p": body}
    assert server.ok("GET", "/_ingest/pipeline")["p"] == body
    failing = {"processors": [{"fail": {"message": "no"}}]}
    server.ok("PUT", "/_ingest/pipeline/failing", failing)
    documents = {"docs": [{"_source": {"text": "a"}}]}
    [refused] = server.ok("POST", "/_ingest/pipeline/failing/_simulate", documents)["docs"]
    assert refused["error"]["reason"] == "no"
    [shown] = server.ok("POST", "/_ingest/pipeline/p/_simulate", documents)["docs"]
    assert "error" not in shown
    [given] = server.ok("POST", "/_ingest/pipeline/_simulate", {"pipeline": body, **documents})["docs"]
    assert given["doc"]["_source"] == shown["doc"]["_source"] == {"text": "a", "a": "b"}
    assert server.ask("POST", "/_ingest/pipeline/_simulate", documents).reason == (
        "[pipeline] required property is missing"
    )
    assert server.ok("DELETE", "/_ingest/pipeline/p") == {"acknowledged": True}
    assert server.ask("GET", "/_ingest/pipeline/p").body == {}
    return server.ask("DELETE", "/_ingest/pipeline/p").reason == "pipeline [p] is missing"


def search_pipeline(server):
    body = {"description": "d", "request_processors": [{"neural_query_enricher": {"default_model_id": "m"}}]}
    assert server.ok("PUT", "/_search/pipeline/p", body) == {"acknowledged": True}
    assert server.ok("GET", "/_search/pipeline/p") == {"p": body}
    assert server.ok("GET", "/_search/pipeline")["p"] == body
    assert server.ok("DELETE", "/_search/pipeline/p") == {"acknowledged": True}
    assert server.ask("GET", "/_search/pipeline/p").status == 404
    return server.ask("DELETE", "/_search/pipeline/p").status == 404


def connectors(server):
    id = server.connector()
    shown = server.ok("GET", f"{ML}/connectors/{id}")
    assert "credential" not in shown
    assert server.ok("PUT", f"{ML}/connectors/{id}", {"description": "new"})["result"] == "updated"
    assert server.ok("DELETE", f"{ML}/connectors/{id}")["result"] == "deleted"
    missing = server.ask("GET", f"{ML}/connectors/{id}")
    assert (missing.status, missing.type) == (404, "status_exception")
    return server.ok("DELETE", f"{ML}/connectors/{id}")["result"] == "not_found"


def groups(server):
    id = server.group("g")
    assert server.ok("GET", f"{ML}/model_groups/{id}")["name"] == "g"
    assert server.ok("PUT", f"{ML}/model_groups/{id}", {"name": "h"}) == {"status": "Updated"}
    assert server.ok("DELETE", f"{ML}/model_groups/{id}")["result"] == "deleted"
    assert server.ask("GET", f"{ML}/model_groups/{id}").status == 404
    return server.ok("DELETE", f"{ML}/model_groups/{id}")["result"] == "not_found"


def models(server):
    id = server.model(server.connector(), server.group("g"))
    assert server.ok("PUT", f"{ML}/models/{id}", {"description": "new"})["result"] == "updated"
    assert server.ok("GET", f"{ML}/models/{id}")["description"] == "new"
    assert len(server.embed(id, "a").body["inference_results"][0]["output"][0]["data"]) == 1024
    [stats] = server.ok("POST", f"{ML}/models/{id}/_undeploy").values()
    assert stats == {"stats": {id: "undeployed"}}
    assert server.ok("DELETE", f"{ML}/models/{id}")["result"] == "deleted"
    assert server.ask("GET", f"{ML}/models/{id}").status == 404
    assert server.ask("POST", f"{ML}/models/{id}/_undeploy").status == 404
    return server.ask("DELETE", f"{ML}/models/{id}").status == 404


def deploy_tasks(server):
    id = server.model(server.connector(), server.group("g"), deploy=False)
    answer = server.ok("POST", f"{ML}/models/{id}/_deploy")
    assert (answer["task_type"], answer["status"]) == ("DEPLOY_MODEL", "COMPLETED")
    server.until("GET", f"{ML}/models/{id}", lambda model: model["model_state"] == "DEPLOYED")
    assert server.ok("GET", f"{ML}/tasks/{answer['task_id']}")["task_type"] == "DEPLOY_MODEL"
    return server.ask("GET", f"{ML}/tasks/nobody").status == 404


def ml_searches(server):
    connector, group = server.connector(), server.group("g")
    model = server.model(connector, group, deploy=False)
    body = connector_body(server.embeddings_url, "k", "m")
    found = {}
    for kind, name in (("connectors", body["name"]), ("models", "model"), ("model_groups", "g")):
        query = {"size": 1000, "_source": False, "query": {"term": {"name.keyword": name}}}
        hits = server.ok("POST", f"{ML}/{kind}/_search", query)["hits"]["hits"]
        found[kind] = [hit["_id"] for hit in hits]
    return found == {"connectors": [connector], "models": [model], "model_groups": [group]}


STORIES = {
    root: ["GET /"],
    cluster_settings: ["GET /_cluster/settings", "PUT /_cluster/settings"],
    health: ["GET /_cluster/health/{}"],
    node_stats: ["GET /_nodes/stats/fs,os,jvm"],
    one_index: ["GET /{}", "PUT /{}"],
    delete_index: ["DELETE /{}"],
    index_settings: ["PUT /{}/_settings", "GET /_all/_settings", "GET /{}/_settings"],
    mapping: ["GET /{}/_mapping", "PUT /{}/_mapping", "GET /_mapping"],
    aliases: ["GET /_alias", "GET /_alias/{}", "POST /_aliases", "GET /{}/_alias", "DELETE /{}/_alias/{}"],
    documents: ["POST /{}/_refresh", "GET /{}/_count", "POST /{}/_count", "POST /{}/_search"],
    ingest_pipeline: [
        "GET /_ingest/pipeline",
        "POST /_ingest/pipeline/{}/_simulate",
        *(f"{verb} /_ingest/pipeline/{{}}" for verb in ("GET", "PUT", "DELETE")),
    ],
    search_pipeline: [
        "GET /_search/pipeline",
        *(f"{verb} /_search/pipeline/{{}}" for verb in ("GET", "PUT", "DELETE")),
    ],
    connectors: [
        f"POST {ML}/connectors/_create",
        f"GET {ML}/{{}}",
        *(f"{v} {ML}/connectors/{{}}" for v in ("GET", "PUT", "DELETE")),
    ],
    groups: [f"POST {ML}/model_groups/_register", *(f"{v} {ML}/model_groups/{{}}" for v in ("GET", "PUT", "DELETE"))],
    models: [
        *(f"{verb} {ML}/models/{{}}" for verb in ("GET", "PUT", "DELETE")),
        f"POST {ML}/models/_register",
        f"POST {ML}/models/{{}}/_undeploy",
        f"POST {ML}/_predict/text_embedding/{{}}",
    ],
    deploy_tasks: [f"POST {ML}/models/{{}}/_deploy", f"GET {ML}/tasks/{{}}"],
    ml_searches: [f"POST {ML}/{{}}/_search", *(f"POST {ML}/{kind}/_search" for kind in LISTS)],
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_route_answers_in_the_shape_that_is_read(docs, story):
    docs.ok("PUT", "/_cluster/settings", {"persistent": {TRUSTED: None}})
    if story is not cluster_settings:
        docs.trust()
    assert story(docs)


def used():
    """Every route in the kinds' code, whatever stands in it written as {}."""
    for path in PROVIDERS.rglob("*.py"):
        for verb, route in REQUEST.findall(path.read_text().replace("self.get(", "search.get(")):
            for place in PIPELINES if PIPELINE_PATH.search(route) else [""]:
                whole = PIPELINE_PATH.sub(place, route.replace("{ROOT}", ML))
                yield f"{verb.upper()} {re.sub(r'{[^}]*}', '{}', whole)}"


def test_every_route_of_the_kinds_has_its_story():
    told = {route for routes in STORIES.values() for route in routes}
    assert set(used()) - told == set()
    assert len(set(used())) > 25


def test_what_the_kinds_build_in_other_ways_is_told_too():
    """Requests whose route is in a variable, by file: a new one has to be told in STORIES by hand."""
    computed = re.compile(r"search\.(?:get|put|post|delete)\((?!\s*f?\")([^,)]+)")
    found = {path.name: computed.findall(path.read_text()) for path in PROVIDERS.rglob("*.py")}
    computed_routes = {
        "objects.py": ["INDEX_FACTS", "PIPELINES[noun]"],  # every index; the lists of pipelines
        "inventory.py": ["path"],  # the lists of pipelines
        "reconcile.py": ["_place(rows.index", "_place(index"],  # a document: test_documents.py
    }
    assert {name: routes for name, routes in found.items() if routes} == computed_routes
