"""Fixtures: a real Pulumi engine, the project's own program, and services to run it on.

The services are a sandbox for each test, or with `-p tests.real.plugin` real servers, which each test leaves empty.
"""

from __future__ import annotations

import copy
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import yaml

import engine
from sandbox.defaults import API_KEY, POLARDB_VERSION, SEARCH_VERSION
from sandbox.process import Sandbox
from tests.e2e.world import PATIENCE, HeldEmbeddings, World

ROOT = pathlib.Path(__file__).parents[2]
NAME = "polardb-semantic-search"
STACK = "test"
RECORDED = {"search-garbage-collector": "update", "search-deletion-guard": "update"}
"""What every change of a configuration updates: the records of a run that began, and of one that ended."""


@pytest.fixture(scope="session")
def pulumi_engine():
    try:
        return engine.find(get=False)
    except engine.NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture
def revision():
    """The sandbox's revision of PolarDB; a module may have a fixture of its own."""
    return POLARDB_VERSION


@dataclass(frozen=True)
class Snapshot:
    """A stack that is up, with its services: the files of both, the services' ports, the stack's configuration."""

    folder: pathlib.Path
    ports: dict[str, int]
    blocks: dict[str, Any]


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory, pulumi_engine):
    """What every test of a filled stack begins with, made once a process."""
    folder = tmp_path_factory.mktemp("filled")
    ports = dict(zip(("search_port", "database_port", "embeddings_port"), _ports(), strict=True))
    with sandbox_world(folder, ports) as world:
        project = first_project(world, pulumi_engine, folder)
        project.up()
        wait_until(lambda: world.count("docs", "vector") == 4)
    return Snapshot(folder, ports, project.blocks)


def _ports() -> list[int]:
    """Returns ports to be used again and again: below those that the system itself gives away."""
    return random.sample(range(20000, 32000), 3)


@contextmanager
def sandbox_world(folder: pathlib.Path, ports: dict[str, int], **options: Any) -> Iterator[World]:
    keys = {API_KEY}
    embeddings = HeldEmbeddings(api_keys=keys)
    with Sandbox(folder / "sandbox", samples=False, embeddings=embeddings, **ports, **options) as box:
        yield world_of(box, keys)
        embeddings.release()


