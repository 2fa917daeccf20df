"""From a statement's first words to what carries it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sandbox.polardb import account_statements, data_statements, procedures, schema_statements, search_views, show
from sandbox.polardb.errors import SqlError, refusal, unsupported
from sandbox.polardb.lexer import Reader, statements, without_version_comments
from sandbox.polardb.session import Answer, Done, Rows, Session, Warned
from sandbox.polardb.settings_statements import set_variables

Handler = Callable[[Session, Reader], Answer]


def execute(session: Session, sql: str, *, several: bool = True) -> Iterator[tuple[Answer, bool]]:
    """Runs what the client sent: each answer, and whether more follow. Raises SqlError; `several` allows scripts."""
    ansi = "ANSI_QUOTES" in session.variables.modes
    pieces = statements(without_version_comments(sql), ansi_quotes=ansi)
    if not pieces:
        # A comment alone is fine: clients send version comments that are not for us.
        if sql.strip():
            yield Done(), False
            return
        raise refusal(1065)
    if len(pieces) > 1 and not several:
        raise Reader(pieces[1]).error()
    for at, piece in enumerate(pieces):
        answers = _answers(session, piece)
        for number, answer in enumerate(answers):
            yield answer, number + 1 < len(answers) or at + 1 < len(pieces)


def _answers(session: Session, sql: str) -> list[Answer]:
    reader = Reader(sql, ansi_quotes="ANSI_QUOTES" in session.variables.modes)
    if not (reader.peek("SHOW", "WARNINGS") or reader.peek("SHOW", "ERRORS")):
        session.warned = Warned()
    try:
        answers = procedures.call(session, reader) if reader.accept("CALL") else [_answer(session, reader, sql)]
    except SqlError as error:
        session.warned.entries.append(("Error", error.code, error.message))
        session.row_count = -1
        raise
    last = answers[-1]
    session.row_count = -1 if isinstance(last, Rows) else last.affected
    return answers


def _answer(session: Session, reader: Reader, sql: str) -> Answer:
    for words, handler in _HANDLERS:
        if reader.accept(*words.split()):
            return handler(session, reader)
    if any(reader.peek(word) for word in ("SELECT", "WITH", "TABLE", "(")):
        return data_statements.select(session, sql)
    if any(reader.peek(word) for word in ("INSERT", "REPLACE", "UPDATE", "DELETE")):
        return data_statements.change(session, sql)
    word = next((known for known in _KNOWN_TO_MYSQL if reader.peek(known)), None)
    raise unsupported(word) if word else reader.error()


def _begin(session: Session, reader: Reader) -> Answer:
    reader.accept("WORK")
    reader.accept("WITH", "CONSISTENT", "SNAPSHOT")
    reader.accept("READ", "WRITE")
    reader.end()
    session.transaction.begin()
    return Done()


def _commit(session: Session, reader: Reader) -> Answer:
    reader.accept("WORK")
    reader.end()
    session.transaction.commit()
    return Done()


def _rollback(session: Session, reader: Reader) -> Answer:
    reader.accept("WORK")
    if reader.peek("TO"):
        raise unsupported("SAVEPOINT")
    reader.end()
    session.transaction.rollback()
    return Done()


def _use(session: Session, reader: Reader) -> Answer:
    name = reader.name()
    reader.end()
    session.use(name)
    return Done()


def _flush(session: Session, reader: Reader) -> Answer:
    reader.expect("PRIVILEGES")
    reader.end()
    session.require_global("RELOAD")
    return Done()


def _gated(handler: Handler) -> Handler:
    def gated(session: Session, reader: Reader) -> Answer:
        if not session.database.has_search_views():
            reader.at -= 2
            raise reader.error()
        return handler(session, reader)

    return gated


def _analyze(session: Session, reader: Reader) -> Answer:
    name = f"{session.schema}.{reader.rest}" if "." not in reader.rest else reader.rest
    return show.table_of(["Table", "Op", "Msg_type", "Msg_text"], [[name, "analyze", "status", "OK"]])


def _create_unique_index(session: Session, reader: Reader) -> Answer:
    return schema_statements.create_index(session, reader, unique=True)


def _create_index(session: Session, reader: Reader) -> Answer:
    return schema_statements.create_index(session, reader, unique=False)


def _do(session: Session, reader: Reader) -> Answer:
    return data_statements.do(session, reader.sql)


_HANDLERS: tuple[tuple[str, Handler], ...] = (
    ("SHOW SEARCH VIEW STATUS", _gated(search_views.show_status)),
    ("SHOW CREATE SEARCH VIEW", _gated(search_views.show_create)),
    ("CREATE SEARCH VIEW", _gated(search_views.create_search_view)),
    ("DROP SEARCH VIEW", _gated(search_views.drop_search_view)),
    ("SHOW", show.show),
    ("DESCRIBE", show.describe),
    ("DESC", show.describe),
    ("SET", set_variables),
    ("USE", _use),
    ("BEGIN", _begin),
    ("START TRANSACTION", _begin),
    ("COMMIT", _commit),
    ("ROLLBACK", _rollback),
    ("CREATE DATABASE", schema_statements.create_database),
    ("CREATE SCHEMA", schema_statements.create_database),
    ("CREATE TABLE", schema_statements.create_table),
    ("CREATE UNIQUE INDEX", _create_unique_index),
    ("CREATE INDEX", _create_index),
    ("CREATE USER", account_statements.create_user),
    ("ALTER TABLE", schema_statements.alter_table),
    ("ALTER USER", account_statements.alter_user),
    ("DROP DATABASE", schema_statements.drop_database),
    ("DROP SCHEMA", schema_statements.drop_database),
    ("DROP TABLE", schema_statements.drop_table),
    ("DROP INDEX", schema_statements.drop_index),
    ("DROP USER", account_statements.drop_user),
    ("RENAME TABLE", schema_statements.rename_table),
    ("TRUNCATE", schema_statements.truncate),
    ("GRANT", account_statements.grant),
    ("REVOKE", account_statements.revoke),
    ("FLUSH", _flush),
    ("ANALYZE TABLE", _analyze),
    ("DO", _do),
)
_KNOWN_TO_MYSQL = (
    "ALTER", "ANALYZE", "BINLOG", "CHANGE", "CHECK", "CHECKSUM", "CREATE", "DEALLOCATE", "DROP", "EXECUTE", "EXPLAIN",
    "GET", "HANDLER", "HELP", "IMPORT", "INSTALL", "KILL", "LOAD", "LOCK", "OPTIMIZE", "PREPARE", "PURGE", "RELEASE",
    "RENAME", "REPAIR", "RESET", "SAVEPOINT", "SIGNAL", "START", "STOP", "UNLOCK", "XA",
)  # fmt: skip
