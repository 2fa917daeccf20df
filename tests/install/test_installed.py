"""The project as a dependency of a program in another folder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.install.conftest import ROOT, install

PROGRAM = """
import os

import pulumi
from components.semantic_search import SemanticSearchStack
from providers.connection import Connection
from providers.model_group import ModelGroup


def declare():
    connection = Connection(
        "connection", search_url=os.environ["SEARCH_URL"], search_username=os.environ["SEARCH_USERNAME"]
    )
    ModelGroup("group", name="installed", opts=pulumi.ResourceOptions(provider=connection))
"""
AUTOMATION = """
import json
import sys

from pulumi import automation

import program

inline = {"project_name": "own", "program": program.declare}
local = {"work_dir": "."}
stack = automation.create_or_select_stack("test", **{"inline": inline, "local": local}[sys.argv[1]])
ups = [stack.up().summary.resource_changes for _ in range(2)]
print(json.dumps([*ups, stack.destroy().summary.resource_changes]))
"""
PACKAGES = ("components/__init__.py", "providers/__init__.py")
IMPORT_ALL = """
import importlib, pkgutil, components, providers
for package in (components, providers):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        print(importlib.import_module(module.name).__file__)
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a program that imports the project."""
    made = tmp_path / "own"
    made.mkdir()
    (made / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
    (made / "program.py").write_text(PROGRAM)
    (made / "__main__.py").write_text("import program\n\nprogram.declare()\n")
    (made / "automate.py").write_text(AUTOMATION)
    return made


@pytest.fixture
def groups(box):
    """Returns the names of the model groups on the service."""

    def named():
        url, account = f"{box.search_url}/_plugins/_ml/model_groups/_search", (box.search_username, box.search_password)
        found = httpx.post(url, json={"query": {"match_all": {}}}, auth=account).json()
        return [hit["_source"]["name"] for hit in found.get("hits", {}).get("hits", [])]

    return named


def test_pulumi_runs_a_program_in_another_folder(folder, environ, groups):
    pulumi(folder, environ, "stack", "init", "test")
    pulumi(folder, environ, "up", "--yes", "--skip-preview", "--stack", "test")
    assert groups() == ["installed"]
    pulumi(folder, environ, "up", "--yes", "--skip-preview", "--stack", "test", "--expect-no-changes")
    pulumi(folder, environ, "refresh", "--yes", "--skip-preview", "--stack", "test", "--expect-no-changes")
    pulumi(folder, environ, "destroy", "--yes", "--skip-preview", "--stack", "test")
    assert groups() == []


def pulumi(folder: Path, environ: dict[str, str], *arguments: str) -> None:
    command = ["pulumi", *arguments, "--non-interactive"]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["inline", "local"])
def test_the_automation_api_runs_the_same_program(kind, folder, environ, installed, groups):
    command = [installed, "automate.py", kind]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == [{"create": 3}, {"same": 3}, {"delete": 3}]
    assert groups() == []


def test_every_module_is_imported_from_the_installation(installed, tmp_path):
    done = subprocess.run([installed, "-c", IMPORT_ALL], cwd=tmp_path, capture_output=True, text=True, check=True)
    (packages,) = installed.parents[1].glob("lib/python*/site-packages")
    found = sorted(str(Path(line).relative_to(packages)) for line in done.stdout.splitlines())
    assert found == [name for name in sources() if name not in PACKAGES]


def test_the_wheel_has_two_typed_packages_and_nothing_else(installed, tmp_path):
    install(installed, str(ROOT), "--target", str(tmp_path / "target"))
    files = [path.relative_to(tmp_path / "target") for path in (tmp_path / "target").rglob("*") if path.is_file()]
    shipped = sorted(map(str, [path for path in files if path.suffix in (".py", ".typed")]))
    assert shipped == sorted([*sources(), "components/py.typed", "providers/py.typed"])
    assert {path.parts[0].partition("-")[0] for path in files} == {"components", "providers", "polardb_semantic_search"}


def sources() -> list[str]:
    """Returns the modules of this checkout's two packages."""
    files = [path for name in ("components", "providers") for path in (ROOT / name).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in files)
