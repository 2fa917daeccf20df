"""From a statement's first words to what carries it out. A statement that is not listed is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandbox.polardb import account_statements, procedures, queries, schema
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.reader import Reader, statements
from sandbox.polardb.session import Answer, Done, Rows, Session
from sandbox.polardb.show import describe, show

_KNOWN = (
    "ALTER", "ANALYZE", "CHECK", "CREATE", "DO", "DROP", "EXECUTE", "FLUSH", "HANDLER", "HELP", "KILL", "LOAD", "LOCK",
    "OPTIMIZE", "PREPARE", "RELEASE", "RENAME", "RESET", "SAVEPOINT", "START", "TABLE", "UNLOCK", "WITH", "XA",
)  # fmt: skip

_BY_MODE = {1048, 1055, 1140, 1264, 1265, 1292, 1364, 1365, 1366, 1406}
"""What MySQL refuses only in some modes, the default's among them."""


def execute(session: Session, sql: str, *, several: bool = True) -> Iterator[tuple[Answer, bool]]:
    """Runs what the client sent: each answer, and whether more follow. Raises SqlError; `several` allows scripts."""
    pieces = statements(sql, ansi_quotes=session.variables.ansi_quotes)
    if not pieces:
        # A comment alone is fine: clients send version comments that are not for us.
        if not sql.strip(" \t\r\n;"):
            raise refusal(1065)
        yield Done(), False
    if len(pieces) > 1 and not several:
        raise pieces[1].error()
    for at, piece in enumerate(pieces):
        answers = _answers(session, piece)
        for number, answer in enumerate(answers, 1):
            yield answer, number < len(answers) or at + 1 < len(pieces)


def _answers(session: Session, reader: Reader) -> list[Answer]:
    session.begin_statement()
    if not reader.peek("SHOW", "WARNINGS"):
        session.warnings = []
    try:
        answers = procedures.call(session, reader) if reader.accept("CALL") else [_answer(session, reader)]
    except SqlError as refused:
        adjusted = refused.code in _BY_MODE and not session.variables.strict
        error = unsupported("what sql_mode changes") if adjusted else refused
        session.warnings.append(("Error", error.code, error.message))
        session.row_count = -1
        raise error from None
    session.row_count = -1 if isinstance(answers[-1], Rows) else answers[-1].affected
    return answers


def _answer(session: Session, reader: Reader) -> Answer:
    for word, handler in _HANDLERS.items():
        if reader.accept(*word.split()):
            return handler(session, reader, word)
    found = next((known for known in _KNOWN if reader.peek(known)), "(" if reader.peek("(") else None)
    raise unsupported(f"{found} …") if found else reader.error()


def _transaction(session: Session, reader: Reader, word: str) -> Answer:
    """BEGIN, START TRANSACTION, COMMIT, ROLLBACK."""
    if any(reader.peek(more) for more in ("TO", "WITH", "READ", "AND")):
        raise unsupported(f"{word} {reader.rest}")
    reader.accept("WORK")
    reader.end()
    session.transaction.end("ROLLBACK" if word == "ROLLBACK" else "COMMIT")
    session.transaction.explicit = word in ("BEGIN", "START TRANSACTION")
    return Done()


def _use(session: Session, reader: Reader, _word: str) -> Answer:
    name = reader.name()
    reader.end()
    session.use(name)
    return Done()


def _flush(session: Session, reader: Reader, _word: str) -> Answer:
    reader.end()
    session.require("RELOAD")
    return Done()


def _set(session: Session, reader: Reader, _word: str) -> Answer:
    """SET a = 1, @@session.b = 'x', NAMES utf8mb4."""
    while True:
        if reader.accept("NAMES"):
            if reader.take().lower() != "utf8mb4" or reader.peek("COLLATE"):
                raise unsupported("SET NAMES of another character set or collation")
        else:
            _assign(session, reader)
        if not reader.accept(","):
            break
    reader.end()
    return Done()


def _assign(session: Session, reader: Reader) -> None:
    reader.accept("@@")
    scope = reader.accept_any("SESSION", "LOCAL", "GLOBAL", "PERSIST", "TRANSACTION", "@")
    if scope not in (None, "SESSION", "LOCAL") or reader.peek("TRANSACTION"):
        raise unsupported(f"SET {scope}")
    reader.accept(".")
    name = reader.name().lower()
    if not reader.accept("="):
        raise reader.error()
    value = reader.take()
    if not reader.done and not reader.peek(","):
        raise unsupported(f"SET {name} to an expression")
    session.variables.set(name, value)
    if name == "autocommit":
        session.transaction.autocommit = bool(session.variables.value(name))
        if session.transaction.autocommit:
            session.transaction.end("COMMIT")
    session.transaction.patience = session.variables.value("innodb_lock_wait_timeout")


_HANDLERS: dict[str, Callable[[Session, Reader, str], Answer]] = {
    "SELECT": queries.select, **dict.fromkeys(("INSERT", "REPLACE", "UPDATE", "DELETE"), queries.change),
    "SHOW SEARCH VIEW STATUS": procedures.show_views,
    "CREATE SEARCH VIEW": procedures.create_view, "DROP SEARCH VIEW": procedures.drop_view, "SHOW": show,
    **dict.fromkeys(("DESCRIBE", "DESC", "EXPLAIN"), describe), "SET": _set, "USE": _use,
    **dict.fromkeys(("BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK"), _transaction),
    **dict.fromkeys(("CREATE DATABASE", "CREATE SCHEMA"), schema.create_database), "CREATE TABLE": schema.create_table,
    **dict.fromkeys(("DROP DATABASE", "DROP SCHEMA"), schema.drop_database), "DROP TABLE": schema.drop_table,
    "ALTER TABLE": schema.alter_table, "RENAME TABLE": schema.rename_table, "TRUNCATE": schema.truncate,
    **dict.fromkeys(("CREATE USER", "DROP USER"), account_statements.user),
    **dict.fromkeys(("GRANT", "REVOKE"), account_statements.grant), "FLUSH PRIVILEGES": _flush,
}  # fmt: skip
