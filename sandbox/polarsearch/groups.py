"""Model groups: names for sets of models, each name once."""

from __future__ import annotations

from typing import Any

from sandbox.polarsearch import objects
from sandbox.polarsearch.calls import Call, Reply, no_such_method
from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here, status_error
from sandbox.polarsearch.node import Node
from sandbox.polarsearch.objects import GROUPS, MODELS


def register(node: Node, call: Call) -> Reply:
    """Make a group."""
    body = call.required()
    if "name" not in body:
        raise not_here("model group name must not be null")
    taken = objects.searched(node, GROUPS, name=body["name"])
    if taken:
        raise illegal_argument(f"The name you provided is already being used by a model group with ID: {taken[0].id}.")
    return Reply({"model_group_id": make(node, body["name"], body.get("description")), "status": "CREATED"})


def make(node: Node, name: str, description: str | None) -> str:
    """A new group's id."""
    now, id = node.millis(), node.new_id()
    source = {"name": name, "latest_version": 0, "description": description, "access": "public"}
    source |= {"created_time": now, "last_updated_time": now}
    objects.write(node, GROUPS, id, {k: v for k, v in source.items() if v is not None}, refresh=True)
    return id


def joined(node: Node, group_id: str | None, model_name: str, description: str | None) -> tuple[str, int]:
    """The group a model registers into, and the model's version there."""
    if group_id is None:
        named = objects.searched(node, GROUPS, name=model_name)
        group_id = named[0].id if named else make(node, model_name, description)
    group = objects.find(node, GROUPS, group_id)
    if group is None:
        raise ApiError(500, "m_l_resource_not_found_exception", f"Model Group Response is empty for {group_id}")
    version = int(group.source["latest_version"]) + 1
    objects.change(node, GROUPS, group_id, latest_version=version, last_updated_time=node.millis())
    objects.place(node, GROUPS).shard.refresh()
    return group_id, version


def get(node: Node, call: Call) -> Reply:
    """By id."""
    if not node.version.has("group_get"):
        raise no_such_method(call.request)
    return Reply(_existing(node, call.path["id"]))


def _existing(node: Node, id: str) -> dict[str, Any]:
    group = objects.find(node, GROUPS, id)
    if group is None:
        known = f"with the provided model group id: {id}" if GROUPS in node.indices else "index"
        raise status_error(404, f"Failed to find model group {known}")
    return group.source


def update(node: Node, call: Call) -> Reply:
    """Name and description; blank ones are ignored, so neither can be cleared."""
    id, body = call.path["id"], call.required()
    _existing(node, id)
    changes = {key: body[key] for key in ("name", "description") if str(body.get(key) or "").strip()}
    for other in objects.searched(node, GROUPS, name=changes["name"]) if "name" in changes else []:
        if other.id != id:
            text = f"The name you provided is already being used by another model with ID: {other.id}."
            raise illegal_argument(f"{text} Please provide a different name")
    if changes:
        objects.change(node, GROUPS, id, **changes, last_updated_time=node.millis())
    return Reply({"status": "Updated"})


def delete(node: Node, call: Call) -> Reply:
    """Refused while models are in it; of a missing group HTTP 200."""
    id = call.path["id"]
    if objects.searched(node, MODELS, model_group_id=id):
        text = "Cannot delete the model group when it has associated model versions"
        if node.version.has("group_in_use_conflict"):
            raise status_error(409, text)
        raise ApiError(500, "m_l_validation_exception", text)
    return Reply(objects.remove(node, GROUPS, id))
