"""SemanticSearchStack: its tree of resources, their inputs, and the outputs for applications."""

from __future__ import annotations

import json

import pulumi
import pytest

from components.semantic_search import SemanticSearchStack
from components.settings import Collection, Embedding
from providers.connection import Connection

PROJECT = "polardb-semantic-search"
EMBEDDING = Embedding(url="https://e.test/v1/embeddings", model="text-embedding-v4", dimension=1024, api_key="sk-good")
DOCS = {
    "name": "docs",
    "source": {"table": "db.t", "columns": {"id": "INT", "t2": "TEXT"}, "primary_key": "id"},
    "fields": {"id": "id", "text": "t2"},
    "mapping": {"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
    "field_map": {"text": "vector"},
}
GOODS = {**DOCS, "name": "goods", "source": {**DOCS["source"], "table": "shop.goods"}, "deletion_protection": False}
COMPONENT = "polardb:semanticsearch:"
OF_THE_MODEL = {
    "search-embedding-endpoint": "polarsearch:TrustedEndpoint",
    "search-embedding-group": "polarsearch:ModelGroup",
    "search-embedding-connector": "polarsearch:Connector",
    "search-embedding-model": "polarsearch:Model",
}
OF_A_COLLECTION = {
    "ingest-pipeline": "polarsearch:IngestPipeline",
    "search-pipeline": "polarsearch:SearchPipeline",
    "index": "polarsearch:Index",
    "link": "polardb:SyncLink",
    "alias": "polarsearch:Alias",
}


@pytest.fixture
def stack(declare):
    """Returns the resources of a stack with two collections, by name, and its resolved outputs."""
    outputs = {}

    def program():
        connection = Connection("connection", search_url="https://s.test", search_password="p", database_password="q")
        stack = SemanticSearchStack("search", connection, EMBEDDING, [Collection(**DOCS), Collection(**GOODS)])
        reported = {"model_id": stack.model_id, "dimension": stack.dimension, "collections": stack.collections}
        return pulumi.Output.from_input(reported).apply(outputs.update)

    return {resource.name: resource for resource in declare(program)}, outputs


@pytest.fixture
def created(stack):
    return stack[0]


@pytest.fixture
def outputs(stack):
    return stack[1]


def test_the_tree_of_resources(created):
    tree = {name: (one.type, one.parent) for name, one in created.items() if one.parent.startswith("search")}
    expected = {
        "search-embedding": (f"{COMPONENT}EmbeddingModel", "search"),
        **{name: (type, "search-embedding") for name, type in OF_THE_MODEL.items()},
        **{f"search-{table}-table": ("polardb:SourceTable", "search") for table in ("db.t", "shop.goods")},
        "search-garbage-collector": ("polarsearch:GarbageCollector", "search"),
        "search-deletion-guard": ("polarsearch:DeletionGuard", "search"),
    }
    for collection in ("search-docs", "search-goods"):
        expected[collection] = (f"{COMPONENT}SearchCollection", "search")
        expected |= {f"{collection}-{part}": (type, collection) for part, type in OF_A_COLLECTION.items()}
    assert tree == expected
    assert created["search"].type == f"{COMPONENT}SemanticSearchStack"


def test_every_resource_uses_the_one_connection(created):
    dynamic = {
        name: one.provider for name, one in created.items() if one.type.startswith(("polarsearch:", "polardb:S"))
    }
    assert set(dynamic.values()) == {"connection"}
    assert len(dynamic) == 18


def test_without_a_batch_size_connector_and_pipeline_have_none(declare):
    """OpenSearch before 2.16 refuses a batch size."""

    def program():
        connection = Connection("connection", search_url="https://s.test", search_password="p", database_password="q")
        embedding = EMBEDDING.model_copy(update={"batch_size": None})
        SemanticSearchStack("search", connection, embedding, [Collection(**DOCS)])

    declared = {resource.name: resource for resource in declare(program)}
    assert "input_docs_processed_step_size" not in declared["search-embedding-connector"]["parameters"]
    assert declared["search-docs-ingest-pipeline"].inputs.get("batch_size") is None


def test_every_resource_has_an_owner_of_this_stack(created):
    owners = {name: one["owner"] for name, one in created.items() if "owner" in one.inputs}
    assert owners == {name: f"{PROJECT}/dev/{name}" for name in owners}
    assert len(owners) == 18


def test_both_pipelines_use_the_models_id(created):
    for pipeline in ("docs-ingest-pipeline", "docs-search-pipeline", "goods-ingest-pipeline", "goods-search-pipeline"):
        assert created[f"search-{pipeline}"]["model_id"] == "search-embedding-model-id"
    model = created["search-embedding-model"]
    assert (model["group_id"], model["connector_id"]) == ("search-embedding-group-id", "search-embedding-connector-id")
    assert (model["dimension"], model["space"]) == (1024, "text-embedding-v4/1024")


def test_tables_are_created_before_everything_else(created):
    tables = {"search-db.t-table", "search-shop.goods-table"}
    for first in ("search-embedding-endpoint", "search-embedding-group"):
        assert tables <= created[first].after


def test_the_garbage_collector_is_deleted_after_everything_else_and_the_guard_before(created):
    everything = {name for name, one in created.items() if "owner" in one.inputs}
    after = {name: beneath(created, name) & everything for name in everything}
    collector, guard = "search-garbage-collector", "search-deletion-guard"
    assert {name for name in everything if collector not in after[name]} == {collector}
    assert after[guard] == everything - {guard}


def beneath(created, name):
    """Returns everything that a resource depends on, however many are between."""
    direct = {each for each in created[name].after if each in created}
    return direct.union(*(beneath(created, each) for each in direct))


def test_the_guard_knows_what_is_protected(created):
    guarded = created["search-deletion-guard"]
    names = {name: (each["alias"], each["resource"]) for name, each in guarded["collections"].items()}
    assert names == {"docs": ("docs", "search-docs-index"), "goods": ("goods", "search-goods-index")}
    assert [each["index"] for each in guarded["collections"].values()] == [
        created[f"search-{name}-index"]["name"] for name in guarded["collections"]
    ]
    protected = {name: each["deletion_protection"] for name, each in guarded["collections"].items()}
    assert protected == {"docs": True, "goods": False}
    assert guarded["tables"] == {"db.t": True, "shop.goods": False}
    assert (guarded["groups"], guarded["connectors"]) == (
        ["search-embedding-group-id"],
        ["search-embedding-connector-id"],
    )
    assert guarded["run"] == "search-garbage-collector-run"


def test_the_connector_depends_on_its_trusted_endpoint(created):
    assert "search-embedding-endpoint" in created["search-embedding-connector"].after
    assert created["search-embedding-endpoint"]["pattern"] == r"^https://e\.test/v1/embeddings$"


def test_the_index_uses_the_pipelines_and_link_and_alias_use_the_index(created):
    index, link, alias = (created[f"search-docs-{part}"] for part in ("index", "link", "alias"))
    assert index["default_pipeline"] == created["search-docs-ingest-pipeline"]["name"]
    assert index["search_pipeline"] == created["search-docs-search-pipeline"]["name"]
    assert index["vectors"]["vector"]["dimension"] == 1024
    assert {"search-docs-ingest-pipeline", "search-docs-search-pipeline"} <= index.after
    assert link["index"] == alias["index"] == index["name"]
    assert (link["table"], link["key"], link["fields"]) == ("db.t", ["id"], {"id": "id", "text": "t2"})
    assert {"search-docs-index", "search-db.t-table"} <= link.after
    assert "search-docs-link" in alias.after
    assert alias["name"] == "docs"
    assert alias["cutover"] == {
        "table": "db.t",
        "vector_fields": {"t2": "vector"},
        "key": "id",
        "fields": {"id": "id", "text": "t2"},
        "key_field": "id",
        "timeout": 600,
    }


def test_each_generation_has_its_own_names_and_the_alias_keeps_its_name(created):
    names = {created[f"search-docs-{part}"]["name"] for part in ("index", "ingest-pipeline", "search-pipeline")}
    [name] = names
    assert name.startswith("docs_")
    assert len(name) == len("docs_") + 8


def test_deletion_protection_applies_to_index_and_table(created):
    protected = {
        name: one["deletion_protection"] for name, one in created.items() if "deletion_protection" in one.inputs
    }
    assert protected == {
        "search-docs-index": True,
        "search-db.t-table": True,
        "search-goods-index": False,
        "search-shop.goods-table": False,
    }


def test_secrets_are_marked_as_secret(created):
    connector = created["search-embedding-connector"]
    assert connector["credential"] == {"api_key": "sk-good"}
    assert (connector.secret, connector.secret_outputs) == ({"credential"}, {"credential"})
    assert created["connection"].secret == {f"{PROJECT}:search_password", f"{PROJECT}:database_password"}
    collector = created["search-garbage-collector"]
    assert (collector.secret, collector.secret_outputs) == ({"configuration"}, {"configuration"})
    others = [one for name, one in created.items() if name not in ("search-embedding-connector", "connection")]
    others = [one for one in others if one.secret != {"configuration"}]
    assert [one.name for one in others if one.secret or "sk-good" in str(one.inputs)] == []


def test_the_outputs_describe_each_collection(outputs, created):
    assert (outputs["model_id"], outputs["dimension"]) == ("search-embedding-model-id", 1024)
    assert set(outputs["collections"]) == {"docs", "goods"}
    docs = outputs["collections"]["docs"]
    assert set(docs) == {"alias", "index", "neural", "hybrid"}
    assert (docs["alias"], docs["index"]) == ("docs", created["search-docs-index"]["name"])
    neural, hybrid = (json.loads(docs[name].replace("{{text}}", '"warm"')) for name in ("neural", "hybrid"))
    assert neural["query"] == {"neural": {"vector": {"query_text": "warm", "k": 10}}}
    assert len(hybrid["query"]["hybrid"]["queries"]) == 2


VOYAGE = Embedding(service="voyage", model="voyage-4", dimension=256, api_key="pa-good")


@pytest.fixture
def asymmetric(declare):
    """Returns the resources of a stack whose service tells queries from documents, by name, and its outputs."""
    outputs = {}

    def program():
        connection = Connection("connection", search_url="https://s.test", search_password="p", database_password="q")
        stack = SemanticSearchStack("search", connection, VOYAGE, [Collection(**DOCS)])
        return pulumi.Output.from_input(stack.outputs).apply(outputs.update)

    return {resource.name: resource for resource in declare(program)}, outputs


def test_documents_and_queries_have_models_of_their_own_where_the_service_tells_them_apart(asymmetric):
    declared, outputs = asymmetric
    documents, queries = declared["search-embedding-model"], declared["search-embedding-query-model"]
    assert documents["connector_id"] == "search-embedding-connector-id"
    assert queries["connector_id"] == "search-embedding-query-connector-id"
    assert documents["space"] == queries["space"] == "voyage-4/256/document"
    types = {name: declared[f"search-embedding-{name}"]["parameters"]["input_type"] for name in CONNECTORS}
    assert types == {"connector": "document", "query-connector": "query"}
    assert declared["search-docs-ingest-pipeline"]["model_id"] == "search-embedding-model-id"
    assert declared["search-docs-search-pipeline"]["model_id"] == "search-embedding-query-model-id"
    assert (outputs["model_id"], outputs["query_model_id"]) == (
        "search-embedding-model-id",
        "search-embedding-query-model-id",
    )


CONNECTORS = ("connector", "query-connector")


def test_each_connector_has_the_key_as_a_secret_and_waits_for_the_endpoint(asymmetric):
    declared, _ = asymmetric
    for name in CONNECTORS:
        connector = declared[f"search-embedding-{name}"]
        assert (connector["credential"], connector.secret) == ({"api_key": "pa-good"}, {"credential"})
        assert "search-embedding-endpoint" in connector.after
    assert declared["search-embedding-endpoint"]["pattern"] == r"^https://api\.voyageai\.com/v1/embeddings$"


def test_where_documents_and_queries_are_alike_nothing_of_queries_is_declared(stack):
    created, outputs = stack
    assert not [name for name in created if "query" in name]
    assert set(outputs) == {"model_id", "dimension", "collections"}
