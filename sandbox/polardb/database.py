"""One PolarDB: a SQLite file, its accounts, and the sessions over it.

`version` and `polardb_version` decide which features exist, as `SELECT @@polardb_version` shows them.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

from sandbox.polardb import accounts, catalog
from sandbox.polardb.accounts import GLOBAL_PRIVILEGES, Account, Accounts, Grant, matches, proof_of
from sandbox.polardb.errors import refusal
from sandbox.polardb.functions import collate
from sandbox.polardb.links import Links, NoLinks
from sandbox.polardb.types import COLLATION
from sandbox.polardb.variables import server_variables

REVISIONS = {"8.0.1.1": (52, 54), "8.0.2.2": (33, 34)}


class Database:
    """`file` is made if it is not there.

    `clock` gives seconds since 1970; sessions are `sandbox.polardb.session.Session`.
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
        self.file = file
        self.version = version
        self.polardb_version = polardb_version
        self.binlog = binlog
        self.list_routines = list_routines
        self.clock = clock
        self.links: Links = links or NoLinks()
        self.writer = threading.Lock()
        self.server_variables = server_variables(version=version, polardb_version=polardb_version, binlog=binlog)
        self.session_ids = count(8)
        # Held open: when the last connection to a file closes, SQLite clears up, and every login would pay for it.
        self._held = self.connect()
        self._held.execute("PRAGMA journal_mode = WAL")
        self._held.executescript(catalog.SCHEMA + accounts.SCHEMA)

    def close(self) -> None:
        """After the last session. Safe to call twice."""
        self._held.close()

    def connect(self) -> sqlite3.Connection:
        """A new connection to the file, for any one thread at a time."""
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.create_collation(COLLATION, collate)
        connection.create_function("my_clock", 0, lambda: int(self.clock() * 1000))
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
            if everything:
                known.grant(account, [Grant("", "", "TABLE", privilege, True) for privilege in GLOBAL_PRIVILEGES])

    def plugin_of(self, user: str, peer: str) -> str | None:
        """How that user proves who they are, or None when there is no such user."""
        with closing(self.connect()) as connection:
            known = Accounts(connection)
            account = known.find(user, peer)
            proof = known.proof(account) if account else None
            return proof.plugin if proof else None

    def authenticate(self, user: str, peer: str, plugin: str, nonce: bytes, answer: bytes) -> Account:
        """The account of a client. Raises 1045."""
        with closing(self.connect()) as connection:
            known = Accounts(connection)
            account = known.find(user, peer)
            proof = known.proof(account) if account else None
        if account is None or proof is None or not matches(proof, plugin, nonce, answer):
            raise refusal(1045, user, peer, "YES" if answer.strip(b"\0") else "NO")
        return account

    def has_procedures(self) -> bool:
        """Whether the revision has `dbms_etl` (8.0.1.1.52, 8.0.2.2.33)."""
        return self._at_least(0)

    def has_search_views(self) -> bool:
        """Whether the revision has CREATE SEARCH VIEW (8.0.1.1.54, 8.0.2.2.34)."""
        return self._at_least(1)

    def _at_least(self, feature: int) -> bool:
        family, _, revision = (self.polardb_version or "").rpartition(".")
        return family in REVISIONS and revision.isdecimal() and int(revision) >= REVISIONS[family][feature]
