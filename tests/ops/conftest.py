"""Fixtures: commands as processes, in the folder of a stack that a real engine has brought up."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import *  # noqa: F403  the services, the engine and the project of the end-to-end tests


@dataclass
class Ran:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture
def ops(project, world):
    """Runs a command on the project's stack; no secret is ever in its output."""

    def run(*args: str, environ: dict[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "ops", *args],
            cwd=project.folder,
            env={**project.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr
        for secret in (world.search_password, world.database["password"], world.api_key):
            assert secret not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
