"""The same faults under the real engine: the program, its plugins and the services are processes on sockets.

A fixed sample. FAULTS=all has every call of every operation with every fault, each followed by everything that may
come next (`make faults`): a night's work.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import *  # noqa: F403  the engine, the services and the project of the end-to-end tests
from tests.e2e.conftest import Project
from tests.e2e.world import World

from .interception import HTTP, SQL, is_request
from .proxies import KILLED, Aim, HttpProxy, SqlProxy

ALL = os.environ.get("FAULTS") == "all"
NEW_KEY = "sk-new-0123456789abcdef"


def create(_: Project) -> list[str]:
    return ["up"]


def new_generation(project: Project) -> list[str]:
    project.collection(revision=2)
    return ["up"]


def key_rotation(project: Project) -> list[str]:
    project.world.keys.add(NEW_KEY)
    project.secret("embeddingApiKey", NEW_KEY)
    return ["up"]


def in_place(project: Project) -> list[str]:
    project.collection(replicas=1)
    return ["up"]


def refresh(_: Project) -> list[str]:
    return ["refresh"]


def destroy(_: Project) -> list[str]:
    return ["destroy"]


def before(project: Project) -> list[str]:
    """The configuration before."""
    project.collection(revision=1, replicas=0)
    project.secret("embeddingApiKey", project.world.api_key)
    return ["up"]


def up(_: Project) -> list[str]:
    return ["up"]


Act = Callable[[Project], list[str]]
"""Changes the configuration, and returns the command that comes then."""

OPERATIONS: dict[Act, tuple[Act, ...]] = {
    create: (up, destroy),
    new_generation: (up, before, destroy),
    key_rotation: (up, before, destroy),
    in_place: (up, before, destroy),
    refresh: (refresh, up, destroy),
    destroy: (destroy, up),
}
"""What comes next, by operation."""

SAMPLE = [
    (create, "POST /_plugins/_ml/connectors/_create", KILLED[0], destroy),
    (create, "CALL dbms_etl.sync_by_map*", "connection lost after acting", destroy),
    (new_generation, "POST /_aliases", KILLED[1], before),
    (key_rotation, "DELETE /_plugins/_ml/connectors/*", "404 with a page", up),
    (destroy, "CALL *drop*", KILLED[1], up),
]


@pytest.fixture
def proxied(box, project, world) -> Iterator[tuple[Project, HttpProxy, SqlProxy]]:
    """The project behind proxies, before its first run, and somebody else's objects."""
    world.search("PUT", "/_ingest/pipeline/foreign", {"description": "theirs", "processors": []})
    world.search("PUT", "/foreign", {"mappings": {"properties": {"id": {"type": "integer"}}}})
    http = HttpProxy(world.search_url, Aim())
    sql = SqlProxy(world.database["host"], world.database["port"], http.aim)
    connection = {**project.blocks["connection"], "search_url": http.url, "database_port": sql.port}
    project.configure(connection=connection)
    with closing(http), closing(sql):
        yield project, http, sql


@dataclass
class Run:
    """Runs commands of a project behind proxies."""

    project: Project
    http: HttpProxy
    sql: SqlProxy

    def take(self, command: list[str], pattern: str = "", fault: str = "") -> str:
        """Runs a command, in which the call of that pattern goes wrong. Returns what it said if it failed."""
        running = self.project.start(*command, "--yes", "--skip-preview")
        whole = fault == KILLED[0]
        kill = lambda: os.killpg(running.pid, signal.SIGKILL) if whole else running.kill()  # noqa: E731
        self.http.aim = self.sql.aim = Aim(pattern, fault, kill)
        said, _ = running.communicate(timeout=300)
        assert not pattern or self.http.aim.hit.is_set(), f"no call {pattern}: {self.http.aim.calls}"
        if fault in KILLED:
            self.project.run("cancel", "--yes")
        world = self.project.world
        secrets = (world.api_key, NEW_KEY, world.search_password, world.database["password"])
        assert not [text for text in (*secrets, "Traceback") if text in said], said
        return "" if running.returncode == 0 else said or "killed"

    def follow(self, command: list[str]) -> None:
        """Runs a command and, where it is refused, what its message advises."""
        if said := self.take(command):
            assert re.search(r"pulumi up --refresh|pulumi refresh|`pulumi up` again|try again", said), said
            advised = self.take([*command, "--refresh"] if command == ["up"] and "refresh" in said else command)
            assert not advised, f"{said}\n{advised}"


@pytest.mark.parametrize(
    ("operation", "pattern", "fault", "following"), SAMPLE, ids=[f"{row[0].__name__}-{row[2]}" for row in SAMPLE]
)
def test_what_comes_next_puts_it_right_under_the_engine(
    proxied, world, eventually, operation, pattern, fault, following
):
    run, nothing = Run(*proxied), world.inventory()
    if operation is not create:
        assert not run.take(up(run.project))
    kinds = counted(world)
    run.take(operation(run.project), pattern, fault)
    command = following(run.project)
    run.follow(command)
    if command != ["destroy"]:
        eventually(lambda: world.count("docs", "vector") == 4)
        assert run.project.preview() == {}
        assert operation is create or counted(world) == kinds
        assert not run.take(["destroy"])
    assert world.inventory() == nothing


def counted(world: World) -> dict[str, int]:
    """How many objects there are, by kind."""
    return {kind: len(found) for kind, found in world.inventory().items() if isinstance(found, list)}


@pytest.mark.skipif(not ALL, reason="every call with every fault takes a night: FAULTS=all")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("fault", [*HTTP, *SQL, *KILLED])
def test_every_call_under_the_engine(proxied, world, eventually, operation, fault):
    run, nothing = Run(*proxied), world.inventory()
    for pattern in patterns(run, operation, fault):
        for following in OPERATIONS[operation]:
            before(run.project)
            if operation is not create:
                assert not run.take(up(run.project))
            run.take(operation(run.project), pattern, fault)
            run.follow(following(run.project))
            assert not run.take(["destroy"])
            assert world.inventory() == nothing, (pattern, fault, following.__name__)


def patterns(run: Run, operation: Act, fault: str) -> list[str]:
    """The calls of an operation in which nothing goes wrong, with * for what differs from run to run."""
    if operation is not create:
        assert not run.take(up(run.project))
    assert not run.take(operation(run.project))
    calls = [re.sub(r"[0-9A-Za-z_-]{20}|docs_[0-9a-f]{8}|'[^']*'", "*", call) for call in run.http.aim.calls]
    is_sql = fault in SQL
    assert not run.take(["destroy"])
    wanted = [call for call in calls if fault in KILLED or is_sql != is_request(call)]
    return list(dict.fromkeys(wanted))
