"""Installs `pulumi` with the SDK's own installer, into the user's cache instead of ~/.pulumi.

The installer has no timeout, so it runs in a process of its own that is ended when it stops downloading.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from .machine import Machine
from .version import parse, shown

PROGRAM = "import sys; from pulumi.automation import PulumiCommand; PulumiCommand.install(root=sys.argv[1])"
PATIENCE = 20.0
"""Seconds without a new byte after which the installation fails."""
AGAIN = 24 * 3600.0
"""Seconds before a failed installation is repeated."""


def kept(cache: Path) -> list[Path]:
    """Returns the installations in the cache, newest first."""
    return sorted(cache.glob("installed-*"), key=lambda folder: parse(folder.name) or (0, 0, 0), reverse=True)


def install(machine: Machine, program: str = PROGRAM, patience: float = PATIENCE) -> str | None:
    """Installs the CLI of the SDK's version into the cache. Returns the reason if it fails, else None."""
    tried = machine.cache / "install-tried"
    if tried.exists() and 0 <= machine.now() - tried.stat().st_mtime < AGAIN:
        return f"the SDK's installer failed less than a day ago (remove {tried} to try again)"
    machine.say("engine: asking the SDK to install pulumi")
    work = machine.cache / "installing"
    try:
        return None if _into(machine, work, program, patience) else _failed(machine, tried)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _failed(machine: Machine, tried: Path) -> str:
    tried.touch()
    os.utime(tried, (machine.now(), machine.now()))
    return "the SDK could not install pulumi (no way to its download site?)"


def _into(machine: Machine, work: Path, program: str, patience: float) -> bool:
    """Returns whether the installation is complete in the cache."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "tmp").mkdir(parents=True)
    if not _run(machine, work, program, patience):
        return False
    version = parse(machine.ask(work / "root" / "bin" / "pulumi", "version") or "")
    if version is None:
        return False
    target = machine.cache / f"installed-{shown(version)}"
    shutil.rmtree(target, ignore_errors=True)
    (work / "root").rename(target)
    return True


def _run(machine: Machine, work: Path, program: str, patience: float) -> bool:
    """Runs the installer while its files in `work` grow. Returns whether it succeeds."""
    own = {"TMPDIR": str(work / "tmp"), "PULUMI_HOME": str(work / "home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(work / "root")],
        env={**machine.environ, **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that its curl and tar can be killed with it
    )
    try:
        return _patiently(machine, child, work, patience)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _patiently(machine: Machine, child: subprocess.Popen[bytes], work: Path, patience: float) -> bool:
    seen, since = 0, machine.now()
    while machine.now() - since < patience:
        try:
            return child.wait(timeout=min(0.5, patience)) == 0
        except subprocess.TimeoutExpired:
            if (size := _size(work)) != seen:
                seen, since = size, machine.now()
    return False


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # the installer may move files meanwhile
            total += path.lstat().st_size
    return total
