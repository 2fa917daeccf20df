"""Who may do what: accounts and privileges, global, by database and by table, as MySQL keeps them.

Both digests of a password are kept, because the two ways to prove it (mysql_native_password and the fast path of
caching_sha2_password) need different ones. The password itself is not.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from sandbox.polardb.errors import refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS _users(
    user TEXT, host TEXT, plugin TEXT, native BLOB, sha2 BLOB, PRIMARY KEY(user, host)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _grants(
    user TEXT, host TEXT, schema TEXT, object TEXT, privilege TEXT, grantable INTEGER,
    PRIMARY KEY(user, host, schema, object, privilege)) WITHOUT ROWID;
"""
NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"
GLOBAL_PRIVILEGES = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "SHUTDOWN", "PROCESS", "FILE", "REFERENCES",
    "INDEX", "ALTER", "SHOW DATABASES", "SUPER", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE",
    "REPLICATION SLAVE", "REPLICATION CLIENT", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE",
    "CREATE USER", "EVENT", "TRIGGER", "CREATE TABLESPACE", "CREATE ROLE", "DROP ROLE",
)  # fmt: skip
_OF_THE_SERVER = ("RELOAD", "SHUTDOWN", "PROCESS", "FILE", "SHOW DATABASES", "SUPER", "REPLICATION SLAVE",
                  "REPLICATION CLIENT", "CREATE USER", "CREATE TABLESPACE", "CREATE ROLE", "DROP ROLE")  # fmt: skip
_OF_A_SCHEMA = ("CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT")
SCHEMA_PRIVILEGES = tuple(one for one in GLOBAL_PRIVILEGES if one not in _OF_THE_SERVER)
TABLE_PRIVILEGES = tuple(one for one in SCHEMA_PRIVILEGES if one not in _OF_A_SCHEMA)


@dataclass(frozen=True)
class Account:
    """One `'user'@'host'`."""

    user: str
    host: str = "%"


@dataclass(frozen=True)
class Level:
    """Where a privilege holds: `schema` empty is everywhere, `name` empty is the whole database."""

    schema: str = ""
    name: str = ""

    @property
    def allowed(self) -> Sequence[str]:
        """What ALL means there."""
        return TABLE_PRIVILEGES if self.name else SCHEMA_PRIVILEGES if self.schema else GLOBAL_PRIVILEGES

    def covers(self, other: Level) -> bool:
        """A wider level covers the narrower ones."""
        return self.schema in ("", other.schema) and self.name in ("", other.name)

    def __str__(self) -> str:
        return ".".join(f"`{part}`" if part else "*" for part in (self.schema, self.name))


@dataclass(frozen=True)
class Grant:
    """A privilege at a level; `grantable` ones may be passed on."""

    level: Level
    privilege: str
    grantable: bool = False


@dataclass(frozen=True)
class Proof:
    """What the server keeps of a password; both digests are empty for no password."""

    plugin: str
    native: bytes = b""
    sha2: bytes = b""


def proof_of(password: str, plugin: str = SHA2) -> Proof:
    """The digests kept of a password."""
    if not password:
        return Proof(plugin)
    sha1, sha256 = hashlib.sha1(password.encode()).digest(), hashlib.sha256(password.encode()).digest()
    return Proof(plugin, hashlib.sha1(sha1).digest(), hashlib.sha256(sha256).digest())


def matches(proof: Proof, plugin: str, nonce: bytes, answer: bytes) -> bool:
    """Whether `answer` proves the password: XOR of its digest with a digest of the nonce and the digest's digest."""
    if not proof.native:
        return not answer.strip(b"\0")
    name, kept = ("sha1", proof.native) if plugin == NATIVE else ("sha256", proof.sha2)
    mask = hashlib.new(name, nonce + kept if plugin == NATIVE else kept + nonce).digest()
    if len(answer) != len(mask):
        return False
    digest = bytes(a ^ b for a, b in zip(answer, mask, strict=True))
    return hashlib.new(name, digest).digest() == kept