@pytest.fixture
def snapshot(request, revision):
    """The filled stack that a test begins with; None where it wants none, another version, or real servers."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    usual = revision == POLARDB_VERSION and "world" not in parameters
    if "filled" not in request.fixturenames or not usual or _is_real(request):
        return None
    return request.getfixturevalue("filled_once")


def _is_real(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.pluginmanager.has_plugin("tests.real.plugin"))


@pytest.fixture
def world(request, tmp_path, revision, snapshot):
    """A sandbox for this test, without sample rows, of the version that the test sets; or real servers."""
    if _is_real(request):
        yield request.getfixturevalue("real_world")
        return
    if snapshot:
        shutil.copytree(snapshot.folder / "sandbox", tmp_path / "sandbox")
    version = getattr(request, "param", SEARCH_VERSION)
    ports = snapshot.ports if snapshot else {}
    with sandbox_world(tmp_path, ports, version=version, polardb_version=revision) as made:
        yield made


@pytest.fixture
def box(world):
    """The sandbox, for tests of failures that cannot be caused on a real server."""
    if world.box is None:
        pytest.skip("only a sandbox can fail in this way")
    return world.box


def world_of(box: Sandbox, keys: set[str]) -> World:
    return World(
        box.search_url,
        box.search_username,
        box.search_password,
        {
            "host": box.database_host,
            "port": box.database_port,
            "user": box.database_user,
            "password": box.database_password,
        },
        f"{box.embeddings_url}/embeddings",
        box.embeddings,
        box.api_key,
        keys,
        box=box,
    )


ROWS = [(1, "a warm jumper"), (2, "a kettle for tea"), (3, "running shoes"), (4, ""), (5, "garden gloves")]


@dataclass
class Project:
    """The project in a folder of its own, with one stack, run by the real CLI."""

    folder: pathlib.Path
    environ: dict[str, str]
    world: World
    blocks: dict[str, Any] = field(default_factory=dict)
    stack: str = STACK

    def configure(self, **blocks: Any) -> None:
        """Writes the stack's configuration; secrets that are already set stay."""
        self.blocks |= blocks
        path = self.folder / "stacks" / f"Pulumi.{self.stack}.yaml"
        written = yaml.safe_load(path.read_text()) if path.exists() else {}
        config = {key: value for key, value in (written or {}).get("config", {}).items() if _is_secure(value)}
        config |= {f"{NAME}:{key}": value for key, value in self.blocks.items()}
        path.write_text(yaml.safe_dump({**(written or {}), "config": config}, sort_keys=False))

    def secret(self, name: str, value: str) -> None:
        self.run("config", "set", "--secret", name, value)

    def collection(self, **changes: Any) -> None:
        """Changes the one collection of the configuration."""
        [collection] = self.blocks["collections"]
        self.configure(collections=[{**collection, **changes}])

    def embedding(self, **changes: Any) -> None:
        self.configure(embedding={**self.blocks["embedding"], **changes})

    def run(self, *args: str, ok: bool | None = True) -> str:
        """Returns a command's output. `ok`: whether it must succeed; None accepts both."""
        done = self._done(*args)
        if ok is not None:
            assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, *args: str, ok: bool | None = True) -> str:
        return self.run("up", "--yes", "--skip-preview", *args, ok=ok)

    def preview(self) -> dict[str, str]:
        """Returns the operation by resource, without unchanged resources."""
        done = self._done("preview", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        digest = json.loads(done.stdout)
        return {
            step["urn"].rpartition("::")[2]: step["op"]
            for step in digest["steps"]
            if step["op"] not in ("same", "create-replacement", "delete-replaced")
        }

    def refresh(self, *args: str, ok: bool | None = True) -> str:
        return self.run("refresh", "--yes", "--skip-preview", *args, ok=ok)

    def destroy(self, *args: str, ok: bool | None = True) -> str:
        return self.run("destroy", "--yes", "--skip-preview", *args, ok=ok)

    def outputs(self) -> dict[str, Any]:
        return json.loads(self._done("stack", "output", "--json").stdout)

    def state(self) -> list[dict[str, Any]]:
        return json.loads(self._done("stack", "export").stdout)["deployment"].get("resources") or []

    def resource(self, name: str) -> dict[str, Any]:
        [found] = [r for r in self.state() if r["urn"].endswith(f"::{name}") and not r.get("delete")]
        return found

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Starts a command in the background, in a process group of its own, so that it can be killed."""
        return subprocess.Popen(
            ["pulumi", *args, "--stack", self.stack, "--non-interactive"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self, running: subprocess.Popen[str]) -> None:
        """Kills a command that `start` started, and all that it started."""
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()

    def _done(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *args, "--stack", self.stack, "--non-interactive"]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=300)


def _is_secure(value: Any) -> bool:
    return isinstance(value, dict) and "secure" in value


@pytest.fixture
def project(world, pulumi_engine, tmp_path, snapshot):
    """A stack with one collection, `docs`, of the rows in `db.docs`, and a hashing model of 64 numbers."""
    if snapshot is None:
        return first_project(world, pulumi_engine, tmp_path)
    for name in ("pulumi", "project"):
        shutil.copytree(snapshot.folder / name, tmp_path / name, symlinks=True)
    environ = environment(world, pulumi_engine, tmp_path)
    made = Project(tmp_path / "project", environ, world, copy.deepcopy(snapshot.blocks))
    made.run("stack", "select")  # which the CLI keeps by the folder of the project
    return made


def first_project(world: World, pulumi_engine: engine.Engine, folder: pathlib.Path) -> Project:
    made = new_project(world, pulumi_engine, folder)
    world.sql("CREATE DATABASE IF NOT EXISTS db")
    world.sql("CREATE TABLE db.docs (id INT PRIMARY KEY, body TEXT, note VARCHAR(50))")
    for id, body in ROWS:
        world.sql("INSERT INTO db.docs (id, body) VALUES (%s, %s)", id, body)
    trust = {"search_ca_file": world.search_ca_file} if world.search_ca_file else {}
    made.configure(
        connection={
            **trust,
            "search_url": world.search_url,
            "search_username": world.search_username,
            "database_host": world.database["host"],
            "database_port": world.database["port"],
            "database_user": world.database["user"],
        },
        embedding={
            "url": world.embeddings_url,
            "model": "hashing",
            "dimension": 64,
            "send_dimensions": True,
            "max_tokens": 8192,
        },
        collections=[
            {
                "name": "docs",
                "source": {"table": "db.docs", "columns": {"id": "INT", "body": "TEXT"}, "primary_key": "id"},
                "fields": {"id": "id", "text": "body"},
                "mapping": {"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
                "field_map": {"text": "vector"},
                "replicas": 0,
                "deletion_protection": False,
            }
        ],
    )
    made.secret("embeddingApiKey", world.api_key)
    return made


def new_project(world: World, pulumi_engine: engine.Engine, tmp_path: pathlib.Path) -> Project:
    folder = tmp_path / "project"
    (folder / "stacks").mkdir(parents=True)
    for name in ("__main__.py", "providers", "components", "ops", "Pulumi.yaml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    project = Project(folder, environment(world, pulumi_engine, tmp_path), world)
    project.run("stack", "init")
    return project


def environment(world: World, pulumi_engine: engine.Engine, folder: pathlib.Path) -> dict[str, str]:
    environ = engine.environment(pulumi_engine, folder / "pulumi", passphrase="test", base=os.environ)
    return environ | {"POLARSEARCH_PASSWORD": world.search_password, "POLARDB_PASSWORD": world.database["password"]}


@pytest.fixture
def held_up(world, eventually):
    """Starts a command of a project, and returns it while one of its requests is held up for some seconds."""

    def start(project: Project, method: str, path: str, seconds: float, command: str = "up") -> subprocess.Popen[str]:
        slow = {"method": method, "path": path, "kind": "slow", "seconds": seconds}
        world.search("POST", "/_sandbox/faults", slow)
        running = project.start(command, "--yes", "--skip-preview")
        eventually(lambda: world.search("GET", "/_sandbox/faults")["faults"] == [])
        return running

    return start


@pytest.fixture
def eventually():
    return wait_until


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Waits until a condition holds; an AssertionError, LookupError or HTTPError in it means "not yet"."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if (found := condition()) or time.monotonic() > deadline:
                assert found, "the condition did not hold in time"
                return found
        except (AssertionError, LookupError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


WARM = {"neural": {"vector": {"query_text": "warm", "k": 3}}}


@pytest.fixture
def traffic(world):
    """Searches in the background, and yields the answers of failed searches."""

    @contextmanager
    def running(alias: str = "docs", query: Any = WARM) -> Iterator[list[str]]:
        failed: list[str] = []
        done, stop = [0], threading.Event()

        def search() -> None:
            while not stop.is_set():
                body = {"query": query, "_source": False}
                response = world.raw("POST", f"/{alias}/_search", body)
                if response.status_code != 200 or not response.json()["hits"]["hits"]:
                    failed.append(response.text)
                done[0] += 1

        thread = threading.Thread(target=search)
        thread.start()
        try:
            yield failed
        finally:
            stop.set()
            thread.join()
        assert done[0] > 10

    return running


@pytest.fixture
def filled(project, world, eventually, snapshot):
    """A stack that is up, in which every row with a text has its vector."""
    if snapshot is None:
        project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    return project
