"""The policy pack on a real engine: what breaks a rule is refused before anything is made."""

from __future__ import annotations

import json
import os
import pathlib
import re

import pytest

from tests.e2e.conftest import ROOT, box, eventually, project, pulumi_engine, revision, snapshot, world

__all__ = ["box", "eventually", "project", "pulumi_engine", "revision", "snapshot", "world"]
PACK = ("--policy-pack", str(ROOT / "policies"))
RAW = """
import pulumi
from providers.connector import Connector

host = {"search_url": "http://pc.example:3001", "search_username": "u", "search_password": "pw-0123456789"}
raw = pulumi.ProviderResource("pulumi-python", "raw", {f"{pulumi.get_project()}:{name}": host[name] for name in host})
Connector.openai_compatible(
    "embedding", url="http://studio.example/v1", model="text-embedding-v4", api_key="k", batch_size=11,
    opts=pulumi.ResourceOptions(provider=raw),
)
"""
"""A program that nothing but the policies checks."""


def one_line(output):
    return " ".join(output.split())


@pytest.fixture
def raw(project):
    """The project with another program."""
    (project.folder / "__main__.py").unlink()
    (project.folder / "__main__.py").write_text(RAW)
    return project


def test_a_stack_that_keeps_the_rules_comes_up(project, world):
    output = project.up(*PACK)
    assert "✅ polardb-semantic-search@v0.1.0 (local: " in output
    assert world.inventory()["aliases"] == ["docs"]


def test_a_preview_says_every_rule_that_a_stack_breaks_and_up_makes_nothing_of_it(project, world, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"is-kept-in-production": {"stacks": ["test"]}}))
    project.embedding(trusted_pattern="^http://127.*$")
    output = one_line(project.run("preview", *PACK, "--policy-pack-config", str(config), ok=False))
    assert "[mandatory] trusts-one-host (pulumi-python:dynamic/polarsearch:TrustedEndpoint: " in output
    assert "pattern ^http://127.*$ names no single host; write one such as ^https://host/.*$" in output
    assert "table docs has deletion_protection: false; write true" in output
    assert re.search(r"index docs_\w+ has deletion_protection: false; write true", output)
    assert re.search(r"index docs_\w+ has no replica; write replicas: 1 or more", output)
    project.up(*PACK, ok=False)
    assert world.inventory()["models"] == world.inventory()["connectors"] == []


def test_a_program_of_ones_own_is_refused_with_every_reason(raw):
    output = one_line(raw.run("preview", *PACK, ok=False))
    assert "search_url http://pc.example:3001 is not encrypted; write https://" in output
    assert "actions[0].url http://studio.example/v1 is not encrypted; write https://" in output
    assert "input_docs_processed_step_size is 11, and text-embedding-v4 takes 10 texts at most" in output
    assert "0123456789" not in output


def test_a_password_that_is_no_secret_is_refused_and_not_shown(raw):
    output = one_line(raw.run("preview", *PACK, "--diff", ok=False))
    assert "[mandatory] secrets-are-secrets (pulumi:providers:pulumi-python: raw)" in output
    assert "search_password is no secret; pass it as pulumi.Output.secret(…)" in output
    assert "credential is no secret" not in output


def packs_of(project):
    """Returns the processes of policy packs that were started for a project."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command, folder = (process / "cmdline").read_bytes(), (process / "cwd").readlink()
        except OSError:  # it has ended, or is somebody else's
            continue
        if b"\0pulumi.policy\0" in command and folder == project.folder:
            found.append(process.name)
    return found


@pytest.mark.skipif(not pathlib.Path("/proc/self/cwd").exists(), reason="finds the process in /proc")
def test_a_policy_pack_ends_with_an_engine_that_is_killed(project, box, world, eventually):
    slow = {"method": "POST", "path": "/_plugins/_ml/connectors/_create", "kind": "slow", "seconds": 5}
    world.search("POST", "/_sandbox/faults", slow)
    running = project.start("up", "--yes", "--skip-preview", *PACK)
    eventually(lambda: packs_of(project))
    os.kill(running.pid, 9)  # the engine alone
    eventually(lambda: not packs_of(project))
    project.kill(running)
