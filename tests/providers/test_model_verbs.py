"""Model, against the service: deployed and proved; never pointed at a connector that has not proved itself."""

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
    """Makes connectors: `connector(key="sk-bad")`."""
    return lambda **changes: drive(ConnectorKind).create(**embedding(**changes)).id


@pytest.fixture
def declared(drive, connector):
    group = drive(ModelGroupKind).create(owner="p/s/group", name="g")
    model = {"owner": "p/s/model", "name": "mini", "description": "Small"}
    return {**model, "group_id": group.id, "connector_id": connector(), "dimension": 4, "space": "hashing/4"}


@pytest.fixture
def every_model(ask):
    """Ids of all models there are."""

    def ids():
        hits = ask.post(f"{ML}/models/_search", {"query": {"match_all": {}}, "size": 100})["hits"]["hits"]
        return {hit["_id"] for hit in hits}

    return ids


@pytest.fixture
def embeds(ask):
    """Whether a model embeds a text now."""
    body = {"text_docs": ["hello"], "return_number": True, "target_response": ["sentence_embedding"]}
    return lambda id: "inference_results" in ask.post(f"{ML}/_predict/text_embedding/{id}", body)


def test_a_life(models, declared, ask, reference):
    made = models.create(**declared)
    assert made.props["model_state"] == "DEPLOYED"
    assert ask.get(f"{ML}/models/{made.id}")["description"] == f"Small [space:hashing/4/4] [pulumi:{reference(made)}]"
    assert models.read(made).props == made.props
    changed = models.update(made, description="Smaller", name="tiny")
    assert (changed.props["description"], changed.props["name"], reference(changed)) == (
        "Smaller",
        "tiny",
        reference(made),
    )
    models.delete(changed)
    assert models.read(changed) is None
    models.delete(changed)


def test_it_is_ready_only_when_it_is_deployed(models, declared, fake_clock):
    """`_deploy` says COMPLETED at once, and the model is DEPLOYED a moment later."""
    models.create(**declared)
    assert sum(fake_clock.slept) >= 0.18


@pytest.mark.parametrize("version", ["2.11.1", "2.19.1"])
def test_a_lost_answer_is_looked_for_not_asked_for_twice(models, declared, search, requests, version):
    search.faults.add("POST", f"{ML}/models/_register", "lost")
    made = models.create(**declared)
    assert requests(f"POST {ML}/models/_register") == 1
    assert made.props["model_state"] == "DEPLOYED"


def test_what_is_taken_over_is_no_longer_the_former_ones_to_delete(models, declared):
    former = models.create(**declared)
    latter = models.create(**declared)
    assert latter.id == former.id
    models.delete(former)
    assert models.read(latter).props == latter.props
    models.delete(latter)
    assert models.read(latter) is None


@pytest.mark.parametrize("change", [{"owner": "p/prod/model"}, {"space": "other/4"}])
def test_another_owners_or_another_space_is_another_model(models, declared, change):
    assert models.create(**declared).id != models.create(**{**declared, **change}).id


def test_a_dimension_the_model_does_not_have_is_kept_with_the_reason(models, declared, ended, every_model):
    line = "answers with vectors of 4 numbers, `dimension` says 8; set `dimension` to 4"
    with pytest.raises(ended, match=line) as no:
        models.create(**{**declared, "dimension": 8})
    assert every_model() == {models.kept(no.value).id}


def test_a_bad_key_is_kept_with_the_reason_and_mended_by_the_next_up(models, declared, connector, api_keys, ended):
    wrong = connector(key="sk-later", name="later")
    with pytest.raises(ended, match=r"embedding service refuses the key") as no:
        models.create(**{**declared, "connector_id": wrong})
    kept = models.kept(no.value)
    api_keys.add("sk-later")
    assert models.update(kept).props["model_state"] == "DEPLOYED"


def test_a_failed_deploy_says_why(models, declared, ask):
    made = models.create(**declared)
    ask.post(f"{ML}/models/{made.id}/_undeploy")
    ask.put(f"{ML}/models/{made.id}", {"connector_id": "gone"})
    with pytest.raises(ResourceFailed, match=r"DEPLOY_FAILED: .*Failed to find connector:gone.*; run `pulumi up`"):
        models.kind.bring_up(made.id, models.kind.inputs_type(**made.inputs), made.props["uid"])


@pytest.mark.parametrize("lost", ["unknown", "failed"])
def test_a_failed_deploy_whose_reason_is_gone_is_told_all_the_same(models, declared, search, ask, lost):
    made = models.create(**declared)
    ask.post(f"{ML}/models/{made.id}/_undeploy")
    ask.put(f"{ML}/models/{made.id}", {"connector_id": "gone"})
    if lost == "unknown":  # somebody else started to deploy it
        ask.post(f"{ML}/models/{made.id}/_deploy")
    else:
        search.faults.add("GET", f"{ML}/tasks/*", 404)
    with pytest.raises(ResourceFailed, match=r"DEPLOY_FAILED: (see its task|its task is gone); run `pulumi up`"):
        models.kind.bring_up(made.id, models.kind.inputs_type(**made.inputs), made.props["uid"])


def test_another_connector_is_proved_by_a_model_that_is_thrown_away(models, declared, connector, every_model, requests):
    made = models.create(**declared)
    new = connector(name="new", parameters={"model": "hashing"})
    requests("all")
    changed = models.update(made, connector_id=new)
    assert requests(f"POST {ML}/models/_register") == 1
    assert changed.props["connector_id"] == new
    assert every_model() == {made.id}


