"""CREATE USER, DROP USER, GRANT, REVOKE and SHOW GRANTS."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.polardb import accounts
from sandbox.polardb.accounts import Account, Grant, Level, allows
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.reader import Reader
from sandbox.polardb.session import Answer, Done, Session, listing


def _account(reader: Reader) -> Account:
    user = reader.take()
    return Account(user, reader.take().lower() if reader.accept("@") else "%")


def user(session: Session, reader: Reader, word: str) -> Answer:
    """CREATE USER a [IDENTIFIED [WITH plugin] BY 'password'], and DROP USER a."""
    session.require("CREATE USER")
    account = _account(reader)
    identified = word == "CREATE USER" and reader.accept("IDENTIFIED")
    plugin = reader.take() if identified and reader.accept("WITH") else accounts.SHA2
    password = reader.string() if identified and reader.accept("BY") else ""
    reader.end()
    if plugin not in (accounts.NATIVE, accounts.SHA2):
        raise unsupported(f"the plugin {plugin}")
    if (session.accounts.proof(account) is None) != (word == "CREATE USER"):
        raise refusal(1396, word, account.user, account.host)
    with session.transaction.definition():
        if word == "CREATE USER":
            session.accounts.save(account, accounts.proof_of(password, plugin))
        else:
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
    every = [one for name in privileges for one in (level.allowed if name == "ALL" else [name])]
    _check(session, level, every)
    grants = [Grant(level, one, grantable) for one in every]
    with session.transaction.definition():
        if word == "REVOKE":
            session.accounts.revoke(account, grants)
        elif session.accounts.proof(account) is None:
            raise refusal(1410)
        else:
            session.accounts.grant(account, grants)
    return Done()


def _privilege(reader: Reader) -> str:
    known = sorted(accounts.GLOBAL_PRIVILEGES, key=len, reverse=True)
    found = reader.accept_any("ALL PRIVILEGES", "ALL", "USAGE", *known)
    if found is None:
        raise refusal(3619, reader.name())
    if reader.peek("("):
        raise unsupported("privileges on columns")
    return found.removesuffix(" PRIVILEGES")


def _level(reader: Reader, session: Session) -> Level:
    reader.expect("ON")
    if reader.accept("*", ".", "*"):
        return Level()
    if reader.peek("PROCEDURE") or reader.peek("FUNCTION"):
        raise unsupported("privileges on one routine")
    schema = reader.name().lower()
    if "%" in schema or "\\" in schema:
        raise unsupported("patterns in GRANT")
    if not reader.accept("."):
        return Level(session.current(), schema)
    return Level(schema, "" if reader.accept("*") else reader.name().lower())


def _check(session: Session, level: Level, privileges: Sequence[str]) -> None:
    own = [one for one in session.grants() if one.grantable]
    for privilege in privileges:
        if privilege not in ("USAGE", *level.allowed):
            raise unsupported(f"{privilege} ON {level}")
        if privilege != "USAGE" and not allows(own, privilege, level):
            raise session.denied("GRANT", level)
    if level.name and "CREATE" not in privileges:
        session.catalog.table(level.schema, level.name)


def show_grants(session: Session, reader: Reader) -> Answer:
    """SHOW GRANTS, of the user who asks."""
    if reader.peek("FOR"):
        raise unsupported("SHOW GRANTS FOR")
    reader.end()
    lines = accounts.grant_lines(session.account, session.grants())
    return listing([f"Grants for {session.account.user}@{session.account.host}"], [[line] for line in lines])
