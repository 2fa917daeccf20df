"""A Pulumi program in a folder of its own, run by the real CLI."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import engine
from bench.services import Services
from bench.shape import Shape

ROOT = Path(__file__).parents[1]
TRIVIAL = Path(__file__).with_name("trivial")
NAME = "polardb-semantic-search"
STACK = "bench"

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "create": ("up", "--yes", "--skip-preview"),
    "up without changes": ("up", "--yes", "--skip-preview", "--expect-no-changes"),
    "preview": ("preview", "--expect-no-changes"),
    "refresh": ("refresh", "--yes", "--skip-preview", "--expect-no-changes"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}
"""The measured operations, in order, and their commands."""


class Failed(Exception):
    """A command of the CLI failed; the message is its output."""


@dataclass(frozen=True)
class Project:
    """A program in `folder` with one stack."""

    folder: Path
    environ: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """Returns the output of a command. Raises Failed."""
        command = ["pulumi", *arguments, "--stack", STACK, "--non-interactive"]
        done = subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"pulumi {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def configure(self, blocks: Mapping[str, Any]) -> None:
        """Sets blocks of the stack's configuration; others stay."""
        file = self.folder / "stacks" / f"Pulumi.{STACK}.yaml"
        written = yaml.safe_load(file.read_text())
        config = written.get("config", {}) | {f"{NAME}:{name}": block for name, block in blocks.items()}
        file.write_text(yaml.safe_dump({**written, "config": config}, sort_keys=False))

    def declare(self, shape: Shape) -> None:
        """Writes the resources that bench/trivial declares."""
        (self.folder / "shape.json").write_text(json.dumps(shape))

    def state(self) -> list[dict[str, Any]]:
        """Returns the resources in Pulumi's state."""
        return list(json.loads(self.run("stack", "export"))["deployment"].get("resources") or [])


def product(found: engine.Engine, home: Path, services: Services) -> Project:
    """Returns the program of this repository, with the passwords of these services."""
    folder = home / "product"
    (folder / "stacks").mkdir(parents=True)
    for name in ("__main__.py", "providers", "components", "Pulumi.yaml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    box = services.box
    passwords = {"POLARSEARCH_PASSWORD": box.search_password, "POLARDB_PASSWORD": box.database_password}
    project = Project(folder, {**engine.environment(found, home / "pulumi", passphrase="bench"), **passwords})
    project.run("stack", "init")
    project.run("config", "set", "--secret", "embeddingApiKey", box.api_key)
    return project


def trivial(found: engine.Engine, home: Path) -> Project:
    """Returns a program whose provider does nothing, with the resources in `shape.json` in its folder."""
    folder = home / "trivial"
    folder.mkdir(parents=True)
    for name in ("__main__.py", "Pulumi.yaml"):
        (folder / name).symlink_to(TRIVIAL / name)
    environ = engine.environment(found, home / "pulumi-trivial", passphrase="bench")
    project = Project(folder, {**environ, "PYTHONPATH": str(ROOT)})
    project.run("stack", "init")
    return project
