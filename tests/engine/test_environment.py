"""The environment of our `pulumi` is separate from the user's."""

import subprocess
from pathlib import Path

import pytest

import engine

HOSTS = Path(engine.__file__).parent / "hosts"
PYTHON = Path("/project/.venv/bin/python")
ENGINE = engine.Engine(Path("/cache/bin/pulumi"), (3, 259, 0), "built by Go")


@pytest.fixture
def variables(tmp_path):
    base = {
        "PATH": "/usr/bin",
        "HOME": "/home/u",
        "PULUMI_ACCESS_TOKEN": "theirs",
        "PULUMI_STACK": "theirs",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "/theirs",
        "PYTHONHOME": "/theirs",
        "no_proxy": "example.com",
    }
    return engine.environment(ENGINE, tmp_path, passphrase="ours", python=PYTHON, base=base)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_path_begins_with_the_engines_folder_and_the_projects_python(variables):
    assert variables["PATH"] == "/cache/bin:/project/.venv/bin:/usr/bin"
    assert variables["PULUMI_PYTHON_CMD"] == str(PYTHON)


def test_backend_and_home_are_in_the_given_folder(variables, tmp_path):
    assert variables["PULUMI_BACKEND_URL"] == (tmp_path / "state").as_uri()
    assert variables["PULUMI_HOME"] == str(tmp_path / "pulumi")
    assert (tmp_path / "state").is_dir()
    assert variables["PULUMI_CONFIG_PASSPHRASE"] == "ours"


def test_the_users_pulumi_settings_are_not_inherited(variables):
    assert "theirs" not in " ".join(variables.values())
    assert variables["HOME"] == "/home/u"


def test_connections_to_the_hosts_use_no_proxy(variables):
    assert variables["no_proxy"] == variables["NO_PROXY"] == "example.com,127.0.0.1,localhost,::1"


@pytest.mark.parametrize(
    ("environ", "manifest", "python"),
    [
        ({"PULUMI_PYTHON_CMD": "chosen"}, "    virtualenv: .venv", "chosen"),
        ({}, "runtime:\n  name: python\n  options:\n    virtualenv: .venv", ".venv/bin/python"),
        ({}, "runtime: {name: python, options: {virtualenv: ../v}}", "../v/bin/python"),
        ({}, "runtime: python", "python3"),
    ],
)
def test_the_language_host_runs_the_given_python(project, environ, manifest, python):
    (project / "Pulumi.yaml").write_text(manifest + "\n")
    assert started(project, "pulumi-language-python", environ)[0] == python


@pytest.mark.parametrize(
    ("environ", "python"),
    [
        ({"PULUMI_PYTHON_CMD": "chosen", "PULUMI_RUNTIME_VIRTUALENV": ".venv"}, "chosen"),
        ({"PULUMI_RUNTIME_VIRTUALENV": ".venv"}, ".venv/bin/python"),
        ({}, "python3"),
    ],
)
def test_the_provider_host_runs_the_given_python(project, environ, python):
    called = started(project, "pulumi-resource-pulumi-python", environ)
    assert called == [python, "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"]


def started(folder, host, environ):
    """Returns the command that a host executes; every Python is a script that prints its name."""
    for name in ("chosen", "python3", ".venv/bin/python", "../v/bin/python"):
        fake = folder / "bin" / name if "/" not in name else folder / name
        fake.parent.mkdir(parents=True, exist_ok=True)
        fake.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        fake.chmod(0o755)
    variables = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", **environ}
    done = subprocess.run(
        [HOSTS / host, "127.0.0.1:1"], cwd=folder, env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.split()
