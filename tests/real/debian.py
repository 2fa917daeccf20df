"""Programs and libraries from Debian packages, without installing them: apt downloads and checks, dpkg unpacks."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path


def unpacked(packages: Sequence[str], folder: Path) -> Path | None:
    """Unpacks the packages into `folder` and returns it; None if this machine cannot get them."""
    if folder.exists():
        return folder
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        files, fetched = Path(scratch) / "files", Path(scratch) / "packages"
        fetched.mkdir()
        if not _run(["apt-get", "download", "-qq", *packages], fetched):
            return None
        if not all(_run(["dpkg-deb", "-x", str(package), str(files)], fetched) for package in fetched.glob("*.deb")):
            return None
        _settle(files, folder)
    return folder


def _settle(files: Path, folder: Path) -> None:
    try:
        files.rename(folder)
    except OSError:
        if not folder.exists():  # another run was first
            raise


def _run(command: Sequence[str], here: Path) -> bool:
    return subprocess.run(command, cwd=here, capture_output=True, timeout=300).returncode == 0
