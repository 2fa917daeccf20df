"""Fixtures of every test: a clock that never sleeps, connections to mocked services, and programs without an engine."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pulumi
import pytest
import respx
from pulumi.runtime import set_all_config
from pulumi.runtime.mocks import MockMonitor, set_mocks
from pulumi.runtime.rpc import deserialize_properties, is_rpc_secret, unwrap_rpc_secret

from providers.kit import Clock
from providers.services import Connections
from providers.services.http import SearchClient

pytest_plugins = ["tests.services"]

BASE = "http://search.test"

CHANGING = (" at 0x", "frozenset({'", "frozenset({(")
"""What is written in another way, or another order, in every process."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuses ids that differ from process to process: pytest-xdist runs nothing then."""
    if wrong := sorted({item.nodeid.split("[")[0] for item in items if any(each in item.nodeid for each in CHANGING)}):
        raise pytest.UsageError(f"give these tests ids of their own: {', '.join(wrong)}")


class FakeClock:
    """A clock that moves only when it sleeps, and records each sleep."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def fake_clock():
    return FakeClock()


@pytest.fixture
def clock(fake_clock):
    return Clock(now=lambda: fake_clock.time, sleep=fake_clock.sleep)


@pytest.fixture
def api():
    """Routes of a search service at BASE; the test sets the answers."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
def client(clock):
    with httpx.Client(base_url=BASE) as http:
        yield SearchClient(http, clock=clock)


@pytest.fixture
def connect(clock):
    """Returns Connections with the given values; a connection is opened at its first use."""
    return lambda environment=None, **values: Connections(values.get, environment or {}, clock)


@dataclass
class Declared:
    """A resource as a program declares it. `parent`, `provider` and `after` (what it depends on) are names."""

    type: str
    name: str
    parent: str
    provider: str
    after: set[str]
    inputs: dict[str, Any]
    secret_outputs: set[str]

    @property
    def secret(self):
        """Names of the inputs that are secret."""
        return {name for name, value in self.inputs.items() if is_rpc_secret(value)}

    def __getitem__(self, name):
        """An input, whether secret or not."""
        return unwrap_rpc_secret(self.inputs[name])


class Monitor(MockMonitor):
    """Pulumi's mocks, which record each declared resource. An id is `<name>-id`, of a table `<database>.<name>`."""

    def __init__(self):
        super().__init__(self)
        self.declared = []

    def new_resource(self, args):
        is_table = args.typ.endswith(":SourceTable")
        id = f"{args.inputs['database']}.{args.inputs['name']}" if is_table else f"{args.name}-id"
        return id, {"run": f"{args.name}-run", **args.inputs} if args.typ.endswith(":GarbageCollector") else args.inputs

    def RegisterResource(self, request):
        if request.type != "pulumi:pulumi:Stack":  # registered once, by the first program
            self.declared.append(_declared(request))
        with own_loop():  # each call has its own thread, in which Pulumi leaves a loop open
            return super().RegisterResource(request)


@contextmanager
def own_loop():
    """Sets an event loop for this thread, and closes it afterwards."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _declared(request):
    return Declared(
        type=request.type.removeprefix("pulumi-python:dynamic/"),
        name=request.name,
        parent=_name(request.parent),
        provider=_name(request.provider),
        after=set(map(_name, request.dependencies)),
        inputs=deserialize_properties(request.object),
        secret_outputs=set(request.additionalSecretOutputs),
    )


def _name(urn):
    """Returns the name in a URN, which may be followed by an id."""
    return urn.split("::")[3] if urn else ""


@pytest.fixture
def declare():
    """Runs a program under Pulumi's mocks, and returns the resources that it declares, in order."""

    def run(program, config=None, secrets=(), *, preview=False):
        monitor = Monitor()
        with own_loop():
            set_mocks(monitor, project="polardb-semantic-search", stack="dev", monitor=monitor, preview=preview)
            set_all_config(config or {}, list(secrets))
            pulumi.runtime.test(program)()
        return monitor.declared

    return run
