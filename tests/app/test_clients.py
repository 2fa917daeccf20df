"""The clients of ten lines answer as the application does."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

CLIENTS = pathlib.Path(__file__).parents[2] / "examples" / "clients"


def node():
    """A node that runs TypeScript: this machine's, or the one that Playwright brings."""
    driver = pathlib.Path(sys.prefix).glob("lib/python*/site-packages/playwright/driver/node")
    for each in filter(None, [shutil.which("node"), *driver]):
        said = subprocess.run([each, "--version"], capture_output=True, text=True).stdout
        if (version := re.match(r"v(\d+)\.(\d+)", said)) and tuple(map(int, version.groups())) >= (22, 18):
            return str(each)
    return pytest.skip("no node from 22.18 on, which runs TypeScript")


def shell():
    missing = [name for name in ("bash", "curl", "jq") if not shutil.which(name)]
    return pytest.skip(f"no {', '.join(missing)} on PATH") if missing else "bash"


PROGRAMS = {
    "httpx_client.py": lambda: sys.executable,
    "opensearch_py_client.py": lambda: sys.executable,
    "client.sh": shell,
    "client.ts": node,
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("text", ["something to keep coffee hot", 'say "hot" $& \\ {{text}} 茶'])
def test_a_client_finds_ten_documents(name, text, environment):
    command = [PROGRAMS[name](), str(CLIENTS / name), "products", text]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10
    assert "coffee" not in text or "Insulated Travel Mug" in lines[0]


def test_there_is_no_other_client_and_each_is_short():
    assert {path.name for path in CLIENTS.iterdir() if path.is_file()} == {*PROGRAMS}
    for name in PROGRAMS:
        assert len([line for line in (CLIENTS / name).read_text().splitlines() if line.strip()]) <= 15, name
