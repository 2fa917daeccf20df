"""GarbageCollector on both services: deletes what carries an owner reference of its resources, and nothing else."""

from __future__ import annotations

import pytest

from providers.garbage_collector import GarbageCollectorKind
from tests.providers.conftest import EMBEDDINGS

ML = "/_plugins/_ml"
OURS = {"owner": "p/s/collector", "resources": ["group", "connector", "model", "in", "out", "index", "alias", "rows"]}
OURS["resources"] += ["link", "endpoint"]


@pytest.fixture
def polardb(start_polardb):
    polardb = start_polardb(polardb_version="8.0.1.1.54")
    polardb.run("CREATE DATABASE db")
    return polardb


@pytest.fixture
def collectors(drive, polardb):
    return drive(GarbageCollectorKind, polardb.connections)


@pytest.fixture
def make(rest, polardb):
    """Makes an object of each kind for an owner, whose names end with a suffix; returns the ids of ML Commons."""

    def made(stack, suffix, protected=None):
        owned = lambda name: f"[pulumi:{stack}/{name}#00ff]"  # noqa: E731
        group = rest.post(f"{ML}/model_groups/_register", {"name": f"g{suffix}", "description": owned("group")})
        connector = rest.post(f"{ML}/connectors/_create", connector_of(f"c{suffix}", owned("connector")))
        inside = {"model_group_id": group["model_group_id"], "connector_id": connector["connector_id"]}
        described = {"name": f"m{suffix}", "function_name": "remote", "description": owned("model"), **inside}
        model = rest.post(f"{ML}/models/_register", described)["model_id"]
        rest.put(f"/_ingest/pipeline/i{suffix}", {"description": owned("in"), "processors": []})
        rest.put(f"/_search/pipeline/i{suffix}", {"description": owned("out"), "response_processors": []})
        meta = {"index": f"{stack}/index#00ff", f"alias:a{suffix}": f"{stack}/alias#00ff", "protected": protected}
        pipelines = {"default_pipeline": f"i{suffix}", "search.default_pipeline": f"i{suffix}"}
        mapping = {"_meta": {"pulumi": {name: fact for name, fact in meta.items() if fact}}}
        rest.put(f"/i{suffix}", {"mappings": mapping, "aliases": {f"a{suffix}": {}}, "settings": {"index": pipelines}})
        polardb.run(f"CREATE TABLE db.t{suffix} (id INT PRIMARY KEY) COMMENT = '{owned('rows')}'")
        return group["model_group_id"], connector["connector_id"], model

    return made


def connector_of(name, description):
    action = {"action_type": "predict", "method": "POST", "url": EMBEDDINGS, "headers": {}, "request_body": "{}"}
    given = {"name": name, "description": description, "version": 1, "protocol": "http"}
    return {**given, "parameters": {"model": "m"}, "credential": {"key": "k"}, "actions": [action]}


@pytest.fixture
def everything(rest, polardb):
    def listed():
        tables = polardb.run("SELECT table_name AS tb FROM information_schema.tables WHERE table_schema = 'db'")
        return {
            "indexes": sorted(name for name in rest.get("/_alias") if not name.startswith(".")),
            "pipelines": sorted([*rest.get("/_ingest/pipeline"), *rest.get("/_search/pipeline")]),
            "models": ids(rest, "models"),
            "connectors": ids(rest, "connectors"),
            "groups": ids(rest, "model_groups"),
            "tables": sorted(row["tb"] for row in tables),
        }

    return listed


def ids(rest, objects):
    hits = rest.post(f"{ML}/{objects}/_search", {"size": 100, "query": {"match_all": {}}})["hits"]["hits"]
    return sorted(hit["_id"] for hit in hits)


@pytest.fixture(autouse=True)
def trusted(rest):
    setting = "plugins.ml_commons.trusted_connector_endpoints_regex"
    rest.put("/_cluster/settings", {"persistent": {setting: ["^http://embeddings.test/.*$"]}})


def test_only_what_is_ours_is_deleted(collectors, make, everything):
    make("p/other", "_other")
    make("q/s", "_foreign")
    before, collector = everything(), collectors.create(**OURS)
    make("p/s", "_ours")
    assert everything() != before
    collectors.delete(collector)
    assert everything() == before


def test_until_it_is_deleted_it_makes_no_request(collectors, search):
    collectors.create(**OURS)
    search.application.requests.reset()
    collector = collectors.create(**OURS)
    collectors.update(collector, resources=["group"])
    assert collectors.read(collector).props == collector.props
    assert sum(search.application.requests.counts().values()) == 0


def test_each_create_and_update_has_a_run_of_its_own(collectors):
    created = collectors.create(**OURS)
    updated = collectors.update(created, resources=["group"])
    assert len({"", created.props["run"], updated.props["run"]}) == 3
    assert collectors.read(updated).props == updated.props


@pytest.mark.parametrize(("last_run", "changes"), [("ended", None), ("did not end", True), ("resumed", None)])
def test_after_a_run_that_did_not_end_it_is_written_again(collectors, last_run, changes):
    collector = collectors.create(**OURS)
    inputs = collectors.check(**OURS, last_run=last_run).inputs
    assert collectors.provider.diff(collector.id, collector.props, inputs).changes is changes


def test_documents_that_an_index_says_are_protected_are_kept(collectors, make, rest, failed):
    collector = collectors.create(**OURS)
    make("p/s", "_ours", protected="true")
    rest.put("/i_ours/_doc/1?pipeline=_none", {"id": 1})
    with pytest.raises(failed, match="index i_ours has 1 document, and deletion protection is on"):
        collectors.delete(collector)
    assert "i_ours" in rest.get("/_alias")


def test_rows_of_a_table_of_ours_are_kept_without_our_reference(collectors, polardb, said_lines):
    collector = collectors.create(**OURS)
    polardb.run("CREATE TABLE db.t (id INT PRIMARY KEY) COMMENT = 'mine [pulumi:q/x/y#1] [pulumi:p/s/rows#00ff]'")
    polardb.run("INSERT INTO db.t VALUES (1)")
    collectors.delete(collector)
    assert comment(polardb) == "mine [pulumi:q/x/y#1]"
    polardb.run("ALTER TABLE db.t COMMENT = 'mine [pulumi:p/s/rows#00ff]'")
    collectors.delete(collector)
    assert comment(polardb) == "mine"


@pytest.fixture
def said_lines(collectors):
    """What the collector warns of."""
    lines = []
    collectors.provider._bound.warn = lines.append
    yield lines
    assert lines == ["table db.t has 1 row and is left alone: drop it if it was ours"]


def comment(polardb):
    [row] = polardb.run("SELECT table_comment AS c FROM information_schema.tables WHERE table_name = 't'")
    return row["c"]


def test_a_foreign_model_in_our_group_is_named(collectors, make, rest, failed):
    collector = collectors.create(**OURS)
    group, connector, _ = make("p/s", "_ours")
    theirs = {"name": "theirs", "function_name": "remote", "model_group_id": group, "connector_id": connector}
    made = rest.post(f"{ML}/models/_register", theirs)["model_id"]
    with pytest.raises(failed, match=rf"model group g_ours is used by model theirs \({made}\)"):
        collectors.delete(collector)
    rest.delete(f"{ML}/models/{made}")
    collectors.delete(collector)
