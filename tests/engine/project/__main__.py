"""Declares the resources in SCENE, a JSON file; ../conftest.py describes its shape."""

import contextlib
import json
import os
import re
import signal
from pathlib import Path

import pulumi
from providers.thing import Thing

with contextlib.suppress(ValueError):  # raised if the host runs the program in a thread and handles signals itself
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine interrupts the program when a step fails

scene = json.loads(Path(os.environ["SCENE"]).read_text())
made: dict[str, pulumi.Resource] = {}


def value(raw):
    """Returns an output for `${thing.property}`, a secret for {"secret": x}, and any other value unchanged."""
    if isinstance(raw, dict) and set(raw) == {"secret"}:
        return pulumi.Output.secret(value(raw["secret"]))
    if isinstance(raw, dict):
        return {key: value(item) for key, item in raw.items()}
    if isinstance(raw, list):
        return [value(item) for item in raw]
    found = re.fullmatch(r"\$\{([\w-]+)\.(\w+)\}", raw) if isinstance(raw, str) else None
    return getattr(made[found[1]], found[2]) if found else raw


def options(entry) -> pulumi.ResourceOptions:
    raw = dict(entry.get("opts", {}))
    for key in ("parent", "provider"):
        if key in raw:
            raw[key] = made[raw[key]]
    if "depends_on" in raw:
        raw["depends_on"] = [made[name] for name in raw["depends_on"]]
    if "aliases" in raw:
        raw["aliases"] = [pulumi.Alias(**alias) for alias in raw["aliases"]]
    return pulumi.ResourceOptions(**raw)


for entry in scene["resources"]:
    name, opts = entry["name"], options(entry)
    match entry.get("kind", "Thing"):
        case "Thing":
            made[name] = Thing(name, {key: value(raw) for key, raw in entry["inputs"].items()}, opts)
        case "Component":
            made[name] = pulumi.ComponentResource("scenario:index:Group", name, None, opts)
        case "Connection":
            made[name] = pulumi.ProviderResource(
                "pulumi-python", name, {key: value(raw) for key, raw in entry["inputs"].items()}, opts
            )
for name, raw in scene.get("outputs", {}).items():
    pulumi.export(name, value(raw))
