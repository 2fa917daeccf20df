"""Who may do what: accounts and privileges, global, by database and by table, as MySQL keeps them.

Both digests of a password are kept, because the two ways to prove it (mysql_native_password and the fast path of
caching_sha2_password) need different ones. The password itself is not.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.polardb.errors import refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS _users(
    user TEXT, host TEXT, plugin TEXT, native BLOB, sha2 BLOB, PRIMARY KEY(user, host)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _grants(
    user TEXT, host TEXT, schema TEXT, object TEXT, kind TEXT, privilege TEXT, grantable INTEGER,
    PRIMARY KEY(user, host, schema, object, kind, privilege)) WITHOUT ROWID;
"""
NATIVE, SHA2 = "mysql_native_password", "caching_sha2_password"
TABLE_PRIVILEGES = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER", "CREATE VIEW",
    "SHOW VIEW", "TRIGGER",
)  # fmt: skip
SCHEMA_PRIVILEGES = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER",
    "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE",
    "ALTER ROUTINE", "EVENT", "TRIGGER",
)  # fmt: skip
GLOBAL_PRIVILEGES = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "SHUTDOWN", "PROCESS", "FILE", "REFERENCES",
    "INDEX", "ALTER", "SHOW DATABASES", "SUPER", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE",
    "REPLICATION SLAVE", "REPLICATION CLIENT", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE",
    "CREATE USER", "EVENT", "TRIGGER", "CREATE TABLESPACE", "CREATE ROLE", "DROP ROLE",
)  # fmt: skip
ROUTINE_PRIVILEGES = ("EXECUTE", "ALTER ROUTINE")


@dataclass(frozen=True)
class Account:
    """One `'user'@'host'`."""

    user: str
    host: str = "%"

    def __str__(self) -> str:
        return f"`{self.user}`@`{self.host}`"


@dataclass(frozen=True)
class Grant:
    """A privilege at a level.

    `schema` empty is global, `object` empty is the whole database; `kind` TABLE or PROCEDURE.
    """

    schema: str
    object: str
    kind: str
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class Proof:
    """What the server keeps of a password; both empty for no password."""

    plugin: str
    native: bytes
    sha2: bytes


def proof_of(password: str, plugin: str = SHA2) -> Proof:
    """The digests kept of a password."""
    if not password:
        return Proof(plugin, b"", b"")
    text = password.encode()
    native = hashlib.sha1(hashlib.sha1(text).digest()).digest()
    return Proof(plugin, native, hashlib.sha256(hashlib.sha256(text).digest()).digest())


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

    def exists(self, account: Account) -> bool:
        return self.proof(account) is not None

    def proof(self, account: Account) -> Proof | None:
        row = self._connection.execute(
            "SELECT plugin, native, sha2 FROM _users WHERE user = ? AND host = ?", (account.user, account.host)
        ).fetchone()
        return Proof(*row) if row else None

    def save(self, account: Account, proof: Proof) -> None:
        """Creates the account or changes its password."""
        values = (account.user, account.host, proof.plugin, proof.native, proof.sha2)
        self._connection.execute("INSERT OR REPLACE INTO _users VALUES (?, ?, ?, ?, ?)", values)

    def remove(self, account: Account) -> None:
        for table in ("_users", "_grants"):
            self._connection.execute(f"DELETE FROM {table} WHERE user = ? AND host = ?", (account.user, account.host))

    def grant(self, account: Account, grants: Iterable[Grant]) -> None:
        for one in grants:
            values = (account.user, account.host, one.schema, one.object, one.kind, one.privilege, one.grantable)
            self._connection.execute("INSERT OR REPLACE INTO _grants VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def revoke(self, account: Account, grants: Iterable[Grant]) -> None:
        """Raises 1141 when there is no grant at that level."""
        removed = 0
        for one in grants:
            removed += self._connection.execute(
                "DELETE FROM _grants WHERE (user, host, schema, object, kind, privilege) = (?, ?, ?, ?, ?, ?)",
                (account.user, account.host, one.schema, one.object, one.kind, one.privilege),
            ).rowcount
        if not removed:
            raise refusal(1141, account.user, account.host)

    def grants(self, account: Account) -> list[Grant]:
        """All of an account, widest level first."""
        rows = self._connection.execute(
            "SELECT schema, object, kind, privilege, grantable FROM _grants WHERE user = ? AND host = ?"
            " ORDER BY schema, object, kind, privilege",
            (account.user, account.host),
        ).fetchall()
        return [
            Grant(schema, name, kind, privilege, bool(grantable)) for schema, name, kind, privilege, grantable in rows
        ]

    def accounts(self) -> list[Account]:
        rows = self._connection.execute("SELECT user, host FROM _users ORDER BY user, host").fetchall()
        return [Account(user, host) for user, host in rows]


def allows(grants: Iterable[Grant], privilege: str, schema: str = "", name: str = "", kind: str = "TABLE") -> bool:
    """Whether `grants` give `privilege` there; a wider level covers the narrower ones."""
    return any(
        one.privilege == privilege
        and (not one.schema or _fits_schema(one.schema, schema))
        and (not one.object or (one.object == name and one.kind == kind))
        for one in grants
    )


def any_within(grants: Iterable[Grant], schema: str, name: str = "") -> bool:
    """Whether there is any privilege on the database, or on anything in it (`name`: on that table)."""
    return any(
        (not one.schema and one.privilege in TABLE_PRIVILEGES)
        or (bool(one.schema) and _fits_schema(one.schema, schema) and (not name or one.object in ("", name)))
        for one in grants
    )


def _fits_schema(wanted: str, schema: str) -> bool:
    if "%" not in wanted and "_" not in wanted:
        return wanted == schema
    parts = re.split(r"(\\.|%|_)", wanted)
    expression = "".join({"%": ".*", "_": "."}.get(part, re.escape(part.removeprefix("\\"))) for part in parts)
    return bool(re.fullmatch(expression, schema))


def _fits(host: str, peer: str) -> bool:
    names = {peer, "localhost"} if peer in ("127.0.0.1", "::1") else {peer}
    return any(_fits_schema(host, name) for name in names)
