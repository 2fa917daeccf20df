"""Model: plan, description and pending reasons."""

from __future__ import annotations

import pytest

from providers.kit import Plan, ResourceFailed, plan_by_field
from providers.model import ModelInputs, ModelKind, ModelState, deploying, shown

MINI = ModelInputs(owner="p/s/m", name="mini", group_id="g", connector_id="c", dimension=384, space="mini/384")
SHOWN = {
    "name": "mini",
    "model_group_id": "g",
    "connector_id": "c",
    "description": "small [space:mini/384/384] [pulumi:p/s/m#1]",
    "model_state": "DEPLOYED",
}


@pytest.mark.parametrize(
    ("change", "plan"),
    [
        ({}, Plan()),
        ({"connector_id": "d"}, Plan(updates=frozenset({"connector_id"}))),
        ({"group_id": "h", "description": "x"}, Plan(updates=frozenset({"group_id", "description"}))),
        ({"dimension": 768}, Plan(replaces=frozenset({"dimension"}))),
        ({"space": "other/384"}, Plan(replaces=frozenset({"space"}))),
    ],
    ids=["same", "connector", "group and description", "dimension", "space"],
)
def test_plan(change, plan):
    assert plan_by_field(MINI, MINI.model_copy(update=change)) == plan


def test_the_description_contains_space_and_dimension():
    state = shown(SHOWN)
    assert (state.description, state.space, state.dimension) == ("small", "mini/384", 384)
    assert (state.owner, state.uid, state.model_state, state.enabled) == ("p/s/m", "1", "DEPLOYED", True)


def test_a_space_may_contain_slashes():
    assert shown({**SHOWN, "description": "[space:BAAI/bge-m3/1024/1024] [pulumi:p/s/m#1]"}).space == "BAAI/bge-m3/1024"


def test_a_description_of_another_owner_has_no_space():
    state = shown({"name": "x"})
    assert (state.space, state.dimension, state.owner) == ("", 0, "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"model_state": "UNDEPLOYED"}, "model mini: model_state is UNDEPLOYED; `pulumi up` deploys it"),
        ({"model_state": "DEPLOY_FAILED"}, "model mini: model_state is DEPLOY_FAILED; `pulumi up` deploys it"),
        ({"enabled": False}, "model mini is disabled; `pulumi up` enables it"),
    ],
)
def test_a_resource_that_is_not_ready_reports_why(change, reason):
    assert (
        ModelKind.not_ready_reason(ModelState(**MINI.model_dump(), model_state="DEPLOYED").model_copy(update=change))
        == reason
    )


def test_a_deploying_model_is_awaited_and_a_failed_one_is_not():
    state = ModelState(**MINI.model_dump(), model_state="DEPLOYED")
    assert deploying(state) is None
    assert deploying(state.model_copy(update={"model_state": "DEPLOYING"})) == "model mini: model_state is DEPLOYING"
    with pytest.raises(ResourceFailed, match="model mini: model_state is PARTIALLY_DEPLOYED"):
        deploying(state.model_copy(update={"model_state": "PARTIALLY_DEPLOYED"}))
