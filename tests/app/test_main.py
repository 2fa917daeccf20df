"""`python -m search_app`: what it says where it cannot start, and that Ctrl-C ends it."""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
TOLD = {"SEARCH_URL": "http://127.0.0.1:1", "SEARCH_USERNAME": "u", "SEARCH_PASSWORD": "hush"}


@pytest.fixture
def start(tmp_path):
    """Starts it with one collection, in an environment without the variables of this one."""
    (tmp_path / "outputs.json").write_text('{"collections": {"docs": {"alias": "docs", "hybrid": "{}"}}}')
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SEARCH_", "DATABASE_"))}

    def started(*arguments, **told):
        environ = {**own, "STACK_OUTPUTS": str(tmp_path / "outputs.json"), **told}
        command = [sys.executable, "-m", "search_app", *arguments]
        return subprocess.Popen(
            command, cwd=EXAMPLES, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return started


def ended(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_it_names_every_variable_that_is_not_set(start):
    code, out, err = ended(start())
    assert (code, out) == (1, "")
    assert [line.split()[0] for line in err.splitlines()] == ["SEARCH_URL", "SEARCH_USERNAME", "SEARCH_PASSWORD"]


def test_a_port_that_is_taken_is_one_line(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = ended(start(f"--port={port}", **TOLD))
    assert (code, err) == (1, f"port {port}: Address already in use: choose another with --port\n")


def test_ctrl_c_ends_it_without_a_traceback(start):
    process = start("--port=0", **TOLD)
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    assert ended(process) == (0, "", "")
