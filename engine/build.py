"""Builds the CLI with Go, from the tool dependency that go.mod pins, on machines with a Go module proxy.

Pulumi's Go modules contain the engine but not its Python host, so two small hosts of our own are placed beside it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from .machine import Machine
from .version import OLDEST_GO, go_can_build, parse, shown

SOURCE = Path(__file__).resolve().parent
HOSTS = SOURCE / "hosts"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
STAMP = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
EVERY = 10.0
"""Seconds between two lines of progress."""
PATIENCE = 600.0
"""Seconds without a new module or package after which the build fails."""


def kept(cache: Path) -> list[Path]:
    """Returns the programs in the cache, newest first."""
    return sorted(cache.glob("built-*/pulumi"), key=lambda path: parse(path.parent.name) or (0, 0, 0), reverse=True)


def with_hosts(binary: Path) -> Path:
    """Returns the binary in a folder with this checkout's hosts; creates the folder if it is missing.

    It is a hard link, because the engine looks for its hosts beside the real file. Checkouts with other hosts use
    another folder.
    """
    folder = binary.parent / f"bin-{_digest(HOSTS)}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=binary.parent) as scratch:
            made = Path(shutil.copytree(HOSTS, Path(scratch) / "bin"))
            os.link(binary, made / "pulumi")
            _settle(made, folder)
    return folder / "pulumi"


def build(machine: Machine) -> str | None:
    """Builds the CLI into the cache. Returns the reason if it fails, else None."""
    go = machine.which("go", "/usr/local/go/bin")
    if go is None:
        return "Go is not installed"
    output = machine.ask(go, "version") or ""
    version = parse(output.partition("version")[2])
    if version is None or not go_can_build(version, machine.ask(go, "env", "GOTOOLCHAIN") or ""):
        return f"{go} is {shown(version) if version else 'unreadable'}, older than {shown(OLDEST_GO)}"
    wanted = pinned((SOURCE / "go.mod").read_text())
    machine.say(f"engine: building pulumi {wanted} with Go {shown(version)}: minutes, once for this user (up to 2 GB)")
    with tempfile.TemporaryDirectory(dir=machine.cache) as scratch:
        target = Path(scratch) / f"built-{wanted}"
        if reason := _compile(machine, go, wanted, target / "pulumi"):
            return f"Go could not build pulumi: {reason}"
        _settle(target, machine.cache / target.name)
    return None


def pinned(go_mod: str) -> str:
    """Returns the version of the CLI in go.mod, such as `3.259.0`."""
    found = re.search(r"github\.com/pulumi/pulumi/pkg/v3 v(\S+)", go_mod)
    if found is None:
        raise ValueError("engine/go.mod does not name github.com/pulumi/pulumi/pkg/v3")
    return found[1]


@dataclass
class Progress:
    """The output of `go build -v`: a line for each downloaded module and compiled package, and other `lines`."""

    modules: int = 0
    packages: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Counts a module or package; keeps any other line, which is an error."""
        if line.startswith("go: downloading "):
            self.modules += 1
        elif re.fullmatch(r"[\w./~-]+", line):
            self.packages += 1
        elif line and not line.startswith("#"):
            self.lines.append(line)

    def __str__(self) -> str:
        return f"{self.modules} modules fetched, {self.packages} packages compiled"


def _compile(machine: Machine, go: Path, version: str, output: Path) -> str | None:
    """Returns the reason if it fails, else None."""
    flags = ["-v", "-mod=readonly", "-trimpath", "-ldflags", f"-s -w -X {STAMP}={version}"]
    child = subprocess.Popen(
        [go, "build", *flags, "-o", output, PACKAGE],
        cwd=SOURCE,
        env={**machine.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            return _followed(machine, child)
        finally:
            child.kill()


def _followed(machine: Machine, child: subprocess.Popen[str]) -> str | None:
    progress, begun = Progress(), machine.now()
    reader = threading.Thread(target=_read, args=(child, progress), daemon=True)
    reader.start()
    seen, since = str(progress), begun
    while reader.is_alive():
        reader.join(EVERY)
        elapsed = machine.now() - begun
        machine.say(f"engine: {elapsed // 60:.0f}:{elapsed % 60:02.0f}, {progress}")
        if str(progress) != seen:
            seen, since = str(progress), machine.now()
        elif machine.now() - since > PATIENCE:
            return f"nothing happened for {PATIENCE:.0f} s"
    return None if child.wait() == 0 else (progress.lines or ["it did not say why"])[-1]


def _read(child: subprocess.Popen[str], progress: Progress) -> None:
    assert child.stderr is not None
    for line in child.stderr:
        progress.add(line.strip())


def _settle(made: Path, target: Path) -> None:
    """Renames a finished folder to its target, unless another run has created the target."""
    try:
        made.rename(target)
    except OSError:
        if not target.exists():
            raise


def _digest(folder: Path) -> str:
    content = b"\0".join(path.name.encode() + b"\0" + path.read_bytes() for path in sorted(folder.iterdir()))
    return sha256(content).hexdigest()[:12]
