"""CREATE USER, ALTER USER, DROP USER, GRANT, REVOKE and SHOW GRANTS."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.polardb.accounts import (
    GLOBAL_PRIVILEGES,
    NATIVE,
    SHA2,
    Account,
    Grant,
    Level,
    allows,
    grant_lines,
    proof_of,
)  # fmt: skip
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.reader import Reader
from sandbox.polardb.session import Answer, Done, Session, listing


def _account(reader: Reader) -> Account:
    user = reader.take()
    return Account(user, reader.take().lower() if reader.accept("@") else "%")


def save_user(session: Session, reader: Reader, word: str) -> Answer:
    """CREATE USER a IDENTIFIED [WITH plugin] BY 'password', and ALTER USER."""
    session.require("CREATE USER")
    account = _account(reader)
    identified = reader.accept("IDENTIFIED")
    plugin = reader.take() if identified and reader.accept("WITH") else SHA2
    password = reader.string() if identified and reader.accept("BY") else ""
    reader.end()
    if plugin not in (NATIVE, SHA2):
        raise unsupported(f"the plugin {plugin}")
    if (session.accounts.proof(account) is None) != (word == "CREATE USER"):
        raise refusal(1396, word, account.user, account.host)
    with session.transaction.definition():
        session.accounts.save(account, proof_of(password, plugin))
    return Done()


def drop_user(session: Session, reader: Reader, word: str) -> Answer:
    """DROP USER a."""
    session.require("CREATE USER")
    account = _account(reader)
    reader.end()
    if session.accounts.proof(account) is None:
        raise refusal(1396, word, account.user, account.host)
    with session.transaction.definition():
        session.accounts.remove(account)
    return Done()


def grant(session: Session, reader: Reader, word: str) -> Answer:
    """GRANT privileges ON level TO account [WITH GRANT OPTION], and REVOKE … FROM."""
    privileges = [_privilege(reader)]
    while reader.accept(","):
        privileges.append(_privilege(reader))
    level = _level(reader, session)
    reader.expect("TO" if word == "GRANT" else "FROM")
    account = _account(reader)
    grantable = word == "GRANT" and reader.accept("WITH", "GRANT", "OPTION")
    reader.end()
    grants = [Grant(level, one, grantable) for name in privileges for one in (level.allowed if name == "ALL" else [name])]
    _check(session, level, grants)
    with session.transaction.definition():
        if word == "REVOKE":
            session.accounts.revoke(account, grants)
        elif session.accounts.proof(account) is None:
            raise refusal(1410)
        else:
            session.accounts.grant(account, grants)
    return Done()


def _privilege(reader: Reader) -> str:
    found = reader.accept_any("ALL PRIVILEGES", "ALL", "USAGE", *sorted(GLOBAL_PRIVILEGES, key=len, reverse=True))
    if found is None:
        raise reader.error()
    if reader.peek("("):
        raise unsupported("privileges on columns")
    return found.removesuffix(" PRIVILEGES")


def _level(reader: Reader, session: Session) -> Level:
    reader.expect("ON")
    kind = "PROCEDURE" if reader.accept("PROCEDURE") else "TABLE"
    if reader.accept("*", ".", "*"):
        return Level()
    schema = reader.name().lower()
    if kind == "TABLE" and ("%" in schema or "\\" in schema):
        raise unsupported("patterns in GRANT")
    if not reader.accept("."):
        return Level(session.current(), schema, kind)
    return Level(schema, "" if reader.accept("*") else reader.name().lower(), kind)


def _check(session: Session, level: Level, grants: Sequence[Grant]) -> None:
    own = [one for one in session.grants() if one.grantable]
    for one in grants:
        if one.privilege not in ("USAGE", *level.allowed):
            raise unsupported(f"{one.privilege} ON {level}")
        if one.privilege != "USAGE" and not allows(own, one.privilege, level):
            raise session.denied("GRANT", level)
    if level.kind == "PROCEDURE" and level.schema != "dbms_etl":
        raise refusal(1305, "PROCEDURE", f"{level.schema}.{level.name}")
    if level.name and level.kind == "TABLE" and not session.may("CREATE", level):
        session.catalog.table(level.schema, level.name)


def show_grants(session: Session, reader: Reader) -> Answer:
    """SHOW GRANTS [FOR account]."""
    account = _account(reader) if reader.accept("FOR") else session.account
    reader.end()
    if account != session.account:
        session.require("SELECT", Level("mysql"))
    if session.accounts.proof(account) is None:
        raise refusal(1141, account.user, account.host)
    lines = grant_lines(account, session.accounts.grants(account))
    return listing([f"Grants for {account.user}@{account.host}"], [[line] for line in lines])
