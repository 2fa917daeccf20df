"""The dev container and the pre-commit hooks do the same as `make`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

from engine.version import OLDEST_GO, parse

ROOT = Path(__file__).parents[2]
DEVCONTAINER = ROOT / ".devcontainer"


def test_pre_commit_runs_the_commands_of_make_check_and_fetches_nothing():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == commands("check")
    for hook in repository["hooks"]:
        assert (hook["language"], hook["pass_filenames"], hook["always_run"]) == ("system", False, True)


def commands(target: str) -> list[str]:
    """Returns the commands of a target, without progress lines and without the creation of .venv."""
    plan = ["make", "--dry-run", "--assume-old=.venv/locked", target]
    output = subprocess.run(plan, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return re.findall(r'^echo "· .*?"; (.*)$', output, re.MULTILINE)


def test_the_container_creates_the_environment_of_the_project():
    container = json.loads((DEVCONTAINER / "devcontainer.json").read_text())
    assert (DEVCONTAINER / container["build"]["dockerfile"]).is_file()
    assert container["postCreateCommand"] == "make venv"


def test_the_container_has_a_python_and_a_go_that_are_new_enough():
    images = dict(re.findall(r"^FROM (\w+):([\d.]+)-", (DEVCONTAINER / "Dockerfile").read_text(), re.MULTILINE))
    [oldest] = re.findall(r'requires-python = ">=(.*)"', (ROOT / "pyproject.toml").read_text())
    assert parse(images["python"]) >= parse(oldest)
    assert parse(images["golang"]) >= OLDEST_GO
