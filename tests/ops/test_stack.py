"""How a stack is read, and that no secret is printed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from components.settings import SettingsError
from ops.app import one_line
from ops.checks import Finding
from ops.doctor import Diagnosis
from ops.output import show, without_secrets
from ops.stack import DEFAULT_NAME, ROOT, advised, component_name


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            "error: no stack named 'x' found",
            "no stack named 'x' found; see `pulumi stack ls`; a new one is made by `pulumi stack init`",
        ),
        (
            "error: no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one",
            "no stack selected; name one with --stack, or select one: `pulumi stack select`",
        ),
        (
            "error: no Pulumi.yaml project file found (searching upwards from /tmp). If you have not",
            "no Pulumi.yaml project file found; run this in the project's folder",
        ),
        ("error: incorrect passphrase", "incorrect passphrase; set PULUMI_CONFIG_PASSPHRASE to the stack's"),
        ("", "no reason given"),
    ],
)
def test_an_error_of_the_cli_is_one_line_that_says_what_to_do(error, line):
    assert advised(error) == line


@pytest.mark.parametrize(
    ("resources", "name"),
    [
        ([], DEFAULT_NAME),
        ([{"type": "polardb:semanticsearch:SemanticSearchStack", "urn": "urn:pulumi:s::p::t::shop"}], "shop"),
    ],
)
def test_the_component_is_called_as_in_state(resources, name):
    assert component_name(resources) == name


def test_mistakes_of_the_configuration_are_one_line():
    assert one_line(SettingsError(["a: wrong", "b: wrong"])) == "2 mistakes in the configuration: a: wrong; b: wrong"


REPORT = Diagnosis([Finding("a", "x hush-hush y", ["z aHVzaC1odXNo"])], ["hush-hush"], [], looked=True)


def test_a_secret_is_replaced_wherever_it_is(capsys):
    assert without_secrets(REPORT, ["hush-hush"]).notes == ["[secret]"]
    for as_json in (True, False):
        show("doctor", "dev", REPORT, ["hush-hush"], as_json=as_json)
        printed = capsys.readouterr().out
        assert "hush" not in printed
        assert "[secret]" in printed


def test_json_has_the_documented_keys(capsys):
    show("doctor", "dev", REPORT, [], as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert [*shown] == ["command", "stack", "findings", "notes", "unchecked", "looked"]


@pytest.mark.parametrize("command", ["doctor", "status", "estimate", "search", "adopt"])
def test_every_command_documents_its_json(command):
    done = subprocess.run([sys.executable, "-m", "ops", command, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "With --json:" in done.stdout
    assert "--stack" in done.stdout


def test_outside_of_a_project_one_line_says_what_to_do(tmp_path, pulumi_engine):
    environ = {"PATH": str(pulumi_engine.path.parent), "PYTHONPATH": str(ROOT), "PULUMI_BACKEND_URL": tmp_path.as_uri()}
    command = [sys.executable, "-m", "ops", "status"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
