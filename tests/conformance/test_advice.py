"""Every text of the catalogue of errors is provoked, and meets the advice that was meant for it."""

from __future__ import annotations

import json

import pytest

from providers.services import advice
from sandbox.wire import Response
from tests.conformance.server import BAD_KEY, ML, TRUSTED, answered_at_last, connector_body

NODE_ROLE = "plugins.ml_commons.task_dispatcher.eligible_node_role.remote_model"
PRIVATE = "plugins.ml_commons.connector.private_ip_enabled"

ELSEWHERE = {
    "no permissions for": "test_security.py",
    "Security not initialized": "only in a node's first seconds: recorded in auth.jsonl",
    "master key has not been initialized": "only in a node's first seconds: a text of ml-commons, EncryptorImpl",
}
"""Texts that no case here provokes, and where they are."""


def a_wrong_key(server):
    return server.embed(server.model(server.connector(BAD_KEY)), "a text")


def too_many_texts(server):
    return server.embed(server.model(server.connector(model="text-embedding-v4")), *map(str, range(11)))


def throttling(server):
    model = server.model(server.connector())
    refusal = {"message": "Requests rate limit exceeded, please try again later.", "code": "Throttling.RateQuota"}
    server.embeddings.canned.append(Response.of(429, {"error": refusal}))
    return server.embed(model, "a text")


def wrong_keys_of_aws(server):
    model = server.model(server.connector())
    server.embeddings.canned.append(
        Response.of(403, {"message": "The security token included in the request is invalid."})
    )
    return server.embed(model, "a text")


def an_unknown_model(server):
    return server.embed(server.model(server.connector(model="no-such-model")), "a text")


def nobody_listens(server):
    return server.embed(server.model(server.connector(url="http://127.0.0.1:9/v1/embeddings")), "a text")


def an_unknown_host(server):
    server.ok("PUT", "/_cluster/settings", {"persistent": {TRUSTED: ["^http://nobody\\.invalid/.*$"]}})
    return server.embed(server.model(server.connector(url="http://nobody.invalid/v1/embeddings")), "a text")


def a_private_address(server):
    model = server.model(server.connector())
    server.ok("PUT", "/_cluster/settings", {"transient": {PRIVATE: False}})
    return server.embed(model, "a text")


def an_untrusted_url(server):
    server.ok("PUT", "/_cluster/settings", {"persistent": {TRUSTED: ["^https://elsewhere/.*$"]}})
    body = connector_body("http://127.0.0.1:1/v1/embeddings", BAD_KEY, "m")
    return server.ask("POST", f"{ML}/connectors/_create", body)


def no_credential(server):
    body = connector_body(server.embeddings_url, "", "m") | {"credential": {}}
    return server.ask("POST", f"{ML}/connectors/_create", body)


def an_unknown_type_of_action(server):
    body = connector_body(server.embeddings_url, BAD_KEY, "m")
    actions = [{**action, "action_type": "no_such_type"} for action in body["actions"]]
    return server.ask("POST", f"{ML}/connectors/_create", {**body, "actions": actions})


def editing_a_connector_in_use(server):
    connector = server.connector()
    server.model(connector)
    return server.ask("PUT", f"{ML}/connectors/{connector}", {"description": "new"})


def deleting_a_connector_in_use(server):
    connector = server.connector()
    server.model(connector, deploy=False)
    return server.ask("DELETE", f"{ML}/connectors/{connector}")


def deleting_a_group_in_use(server):
    group = server.group()
    server.model(server.connector(), group, deploy=False)
    return server.ask("DELETE", f"{ML}/model_groups/{group}")


def a_second_group_of_a_name(server):
    server.group("twice")
    return server.ask("POST", f"{ML}/model_groups/_register", {"name": "twice"})


def deleting_a_deployed_model(server):
    return server.ask("DELETE", f"{ML}/models/{server.model(server.connector())}")


def a_write_without_its_pipeline(server):
    server.index(settings={"default_pipeline": "gone"})
    return server.ask("PUT", "/docs/_doc/1", {"text": "a"})


def another_type_for_a_field(server):
    server.index(text={"type": "text"})
    return server.ask("PUT", "/docs/_mapping", {"properties": {"text": {"type": "keyword"}}})


def another_dimension_for_a_vector(server):
    server.index(settings={"knn": True}, vector={"type": "knn_vector", "dimension": 4})
    return server.ask("PUT", "/docs/_mapping", {"properties": {"vector": {"type": "knn_vector", "dimension": 8}}})


def compressed(server, parameters=None, **smaller):
    method = {"name": "hnsw", "engine": "faiss", "parameters": parameters or {}}
    vector = {"type": "knn_vector", "dimension": 8, "method": method, **smaller}
    body = {"settings": {"index.knn": True}, "mappings": {"properties": {"vector": vector}}}
    return server.ask("PUT", "/docs", body)


def a_level_of_another_engine(server):
    return compressed(server, compression_level="4x")


def a_level_and_another_encoder(server):
    return compressed(server, {"encoder": {"name": "sq"}}, compression_level="32x")


def an_unknown_encoder(server):
    return compressed(server, {"encoder": {"name": "zip"}})


def an_alias_named_like_an_index(server):
    server.index("docs")
    server.index("other")
    return server.ask("POST", "/_aliases", {"actions": [{"add": {"index": "other", "alias": "docs"}}]})


def an_unknown_index_setting(server):
    return server.ask("PUT", "/docs", {"settings": {"index": {"no_such_thing": 1}}})