def test_a_key_may_be_revoked_as_soon_as_the_model_has_another(models, declared, connector, embeds, api_keys):
    """A deployed model uses another connector a moment after the service said so."""
    made = models.create(**declared)
    api_keys.add("sk-new")
    models.update(made, connector_id=connector(key="sk-new", name="new"))
    api_keys.remove("sk-good")
    assert embeds(made.id)


def test_a_bad_key_never_reaches_the_live_model(models, declared, connector, every_model, embeds, ended, ask):
    made = models.create(**declared)
    with pytest.raises(ended, match="embedding service refuses the key") as no:
        models.update(made, connector_id=connector(key="sk-bad", name="bad"))
    assert no.value.kept is None
    assert embeds(made.id)
    assert ask.get(f"{ML}/models/{made.id}")["connector_id"] == declared["connector_id"]
    assert every_model() == {made.id}


def test_a_connector_of_another_dimension_never_reaches_the_live_model(models, declared, connector, ended, embeds):
    made = models.create(**declared)
    with pytest.raises(ended, match="answers with vectors of 8 numbers"):
        models.update(made, connector_id=connector(dimension=8, name="longer"))
    assert embeds(made.id)


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_models_a_killed_run_left_behind_are_swept(models, declared, every_model, ask, verb):
    made = models.create(**declared)
    description = describe("[space:hashing/4/4]", OwnerReference("p/s/model/proof", "trial"))
    uses = {"model_group_id": declared["group_id"], "connector_id": declared["connector_id"]}
    left = {"name": "mini", "function_name": "remote", "description": description, **uses}
    ask.post(f"{ML}/models/_register", left)
    assert len(every_model()) == 2
    {"create": lambda: models.create(**declared), "update": lambda: models.update(made)}.get(
        verb, lambda: models.delete(made)
    )()
    assert every_model() == (set() if verb == "delete" else {made.id})


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda ask, id: ask.post(f"{ML}/models/{id}/_undeploy"), "model_state is UNDEPLOYED; `pulumi up` deploys it"),
        (lambda ask, id: ask.put(f"{ML}/models/{id}", {"is_enabled": False}), "is disabled; `pulumi up` enables it"),
    ],
    ids=["undeployed", "disabled"],
)
def test_what_somebody_stopped_is_seen_by_refresh_and_mended_by_up(models, declared, ask, embeds, ended, harm, said):
    made = models.create(**declared)
    harm(ask, made.id)
    with pytest.raises(ended, match=said) as seen:
        models.read(made)
    mended = models.update(models.kept(seen.value), **made.inputs)
    assert mended.props == made.props
    assert embeds(made.id)


def test_drift_shows_and_is_undone(models, declared, ask):
    made = models.create(**declared)
    ask.put(f"{ML}/models/{made.id}", {"name": "renamed"})
    shown = models.read(made)
    assert shown.inputs["name"] == "renamed"
    assert models.update(shown, **made.inputs).props == made.props


def test_an_edited_description_is_no_other_model(models, declared, ask):
    """Its space and dimension stood there; replaced, it would stay behind, and keep its connector."""
    made = models.create(**declared)
    ask.put(f"{ML}/models/{made.id}", {"description": "mine now"})
    shown = models.read(made)
    assert (shown.inputs["description"], shown.inputs["owner"]) == ("mine now", "")
    assert (shown.inputs["space"], shown.inputs["dimension"]) == (made.inputs["space"], made.inputs["dimension"])
    assert models.update(shown, **made.inputs).props == made.props


def test_it_can_move_to_another_group(models, declared, drive):
    made = models.create(**declared)
    other = drive(ModelGroupKind).create(owner="p/s/other", name="other")
    assert models.update(made, group_id=other.id).props["group_id"] == other.id


def test_a_model_that_deploys_itself_again_is_deleted_all_the_same(models, declared, search, ask, requests):
    """A write or a query between undeploy and delete deploys it again."""
    made = models.create(**declared)
    text = "Model cannot be deleted in deploying or deployed state. Try undeploy model first then delete"
    search.faults.add("DELETE", f"{ML}/models/{made.id}", 400, 2, body={"error": {"reason": text}, "status": 400})
    models.delete(made)
    assert models.read(made) is None


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_a_model_cannot_change(models, declared, version, ended):
    made = models.create(**declared)
    line = "model mini: changing description, name needs OpenSearch 2.12 or later; replace it instead: `pulumi up --rep"
    with pytest.raises(ended, match=line):
        models.update(made, description="x", name="y")
    assert models.read(made).props == made.props
    models.delete(made)


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_a_model_that_is_not_ready_is_brought_up_without_a_change(models, declared, ask, ended, version):
    made = models.create(**declared)
    ask.post(f"{ML}/models/{made.id}/_undeploy")
    with pytest.raises(ended, match="`pulumi up` deploys it") as seen:
        models.read(made)
    assert models.update(models.kept(seen.value), **made.inputs).props == made.props


@pytest.mark.parametrize("version", ["2.11.1"])
def test_below_2_12_each_create_has_a_model_of_its_own_and_deletes_no_other(models, declared, every_model, version):
    """An owner reference cannot be written again, so nothing is taken over: both uids stay apart."""
    former, latter = models.create(**declared), models.create(**declared)
    assert every_model() == {former.id, latter.id}
    models.delete(former)
    assert models.read(latter).props == latter.props
    models.delete(latter)
    assert models.read(latter) is None


@pytest.mark.parametrize("version", ["2.12.0", "2.18.0", "3.3.2"])
def test_other_versions(models, declared, connector, version):
    made = models.create(**declared)
    changed = models.update(made, connector_id=connector(name="new"))
    assert models.read(changed).props == changed.props
    models.delete(changed)
    assert models.read(changed) is None
