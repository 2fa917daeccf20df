"""Fixtures: the project installed from a git repository into its own environment, and a service for programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import engine
from sandbox.process import Sandbox
from tests.install.environments import virtual_environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """A git repository with one commit, which contains this checkout."""
    folder = tmp_path_factory.mktemp("git") / "repository"
    subprocess.run(["git", "init", "--quiet", "--bare", folder], check=True)
    git = ["git", f"--git-dir={folder}", "--work-tree=.", "-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run([*git, "add", "--all"], cwd=ROOT, check=True)
    subprocess.run([*git, "commit", "--quiet", "--no-verify", "--message", "now"], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="session")
def installed(repository, tmp_path_factory):
    """The Python of an environment with the project; dependencies are imported from this environment."""
    python = virtual_environment(tmp_path_factory.mktemp("installed") / "venv")
    install(python, f"git+{repository.as_uri()}")
    return python


def install(python: Path, what: str, *options: str) -> None:
    """Runs `pip install` without a download: the build backend is a package of this environment."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([python, "-m", "pip", "install", *quiet, *options, what], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def box(tmp_path):
    with Sandbox(tmp_path / "sandbox", samples=False) as box:
        yield box


@pytest.fixture
def environ(installed, box, tmp_path):
    """The variables for `pulumi` with a backend of this test, and for programs that read the service's address."""
    try:
        found = engine.find(get=False)
    except engine.NoEngine as error:
        pytest.skip(str(error))
    places = {"SEARCH_URL": box.search_url, "SEARCH_USERNAME": box.search_username}
    variables = engine.environment(found, tmp_path, passphrase="test", python=installed, base=os.environ)
    return {**variables, **places, "POLARSEARCH_PASSWORD": box.search_password}
