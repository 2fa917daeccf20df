"""Model on the service: deployed and tested; it gets another connector only after that one is tested."""

from __future__ import annotations

import pytest

from providers.connector import ConnectorKind
from providers.kit import OwnerReference, ResourceFailed, describe
from providers.model import ModelKind
from providers.model_group import ModelGroupKind

ML = "/_plugins/_ml"


@pytest.fixture
def models(drive):
    return drive(ModelKind)


@pytest.fixture
def connector(drive, embedding):
    """Creates a connector: `connector(key="sk-bad")`."""
    return lambda **changes: drive(ConnectorKind).create(**embedding(**changes)).id


@pytest.fixture
def declared(drive, connector):
    group = drive(ModelGroupKind).create(owner="p/s/group", name="g")
    model = {"owner": "p/s/model", "name": "mini", "description": "Small"}
    return {**model, "group_id": group.id, "connector_id": connector(), "dimension": 4, "space": "hashing/4"}


@pytest.fixture
def every_model(rest):
    """Returns the ids of all models."""

    def ids():
        hits = rest.post(f"{ML}/models/_search", {"query": {"match_all": {}}, "size": 100})["hits"]["hits"]
        return {hit["_id"] for hit in hits}

    return ids


@pytest.fixture
def embeds(rest):
    """Returns whether a model embeds a text now."""
    body = {"text_docs": ["hello"], "return_number": True, "target_response": ["sentence_embedding"]}
    return lambda id: "inference_results" in rest.post(f"{ML}/_predict/text_embedding/{id}", body)


def test_create_read_update_delete(models, declared, rest, reference):
    created = models.create(**declared)
    assert created.props["model_state"] == "DEPLOYED"
    assert (
        rest.get(f"{ML}/models/{created.id}")["description"]
        == f"Small [space:hashing/4/4] [pulumi:{reference(created)}]"
    )
    assert models.read(created).props == created.props
    changed = models.update(created, description="Smaller", name="tiny")
    assert (changed.props["description"], changed.props["name"], reference(changed)) == (
        "Smaller",
        "tiny",
        reference(created),
    )
    models.delete(changed)
    assert models.read(changed) is None
    models.delete(changed)


def test_a_model_is_ready_when_it_is_deployed(models, declared, fake_clock):
    """The task of `_deploy` is COMPLETED at once, and the model is DEPLOYED a moment later."""
    models.create(**declared)
    assert sum(fake_clock.slept) >= 0.18


@pytest.mark.parametrize("version", ["2.11.1", "2.19.1"])
def test_a_lost_answer_does_not_create_a_duplicate(models, declared, search, requests, version):
    search.faults.add("POST", f"{ML}/models/_register", "lost")
    created = models.create(**declared)
    assert requests(f"POST {ML}/models/_register") == 1
    assert created.props["model_state"] == "DEPLOYED"


def test_delete_leaves_an_object_that_another_create_took_over(models, declared):
    former = models.create(**declared)
    latter = models.create(**declared)
    assert latter.id == former.id
    models.delete(former)
    assert models.read(latter).props == latter.props
    models.delete(latter)
    assert models.read(latter) is None


@pytest.mark.parametrize("change", [{"owner": "p/prod/model"}, {"space": "other/4"}])
def test_another_owner_or_space_creates_another_model(models, declared, change):
    assert models.create(**declared).id != models.create(**{**declared, **change}).id


def test_a_wrong_dimension_is_kept_with_the_reason(models, declared, failed, every_model):
    line = "answers with vectors of 4 numbers, `dimension` says 8; set `dimension` to 4"
    with pytest.raises(failed, match=line) as error:
        models.create(**{**declared, "dimension": 8})
    assert every_model() == {models.kept(error.value).id}