class Accounts:
    """The accounts as one SQLite connection sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def find(self, user: str, peer: str) -> Account | None:
        """The account a client from `peer` (an address) is; the most exact host wins."""
        rows = self._connection.execute("SELECT host FROM _users WHERE user = ?", (user,)).fetchall()
        fitting = [host for (host,) in rows if _fits(host, peer)]
        return Account(user, min(fitting, key=lambda host: ("%" in host, -len(host)))) if fitting else None

    def proof(self, account: Account) -> Proof | None:
        """None when there is no such account."""
        sql = "SELECT plugin, native, sha2 FROM _users WHERE user = ? AND host = ?"
        row = self._connection.execute(sql, (account.user, account.host)).fetchone()
        return Proof(*row) if row else None

    def save(self, account: Account, proof: Proof) -> None:
        """Creates the account or changes its password."""
        values = (account.user, account.host, proof.plugin, proof.native, proof.sha2)
        self._connection.execute("INSERT OR REPLACE INTO _users VALUES (?, ?, ?, ?, ?)", values)

    def remove(self, account: Account) -> None:
        for table in ("_users", "_grants"):
            self._connection.execute(f"DELETE FROM {table} WHERE (user, host) = (?, ?)", (account.user, account.host))

    def grant(self, account: Account, grants: Iterable[Grant]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO _grants VALUES (?, ?, ?, ?, ?, ?)",
            [(*_key(account, one), one.grantable) for one in grants],
        )

    def revoke(self, account: Account, grants: Sequence[Grant]) -> None:
        """Raises 1141 when there is no grant at that level."""
        if not {one.level for one in grants} & {one.level for one in self.grants(account)}:
            raise refusal(1141, account.user, account.host)
        sql = "DELETE FROM _grants WHERE (user, host, schema, object, privilege) = (?, ?, ?, ?, ?)"
        self._connection.executemany(sql, [_key(account, one) for one in grants])

    def grants(self, account: Account) -> list[Grant]:
        """All of an account, widest level first."""
        sql = "SELECT schema, object, privilege, grantable FROM _grants WHERE (user, host) = (?, ?)"
        rows = self._connection.execute(f"{sql} ORDER BY schema, object", (account.user, account.host)).fetchall()
        return [Grant(Level(*level), privilege, bool(grantable)) for *level, privilege, grantable in rows]


def _key(account: Account, one: Grant) -> tuple[str, ...]:
    return account.user, account.host, one.level.schema, one.level.name, one.privilege


def allows(grants: Iterable[Grant], privilege: str, level: Level) -> bool:
    """Whether `grants` give `privilege` there."""
    return any(one.privilege == privilege and one.level.covers(level) for one in grants)


def any_within(grants: Iterable[Grant], schema: str, name: str = "") -> bool:
    """Whether there is any privilege on the database, or on anything in it (`name`: on that table)."""
    return any(
        one.privilege in TABLE_PRIVILEGES
        if not one.level.schema
        else one.level.schema == schema and (not name or one.level.name in ("", name))
        for one in grants
    )


def _fits(host: str, peer: str) -> bool:
    wanted = ".*".join(map(re.escape, host.split("%")))
    names = (peer, "localhost") if peer == "127.0.0.1" else (peer,)
    return any(re.fullmatch(wanted, name) for name in names)


def grant_lines(account: Account, grants: Sequence[Grant]) -> list[str]:
    """The statements that would give these grants, as SHOW GRANTS prints them."""
    levels = {Level(): ["USAGE"]}
    grantable = set()
    for level, group in groupby(grants, key=lambda one: one.level):
        members = list(group)
        levels[level] = [one.privilege for one in members if one.privilege != "USAGE"] or ["USAGE"]
        grantable |= {level} if any(one.grantable for one in members) else set()
    return [_line(account, level, names, level in grantable) for level, names in levels.items()]


def _line(account: Account, level: Level, names: Sequence[str], grantable: bool) -> str:
    listed = ", ".join(sorted(names, key=("USAGE", *GLOBAL_PRIVILEGES).index))
    listed = "ALL PRIVILEGES" if level.schema and set(names) == set(level.allowed) else listed
    tail = " WITH GRANT OPTION" if grantable else ""
    return f"GRANT {listed} ON {level} TO `{account.user}`@`{account.host}`{tail}"
