"""Servers of a test session never outlive it, and what they are made of is what was listed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.real import installation
from tests.real.installation import CHECKSUMS, Lacking, require_java
from tests.real.process import Broken, Process

ROOT = Path(__file__).parents[2]
PARENT = """
import sys, time
from pathlib import Path
from tests.real.process import Process
Process(["sh", "-c", "echo $$; exec sleep 600"], Path(sys.argv[1]))
print("started", flush=True)
time.sleep(600)
"""


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


def test_a_server_is_gone_when_the_session_is_killed(tmp_path):
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


def test_a_server_that_ends_before_it_is_ready_shows_its_last_words(tmp_path):
    process = Process(["sh", "-c", "echo no disk left; exit 3"], tmp_path / "opensearch.log")
    with pytest.raises(Broken, match="opensearch ended with 3: no disk left"):
        process.await_ready(lambda: False, 20)


def test_a_server_that_is_never_ready_is_said_to_be(tmp_path):
    process = Process(["sleep", "600"], tmp_path / "mysql.log")
    with pytest.raises(Broken, match="mysql was not ready after 0 s"):
        process.await_ready(lambda: False, 0)
    process.kill()
    process.kill()


def test_without_java_it_says_what_to_install(tmp_path):
    with pytest.raises(Lacking, match="java, javac, keytool not found: install a JDK 17"):
        require_java(str(tmp_path))


def test_a_java_that_is_too_new_or_too_old_is_named(tmp_path):
    for program in ("java", "javac", "keytool"):
        (tmp_path / program).write_text("#!/bin/sh\necho javac 11.0.2\n")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(Lacking, match=r"javac is 11, OpenSearch 2\.19 needs 17 to 23"):
        require_java(str(tmp_path))


def test_a_file_that_is_not_the_listed_one_is_refused(tmp_path):
    [first, *_] = CHECKSUMS.read_text().split()[1::2]
    (tmp_path / first).write_bytes(b"something else")
    (tmp_path / "added.jar").write_bytes(b"never listed")
    with pytest.raises(ValueError, match=r"not as listed in checksums.sha256: .*added.jar"):
        installation.check(tmp_path)
