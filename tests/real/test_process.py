"""Servers end with their test session, and their files have the listed checksums."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.real import installation
from tests.real.folder import temporary_folder
from tests.real.installation import CHECKSUMS, Installation, Lacking, require_java
from tests.real.mysql import RealDatabase
from tests.real.opensearch import OpenSearch
from tests.real.process import Broken, Patience, Process

ROOT = Path(__file__).parents[2]
PARENT = """
import sys, time
from pathlib import Path
from tests.real.process import Process
Process(["sh", "-c", "echo $$; exec sleep 600"], Path(sys.argv[1]))
print("started", flush=True)
time.sleep(600)
"""
HOLDER = """
import sys, time
from tests.real.folder import temporary_folder
from tests.real.process import Process
WRITER = "import itertools, pathlib, sys; [(pathlib.Path(sys.argv[1]) / str(i)).touch() for i in itertools.count()]"
with temporary_folder("real-") as folder:
    (folder / "data").mkdir()
    Process([sys.executable, "-c", WRITER, folder / "data"], folder / "writer.log")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def waiting():
    """Returns the Patience for a real process, without output."""
    return Patience(seconds=60, say=lambda line: None)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition):
    deadline = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_a_server_ends_when_the_session_is_killed(tmp_path):
    log = tmp_path / "server.log"
    command = [sys.executable, "-c", PARENT, log]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as parent:
        parent.stdout.readline()
        server = int(until(lambda: log.read_text().strip()))
        assert alive(server)
        parent.send_signal(signal.SIGKILL)
    until(lambda: not alive(server))


def test_the_folder_of_a_killed_session_is_deleted(tmp_path):
    command = [sys.executable, "-c", HOLDER]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=variables) as holder:
        folder = Path(holder.stdout.readline().strip())
        until(lambda: len(list(folder.glob("data/*"))) > 10)
        holder.send_signal(signal.SIGKILL)
    until(lambda: list(tmp_path.iterdir()) == [])


def test_a_folder_is_deleted_when_its_context_ends():
    with temporary_folder("test-") as folder:
        (folder / "data").write_text("kept")
    assert not folder.exists()


def test_a_slow_start_is_awaited_and_reported(tmp_path, fake_clock):
    output = []
    log = tmp_path / "opensearch.log"
    process = Process(["sh", "-c", "echo loading plugins; exec sleep 600"], log)
    until(log.read_text)
    process.await_ready(lambda: fake_clock.time > 1300, patience(fake_clock, output))
    assert output[0] == "opensearch: not ready after 20 s: loading plugins"
    assert len(output) > 10
    process.kill()
    process.kill()


def patience(fake_clock, output=(), **terms):
    """Returns a Patience with the fake clock."""
    return Patience(
        now=lambda: fake_clock.time, sleep=fake_clock.sleep, say=getattr(output, "append", None), every=20, **terms
    )


def test_a_server_that_ends_before_it_is_ready_shows_its_last_lines(tmp_path, waiting):
    process = Process(["sh", "-c", "echo no disk left; exit 3"], tmp_path / "opensearch.log")
    with pytest.raises(Broken, match="opensearch ended with 3: no disk left"):
        process.await_ready(lambda: False, waiting)


def test_a_server_that_is_never_ready_is_ended_and_shows_its_last_lines(tmp_path, fake_clock):
    log = tmp_path / "mysql.log"
    process = Process(["sh", "-c", "echo $$; exec sleep 600"], log)
    server = int(until(lambda: log.read_text().strip()))
    with pytest.raises(Broken, match=f"mysql was not ready after 600 s: {server}"):
        process.await_ready(lambda: False, patience(fake_clock, []))
    assert not alive(server)


def test_a_successful_command_returns(tmp_path, waiting):
    Process(["true"], tmp_path / "make.log").await_end(waiting)


class Failing:
    """A database whose folder cannot be created, or which cannot be started."""

    name, environ = "database", {}

    def __init__(self, initialise, start=""):
        self._commands = initialise, start

    def initialise(self, data):
        return ["sh", "-c", self._commands[0]]

    def start(self, data, revision):
        return ["sh", "-c", self._commands[1]]


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (Failing("echo no space left; exit 1"), "database-initialise ended with 1: no space left"),
        (Failing("true", "echo the port is taken; exit 1"), "database ended with 1: the port is taken"),
    ],
    ids=["no folder", "no start"],
)
def test_a_database_that_cannot_start_reports_why(server, message, tmp_path, waiting):
    with pytest.raises(Broken, match=message):
        RealDatabase(server, tmp_path, patience=waiting)


def test_a_search_node_that_cannot_start_reports_why(tmp_path, waiting):
    with pytest.raises(Broken, match=r"opensearch ended with 1: .*(NodeMain|FileNotFoundError)"):
        OpenSearch(Installation(tmp_path / "nothing"), tmp_path / "search", patience=waiting)


def test_files_of_a_killed_run_in_the_cache_are_removed(tmp_path):
    (tmp_path / f"{installation.UNFINISHED}x" / "artifacts").mkdir(parents=True)
    with installation.locked(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_missing_java_is_reported_with_what_to_install(tmp_path):
    with pytest.raises(Lacking, match="java, javac, keytool not found: install a JDK 17"):
        require_java(str(tmp_path))


def test_a_java_that_is_too_new_or_too_old_is_named(tmp_path):
    for program in ("java", "javac", "keytool"):
        (tmp_path / program).write_text("#!/bin/sh\necho javac 11.0.2\n")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(Lacking, match=r"javac is 11, OpenSearch 2\.19 needs 17 to 23"):
        require_java(str(tmp_path))


def test_a_file_with_another_checksum_is_refused(tmp_path):
    [first, *_] = CHECKSUMS.read_text().split()[1::2]
    (tmp_path / first).write_bytes(b"something else")
    (tmp_path / "added.jar").write_bytes(b"never listed")
    with pytest.raises(ValueError, match=r"not as listed in checksums.sha256: .*added.jar"):
        installation.check(tmp_path)
