"""Installation by the SDK, with small programs in place of its installer."""

import os
import time

import pytest

from engine.install import AGAIN, PROGRAM, install, kept
from engine.machine import Machine

WORKS = """
import pathlib, sys
bin = pathlib.Path(sys.argv[1]) / "bin"
bin.mkdir(parents=True)
(bin / "pulumi").write_text("#!/bin/sh\\necho v3.272.0\\n")
(bin / "pulumi").chmod(0o755)
"""
SLOWLY = """
import os, time
with open(os.path.join(os.environ["TMPDIR"], "download"), "wb", buffering=0) as file:
    for _ in range(8):
        file.write(b"x")
        time.sleep(0.25)
"""
HANGS = """
import pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
(pathlib.Path(sys.argv[1]).parents[1] / "sleeper").write_text(str(child.pid))
time.sleep(600)
"""
NOT_INSTALLED = "the SDK could not install pulumi (no way to its download site?)"


@pytest.fixture
def messages():
    return []


@pytest.fixture
def machine(tmp_path, messages):
    return Machine(dict(os.environ), tmp_path, messages.append, time.time)


def test_an_installed_engine_is_kept_under_its_version(machine):
    assert install(machine, WORKS) is None
    assert kept(machine.cache) == [machine.cache / "installed-3.272.0"]
    assert (machine.cache / "installed-3.272.0" / "bin" / "pulumi").exists()
    assert not (machine.cache / "installing").exists()


def test_a_slow_download_continues_while_data_arrives(machine):
    assert install(machine, SLOWLY + WORKS, patience=1.0) is None


@pytest.mark.parametrize(
    "program",
    ["raise SystemExit(1)", "import sys", WORKS.replace("v3.272.0", "cannot execute")],
    ids=["installer fails", "nothing installed", "installed program does not run"],
)
def test_a_missing_network_is_a_reason_and_no_error(machine, program):
    assert install(machine, program) == NOT_INSTALLED
    assert kept(machine.cache) == []


def test_a_stalled_download_is_ended_with_all_its_children(machine):
    assert install(machine, HANGS, patience=2.0) == NOT_INSTALLED
    sleeper = int((machine.cache / "sleeper").read_text())
    deadline = time.monotonic() + 10
    while _runs(sleeper):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid):
    """Returns whether the process exists and is not a zombie."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_failed_download_is_tried_once_a_day(machine, messages):
    later = [time.time()]
    patient = Machine(machine.environ, machine.cache, messages.append, lambda: later[0])
    assert install(patient, "raise SystemExit(1)") == NOT_INSTALLED
    assert str(install(patient, WORKS)).startswith("the SDK's installer failed less than a day ago")
    later[0] += AGAIN + 1
    assert install(patient, WORKS) is None


def test_the_installer_of_the_sdk_is_used():
    """The program calls a public function of the SDK."""
    from pulumi.automation import PulumiCommand

    assert "PulumiCommand.install(root=" in PROGRAM
    assert callable(PulumiCommand.install)
