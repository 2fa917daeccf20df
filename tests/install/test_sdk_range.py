"""The dynamic providers run on the lowest and on the newest Pulumi SDK that pyproject.toml allows."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from engine.machine import user_cache
from tests.install.environments import virtual_environment

ROOT = Path(__file__).parents[2]
WIRE = "tests/providers/test_wire.py"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "30"]
WHERE = "import pulumi, importlib.metadata; print(importlib.metadata.version('pulumi'), pulumi.__file__)"


def allowed(pyproject: str, listed: str) -> list[Version]:
    """Returns the versions in the output of `pip index versions pulumi` that the project allows, in ascending order."""
    [requirement] = re.findall(r'^  "pulumi([<>=].*)",', pyproject, re.MULTILINE)
    [versions] = re.findall(r"^Available versions: (.*)$", listed, re.MULTILINE)
    return sorted(map(Version, SpecifierSet(requirement).filter(versions.split(", "))))


def test_the_allowed_versions_are_compared_as_numbers():
    pyproject = 'dependencies = [\n  "pulumi>=3.254,<4",  # why\n]\n[x]\nengine = ["pulumi==3.272.0"]\n'
    listed = "pulumi (4.0.0)\nAvailable versions: 4.0.0, 3.1000.1, 3.272.0, 3.254.0, 3.99.0\n  INSTALLED: 3.272.0"
    assert list(map(str, allowed(pyproject, listed))) == ["3.254.0", "3.272.0", "3.1000.1"]


@pytest.fixture(scope="module")
def versions():
    done = subprocess.run([*PIP, "index", "versions", "pulumi"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no registry to get other SDKs from: {done.stderr.strip().splitlines()[-1]}")
    return allowed((ROOT / "pyproject.toml").read_text(), done.stdout)


@pytest.mark.parametrize("end", [min, max], ids=["lowest", "newest"])
def test_the_providers_run_as_a_plugin_at_either_end_of_the_range(end, versions, tmp_path):
    version = end(versions)
    sdk = kept(version)
    python = virtual_environment(tmp_path / "venv", [sdk])
    assert run(python, "-c", WHERE).split() == [str(version), str(sdk / "pulumi" / "__init__.py")]
    assert re.search(r"^\d+ passed in", run(python, "-m", "pytest", "-q", WIRE), re.MULTILINE)


def kept(version: Version) -> Path:
    """Returns a folder with that SDK and its dependencies, kept in the user's cache."""
    cache = user_cache(os.environ).with_name("sdk")
    folder = cache / f"{version}-{sys.implementation.cache_tag}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "packages"
            subprocess.run([*PIP, "install", "--quiet", "--target", made, f"pulumi=={version}"], check=True)
            with contextlib.suppress(OSError):  # another run was first
                made.rename(folder)
    return folder


def run(python: Path, *arguments: str) -> str:
    done = subprocess.run([python, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
