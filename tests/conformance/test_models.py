"""What takes its time, and what is refused meanwhile: deploying, swapping connectors, searches that are late."""

from __future__ import annotations

import time

import pytest

from tests.conformance.server import BAD_KEY, ML, answered_at_last

SWAP = 0.3
"""Seconds after which the kinds rely on a swapped connector; real ones took up to 0.07."""


@pytest.fixture
def trusted(server):
    server.trust()
    return server


def state(server, model):
    return server.ok("GET", f"{ML}/models/{model}")["model_state"]


def deleted_at_last(server, path):
    """The answer to a delete that is refused while something still counts as using what is there."""
    return answered_at_last(lambda: server.ask("DELETE", path), but=409)


def test_completed_is_not_deployed_yet(trusted):
    model = trusted.model(trusted.connector(), deploy=False)
    assert state(trusted, model) == "REGISTERED"
    assert trusted.ok("POST", f"{ML}/models/{model}/_deploy")["status"] == "COMPLETED"
    assert state(trusted, model) in ("DEPLOYING", "DEPLOYED")
    trusted.until("GET", f"{ML}/models/{model}", lambda shown: shown["model_state"] == "DEPLOYED")
    assert trusted.ok("POST", f"{ML}/models/{model}/_deploy")["status"] == "COMPLETED"
    trusted.until("GET", f"{ML}/models/{model}", lambda shown: shown["model_state"] == "DEPLOYED")


def test_a_model_whose_connector_is_gone_fails_to_deploy_and_its_task_says_why(trusted):
    connector = trusted.connector()
    model = trusted.model(connector, deploy=False)
    trusted.ok("PUT", f"{ML}/models/{model}", {"connector_id": "nobody"})
    task = trusted.ok("POST", f"{ML}/models/{model}/_deploy")["task_id"]
    trusted.until("GET", f"{ML}/models/{model}", lambda shown: shown["model_state"] == "DEPLOY_FAILED")
    done = trusted.until("GET", f"{ML}/tasks/{task}", lambda shown: shown["state"] == "FAILED")
    assert "Failed to find connector" in done["error"]


def test_a_swapped_connector_takes_effect_a_moment_after_the_answer(trusted):
    model = trusted.model(trusted.connector())
    bad = trusted.connector(BAD_KEY)
    trusted.ok("PUT", f"{ML}/models/{model}", {"connector_id": bad})
    assert state(trusted, model) == "DEPLOYED"
    time.sleep(SWAP)
    assert trusted.embed(model, "a").status == 401


def test_the_old_connector_counts_as_used_until_a_search_sees_the_swap(trusted):
    old, new = trusted.connector(), trusted.connector()
    model = trusted.model(old)
    trusted.ok("PUT", f"{ML}/models/{model}", {"connector_id": new})
    first = trusted.ask("DELETE", f"{ML}/connectors/{old}")
    assert first.status == 409
    assert (
        f"1 models are still using this connector, please delete or update the models first: [{model}]" in first.reason
    )
    assert deleted_at_last(trusted, f"{ML}/connectors/{old}").body["result"] == "deleted"


def test_a_group_counts_a_model_that_has_moved_until_a_search_sees_it(trusted):
    old, new = trusted.group("old"), trusted.group("new")
    model = trusted.model(trusted.connector(), old, deploy=False)
    trusted.ok("PUT", f"{ML}/models/{model}", {"model_group_id": new})
    first = trusted.ask("DELETE", f"{ML}/model_groups/{old}")
    assert (first.status, first.reason) == (
        409,
        "Cannot delete the model group when it has associated model versions",
    )
    assert deleted_at_last(trusted, f"{ML}/model_groups/{old}").body["result"] == "deleted"


def test_an_undeployed_model_is_deployed_by_the_next_prediction(trusted):
    model = trusted.model(trusted.connector())
    trusted.ok("POST", f"{ML}/models/{model}/_undeploy")
    assert state(trusted, model) == "UNDEPLOYED"
    assert trusted.embed(model, "a").status == 200
    trusted.until("GET", f"{ML}/models/{model}", lambda shown: shown["model_state"] == "DEPLOYED")


def test_a_group_counts_its_models(trusted):
    group = trusted.group()
    for _ in range(2):
        trusted.model(trusted.connector(), group, deploy=False)
    assert trusted.ok("GET", f"{ML}/model_groups/{group}")["latest_version"] == 2


def test_names_of_models_and_connectors_are_not_unique(trusted):
    group = trusted.group()
    models = {trusted.model(trusted.connector(), group, deploy=False) for _ in range(2)}
    query = {"query": {"term": {"name.keyword": "model"}}}
    found = trusted.ok("POST", f"{ML}/models/_search", query)["hits"]["hits"]
    assert {hit["_id"] for hit in found} == models


@pytest.mark.parametrize(
    ("field", "finds"), [("connector_id", 0), ("connector_id.keyword", 1)], ids=["the text", "the keyword inside"]
)
def test_the_models_of_a_connector_are_found_by_the_keyword_inside(trusted, field, finds):
    connector = trusted.connector()
    trusted.model(connector, deploy=False)
    query = {"query": {"term": {field: connector}}}
    assert trusted.ok("POST", f"{ML}/models/_search", query)["hits"]["total"]["value"] == finds


def test_a_connector_that_does_not_exist_is_accepted_for_a_live_model(trusted):
    model = trusted.model(trusted.connector())
    trusted.ok("PUT", f"{ML}/models/{model}", {"connector_id": "nobody"})
    time.sleep(SWAP)
    assert trusted.embed(model, "a").status == 200


def test_a_connector_for_a_url_that_is_no_longer_trusted_still_works(trusted):
    model = trusted.model(trusted.connector())
    trusted.ok(
        "PUT", "/_cluster/settings", {"persistent": {"plugins.ml_commons.trusted_connector_endpoints_regex": ["x"]}}
    )
    assert trusted.embed(model, "a").status == 200