def test_an_invalid_key_is_kept_with_the_reason_and_repaired_by_the_next_update(
    models, declared, connector, api_keys, failed
):
    wrong = connector(key="sk-later", name="later")
    with pytest.raises(failed, match=r"embedding service refuses the key") as error:
        models.create(**{**declared, "connector_id": wrong})
    kept = models.kept(error.value)
    api_keys.add("sk-later")
    assert models.update(kept).props["model_state"] == "DEPLOYED"


def test_a_failed_deploy_reports_the_reason(models, declared, rest):
    created = models.create(**declared)
    rest.post(f"{ML}/models/{created.id}/_undeploy")
    rest.put(f"{ML}/models/{created.id}", {"connector_id": "gone"})
    with pytest.raises(ResourceFailed, match=r"DEPLOY_FAILED: .*Failed to find connector:gone.*; run `pulumi up`"):
        models.kind.bring_up(created.id, models.kind.inputs_type(**created.inputs), created.props["uid"])


@pytest.mark.parametrize("lost", ["unknown", "failed"])
def test_a_failed_deploy_without_a_reason_is_reported(models, declared, search, rest, lost):
    created = models.create(**declared)
    rest.post(f"{ML}/models/{created.id}/_undeploy")
    rest.put(f"{ML}/models/{created.id}", {"connector_id": "gone"})
    if lost == "unknown":  # another client started the deployment
        rest.post(f"{ML}/models/{created.id}/_deploy")
    else:
        search.faults.add("GET", f"{ML}/tasks/*", 404)
    with pytest.raises(ResourceFailed, match=r"DEPLOY_FAILED: (see its task|its task is gone); run `pulumi up`"):
        models.kind.bring_up(created.id, models.kind.inputs_type(**created.inputs), created.props["uid"])


def test_another_connector_is_tested_with_a_temporary_model(models, declared, connector, every_model, requests):
    created = models.create(**declared)
    new = connector(name="new", parameters={"model": "hashing"})
    requests("all")
    changed = models.update(created, connector_id=new)
    assert requests(f"POST {ML}/models/_register") == 1
    assert changed.props["connector_id"] == new
    assert every_model() == {created.id}


def test_a_key_may_be_revoked_as_soon_as_the_model_has_another(models, declared, connector, embeds, api_keys):
    """A deployed model uses another connector a moment after the service has acknowledged it."""
    created = models.create(**declared)
    api_keys.add("sk-new")
    models.update(created, connector_id=connector(key="sk-new", name="new"))
    api_keys.remove("sk-good")
    assert embeds(created.id)


def test_an_invalid_key_never_reaches_the_live_model(models, declared, connector, every_model, embeds, failed, rest):
    created = models.create(**declared)
    with pytest.raises(failed, match="embedding service refuses the key") as error:
        models.update(created, connector_id=connector(key="sk-bad", name="bad"))
    assert error.value.kept is None
    assert embeds(created.id)
    assert rest.get(f"{ML}/models/{created.id}")["connector_id"] == declared["connector_id"]
    assert every_model() == {created.id}


def test_a_connector_of_another_dimension_never_reaches_the_live_model(models, declared, connector, failed, embeds):
    created = models.create(**declared)
    with pytest.raises(failed, match="answers with vectors of 8 numbers"):
        models.update(created, connector_id=connector(dimension=8, name="longer"))
    assert embeds(created.id)


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_temporary_models_of_a_killed_run_are_deleted(models, declared, every_model, rest, verb):
    created = models.create(**declared)
    description = describe("[space:hashing/4/4]", OwnerReference("p/s/model/proof", "trial"))
    uses = {"model_group_id": declared["group_id"], "connector_id": declared["connector_id"]}
    left = {"name": "mini", "function_name": "remote", "description": description, **uses}
    rest.post(f"{ML}/models/_register", left)
    assert len(every_model()) == 2
    {"create": lambda: models.create(**declared), "update": lambda: models.update(created)}.get(
        verb, lambda: models.delete(created)
    )()
    assert every_model() == (set() if verb == "delete" else {created.id})


