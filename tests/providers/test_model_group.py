"""ModelGroup: its name is unique, and its owner reference is in its description."""

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


def test_create_read_update_delete(groups, rest, reference):
    created = groups.create(**OURS)
    assert rest.get(f"{ML}/model_groups/{created.id}")["description"] == f"Ours [pulumi:{reference(created)}]"
    assert groups.read(created).props == created.props
    changed = groups.update(created, name="vectors", description="")
    assert (changed.props["name"], changed.props["description"], reference(changed)) == (
        "vectors",
        "",
        reference(created),
    )
    groups.delete(changed)
    assert groups.read(changed) is None
    groups.delete(changed)


def test_read_of_a_missing_group_is_not_found(groups):
    groups.create(**OURS)
    with pytest.raises(NotFound):
        groups.kind.read("nowhere", groups.kind.inputs_type(**OURS))


def test_a_group_of_an_unknown_owner_is_refused_and_can_be_adopted(groups, rest, failed, reference):
    theirs = rest.post(f"{ML}/model_groups/_register", {"name": "embeddings", "description": "Theirs"})[
        "model_group_id"
    ]
    line = rf"model group embeddings \({theirs}\) exists and is not ours; .* `python -m ops adopt`"
    with pytest.raises(failed, match=line):
        groups.create(**OURS)
    rest.put(f"{ML}/model_groups/{theirs}", {"description": "Theirs [pulumi:p/s/group]"})
    adopted = groups.create(**OURS)
    assert adopted.id == theirs
    assert rest.get(f"{ML}/model_groups/{theirs}")["description"] == f"Ours [pulumi:{reference(adopted)}]"


def test_a_group_of_another_owner_is_refused(groups, failed):
    groups.create(**{**OURS, "owner": "p/prod/group"})
    with pytest.raises(failed, match="belongs to p/prod/group"):
        groups.create(**OURS)


def test_an_object_that_another_create_took_over_is_not_deleted(groups, reference):
    former = groups.create(**OURS)
    latter = groups.create(**OURS)
    assert latter.id == former.id
    assert reference(latter) != reference(former)
    groups.delete(former)
    assert groups.read(latter).props == latter.props
    groups.delete(latter)
    assert groups.read(latter) is None


def test_a_lost_answer_does_not_create_a_duplicate(groups, search, requests):
    search.faults.add("POST", f"{ML}/model_groups/_register", "lost")
    created = groups.create(**OURS)
    assert requests(f"POST {ML}/model_groups/_register") == 1
    assert groups.read(created).props["name"] == "embeddings"


def test_drift_is_shown_and_repaired(groups, rest):
    created = groups.create(**OURS)
    rest.put(f"{ML}/model_groups/{created.id}", {"name": "renamed", "description": "edited"})
    shown = groups.read(created)
    assert (shown.inputs["name"], shown.inputs["description"], shown.inputs["owner"]) == ("renamed", "edited", "")
    assert shown.props["uid"] == created.props["uid"]
    assert groups.update(shown, **OURS).props == created.props


def test_a_group_with_models_is_not_deleted(groups, drive, rest, embedding, failed):
    created = groups.create(**OURS)
    connector = drive(ConnectorKind).create(**embedding())
    model = {"name": "m", "function_name": "remote", "model_group_id": created.id, "connector_id": connector.id}
    rest.post(f"{ML}/models/_register", model)
    with pytest.raises(failed, match="delete the models of this group first"):
        groups.delete(created)


@pytest.mark.parametrize("version", ["2.11.1", "2.18.0"])
def test_a_group_is_deleted_after_its_model(groups, drive, embedding, version):
    """In 2.11 a search finds a deleted model for up to a second."""
    uses = {"connector_id": drive(ConnectorKind).create(**embedding()).id, "dimension": 4, "space": "hashing/4"}
    created, models = groups.create(**OURS), drive(ModelKind)
    models.delete(models.create(owner="p/s/model", name="mini", group_id=created.id, **uses))
    groups.delete(created)
    assert groups.read(created) is None


def test_a_group_is_deleted_after_its_model_has_moved(groups, drive, embedding):
    uses = {"connector_id": drive(ConnectorKind).create(**embedding()).id, "dimension": 4, "space": "hashing/4"}
    former, latter = groups.create(**OURS), groups.create(owner="p/s/latter", name="latter")
    models = drive(ModelKind)
    model = models.create(owner="p/s/model", name="mini", group_id=former.id, **uses)
    models.update(model, group_id=latter.id)
    groups.delete(former)
    assert groups.read(former) is None


@pytest.mark.parametrize("version", ["2.11.1", "2.12.0", "2.18.0", "3.3.2"])
def test_an_update_is_read_back_in_every_version(groups, version, reference):
    """2.11 shows groups only in searches, which may be outdated."""
    created = groups.create(**OURS)
    assert groups.read(created).props == created.props
    changed = groups.update(created, description="changed")
    assert changed.props["description"] == "changed"
    taken = groups.create(**OURS)
    assert taken.id == created.id
    assert reference(taken) != reference(created)
    groups.delete(changed)
    assert groups.read(taken).props == taken.props
    groups.delete(taken)
    assert groups.read(taken) is None
