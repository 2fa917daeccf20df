"""ModelGroup: its name is unique, its owner reference stands in its description."""

from __future__ import annotations

import pytest

from providers.connector import ConnectorKind
from providers.kit import NotFound
from providers.model import ModelKind
from providers.model_group import ModelGroupKind

OURS = {"owner": "p/s/group", "name": "embeddings", "description": "Ours"}
ML = "/_plugins/_ml"


@pytest.fixture
def groups(drive):
    return drive(ModelGroupKind)


def test_a_life(groups, ask, reference):
    made = groups.create(**OURS)
    assert ask.get(f"{ML}/model_groups/{made.id}")["description"] == f"Ours [pulumi:{reference(made)}]"
    assert groups.read(made).props == made.props
    changed = groups.update(made, name="vectors", description="")
    assert (changed.props["name"], changed.props["description"], reference(changed)) == ("vectors", "", reference(made))
    groups.delete(changed)
    assert groups.read(changed) is None
    groups.delete(changed)


def test_read_of_what_is_not_there_is_not_found(groups):
    groups.create(**OURS)
    with pytest.raises(NotFound):
        groups.kind.read("nowhere", groups.kind.inputs_type(**OURS))


def test_somebody_elses_group_is_refused_and_can_be_adopted(groups, ask, ended, reference):
    theirs = ask.post(f"{ML}/model_groups/_register", {"name": "embeddings", "description": "Theirs"})["model_group_id"]
    adopt = rf"PUT {ML}/model_groups/{theirs} {{description: … \[pulumi:p/s/group\]}}"
    with pytest.raises(ended, match=rf"model group embeddings \({theirs}\) exists and is not ours; .* {adopt}"):
        groups.create(**OURS)
    ask.put(f"{ML}/model_groups/{theirs}", {"description": "Theirs [pulumi:p/s/group]"})
    adopted = groups.create(**OURS)
    assert adopted.id == theirs
    assert ask.get(f"{ML}/model_groups/{theirs}")["description"] == f"Ours [pulumi:{reference(adopted)}]"


def test_another_owners_group_is_refused_by_name(groups, ended):
    groups.create(**{**OURS, "owner": "p/prod/group"})
    with pytest.raises(ended, match="belongs to p/prod/group"):
        groups.create(**OURS)


def test_what_is_taken_over_is_no_longer_the_former_ones_to_delete_or_change(groups, ended, reference):
    former = groups.create(**OURS)
    latter = groups.create(**OURS)
    assert latter.id == former.id
    assert reference(latter) != reference(former)
    with pytest.raises(ended, match="was taken over by p/s/group; run `pulumi refresh` and look"):
        groups.update(former, description="x")
    groups.delete(former)
    assert groups.read(latter).props == latter.props
    groups.delete(latter)
    assert groups.read(latter) is None


def test_a_lost_answer_is_looked_for_not_asked_for_twice(groups, search, requests):
    search.faults.add("POST", f"{ML}/model_groups/_register", "lost")
    made = groups.create(**OURS)
    assert requests(f"POST {ML}/model_groups/_register") == 1
    assert groups.read(made).props["name"] == "embeddings"


def test_drift_shows_and_is_undone(groups, ask):
    made = groups.create(**OURS)
    ask.put(f"{ML}/model_groups/{made.id}", {"name": "renamed", "description": "edited"})
    shown = groups.read(made)
    assert (shown.inputs["name"], shown.inputs["description"], shown.inputs["owner"]) == ("renamed", "edited", "")
    assert shown.props["uid"] == made.props["uid"]
    assert groups.update(shown, **OURS).props == made.props


def test_a_group_with_models_stays(groups, drive, ask, embedding, ended):
    made = groups.create(**OURS)
    connector = drive(ConnectorKind).create(**embedding())
    model = {"name": "m", "function_name": "remote", "model_group_id": made.id, "connector_id": connector.id}
    ask.post(f"{ML}/models/_register", model)
    with pytest.raises(ended, match="delete the models of this group first"):
        groups.delete(made)


@pytest.mark.parametrize("version", ["2.11.1", "2.18.0"])
def test_a_group_whose_model_was_just_deleted_may_go(groups, drive, embedding, version):
    """In 2.11 searches find a deleted model for up to a second more."""
    uses = {"connector_id": drive(ConnectorKind).create(**embedding()).id, "dimension": 4, "space": "hashing/4"}
    made, models = groups.create(**OURS), drive(ModelKind)
    models.delete(models.create(owner="p/s/model", name="mini", group_id=made.id, **uses))
    groups.delete(made)
    assert groups.read(made) is None


def test_a_group_whose_model_has_just_moved_may_go(groups, drive, embedding):
    uses = {"connector_id": drive(ConnectorKind).create(**embedding()).id, "dimension": 4, "space": "hashing/4"}
    former, latter = groups.create(**OURS), groups.create(owner="p/s/latter", name="latter")
    models = drive(ModelKind)
    model = models.create(owner="p/s/model", name="mini", group_id=former.id, **uses)
    models.update(model, group_id=latter.id)
    groups.delete(former)
    assert groups.read(former) is None


@pytest.mark.parametrize("version", ["2.11.1", "2.12.0", "2.18.0", "3.3.2"])
def test_what_a_change_made_of_it_is_what_is_read_in_any_version(groups, version, reference):
    """2.11 shows groups only in searches, which are late."""
    made = groups.create(**OURS)
    assert groups.read(made).props == made.props
    changed = groups.update(made, description="changed")
    assert changed.props["description"] == "changed"
    taken = groups.create(**OURS)
    assert taken.id == made.id
    assert reference(taken) != reference(made)
    groups.delete(changed)
    assert groups.read(taken).props == taken.props
    groups.delete(taken)
    assert groups.read(taken) is None
