"""Connector on the service: sent as a whole, shown without its credential, taken over only while it is unused."""

from __future__ import annotations

import json

import pytest

from providers.connector import ConnectorInputs, ConnectorKind
from providers.kit import NotFound, OwnerReference
from providers.model import ModelKind
from providers.model_group import ModelGroupKind
from providers.services.mlcommons import CONNECTOR_REFERENCES, write_connector_reference
from providers.services.objects import Objects

ML = "/_plugins/_ml"


@pytest.fixture
def connectors(drive):
    return drive(ConnectorKind)


@pytest.fixture
def model(drive):
    """Creates a model that uses a connector."""
    group = drive(ModelGroupKind).create(owner="p/s/group", name="g")
    declared = {"owner": "p/s/model", "name": "m", "group_id": group.id, "dimension": 4, "space": "hashing/4"}
    return lambda connector: drive(ModelKind).create(**declared, connector_id=connector.id)


def test_create_read_update_delete(connectors, rest, embedding, reference):
    created = connectors.create(**embedding(description="Embeds"))
    assert rest.get(f"{ML}/connectors/{created.id}")["description"] == f"Embeds [pulumi:{reference(created)}]"
    assert connectors.read(created).props == created.props
    connectors.delete(created)
    assert connectors.read(created) is None
    connectors.delete(created)


def test_read_keeps_the_declared_credential(connectors, rest, embedding):
    created = connectors.create(**embedding())
    assert "sk-good" not in json.dumps(rest.get(f"{ML}/connectors/{created.id}"))
    assert connectors.read(created).inputs["credential"] == {"api_key": "sk-good"}


def test_defaults_of_the_service_are_no_drift(connectors, embedding):
    created = connectors.create(**embedding(client_config={"max_connection": 20}, parameters={"model": "m", "n": 5.0}))
    assert created.props["client_config"] == {"max_connection": "20"}
    assert connectors.diff(connectors.read(created)) == []


@pytest.mark.parametrize("version", ["2.12.0", "2.18.0", "2.19.1", "3.1.0"])
def test_a_connector_without_a_credential_is_created_in_every_version(connectors, embedding, version):
    created = connectors.create(**embedding(credential=None))
    assert "credential" not in created.props
    assert connectors.diff(connectors.read(created)) == []


@pytest.mark.parametrize(
    ("version", "option", "since"),
    [
        ("2.12.0", "max_connection", "2.13"),
        ("2.12.0", "an_option_we_do_not_know", "2.13"),
        ("2.14.0", "max_retry_times", "2.15"),
        ("3.4.0", "skip_ssl_verification", "3.5"),
    ],
)
def test_an_option_that_the_version_ignores_is_refused(connectors, embedding, rest, failed, version, option, since):
    line = rf"connector embed: client_config {option} needs OpenSearch {since} or later; leave it out"
    with pytest.raises(failed, match=line):
        connectors.create(**embedding(client_config={option: 1}))
    assert rest.post(f"{ML}/connectors/_search", {"query": {"match_all": {}}})["hits"]["hits"] == []


def test_an_unused_connector_is_taken_over(connectors, embedding, reference):
    former = connectors.create(**embedding())
    latter = connectors.create(**embedding())
    assert latter.id == former.id
    assert reference(latter) != reference(former)
    connectors.delete(former)
    assert connectors.read(latter).props == latter.props
    connectors.delete(latter)
    assert connectors.read(latter) is None


def test_a_connector_in_use_is_kept_and_another_created(connectors, embedding, model):
    used = connectors.create(**embedding())
    model(used)
    other = connectors.create(**embedding())
    assert other.id != used.id
    assert connectors.read(used).props == used.props


def test_another_declaration_creates_another_connector(connectors, embedding):
    assert connectors.create(**embedding()).id != connectors.create(**embedding(parameters={"model": "other"})).id


def test_a_connector_of_another_owner_is_left_alone(connectors, embedding):
    theirs = connectors.create(**embedding(owner="p/prod/connector"))
    assert connectors.create(**embedding()).id != theirs.id
    assert connectors.read(theirs).props == theirs.props


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_each_create_makes_a_connector_and_deletes_no_other(connectors, embedding, version):
    """There a connector cannot be changed, so its owner reference cannot be written again."""
    former, latter = connectors.create(**embedding()), connectors.create(**embedding())
    assert latter.id != former.id
    connectors.delete(former)
    assert connectors.read(latter).props == latter.props


@pytest.mark.parametrize("version", ["2.11.1", "2.19.1"])
def test_a_lost_answer_does_not_create_a_duplicate(connectors, embedding, search, requests, version):
    search.faults.add("POST", f"{ML}/connectors/_create", "lost")
    created = connectors.create(**embedding())
    assert requests(f"POST {ML}/connectors/_create") == 1
    connectors.delete(created)


def test_delete_retries_while_a_model_still_uses_the_connector(connectors, embedding, model, rest, requests):
    old, new = connectors.create(**embedding()), connectors.create(**embedding(name="other"))
    pointed = model(old)
    rest.put(f"{ML}/models/{pointed.id}", {"connector_id": new.id})
    requests("all")
    connectors.delete(old)
    assert requests(f"DELETE {ML}/connectors/{{id}}") > 1
    assert connectors.read(old) is None


