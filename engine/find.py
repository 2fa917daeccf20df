"""The order in which a `pulumi` is looked for: on PATH, in the user's cache, by the SDK's installer, by Go.

A program called `pulumi` is not enough: without a Python language host beside it, it runs nothing of ours.
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
    """No `pulumi` here and no way to get one; the message is one line that names the ways."""


@dataclass(frozen=True)
class Engine:
    """A `pulumi` that can run this repository: the program, its version, and how it came here."""

    path: Path
    version: Version
    how: str

    def __str__(self) -> str:
        return f"pulumi {shown(self.version)}, {self.how}: {self.path}"


@dataclass(frozen=True)
class Candidate:
    """A program that may be the engine, before it is judged. `hosts`: it can run Python."""

    path: Path
    version: Version | None
    hosts: bool
    how: str


def find(machine: Machine | None = None, *, get: bool = True) -> Engine:
    """A `pulumi` ≥ 3.254. With `get` it may be installed or built, once per user, which is said and takes minutes.

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
    """The first that will do, or what is wrong with each. Candidates after the first that will do are not looked at."""
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
    """The candidates that need no network and no compiler, the preferred one first."""
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
    with _alone(machine):
        for way in ways:
            reason = way(machine)
            if reason is not None:
                machine.say(f"engine: {reason}")
                wrong.append(reason)
            elif isinstance(verdict := choose(present(machine)), Engine):
                return verdict
    return _none(wrong)


def _by_another_run(_: Machine) -> str | None:
    """It may have got one while we waited for our turn."""
    return None


@contextmanager
def _alone(machine: Machine) -> Iterator[None]:
    """One run of this user at a time gets an engine; the lock goes with the process that holds it."""
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
