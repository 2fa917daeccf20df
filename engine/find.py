"""Finds a `pulumi`: on PATH, in the user's cache, with the SDK's installer, or with Go, in this order.

A program called `pulumi` is not sufficient: it needs a Python language host beside it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import build, install
from .machine import Machine
from .version import OLDEST_GO, OLDEST_PULUMI, Version, parse, shown

HOSTS = ("pulumi-language-python", "pulumi-resource-pulumi-python")


class NoEngine(Exception):
    """There is no `pulumi`, and none could be installed; the message is one line with the ways to get one."""


@dataclass(frozen=True)
class Engine:
    """A `pulumi` that can run this repository: the program, its version, and how it was found."""

    path: Path
    version: Version
    how: str

    def __str__(self) -> str:
        return f"pulumi {shown(self.version)}, {self.how}: {self.path}"


@dataclass(frozen=True)
class Candidate:
    """A program that may be the engine. `hosts`: whether its Python hosts exist."""

    path: Path
    version: Version | None
    hosts: bool
    how: str


def find(machine: Machine | None = None, *, get: bool = True) -> Engine:
    """Returns a `pulumi` ≥ 3.254. With `get` it is installed or built if there is none: once per user, in minutes.

    Raises NoEngine.
    """
    machine = machine or Machine.here()
    verdict = choose(present(machine))
    if isinstance(verdict, Engine):
        return verdict
    if get:
        return _got(machine, verdict)
    return _none([*verdict, "PATH and the user's cache only: `python -m engine` gets one where it can"])


def choose(candidates: Iterable[Candidate]) -> Engine | list[str]:
    """Returns the first suitable candidate without reading later ones, or what is wrong with each."""
    wrong: list[str] = []
    for candidate in candidates:
        if candidate.version is None:
            wrong.append(f"{candidate.path} does not say its version")
        elif candidate.version < OLDEST_PULUMI:
            wrong.append(f"{candidate.path} is {shown(candidate.version)}, older than {shown(OLDEST_PULUMI)}")
        elif not candidate.hosts:
            wrong.append(f"{candidate.path} has no Python language host beside it")
        else:
            return Engine(candidate.path, candidate.version, candidate.how)
    return wrong


def present(machine: Machine) -> Iterator[Candidate]:
    """Yields the candidates that need no network and no compiler, in order of preference."""
    if path := machine.which("pulumi"):
        yield _candidate(machine, path, "on PATH")
    for folder in install.kept(machine.cache):
        yield _candidate(machine, folder / "bin" / "pulumi", "installed by the SDK")
    for binary in build.kept(machine.cache):
        yield _candidate(machine, build.with_hosts(binary), "built by Go")


def _candidate(machine: Machine, path: Path, how: str) -> Candidate:
    beside = path.resolve().parent
    hosts = all((beside / name).exists() or machine.which(name) for name in HOSTS)
    return Candidate(path, parse(machine.ask(path, "version") or ""), hosts, how)


def _got(machine: Machine, wrong: list[str]) -> Engine:
    for each in wrong:
        machine.say(f"engine: {each}; looking further")
    ways: tuple[Callable[[Machine], str | None], ...] = (_by_another_run, install.install, build.build)
    with _locked(machine):
        for way in ways:
            reason = way(machine)
            if reason is not None:
                machine.say(f"engine: {reason}")
                wrong.append(reason)
            elif isinstance(verdict := choose(present(machine)), Engine):
                return verdict
    return _none(wrong)


def _by_another_run(_: Machine) -> str | None:
    """Does nothing: another run may have got an engine while this one waited for the lock."""
    return None


@contextmanager
def _locked(machine: Machine) -> Iterator[None]:
    """Holds a lock, so that one run of this user at a time gets an engine; it is released when the process ends."""
    machine.cache.mkdir(parents=True, exist_ok=True)
    with (machine.cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            machine.say("engine: another run is getting one, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _none(wrong: list[str]) -> Engine:
    ways = (
        f"put pulumi {shown(OLDEST_PULUMI)} or newer on PATH, or let the SDK install it (needs the internet), "
        f"or install Go {shown(OLDEST_GO)} or newer to have it built"
    )
    raise NoEngine(f"no Pulumi engine: {ways} (tried: {'; '.join(wrong)})")
