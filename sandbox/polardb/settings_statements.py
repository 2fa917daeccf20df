"""SET: variables of the session, NAMES, and the transaction's isolation."""

from __future__ import annotations

from typing import Any

from sandbox.polardb.data_statements import select
from sandbox.polardb.errors import refusal, unsupported
from sandbox.polardb.lexer import Reader
from sandbox.polardb.session import Answer, Done, Rows, Session


def set_variables(session: Session, reader: Reader) -> Answer:
    """SET a = 1, @@session.b = 'x', NAMES utf8mb4."""
    while True:
        _setting(session, reader)
        if not reader.accept(","):
            break
    reader.end()
    return Done()


def _setting(session: Session, reader: Reader) -> None:
    if reader.accept("NAMES") or reader.accept("CHARACTER", "SET") or reader.accept("CHARSET"):
        _names(session, reader)
    elif reader.accept("TRANSACTION") or reader.accept("SESSION", "TRANSACTION"):
        _isolation(reader)
    else:
        _assignment(session, reader)


def _names(session: Session, reader: Reader) -> None:
    charset = reader.take().value.lower()
    if charset not in ("utf8mb4", "utf8", "utf8mb3", "default"):
        raise unsupported(f"SET NAMES {charset}")
    if reader.accept("COLLATE"):
        reader.take()
    for name in ("character_set_client", "character_set_connection", "character_set_results"):
        session.variables.set(name, "utf8mb4" if charset == "default" else charset)


def _isolation(reader: Reader) -> None:
    if reader.accept("READ", "WRITE"):
        return
    reader.expect("ISOLATION", "LEVEL")
    if not reader.accept("READ", "COMMITTED"):
        raise unsupported(f"ISOLATION LEVEL {reader.rest}")


def _assignment(session: Session, reader: Reader) -> None:
    scope = reader.accept_any("SESSION", "LOCAL", "GLOBAL", "PERSIST") or ""
    if reader.accept("@@"):
        scope = reader.accept_any("SESSION", "LOCAL", "GLOBAL", "PERSIST") or ""
        if scope:
            reader.expect(".")
    elif reader.accept("@"):
        raise unsupported("user variables")
    name = reader.name().lower()
    if not (reader.accept("=") or reader.accept(":=")):
        raise reader.error()
    value = _value(session, reader)
    if scope in ("GLOBAL", "PERSIST"):
        session.require_global("SUPER")
        session.variables.get(name, "global")
        raise unsupported(f"SET {scope} {name}")
    _assign(session, name, value)


def _assign(session: Session, name: str, value: Any) -> None:
    if value is _DEFAULT:
        value = session.variables.get(name, "global")
    session.variables.set(name, value)
    if name == "autocommit":
        wanted = session.variables.get("autocommit") == "ON"
        if wanted and not session.transaction.autocommit:
            session.transaction.commit()
        session.transaction.autocommit = wanted


_DEFAULT = object()
_WORDS = {"ON": "ON", "OFF": "OFF", "TRUE": "ON", "FALSE": "OFF"}


def _value(session: Session, reader: Reader) -> Any:
    start, depth = reader.position, 0
    first = reader.at
    while not reader.done and not (depth == 0 and reader.peek(",")):
        depth += {"(": 1, ")": -1}.get(reader.take().text, 0)
    words = reader.words[first : reader.at]
    if not words:
        raise reader.error()
    if len(words) == 1 and words[0].kind == "word" and words[0].text.upper() == "DEFAULT":
        return _DEFAULT
    if len(words) == 1 and words[0].kind == "word" and not words[0].text.isdecimal():
        return _WORDS.get(words[0].text.upper(), None if words[0].text.upper() == "NULL" else words[0].value)
    if len(words) == 1 and words[0].kind == "string":
        return words[0].value
    return _computed(session, reader.sql[start : words[-1].end])


def _computed(session: Session, expression: str) -> Any:
    answer = select(session, f"SELECT {expression}")
    if not isinstance(answer, Rows) or len(answer.columns) != 1 or len(answer.rows) != 1:
        raise refusal(1241, 1)
    return answer.rows[0][0]
