"""The real servers of a test session: OpenSearch in either profile, the database, and AutoETL's stand-in between."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from tests.real.debian import unpacked
from tests.real.installation import Installation, Lacking, install
from tests.real.mariadb import MARIADB_PACKAGES, MariaDb
from tests.real.mysql import MySql, RealDatabase, Server
from tests.real.opensearch import OpenSearch, Profile
from tests.real.process import Process

ROOT = Path(__file__).parents[2]


class Servers:
    """Each server starts on first use; `close` stops them all and takes their data away.

    Raises Lacking when made, Broken on first use.
    """

    def __init__(self, choose: Callable[[Installation], Server] | None = None) -> None:
        self._installed = install()
        self._database_server = (choose or database_server)(self._installed)
        self._running = ExitStack()
        self._folder = Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="real-")))

    def close(self) -> None:
        self._running.close()

    @cached_property
    def plain(self) -> OpenSearch:
        """Without the security plugin: no accounts, http."""
        return self._search("plain")

    @cached_property
    def secure(self) -> OpenSearch:
        """With basic auth and TLS."""
        return self._search("secure")

    @cached_property
    def database(self) -> RealDatabase:
        folder = self._folder / "database"
        folder.mkdir()
        database = RealDatabase(self._database_server, folder)
        self._running.callback(database.stop)
        return database

    @cached_property
    def autoetl(self) -> Process:
        """Follows `database`, and fills indexes of `secure`."""
        search, log = self.secure, self._folder / "autoetl.log"
        admin = {"username": search.admin.username, "password": search.admin.password}
        settings = {"database": self.database.root, "url": search.url, "ca_file": str(search.ca_file), **admin}
        file = self._folder / "autoetl.json"
        file.write_text(json.dumps(settings))
        process = Process([sys.executable, "-m", "tests.real.autoetl", file], log, {"PYTHONPATH": str(ROOT)})
        self._running.callback(process.kill)
        process.await_ready(lambda: "following" in log.read_text(), 30)
        return process

    def _search(self, profile: Profile) -> OpenSearch:
        search = OpenSearch(self._installed, self._folder / profile, profile)
        self._running.callback(search.stop)
        return search


def database_server(installation: Installation) -> Server:
    """MySQL where it can run, or else MariaDB. Raises Lacking."""
    wanting: list[str] = []
    choices: tuple[Callable[[Installation], Server | str], ...] = (mysql_server, mariadb_server)
    for choice in choices:
        server = choice(installation)
        if not isinstance(server, str):
            return server
        wanting.append(server)
    raise Lacking("; ".join(wanting))


def mysql_server(installation: Installation) -> MySql | str:
    """MySQL 8.0.15, or why not."""
    if not installation.mysql.exists():
        return "MySQL 8.0.15 is for Linux on x86-64"
    if not (installation.mysql / "lib" / "plugin" / "polardb.so").exists():
        return "a C compiler was not found for MySQL's polardb_version (Debian: gcc, then empty the cache folder)"
    if _loads("libaio.so.1"):
        return MySql(installation.mysql, None)
    for package in ("libaio1", "libaio1t64"):
        files = unpacked([package], installation.folder / package)
        if files and (found := next(files.rglob("libaio.so.1*"), None)):
            return MySql(installation.mysql, _named(found, "libaio.so.1"))
    return "MySQL 8.0.15 needs libaio.so.1 (Debian: libaio1)"


def mariadb_server(installation: Installation) -> MariaDb | str:
    """MariaDB as installed or as packaged, or why not."""
    program, install_db = shutil.which("mariadbd", path=_programs()), shutil.which("mariadb-install-db")
    if program and install_db:
        return MariaDb(Path(program), Path(install_db), Path(program).parents[1])
    files = unpacked(MARIADB_PACKAGES, installation.folder / "mariadb")
    if files:
        return MariaDb(files / "usr/sbin/mariadbd", files / "usr/bin/mariadb-install-db", files / "usr")
    return "MariaDB was not found (Debian: mariadb-server-core, mariadb-client-core)"


def _programs() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _named(library: Path, name: str) -> Path:
    """The folder of the library, which has it under this name as well."""
    link = library.parent / name
    if not link.exists():
        link.symlink_to(library.name)
    return link.parent