@pytest.mark.parametrize(
    ("stop", "reported"),
    [
        (
            lambda rest, id: rest.post(f"{ML}/models/{id}/_undeploy"),
            "model_state is UNDEPLOYED; `pulumi up` deploys it",
        ),
        (
            lambda rest, id: rest.put(f"{ML}/models/{id}", {"is_enabled": False}),
            "is disabled; `pulumi up` enables it",
        ),
    ],
    ids=["undeployed", "disabled"],
)
def test_an_undeployed_model_is_shown_by_read_and_repaired_by_update(
    models, declared, rest, embeds, failed, stop, reported
):
    created = models.create(**declared)
    stop(rest, created.id)
    with pytest.raises(failed, match=reported) as error:
        models.read(created)
    repaired = models.update(models.kept(error.value), **created.inputs)
    assert repaired.props == created.props
    assert embeds(created.id)


def test_drift_is_shown_and_repaired(models, declared, rest):
    created = models.create(**declared)
    rest.put(f"{ML}/models/{created.id}", {"name": "renamed"})
    shown = models.read(created)
    assert shown.inputs["name"] == "renamed"
    assert models.update(shown, **created.inputs).props == created.props


def test_an_edited_description_is_the_same_model(models, declared, rest):
    """The description contained space and dimension; a replacement would leave the model and its connector behind."""
    created = models.create(**declared)
    rest.put(f"{ML}/models/{created.id}", {"description": "mine now"})
    shown = models.read(created)
    assert (shown.inputs["description"], shown.inputs["owner"]) == ("mine now", "")
    assert (shown.inputs["space"], shown.inputs["dimension"]) == (created.inputs["space"], created.inputs["dimension"])
    assert models.update(shown, **created.inputs).props == created.props


def test_a_model_moves_to_another_group(models, declared, drive):
    created = models.create(**declared)
    other = drive(ModelGroupKind).create(owner="p/s/other", name="other")
    assert models.update(created, group_id=other.id).props["group_id"] == other.id


def test_a_model_that_is_redeployed_during_the_delete_is_deleted(models, declared, search, rest, requests):
    """A write or a query between undeploy and delete deploys it again."""
    created = models.create(**declared)
    text = "Model cannot be deleted in deploying or deployed state. Try undeploy model first then delete"
    search.faults.add("DELETE", f"{ML}/models/{created.id}", 400, 2, body={"error": {"reason": text}, "status": 400})
    models.delete(created)
    assert models.read(created) is None


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_a_change_of_a_model_is_refused(models, declared, version, failed):
    created = models.create(**declared)
    line = "model mini: changing description, name needs OpenSearch 2.12 or later; replace it instead: `pulumi up --rep"
    with pytest.raises(failed, match=line):
        models.update(created, description="x", name="y")
    assert models.read(created).props == created.props
    models.delete(created)


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_a_model_that_is_not_ready_is_deployed_without_an_update(models, declared, rest, failed, version):
    created = models.create(**declared)
    rest.post(f"{ML}/models/{created.id}/_undeploy")
    with pytest.raises(failed, match="`pulumi up` deploys it") as error:
        models.read(created)
    assert models.update(models.kept(error.value), **created.inputs).props == created.props


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_each_create_makes_a_model_and_deletes_no_other(models, declared, every_model, version):
    """An owner reference cannot be changed there, so nothing is taken over, and each create has its own uid."""
    former, latter = models.create(**declared), models.create(**declared)
    assert every_model() == {former.id, latter.id}
    models.delete(former)
    assert models.read(latter).props == latter.props
    models.delete(latter)
    assert models.read(latter) is None


@pytest.mark.parametrize("version", ["2.12.0", "2.18.0", "3.3.2"])
def test_create_read_update_delete_in_other_versions(models, declared, connector, version):
    created = models.create(**declared)
    changed = models.update(created, connector_id=connector(name="new"))
    assert models.read(changed).props == changed.props
    models.delete(changed)
    assert models.read(changed) is None
