"""Connector, against the service: sent whole, shown without its credential, taken over only while nobody uses it."""

from __future__ import annotations

import json

import pytest

from providers.connector import ConnectorKind
from providers.model import ModelKind
from providers.model_group import ModelGroupKind

ML = "/_plugins/_ml"


@pytest.fixture
def connectors(drive):
    return drive(ConnectorKind)


@pytest.fixture
def model(drive):
    """Makes a model that uses a connector."""
    group = drive(ModelGroupKind).create(owner="p/s/group", name="g")
    declared = {"owner": "p/s/model", "name": "m", "group_id": group.id, "dimension": 4, "space": "hashing/4"}
    return lambda connector: drive(ModelKind).create(**declared, connector_id=connector.id)


def test_a_life(connectors, ask, embedding, reference):
    made = connectors.create(**embedding(description="Embeds"))
    assert ask.get(f"{ML}/connectors/{made.id}")["description"] == f"Embeds [pulumi:{reference(made)}]"
    assert connectors.read(made).props == made.props
    connectors.delete(made)
    assert connectors.read(made) is None
    connectors.delete(made)


def test_its_credential_is_kept_as_declared_since_the_service_hides_it(connectors, ask, embedding):
    made = connectors.create(**embedding())
    assert "sk-good" not in json.dumps(ask.get(f"{ML}/connectors/{made.id}"))
    assert connectors.read(made).inputs["credential"] == {"api_key": "sk-good"}


def test_it_reads_back_as_declared_whatever_the_service_fills_in(connectors, embedding):
    made = connectors.create(**embedding(client_config={"max_connection": 20}, parameters={"model": "m", "n": 5.0}))
    assert made.props["client_config"] == {"max_connection": "20"}
    assert connectors.diff(connectors.read(made)) == []


@pytest.mark.parametrize("version", ["2.12.0", "2.18.0", "2.19.1", "3.1.0"])
def test_no_credential_is_needed_though_2_19_and_later_want_one(connectors, embedding, version):
    made = connectors.create(**embedding(credential=None))
    assert "credential" not in made.props
    assert connectors.diff(connectors.read(made)) == []


@pytest.mark.parametrize(
    ("version", "option", "since"),
    [
        ("2.12.0", "max_connection", "2.13"),
        ("2.12.0", "an_option_we_do_not_know", "2.13"),
        ("2.14.0", "max_retry_times", "2.15"),
        ("3.4.0", "skip_ssl_verification", "3.5"),
    ],
)
def test_an_option_that_the_service_would_drop_in_silence_is_refused(
    connectors, embedding, ask, ended, version, option, since
):
    line = rf"connector embed: client_config {option} needs OpenSearch {since} or later; leave it out"
    with pytest.raises(ended, match=line):
        connectors.create(**embedding(client_config={option: 1}))
    assert ask.post(f"{ML}/connectors/_search", {"query": {"match_all": {}}})["hits"]["hits"] == []


def test_what_nobody_uses_is_taken_over(connectors, embedding, reference):
    former = connectors.create(**embedding())
    latter = connectors.create(**embedding())
    assert latter.id == former.id
    assert reference(latter) != reference(former)
    connectors.delete(former)
    assert connectors.read(latter).props == latter.props
    connectors.delete(latter)
    assert connectors.read(latter) is None


def test_what_a_model_uses_is_left_alone_and_another_made(connectors, embedding, model):
    used = connectors.create(**embedding())
    model(used)
    other = connectors.create(**embedding())
    assert other.id != used.id
    assert connectors.read(used).props == used.props


def test_another_declaration_is_another_connector(connectors, embedding):
    assert connectors.create(**embedding()).id != connectors.create(**embedding(parameters={"model": "other"})).id


def test_another_owners_connector_of_that_name_is_left_alone(connectors, embedding):
    theirs = connectors.create(**embedding(owner="p/prod/connector"))
    assert connectors.create(**embedding()).id != theirs.id
    assert connectors.read(theirs).props == theirs.props


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_each_create_has_a_connector_of_its_own_and_deletes_no_other(connectors, embedding, version):
    """It cannot be changed there, and so not be with its owner reference again."""
    former, latter = connectors.create(**embedding()), connectors.create(**embedding())
    assert latter.id != former.id
    connectors.delete(former)
    assert connectors.read(latter).props == latter.props


@pytest.mark.parametrize("version", ["2.11.1", "2.19.1"])
def test_a_lost_answer_is_looked_for_not_asked_for_twice(connectors, embedding, search, requests, version):
    search.faults.add("POST", f"{ML}/connectors/_create", "lost")
    made = connectors.create(**embedding())
    assert requests(f"POST {ML}/connectors/_create") == 1
    connectors.delete(made)


def test_a_model_that_was_just_pointed_elsewhere_still_holds_it_for_a_moment(
    connectors, embedding, model, ask, requests
):
    old, new = connectors.create(**embedding()), connectors.create(**embedding(name="other"))
    pointed = model(old)
    ask.put(f"{ML}/models/{pointed.id}", {"connector_id": new.id})
    requests("all")
    connectors.delete(old)
    assert requests(f"DELETE {ML}/connectors/{{id}}") > 1
    assert connectors.read(old) is None


def test_a_connector_in_use_stays_and_says_what_to_do(connectors, embedding, model, ended):
    used = connectors.create(**embedding())
    model(used)
    advised = r"are still using this connector.*delete or repoint those models first.*pulumi up --refresh"
    with pytest.raises(ended, match=advised):
        connectors.delete(used)


def test_an_endpoint_that_is_not_trusted_says_what_to_do(connectors, embedding, ended):
    action = {**embedding()["actions"][0], "url": "http://elsewhere.test/v1/embeddings"}
    with pytest.raises(ended, match="add a TrustedEndpoint whose `pattern` matches the whole URL"):
        connectors.create(**embedding(actions=[action]))


def test_drift_replaces_it(connectors, embedding, ask):
    made = connectors.create(**embedding())
    ask.put(f"{ML}/connectors/{made.id}", {"parameters": {"model": "edited"}})
    assert connectors.diff(connectors.read(made), **made.inputs) == ["parameters"]


def test_a_failing_update_is_not_sent_to_a_connector_that_a_model_holds(connectors, embedding, model):
    used = connectors.create(**embedding())
    model(used)
    assert connectors.update(used).props == used.props
