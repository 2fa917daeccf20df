"""Getting models to work: deploying, on request and on demand, undeploying, and what a restart does to them."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch import objects
from sandbox.polarsearch.cluster import enabled, runs_remote_models
from sandbox.polarsearch.errors import illegal_argument, status_error
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.objects import CONNECTORS, MODELS, TASKS

DEPLOY_SECONDS = 0.18  # recorded: 0.18 s from DEPLOYING to DEPLOYED
SWAP_SECONDS = 0.04  # recorded: up to 0.07 s until a changed model is what predictions use
ON_DUTY = {"DEPLOYED", "DEPLOYING", "PARTIALLY_DEPLOYED"}


def write_task(
    node: Node, id: str, kind: str, model: str, state: str, *, is_async: bool, error: str | None = None
) -> None:
    old = objects.find(node, TASKS, id)
    now = node.millis()
    source: dict[str, Any] = {
        "model_id": model,
        "task_type": kind,
        "function_name": "REMOTE",
        "state": state,
        "worker_node": [node.id],
    }
    source |= {"create_time": old.source["create_time"] if old else now, "last_update_time": now, "is_async": is_async}
    objects.write(node, TASKS, id, source | ({"error": error} if error else {}), refresh=True)


def existing(node: Node, id: str, reason: str = "Failed to find model") -> dict[str, Any]:
    """The model as kept. Raises 404."""
    doc = objects.find(node, MODELS, id)
    if doc is None:
        raise status_error(404, reason)
    return doc.source


def connector_of(node: Node, model: dict[str, Any]) -> dict[str, Any] | None:
    doc = objects.find(node, CONNECTORS, model["connector_id"])
    return doc.source if doc else None


def start_deploying(node: Node, id: str) -> str:
    """The task's id. Raises 400 when no node may run models."""
    if not runs_remote_models(node):
        raise illegal_argument("no eligible node found")
    task = node.new_id()
    for state in ("CREATED", "RUNNING"):
        write_task(node, task, "DEPLOY_MODEL", id, state, is_async=True)
    objects.change(node, MODELS, id, model_state="DEPLOYING", **_planned(node), last_updated_time=node.millis())
    node.timers.after(DEPLOY_SECONDS, lambda: _finish_deploying(node, id, task))
    return task


def _planned(node: Node) -> dict[str, Any]:
    return {"planning_worker_node_count": 1, "planning_worker_nodes": [node.id], "deploy_to_all_nodes": True}


def _finish_deploying(node: Node, id: str, task: str) -> None:
    doc = objects.find(node, MODELS, id)
    if doc is None or doc.source["model_state"] != "DEPLOYING":
        return
    error = _load(node, id)
    state = "FAILED" if error else "COMPLETED"
    write_task(node, task, "DEPLOY_MODEL", id, state, is_async=True, error=error)


def _load(node: Node, id: str) -> str | None:
    model = existing(node, id)
    connector, now = connector_of(node, model), node.millis()
    changes = {"last_deployed_time": now, "last_updated_time": now}
    if connector is None:
        reason = f"Failed to find connector:{model['connector_id']}"
        objects.change(node, MODELS, id, model_state="DEPLOY_FAILED", current_worker_node_count=0, **changes)
        return f'{{"{node.id}":"{reason}"}}'
    node.loaded[id] = connector
    objects.change(
        node, MODELS, id, model_state="DEPLOYED", current_worker_node_count=1, auto_redeploy_retry_times=0, **changes
    )
    return None


def undeploy_one(node: Node, id: str) -> str:
    was_loaded = node.loaded.pop(id, None) is not None
    if was_loaded or node.version.has("undeploy_writes_state"):
        counts = {"planning_worker_node_count": 0, "current_worker_node_count": 0, "planning_worker_nodes": None}
        objects.change(node, MODELS, id, model_state="UNDEPLOYED", **counts)
    return "undeployed" if was_loaded else "not_found"


def ready(node: Node, id: str) -> dict[str, Any]:
    """The connector a prediction uses now, deploying the model when nobody did. Call it with the node locked."""
    model = existing(node, id)
    if model.get("is_enabled") is False:
        raise status_error(403, "Model is disabled.")
    if not runs_remote_models(node):
        nowhere = "No eligible worker node found" if id in node.loaded else "no eligible node to run predict request"
        raise illegal_argument(nowhere)
    if id not in node.loaded:
        _deploy_on_demand(node, id, model)
    return node.loaded[id]


def _deploy_on_demand(node: Node, id: str, model: dict[str, Any]) -> None:
    if not (node.version.has("auto_deploy") and enabled(node, "model_auto_deploy.enable")):
        raise illegal_argument("Model not ready yet. Please deploy the model first.")
    task = node.new_id()
    write_task(node, task, "DEPLOY_MODEL", id, "CREATED", is_async=True)
    objects.change(node, MODELS, id, model_state="DEPLOYING", **_planned(node), last_updated_time=node.millis())
    error = _load(node, id)
    write_task(node, task, "DEPLOY_MODEL", id, "FAILED" if error else "COMPLETED", is_async=True, error=error)
    if error:
        raise status_error(404, f"Failed to find connector:{model['connector_id']}")


def after_restart(node: Node) -> None:
    """Deployed models are deployed again."""
    for doc in objects.searched(node, MODELS):
        if doc.source["model_state"] == "DEPLOYING":
            _load(node, doc.id)
        elif doc.source["model_state"] in ON_DUTY and (connector := connector_of(node, doc.source)):
            node.loaded[doc.id] = connector


def swap_later(node: Node, id: str, connector: dict[str, Any]) -> None:
    """Let predictions use another connector, a moment after the caller was told."""

    def swap() -> None:
        if id in node.loaded:
            node.loaded[id] = connector

    node.timers.after(SWAP_SECONDS, swap)
