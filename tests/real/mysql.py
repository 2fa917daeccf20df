"""A real MySQL 8.0.15 with a `polardb_version`, or, where that cannot run, a MariaDB without one.

`polardb_version` is a real variable of the MySQL, from a plugin of ours; PolarDB 8.0.2 is built on 8.0.18. MariaDB has
no such variable, which kinds must accept.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pymysql

from sandbox.defaults import DATABASE_PASSWORD, DATABASE_USER
from tests.real.process import Patience, Process, free_port

PROCEDURES = Path(__file__).with_name("dbms_etl.sql")
REVISION = "8.0.2.2.33"

PATIENCE = Patience()

FOLLOWED = (
    "--bind-address=127.0.0.1",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--binlog-row-metadata=FULL",
    "--server-id=1",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--lower-case-table-names=1",
)
"""Options of both servers: row changes with column names in the binlog; no data has to survive a power failure."""


class Server(Protocol):
    """A database program: the commands that create its folder, and that start it on a port."""

    name: str
    environ: Mapping[str, str]

    def initialise(self, data: Path) -> Sequence[str | Path]: ...

    def start(self, data: Path, revision: str | None) -> Sequence[str | Path]: ...


class RealDatabase:
    """Starts when constructed, with its data in `folder`, the sandbox's account, and `dbms_etl`. Raises Broken.

    `revision` is the value of `polardb_version`; None is a plain MySQL.
    """

    def __init__(
        self, server: Server, folder: Path, revision: str | None = REVISION, patience: Patience = PATIENCE
    ) -> None:
        self.name, self.port = server.name, free_port()
        self._socket = folder / "socket"
        data = folder / "data"
        making = Process(server.initialise(data), folder / f"{server.name}-initialise.log", server.environ)
        making.await_end(patience)
        places = {"datadir": data, "port": self.port, "socket": self._socket, "pid-file": folder / "pid"}
        options = [f"--{name}={value}" for name, value in places.items()]
        command = [*server.start(data, revision), *FOLLOWED, *options, *as_root()]
        self._process = Process(command, folder / f"{server.name}.log", server.environ)
        self._process.await_ready(self._answers, patience)
        try:
            self._create_account()
        except BaseException:
            self._process.kill()
            raise

    @property
    def account(self) -> dict[str, Any]:
        """Returns an application's arguments for pymysql."""
        return {"host": "127.0.0.1", "port": self.port, "user": DATABASE_USER, "password": DATABASE_PASSWORD}

    @property
    def root(self) -> dict[str, Any]:
        """Returns an administrator's arguments for pymysql."""
        return {"host": "localhost", "unix_socket": str(self._socket), "user": "root", "charset": "utf8mb4"}

    def stop(self) -> None:
        """Stops it; it cannot be started again."""
        self._process.kill()

    def _answers(self) -> bool:
        with closing(socket.socket()) as probe:  # a failed connection of pymysql leaves its socket open
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _create_account(self) -> None:
        """Creates the account and AutoETL's procedures, without writing them to the binlog."""
        with closing(pymysql.connect(**self.root, autocommit=True)) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE USER {DATABASE_USER}@'%%' IDENTIFIED BY %s", [DATABASE_PASSWORD])
            cursor.execute(f"GRANT ALL ON *.* TO {DATABASE_USER}@'%' WITH GRANT OPTION")
            for statement in PROCEDURES.read_text().split("////"):
                cursor.execute(statement)


def as_root() -> list[str]:
    """Returns the option to run as root, which both servers require."""
    return ["--user=root"] if os.getuid() == 0 else []


class MySql:
    """`folder` is the unpacked server, `libraries` the folder of its libaio."""

    name = "mysql"

    def __init__(self, folder: Path, libraries: Path | None) -> None:
        self._folder = folder
        self.environ: Mapping[str, str] = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}

    def initialise(self, data: Path) -> Sequence[str | Path]:
        small = ["--innodb-log-file-size=8M", "--lower-case-table-names=1"]
        return [*self._program(), "--initialize-insecure", f"--datadir={data}", *small, *as_root()]

    def start(self, data: Path, revision: str | None) -> Sequence[str | Path]:
        plugin = ["--plugin-load-add=polardb=polardb.so", f"--polardb-version={revision}"] if revision else []
        return [*self._program(), *plugin, "--mysqlx=OFF", "--default-authentication-plugin=mysql_native_password"]

    def _program(self) -> list[str | Path]:
        folder = self._folder
        places = [f"--basedir={folder}", f"--lc-messages-dir={folder}/share", f"--plugin-dir={folder}/lib/plugin"]
        return [folder / "bin" / "mysqld", "--no-defaults", *places]
