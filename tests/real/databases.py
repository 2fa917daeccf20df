"""Selects the database that runs on this machine: MySQL 8.0.15 if its library is found, else MariaDB."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.real.debian import unpacked
from tests.real.installation import Installation, Lacking
from tests.real.mariadb import PACKAGES, MariaDb
from tests.real.mysql import MySql, Server

LIBAIO = ("libaio1", "libaio1t64")
"""Debian's packages of the library, oldest first; the newer one has another name."""


def database_server(installation: Installation, wanted: str | None = None) -> Server:
    """Returns the `wanted` database, or the first that can run. Raises Lacking."""
    wanting = []
    for choose in [SERVERS[wanted]] if wanted else SERVERS.values():
        server = choose(installation)
        if not isinstance(server, str):
            return server
        wanting.append(server)
    raise Lacking("; ".join(wanting))


def mysql_server(installation: Installation) -> Server | str:
    """Returns MySQL 8.0.15, or the reason why it cannot run."""
    if not installation.mysql.exists():
        return "MySQL 8.0.15 is for Linux on x86-64"
    if not (installation.mysql / "lib" / "plugin" / "polardb.so").exists():
        return "a C compiler was not found for MySQL's polardb_version (Debian: gcc, then empty the cache folder)"
    if _loads("libaio.so.1"):
        return MySql(installation.mysql, None)
    for package in LIBAIO:
        if files := unpacked([package], installation.folder / package):
            return MySql(installation.mysql, _libraries(files))
    return "MySQL 8.0.15 needs libaio.so.1 (Debian: libaio1)"


def mariadb_server(installation: Installation) -> Server | str:
    """Returns MariaDB as installed or as packaged, or the reason why it cannot run."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    program, install_db = shutil.which("mariadbd", path=path), shutil.which("mariadb-install-db")
    if program and install_db:
        return MariaDb(Path(program), Path(install_db), Path(program).parents[1], None)
    for libaio in LIBAIO:
        if files := unpacked([*PACKAGES, libaio], installation.folder / f"mariadb-{libaio}"):
            programs = files / "usr/sbin/mariadbd", files / "usr/bin/mariadb-install-db"
            return MariaDb(*programs, files / "usr", _libraries(files))
    return "MariaDB was not found (Debian: mariadb-server-core, mariadb-client-core)"


SERVERS: Mapping[str, Callable[[Installation], Server | str]] = {"mysql": mysql_server, "mariadb": mariadb_server}


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _libraries(files: Path) -> Path:
    """Returns the folder of the unpacked libraries, in which libaio has the name that both servers load."""
    found = sorted(files.rglob("libaio.so.1*"))[0]
    link = found.with_name("libaio.so.1")
    if not link.exists():
        link.symlink_to(found.name)
    return link.parent
