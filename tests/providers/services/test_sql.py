"""SQL: one short connection for each call, retries only where nothing was executed, errors in one line."""

from __future__ import annotations

import socket

import pytest

from providers.kit import Clock, Refused, SqlError
from providers.services import as_text, quote
from providers.services.sql import Database
from sandbox.polardb import serve

USER, PASSWORD = "polardb_user", "secret-of-polardb"


@pytest.fixture
def open_at(clock):
    """Returns a client of the database on a port."""
    return lambda port, tls=None, password=PASSWORD: Database.connect(
        "127.0.0.1", port, USER, password, tls, clock=clock
    )


@pytest.fixture
def database(polardb, open_at):
    return open_at(polardb.port)


def test_rows_are_keyed_by_column_name(database):
    assert database.query("SELECT 1 AS a, %s AS b", ["x'y"]) == [{"a": 1, "b": "x'y"}]


def test_percent_signs_in_a_statement_are_literal(database):
    assert database.query("SELECT %s AS `50%`, '%d' AS b", ["a"]) == [{"50%": "a", "b": "%d"}]


def test_a_call_returns_its_rows(database):
    assert database.query("CALL dbms_etl.show_sync_link()") == []


def test_variables_returns_the_existing_ones(database):
    shown = database.variables("polardb_version", "log_bin", "no_such_variable")
    assert shown == {"polardb_version": "8.0.1.1.52", "log_bin": "ON"}


def test_an_error_is_one_line_with_a_shortened_statement(database):
    statement = f"SELECT\n  *\n  FROM nowhere.t WHERE {' AND '.join(['a = 1'] * 50)}"
    with pytest.raises(SqlError) as raised:
        database.query(statement)
    assert str(raised.value).startswith("SELECT * FROM nowhere.t WHERE a = 1 AND ")
    assert "…: " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_wrong_password_is_not_retried(polardb, open_at, fake_clock):
    with pytest.raises(SqlError, match=r"^connect to 127.0.0.1:\d+: Access denied .*\(1045\); check `database_user`"):
        open_at(polardb.port, password="wrong").query("SELECT 1")
    assert fake_clock.slept == []


def test_a_password_may_contain_any_character(database, polardb, clock):
    password = "p@ss'w\"ö\\r$d`%s{}#: 密"
    database.query("CREATE USER 'special'@'%%' IDENTIFIED BY %s", [password])
    special = Database.connect("127.0.0.1", polardb.port, "special", password, None, clock=clock)
    assert special.query("SELECT 1 AS a") == [{"a": 1}]


def test_a_refused_connection_is_retried_with_doubling_pauses(open_at, fake_clock):
    with pytest.raises(SqlError, match=r"\(2003\); check `database_host` and `database_port`"):
        open_at(1).query("SELECT 1")
    assert fake_clock.slept == [0.5, 1, 2]


def test_a_port_without_a_greeting_is_not_a_database(clock, fake_clock):
    """A web server waits for the client to speak, as PyMySQL waits for the server."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = Database(clock=clock, host="127.0.0.1", port=port, user=USER, connect_timeout=0.1, read_timeout=600)
        with pytest.raises(SqlError, match=r"no greeting .*\(2012\); is this really PolarDB\? check `database_host`"):
            client.query("SELECT 1")
    assert fake_clock.slept == []


def test_a_server_that_starts_meanwhile_is_reached(start_polardb, open_at):
    """A refused connection, too many connections and a lock are retried."""
    polardb = start_polardb()
    database, servers = polardb.database, []
    port = free_port()
    clock = Clock(now=lambda: 0, sleep=lambda _: servers.append(serve(database, port)))
    try:
        client = Database.connect("127.0.0.1", port, USER, PASSWORD, None, clock=clock)
        assert client.query("SELECT 1 AS a") == [{"a": 1}]
        assert len(servers) == 1
    finally:
        for server in servers:
            server.stop()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.mark.parametrize("tls", ["the CA", None, "false"])
def test_an_encrypted_server_is_reached(polardb, open_at, certificate, tls):
    secured = serve(polardb.database, tls=certificate.context)
    try:
        ca = str(certificate.file) if tls == "the CA" else tls
        assert open_at(secured.port, tls=ca).query("SELECT 1 AS a") == [{"a": 1}]
    finally:
        secured.stop()


def test_an_untrusted_certificate_is_not_retried(polardb, open_at, certificate, fake_clock):
    secured = serve(polardb.database, tls=certificate.context, log=lambda _: None)
    try:
        with pytest.raises(SqlError, match=r"certificate verify failed.*\(2026\); check `database_tls`"):
            open_at(secured.port, tls="true").query("SELECT 1")
    finally:
        secured.stop()
    assert fake_clock.slept == []


def test_requested_encryption_is_required(polardb, open_at, certificate):
    with pytest.raises(SqlError, match=r"SSL is required but the server doesn't support it \(2026\); check"):
        open_at(polardb.port, tls=str(certificate.file)).query("SELECT 1")


def test_names_are_quoted():
    assert quote("db", "a table") == "`db`.`a table`"


@pytest.mark.parametrize("name", ["", "a`b", "a\0b"])
def test_a_name_that_cannot_be_quoted_is_refused(name):
    with pytest.raises(Refused, match="is no name for a database object; use letters, digits and _"):
        quote("db", name)


def test_bytes_of_information_schema_become_text():
    assert (as_text(b"int(11)"), as_text("int"), as_text(5)) == ("int(11)", "int", "5")