def an_unknown_cluster_setting(server):
    return server.ask("PUT", "/_cluster/settings", {"persistent": {"no.such.thing": 1}})


def an_unknown_option_of_a_processor(server):
    embed = {"model_id": "m", "field_map": {"a": "b"}, "no_such_option": 1}
    return server.ask("PUT", "/_ingest/pipeline/p", {"processors": [{"text_embedding": embed}]})


def an_unknown_processor(server):
    return server.ask("PUT", "/_ingest/pipeline/p", {"processors": [{"no_such_processor": {}}]})


def no_node_for_models(server):
    model = server.model(server.connector(), deploy=False)
    server.ok("PUT", "/_cluster/settings", {"persistent": {NODE_ROLE: ["ml"]}})
    return server.ask("POST", f"{ML}/models/{model}/_deploy")


def a_disabled_model(server):
    model = server.model(server.connector())
    server.ok("PUT", f"{ML}/models/{model}", {"is_enabled": False})
    return answered_at_last(lambda: server.embed(model, "a text"), but=200)  # a real node may embed for a moment longer


def an_unknown_route(server):
    return server.ask("GET", f"{ML}/no_such_thing")


def no_node_for_a_deployed_model(server):
    model = server.model(server.connector())
    server.ok("PUT", "/_cluster/settings", {"persistent": {NODE_ROLE: ["ml"]}})
    return server.embed(model, "a text")


PROVOKED = [
    (a_wrong_key, 401, "Incorrect API key", "the embedding service refuses the key"),
    (too_many_texts, 400, "batch size is invalid", "the embedding service takes fewer texts a request"),
    (throttling, 429, "Throttling", "the embedding service is throttling"),
    (wrong_keys_of_aws, 403, "security token included in the request is invalid", "AWS refuses the keys"),
    (an_unknown_model, 404, "Error from remote service", "the embedding service refused"),
    (nobody_listens, 500, "Error communicating with remote model", "PolarSearch cannot reach the embedding service"),
    (an_unknown_host, 500, "Fail to execute http connector", "PolarSearch cannot reach the embedding service"),
    (a_private_address, 400, "private ip address", "allow it with `private` of its TrustedEndpoint"),
    (an_untrusted_url, 400, "not matching the trusted connector endpoint", "add a TrustedEndpoint"),
    (no_credential, 400, "credential is null or empty", "OpenSearch 2.19 and later want a credential"),
    (an_unknown_type_of_action, 400, "No enum constant", "check `action_type`"),
    (editing_a_connector_in_use, 400, "please undeploy the models first", "a deployed model uses it"),
    (deleting_a_connector_in_use, 409, "models are still using this connector", "delete or repoint those models"),
    (deleting_a_group_in_use, 409, "associated model versions", "delete the models of this group"),
    (a_second_group_of_a_name, 400, "already being used by a model group", "choose another `name`"),
    (deleting_a_deployed_model, 400, "cannot be deleted in deploying or deployed state", "it is still in use"),
    (a_write_without_its_pipeline, 400, "pipeline with id [gone] does not exist", "the index names a pipeline"),
    (another_type_for_a_field, 400, "cannot be changed from type", "a mapped field cannot change"),
    (another_dimension_for_a_vector, 400, "Cannot update parameter", "a mapped field cannot change"),
    (a_level_of_another_engine, 400, "does not support", "choose a `compression_level` of that engine"),
    (a_level_and_another_encoder, 400, "compression level", "`mode`, `compression_level` and the encoder"),
    (an_unknown_encoder, 400, '"methodComponent" is null', "check the encoder's `name`"),
    (an_alias_named_like_an_index, 400, "index exists with the same name as the alias", "choose another name"),
    (an_unknown_index_setting, 400, "unknown setting", "check the setting's name"),
    (an_unknown_cluster_setting, 400, "not recognized", "check the setting's name"),
    (an_unknown_option_of_a_processor, 400, "doesn't support one or more provided", "this OpenSearch does not know it"),
    (an_unknown_processor, 400, "No processor type exists", "check the processor's name"),
    (no_node_for_models, 400, "no eligible node found", "check plugins.ml_commons.task_dispatcher"),
    (no_node_for_a_deployed_model, 400, "No eligible worker node found", "check plugins.ml_commons.task_dispatcher"),
    (a_disabled_model, 403, "Model is disabled", "run `pulumi up --refresh`"),
    (an_unknown_route, 400, "no handler found for uri", "this PolarSearch has no such API"),
]


@pytest.mark.parametrize(("provoke", "status", "text", "fix"), PROVOKED, ids=[each[0].__name__ for each in PROVOKED])
def test_the_service_says_what_the_catalogue_knows(server, provoke, status, text, fix):
    server.trust()
    answer = provoke(server)
    assert text in answer.reason, answer
    assert answer.status == status
    assert advice.for_search(status, answer.reason).startswith(fix)


def test_every_text_of_the_catalogue_is_provoked_here_or_accounted_for():
    fixes = [fix for *_, fix in PROVOKED] + [advice.for_search(0, text) for text in ELSEWHERE]
    unproved = [known.text for known in advice.SEARCH if not known.fix.startswith(tuple(fixes))]
    assert unproved == []


def test_what_the_embedding_service_said_is_passed_on_whole(server):
    """JSON in JSON, so that a person can read the service's own words."""
    server.trust()
    reason = a_wrong_key(server).reason
    inner = json.loads(reason.removeprefix("Error from remote service: "))
    assert inner["error"]["code"] == "invalid_api_key"
