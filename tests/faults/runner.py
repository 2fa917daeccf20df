"""Runs a program as Pulumi's engine does, one step after another, and keeps its state.

What it does is what `tests/engine/expected` shows: a create that fails is lost, unless the provider keeps it; a
replacement is created first, and the old resource deleted last, in reverse order, once every other step is done; a step
that fails stops the operation and keeps what is done; a resource kept with errors is updated though nothing changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.dynamic import DiffResult
from pulumi.runtime.rpc import deserialize_properties

from components.preflight import require_possible
from components.wiring import Declaration
from providers.kit import LastRun
from providers.kit.provider import LAST_RUN
from providers.services import Connections
from tests.providers.conftest import CallError, Driver

from .declared import NAME, Configuration, program

TRACEBACK = "a traceback of the program:"


class Failed(Exception):
    """The operation stopped. The text is what a person reads."""


@dataclass
class Entry:
    """One resource in state. `doomed` is one that another has replaced; `errors` are why it is not usable yet."""

    name: str
    kind: Any
    id: str
    props: dict[str, Any]
    inputs: dict[str, Any]
    errors: list[str] = field(default_factory=list)
    doomed: bool = False


def as_pulumi(values: Mapping[str, Any]) -> dict[str, Any]:
    """Property values as Pulumi hands them over: every number is a float, and what is not set is not there."""
    given = {name: value for name, value in values.items() if value is not None}
    return dict(json.loads(json.dumps(given), parse_int=float))


class Stack:
    """One stack's state and what is done with it. Each operation has the services opened anew, as its processes do."""

    def __init__(self, connect: Callable[[], Connections]) -> None:
        self._connect = connect
        self.entries: list[Entry] = []

    def up(self, configuration: Configuration) -> None:
        """Raises Failed."""
        last_run = self._require_possible(configuration)
        services = self._connect()
        for declare in program(configuration.wiring):
            self._step(declare(self.live), services, last_run)
        self._delete([entry for entry in self.entries if entry.doomed], services)

    def refresh(self) -> None:
        """Raises Failed."""
        services = self._connect()
        for entry in list(self.entries):
            self._read(entry, Driver(entry.kind, services))

    def destroy(self) -> None:
        """Raises Failed."""
        self._delete(self.entries, self._connect())

    def pending(self, configuration: Configuration) -> list[str]:
        """What a preview would do."""
        left = [f"delete {entry.name}" for entry in self.entries if entry.doomed]
        for declare in program(configuration.wiring):
            declaration = declare(self.live)
            entry = self.live.get(declaration.name)
            if entry is None:
                return [*left, f"create {declaration.name}"]
            if entry.errors or entry.inputs != self._checked(declaration, self._connect()):
                left.append(f"update {declaration.name}")
        return left

    @property
    def live(self) -> dict[str, Entry]:
        """The resources that nothing has replaced, by name."""
        return {entry.name: entry for entry in self.entries if not entry.doomed}

    def _require_possible(self, configuration: Configuration) -> LastRun:
        try:
            return require_possible(
                self._connect(), NAME, configuration.embedding, [configuration.collection], self._resources
            )
        except pulumi.RunError as error:
            raise Failed(str(error)) from None
        except Exception as error:
            raise Failed(f"{TRACEBACK} {type(error).__name__}: {error}") from error

    def _resources(self) -> dict[str, Any]:
        """What the engine tells a program of its state."""
        return {f"urn::{name}": {"outputs": entry.props} for name, entry in self.live.items()}

    def _checked(
        self, declaration: Declaration[Any], services: Connections, last_run: LastRun = "ended"
    ) -> dict[str, Any]:
        driver, mark = Driver(declaration.resource.kind, services), {LAST_RUN: last_run}
        checked = driver.check(**as_pulumi({**declaration.inputs.declared(), "owner": declaration.owner, **mark}))
        assert not checked.failures, checked.failures
        return as_pulumi(checked.inputs)

    def _step(self, declaration: Declaration[Any], services: Connections, last_run: LastRun) -> None:
        driver, news = Driver(declaration.resource.kind, services), self._checked(declaration, services, last_run)
        old = self.live.get(declaration.name)
        if old is None:
            return self._create(declaration.name, driver, news, None)
        diff = self._diff(old, driver, news)
        assert not diff.delete_before_replace, "no operation here replaces an object under its own name"
        changes = diff.changes or news != old.inputs
        if diff.replaces and changes:
            return self._create(declaration.name, driver, news, old)
        if old.errors or changes:
            return self._update(old, driver, news)
        return None

    def _diff(self, old: Entry, driver: Driver, news: dict[str, Any]) -> DiffResult:
        try:
            return driver.in_host(lambda: driver.provider.diff(old.id, old.props, news))
        except CallError as error:
            raise Failed(str(error)) from None

    def _create(self, name: str, driver: Driver, news: dict[str, Any], old: Entry | None) -> None:
        kind = driver.provider.kind
        try:
            made = driver.in_host(lambda: driver.provider.create(news))
            self.entries.append(Entry(name, kind, made.id, as_pulumi(made.outs), news))
        except CallError as error:
            if error.kept is None:
                raise Failed(str(error)) from None
            self.entries.append(_kept(name, kind, error))
            raise Failed("; ".join(error.kept.reasons)) from None
        finally:
            if old is not None and self.entries[-1].name == name and self.entries[-1] is not old:
                old.doomed = True

    def _update(self, old: Entry, driver: Driver, news: dict[str, Any]) -> None:
        try:
            done = driver.in_host(lambda: driver.provider.update(old.id, old.props, news))
        except CallError as error:
            if error.kept is None:
                raise Failed(str(error)) from None
            old.props, old.errors = _kept(old.name, old.kind, error).props, list(error.kept.reasons)
            raise Failed("; ".join(error.kept.reasons)) from None
        old.props, old.inputs, old.errors = as_pulumi(done.outs), news, []

    def _read(self, entry: Entry, driver: Driver) -> None:
        try:
            shown = driver.in_host(lambda: driver.provider.read(entry.id, entry.props))
        except CallError as error:
            if error.kept is None:
                raise Failed(str(error)) from None
            kept = _kept(entry.name, entry.kind, error)
            entry.props, entry.inputs, entry.errors = kept.props, kept.inputs, kept.errors
            return None  # an unhealthy resource is a warning
        if not shown.id:
            return self.entries.remove(entry)
        entry.props, entry.inputs, entry.errors = as_pulumi(shown.outs), as_pulumi(shown.inputs), []
        return None

    def _delete(self, entries: Sequence[Entry], services: Connections) -> None:
        for entry in _in_reverse(entries):
            driver = Driver(entry.kind, services)
            try:
                driver.in_host(lambda: driver.provider.delete(entry.id, entry.props))  # noqa: B023
            except CallError as error:
                raise Failed(str(error)) from None
            self.entries.remove(entry)


ORDER = (
    "garbage-collector",
    "table",
    "endpoint",
    "group",
    "connector",
    "model",
    "ingest-pipeline",
    "search-pipeline",
    "index",
    "link",
    "alias",
)


def _in_reverse(entries: Sequence[Entry]) -> Iterator[Entry]:
    """What depends on others first; of two of one name, the newer one."""
    ranked = sorted(enumerate(entries), key=lambda it: (_rank(it[1].name), it[0]), reverse=True)
    yield from [entry for _, entry in ranked]


def _rank(name: str) -> int:
    return next((at for at, last in enumerate(ORDER) if name.endswith(f"-{last}")), len(ORDER))


def _kept(name: str, kind: Any, error: CallError) -> Entry:
    properties, inputs = (deserialize_properties(each) for each in (error.kept.properties, error.kept.inputs))
    return Entry(name, kind, error.kept.id, as_pulumi(properties), as_pulumi(inputs), list(error.kept.reasons))
