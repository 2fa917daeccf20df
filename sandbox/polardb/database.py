"""One PolarDB: a SQLite file, its accounts, and what every session shares."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

from sandbox.polardb import accounts, catalog, functions
from sandbox.polardb.accounts import GLOBAL_PRIVILEGES, Account, Accounts, Grant, Level, Proof, proof_of
from sandbox.polardb.links import Links
from sandbox.polardb.variables import server_variables

LAYOUT = 3
"""Which tables this program keeps in the file, and how."""
REVISIONS = {"8.0.1.1": (52, 54), "8.0.2.2": (33, 34)}


class Database:
    """`file` is made if it is not there; `clock` gives seconds since 1970.

    `polardb_version` decides which features exist; None is a server that is no PolarDB.
    """

    def __init__(
        self,
        file: Path,
        *,
        version: str = "8.0.13",
        polardb_version: str | None = "8.0.1.1.52",
        binlog: bool = True,
        list_routines: bool = True,
        links: Links | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if sqlite3.sqlite_version_info < (3, 37):
            raise RuntimeError(f"the sandbox needs SQLite 3.37, this Python has {sqlite3.sqlite_version}")
        self.file, self.version, self.polardb_version, self.clock = file, version, polardb_version, clock
        self.binlog, self.list_routines = binlog, list_routines
        self.links = links or Links()
        self.writer = threading.Lock()
        self.server_variables = server_variables(version, polardb_version, binlog)
        self.session_ids = count(8)
        # Held open: when the last connection to a file closes, SQLite clears up, and every login would pay for it.
        self._held = self.connect()
        (layout,) = self._held.execute("PRAGMA application_id").fetchone()
        (objects,) = self._held.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        if objects and layout != LAYOUT:
            self._held.close()
            raise RuntimeError(f"{file} was made by an older sandbox; delete its folder and start again")
        self._held.execute("PRAGMA journal_mode = WAL")
        self._held.execute(f"PRAGMA application_id = {LAYOUT}")
        self._held.executescript(catalog.SCHEMA + accounts.SCHEMA)

    def close(self) -> None:
        """After the last session. Safe to call twice."""
        self._held.close()

    def connect(self) -> sqlite3.Connection:
        """A new connection to the file, for any one thread at a time."""
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.create_function("my_clock", 0, lambda: int(self.clock() * 1000))
        functions.install(connection, lambda call: call)
        return connection

    def now(self) -> str:
        """The time as DATETIME; the server's time zone is UTC."""
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.clock()))

    def add_account(self, user: str, password: str, *, host: str = "%", everything: bool = False) -> None:
        """An account made outside SQL, as the console does; `everything` makes it a privileged one."""
        account = Account(user, host)
        with self.writer, closing(self.connect()) as connection, connection:
            known = Accounts(connection)
            known.save(account, proof_of(password))
            known.grant(account, [Grant(Level(), one, True) for one in GLOBAL_PRIVILEGES if everything])

    def account(self, user: str, peer: str) -> tuple[Account, Proof] | None:
        """Who a client is, and how they prove it; None when there is no such user."""
        with closing(self.connect()) as connection:
            known = Accounts(connection)
            account = known.find(user, peer)
            proof = known.proof(account) if account else None
        return (account, proof) if account and proof else None

    def has(self, feature: str) -> bool:
        """Whether the revision has "procedures" (`dbms_etl`) or "views" (CREATE SEARCH VIEW)."""
        family, _, revision = (self.polardb_version or "").rpartition(".")
        needed = REVISIONS.get(family, (0, 0))[feature == "views"]
        return family in REVISIONS and revision.isdecimal() and int(revision) >= needed
