"""Remote models: registered, deployed, pointed at another connector, undeployed, deleted."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch import objects
from sandbox.polarsearch.calls import Call, Reply, no_such_method
from sandbox.polarsearch.deployment import (
    ON_DUTY,
    connector_of,
    existing,
    start_deploying,
    swap_later,
    undeploy_one,
    write_task,
)
from sandbox.polarsearch.errors import ApiError, not_here, status_error
from sandbox.polarsearch.groups import joined
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.objects import CONNECTORS, MODELS, TASKS
from sandbox.polarsearch.shapes import data

_SHOWN = data("others")["model"].split()
_REGISTERED = ("description", "is_enabled")
_UPDATABLE = ("name", "description", "is_enabled", "connector_id")


def register(node: Node, call: Call) -> Reply:
    """Make a model. There is a task, but the answer already has the model's id."""
    body = call.required()
    if body["function_name"].upper() != "REMOTE":
        raise not_here(f"a model of [{body['function_name']}] is not supported")
    connector = body["connector_id"]
    if objects.find(node, CONNECTORS, connector) is None:
        raise status_error(404, "Failed to find connector" + (f":{connector}" if CONNECTORS in node.indices else ""))
    group, version = joined(node, body.get("model_group_id"), body["name"], body.get("description"))
    task, id, now = node.new_id(), node.new_id(), node.millis()
    source: dict[str, Any] = {"name": body["name"], "model_group_id": group, "algorithm": "REMOTE"}
    source |= {key: body[key] for key in _REGISTERED if body.get(key) is not None and body[key] is not True}
    source |= {"model_version": str(version), "model_state": "REGISTERED", "created_time": now}
    source |= {"last_updated_time": now, "is_hidden": False, "connector_id": connector}
    objects.write(node, MODELS, id, source, refresh=True)
    for state in ("CREATED", "COMPLETED"):
        write_task(node, task, "REGISTER_MODEL", id, state, is_async=False)
    return Reply({"task_id": task, "status": "CREATED", "model_id": id})


def get_task(node: Node, call: Call) -> Reply:
    """By id."""
    task = objects.find(node, TASKS, call.path["id"])
    if task is None:
        raise status_error(404, "Failed to find task")
    return Reply(task.source)


def get(node: Node, call: Call) -> Reply:
    """By id."""
    id = call.path["id"]
    reason = (
        f"Failed to find model with the provided model id: {id}" if MODELS in node.indices else "Fail to find model"
    )
    source = existing(node, id, reason)
    return Reply({key: source[key] for key in _SHOWN if key in source})


def update(node: Node, call: Call) -> Reply:
    """Change a model, deployed or not. Predictions notice a little later than the caller is told."""
    if not node.version.has("model_put"):
        raise no_such_method(call.request)
    id, body = call.path["id"], call.required()
    source = existing(node, id, f"Failed to find model to update with the provided model id: {id}")
    if source["model_state"] == "DEPLOYING":
        text = "Model is deploying. Please wait for the model to complete deployment. model ID "
        raise status_error(409, text + id)
    changes: dict[str, Any] = {key: body[key] for key in _UPDATABLE if body.get(key) is not None}
    group = body.get("model_group_id")
    if group not in {None, source["model_group_id"]}:
        group, version = joined(node, group, source["name"], None)
        changes |= {"model_group_id": group, "model_version": str(version)}
    written = objects.write(node, MODELS, id, source | changes | {"model_id": id, "last_updated_time": node.millis()})
    connector = connector_of(node, source | changes)
    if connector:  # one that does not exist leaves the old one at work
        swap_later(node, id, connector)
    return Reply(objects.answer(MODELS, written))


def deploy(node: Node, call: Call) -> Reply:
    """Start deploying. COMPLETED means that the request was received."""
    id = call.path["id"]
    existing(node, id)
    return Reply({"task_id": start_deploying(node, id), "task_type": "DEPLOY_MODEL", "status": "COMPLETED"})


def undeploy(node: Node, call: Call) -> Reply:
    """Again is no error."""
    id = call.path["id"]
    existing(node, id)
    return Reply({node.id: {"stats": {id: undeploy_one(node, id)}}})


def delete(node: Node, call: Call) -> Reply:
    """Refused while deployed; of a missing model HTTP 404, unlike groups and connectors."""
    id = call.path["id"]
    if existing(node, id)["model_state"] in ON_DUTY:
        text = "Model cannot be deleted in deploying or deployed state. Try undeploy model first then delete"
        raise status_error(400, text) if node.version.has("delete_in_use_status") else ApiError(500, "exception", text)
    node.loaded.pop(id, None)
    return Reply(objects.remove(node, MODELS, id, refresh=node.version.has("model_delete_refreshes")))