def test_a_connector_in_use_is_not_deleted(connectors, embedding, model, failed):
    used = connectors.create(**embedding())
    model(used)
    advised = r"are still using this connector.*delete or repoint those models first.*pulumi up --refresh"
    with pytest.raises(failed, match=advised):
        connectors.delete(used)


def test_a_destroy_deletes_a_model_of_ours_that_still_uses_connector_and_group(
    drive, connectors, connections, embedding, rest
):
    """Pulumi deletes the models in state first, so this one is in none."""
    group, used = drive(ModelGroupKind).create(owner="p/s/group", name="g"), connectors.create(**embedding())
    inside = {"model_group_id": group.id, "connector_id": used.id}
    orphan = {"name": "m", "function_name": "remote", "description": "[pulumi:p/s/model#00ff]", **inside}
    model = rest.post(f"{ML}/models/_register", orphan)["model_id"]
    connections.declares = False
    drive(ModelGroupKind).delete(group)
    with pytest.raises(NotFound):
        rest.get(f"{ML}/models/{model}")
    model = rest.post(
        f"{ML}/models/_register", {name: value for name, value in orphan.items() if name != "model_group_id"}
    )["model_id"]
    connectors.delete(used)
    with pytest.raises(NotFound):
        rest.get(f"{ML}/models/{model}")


def test_a_destroy_names_a_model_that_is_not_ours(connectors, connections, embedding, rest, failed):
    used = connectors.create(**embedding())
    rest.post(f"{ML}/models/_register", {"name": "theirs", "function_name": "remote", "connector_id": used.id})
    connections.declares = False
    with pytest.raises(failed, match="are still using this connector"):
        connectors.delete(used)


def test_an_untrusted_endpoint_is_refused_with_advice(connectors, embedding, failed):
    action = {**embedding()["actions"][0], "url": "http://elsewhere.test/v1/embeddings"}
    with pytest.raises(failed, match="add a TrustedEndpoint whose `pattern` matches the whole URL"):
        connectors.create(**embedding(actions=[action]))


def test_drift_replaces_the_connector(connectors, embedding, rest):
    created = connectors.create(**embedding())
    rest.put(f"{ML}/connectors/{created.id}", {"parameters": {"model": "edited"}})
    assert connectors.diff(connectors.read(created), **created.inputs) == ["parameters"]


def test_a_connector_in_use_is_not_updated(connectors, embedding, model):
    used = connectors.create(**embedding())
    model(used)
    assert connectors.update(used).props == used.props


@pytest.fixture
def adopted(embedding, rest):
    """A connector that a person made, with a model that uses it, both handed over; its inputs."""
    declared = embedding()
    body = ConnectorInputs(**declared).model_dump(mode="json", exclude_none=True, exclude={"owner"})
    id = rest.post(f"{ML}/connectors/_create", {**body, "version": 1})["connector_id"]
    model = {"name": "m", "function_name": "remote", "connector_id": id, "description": "[pulumi:p/s/model#]"}
    rest.post(f"{ML}/models/{rest.post(f'{ML}/models/_register', model)['model_id']}/_deploy")
    write_connector_reference(rest, id, OwnerReference(declared["owner"]))
    return id, declared


def kept(rest):
    settings = rest.get("/_cluster/settings?flat_settings=true")["persistent"]
    return {name: value for name, value in settings.items() if name.startswith(CONNECTOR_REFERENCES)}


def test_a_connector_that_was_adopted_with_its_model_is_taken_over_as_it_is(connectors, adopted, rest, reference):
    id, declared = adopted
    before = rest.get(f"{ML}/connectors/{id}")
    former, latter = connectors.create(**declared), connectors.create(**declared)  # the first was killed
    assert former.id == latter.id == id
    assert kept(rest) == {CONNECTOR_REFERENCES + id: str(reference(latter))}
    assert rest.get(f"{ML}/connectors/{id}") == before
    assert connectors.read(latter).props == latter.props
    connectors.delete(former)
    assert connectors.read(latter).props == latter.props


def test_another_key_makes_another_connector_than_the_adopted_one(connectors, adopted, rest, embedding):
    id, declared = adopted
    taken = connectors.create(**declared)
    [model] = rest.post(f"{ML}/models/_search", {"query": {"match_all": {}}})["hits"]["hits"]
    rest.put(f"{ML}/models/{model['_id']}", {"description": "[pulumi:p/s/model#0123456789abcdef]"})
    another = connectors.create(**embedding(key="sk-rotated"))
    assert another.id != id
    rest.put(f"{ML}/models/{model['_id']}", {"connector_id": another.id})
    connectors.delete(taken)
    with pytest.raises(NotFound):
        rest.get(f"{ML}/connectors/{id}")
    assert kept(rest) == {}


def test_an_adopted_connector_that_is_gone_from_state_is_found_by_its_reference(connectors, adopted, connections):
    taken = connectors.create(**adopted[1])
    objects = Objects(connections, [taken.props["owner"]])
    assert [each.id for each in objects.connectors] == [taken.id]
