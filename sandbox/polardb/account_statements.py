"""CREATE USER, DROP USER, ALTER USER, SET PASSWORD's successor, GRANT, REVOKE and SHOW GRANTS."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sandbox.polardb.accounts import (
    GLOBAL_PRIVILEGES,
    NATIVE,
    ROUTINE_PRIVILEGES,
    SCHEMA_PRIVILEGES,
    SHA2,
    TABLE_PRIVILEGES,
    Account,
    Grant,
    allows,
    proof_of,
)
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.lexer import Reader
from sandbox.polardb.scope import Typed
from sandbox.polardb.session import Answer, Done, Rows, Session
from sandbox.polardb.types import VARCHAR


def _account(reader: Reader, session: Session) -> Account:
    if reader.accept("CURRENT_USER"):
        if reader.accept("("):
            reader.expect(")")
        return session.account
    user = reader.take().value
    host = "%"
    if reader.accept("@"):
        host = reader.take().value
        while reader.accept("."):
            host += "." + reader.take().value
    return Account(user, host.lower())


def create_user(session: Session, reader: Reader) -> Answer:
    """CREATE USER [IF NOT EXISTS] a IDENTIFIED [WITH plugin] BY 'password'."""
    session.require_global("CREATE USER")
    missing_only = reader.accept("IF", "NOT", "EXISTS")
    account = _account(reader, session)
    plugin, password = _identified(reader)
    reader.end()
    if session.accounts.exists(account):
        if not missing_only:
            raise refusal(1396, "CREATE USER", account.user, account.host)
        return Done()
    with session.transaction.definition():
        session.accounts.save(account, proof_of(password, plugin))
    return Done()


def alter_user(session: Session, reader: Reader) -> Answer:
    """ALTER USER a IDENTIFIED BY 'password'."""
    account = _account(reader, session)
    if account != session.account:
        session.require_global("CREATE USER")
    plugin, password = _identified(reader)
    reader.end()
    if not session.accounts.exists(account):
        raise refusal(1396, "ALTER USER", account.user, account.host)
    with session.transaction.definition():
        session.accounts.save(account, proof_of(password, plugin))
    return Done()


def _identified(reader: Reader) -> tuple[str, str]:
    if not reader.accept("IDENTIFIED"):
        return SHA2, ""
    plugin = reader.take().value if reader.accept("WITH") else SHA2
    if plugin not in (NATIVE, SHA2):
        raise refusal(1149, f"Plugin '{plugin}' is not loaded")
    return plugin, reader.string() if reader.accept("BY") else ""


def drop_user(session: Session, reader: Reader) -> Answer:
    """DROP USER [IF EXISTS] a, b."""
    session.require_global("CREATE USER")
    existing_only = reader.accept("IF", "EXISTS")
    names = [_account(reader, session)]
    while reader.accept(","):
        names.append(_account(reader, session))
    reader.end()
    for account in names:
        if not session.accounts.exists(account) and not existing_only:
            raise refusal(1396, "DROP USER", account.user, account.host)
    with session.transaction.definition():
        for account in names:
            session.accounts.remove(account)
    return Done()


def grant(session: Session, reader: Reader) -> Answer:
    """GRANT privileges ON level TO account [WITH GRANT OPTION]."""
    privileges, (schema, name, kind) = _what(reader, session)
    reader.expect("TO")
    account = _account(reader, session)
    grantable = reader.accept("WITH", "GRANT", "OPTION")
    reader.end()
    grants = _expanded(privileges, schema, name, kind, grantable)
    _check_may_grant(session, grants)
    if not session.accounts.exists(account):
        raise refusal(1410)
    _check_object(session, schema, name, kind)
    with session.transaction.definition():
        session.accounts.grant(account, grants)
    return Done()


def revoke(session: Session, reader: Reader) -> Answer:
    """REVOKE privileges ON level FROM account."""
    privileges, (schema, name, kind) = _what(reader, session)
    reader.expect("FROM")
    account = _account(reader, session)
    reader.end()
    grants = _expanded(privileges, schema, name, kind, False)
    _check_may_grant(session, grants)
    with session.transaction.definition():
        session.accounts.revoke(account, grants)
    return Done()


def _what(reader: Reader, session: Session) -> tuple[list[str], tuple[str, str, str]]:
    privileges = [_privilege(reader)]
    while reader.accept(","):
        privileges.append(_privilege(reader))
    reader.expect("ON")
    kind = "PROCEDURE" if reader.accept("PROCEDURE") else "TABLE"
    reader.accept("TABLE")
    return privileges, (*_level(reader, session), kind)


def _privilege(reader: Reader) -> str:
    if reader.accept("ALL"):
        reader.accept("PRIVILEGES")
        return "ALL"
    known = sorted({*GLOBAL_PRIVILEGES, "USAGE", "GRANT OPTION"}, key=len, reverse=True)
    found = next((privilege for privilege in known if reader.accept(*privilege.split())), None)
    if found is None:
        raise reader.error()
    if reader.peek("("):
        raise unsupported("privileges on columns")
    return found


def _level(reader: Reader, session: Session) -> tuple[str, str]:
    if reader.accept("*"):
        if reader.accept("."):
            reader.expect("*")
            return "", ""
        return session.current(), ""
    first = reader.name().lower()
    if not reader.accept("."):
        return session.current(), first
    return (first, "") if reader.accept("*") else (first, reader.name().lower())


def _expanded(privileges: Sequence[str], schema: str, name: str, kind: str, grantable: bool) -> list[Grant]:
    allowed = _allowed(schema, name, kind)
    every = [one for privilege in privileges for one in (allowed if privilege == "ALL" else (privilege,))]
    for privilege in every:
        if privilege not in (*allowed, "USAGE", "GRANT OPTION"):
            raise refusal(1149, "Incorrect usage of DB GRANT and GLOBAL PRIVILEGES")
    return [Grant(schema, name, kind, privilege, grantable) for privilege in every]


def _allowed(schema: str, name: str, kind: str) -> Sequence[str]:
    if kind == "PROCEDURE":
        return ROUTINE_PRIVILEGES
    if not schema:
        return GLOBAL_PRIVILEGES
    return TABLE_PRIVILEGES if name else SCHEMA_PRIVILEGES


def _check_may_grant(session: Session, grants: Sequence[Grant]) -> None:
    own = [one for one in session.grants() if one.grantable]
    for one in grants:
        if one.privilege not in ("USAGE", "GRANT OPTION") and not allows(
            own, one.privilege, one.schema, one.object, one.kind
        ):
            if one.object:
                raise refusal(1142, "GRANT", session.account.user, session.peer, one.object)
            raise refusal(1044, session.account.user, session.account.host, one.schema)


def _check_object(session: Session, schema: str, name: str, kind: str) -> None:
    if name and kind == "TABLE" and not session.may("CREATE", schema, name):
        session.catalog.table(schema, name)
    if kind == "PROCEDURE" and schema != "dbms_etl":
        raise refusal(1305, "PROCEDURE", f"{schema}.{name}")


def show_grants(session: Session, reader: Reader) -> Answer:
    """SHOW GRANTS [FOR account]."""
    account = _account(reader, session) if reader.accept("FOR") else session.account
    reader.end()
    if account != session.account and not session.may("SELECT", "mysql"):
        raise refusal(1044, session.account.user, session.account.host, "mysql")
    if not session.accounts.exists(account):
        raise refusal(1141, account.user, account.host)
    title = f"Grants for {account.user}@{account.host}"
    return Rows(
        [Typed("", VARCHAR, title)], [(line,) for line in grant_lines(account, session.accounts.grants(account))]
    )


def grant_lines(account: Account, grants: Sequence[Grant]) -> list[str]:
    """The statements that would give these grants, as MySQL 8.0 prints them."""
    levels = {("", "", "TABLE"): ["USAGE"]}
    grantable = set()
    for level, group in groupby(grants, key=lambda one: (one.schema, one.object, one.kind)):
        members = list(group)
        names = [one.privilege for one in members if one.privilege not in ("USAGE", "GRANT OPTION")]
        levels[level] = names or ["USAGE"]
        if any(one.grantable or one.privilege == "GRANT OPTION" for one in members):
            grantable.add(level)
    return [_line(account, level, names, level in grantable) for level, names in levels.items()]


def _line(account: Account, level: tuple[str, str, str], names: Sequence[str], grantable: bool) -> str:
    schema, name, kind = level
    order = {privilege: at for at, privilege in enumerate(GLOBAL_PRIVILEGES)}
    listed = ", ".join(sorted(names, key=lambda privilege: order.get(privilege, -1)))
    if schema and set(names) == set(_allowed(schema, name, kind)):
        listed = "ALL PRIVILEGES"
    where = f"{f'`{schema}`' if schema else '*'}.{f'`{name}`' if name else '*'}"
    word = "PROCEDURE " if kind == "PROCEDURE" else ""
    return f"GRANT {listed} ON {word}{where} TO {account}{' WITH GRANT OPTION' if grantable else ''}"
