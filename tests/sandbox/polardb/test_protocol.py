"""MySQL's protocol itself: what clients do besides asking one question at a time."""

import shutil
import socket
import ssl
import struct
import subprocess
import threading

import pymysql
import pytest
from pymysql.constants import CLIENT, COMMAND

from sandbox.polardb import serve
from sandbox.polardb.links import Links


def test_says_hello_as_a_mysql_8(server):
    client = server.connect()
    assert client.get_server_info() == "8.0.13"
    assert client.get_autocommit()
    client.ping(reconnect=False)


def test_a_script_runs_only_for_a_client_that_said_so(server):
    client = server.connect(client_flag=CLIENT.MULTI_STATEMENTS)
    with client.cursor() as cursor:
        cursor.execute("SELECT 1; SET autocommit = 1; SELECT 2")
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    assert [list(rows) for rows in found] == [[(1,)], [], [(2,)]]
    with pytest.raises(pymysql.ProgrammingError, match=r"near 'SELECT 2'"):
        server.run("SELECT 1; SELECT 2")


def test_an_error_in_a_script_comes_after_what_worked(server):
    client = server.connect(client_flag=CLIENT.MULTI_STATEMENTS)
    with client.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT nope; SELECT 2")
        assert cursor.fetchall() == ((1,),)
        with pytest.raises(pymysql.MySQLError, match="Unknown column"):
            cursor.nextset()
    assert server.run("SELECT 3", client) == [(3,)]


def test_prepared_statements_are_answered_1047(server):
    client = server.connect()
    client._execute_command(COMMAND.COM_STMT_PREPARE, "SELECT ?")
    with pytest.raises(pymysql.OperationalError) as error:
        client._read_query_result()
    assert error.value.args == (1047, "Unknown command")


def test_changing_the_database_works_by_command_and_by_use(server, shop):
    client = server.connect()
    client.select_db("shop")
    assert server.run("SELECT DATABASE()", client) == [("shop",)]
    with pytest.raises(pymysql.OperationalError, match="Unknown database"):
        client.select_db("nope")


class Broken(Links):
    """An AutoETL with a bug."""

    def every(self, connection):
        raise ZeroDivisionError(f"a bug in {connection}")


def test_a_bug_is_answered_and_logged_and_the_connection_lives_on(server):
    client = server.connect()
    server.database.links = Broken()
    with pytest.raises(pymysql.OperationalError) as error:
        server.run("CALL dbms_etl.show_sync_link()", client)
    assert error.value.args == (1105, "ZeroDivisionError (in the sandbox)")
    assert server.run("SELECT 1", client) == [(1,)]
    assert "ZeroDivisionError: a bug in" in server.bugs.pop()


def test_values_longer_than_a_packet_come_back_whole(server, run):
    text = "a" * (16 * 1024 * 1024 + 5)
    run("CREATE TABLE long_one(id INT PRIMARY KEY, v LONGTEXT)")
    run(f"INSERT INTO long_one VALUES (1, '{text}')")
    assert run("SELECT v FROM long_one") == [(text,)]


def test_errors_carry_their_sqlstate(server):
    client = server.connect()
    with pytest.raises(pymysql.MySQLError):
        server.run("SELECT nope", client)
    wire = socket.create_connection(("127.0.0.1", server.running.port))
    with wire, wire.makefile("rb") as stream:
        size = int.from_bytes(stream.read(4)[:3], "little")
        stream.read(size)
        answer = struct.pack("<IIB23x", CLIENT.PROTOCOL_41 | CLIENT.SECURE_CONNECTION, 1 << 24, 255) + b"x\0\0"
        wire.sendall(struct.pack("<I", len(answer))[:3] + b"\1" + answer)
        packets = [stream.read(int.from_bytes(stream.read(4)[:3], "little")) for _ in range(1)]
        if packets[0][:1] == b"\xfe":
            wire.sendall(b"\0\0\0\3")
            packets.append(stream.read(int.from_bytes(stream.read(4)[:3], "little")))
    assert packets[-1][:3] == b"\xff" + struct.pack("<H", 1045)
    assert packets[-1][3:9] == b"#28000"


@pytest.mark.parametrize(
    "noise", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\1", b"\5\0\0\1aaaaa", b"\x20\0\0\1" + bytes(32)]
)
def test_whatever_else_knocks_does_no_harm(server, noise):
    with socket.create_connection(("127.0.0.1", server.running.port)) as wire:
        wire.sendall(noise)
        wire.shutdown(socket.SHUT_WR)
        while wire.recv(4096):
            continue
    assert server.run("SELECT 1") == [(1,)]


def test_resetting_a_connection_forgets_what_was_set_and_open(server, shop):
    client = server.connect(database="shop", autocommit=False)
    server.run("SET wait_timeout = 7", client)
    server.run("DELETE FROM fruit", client)
    client._execute_command(0x1F, b"")  # COM_RESET_CONNECTION
    client._read_ok_packet()
    assert server.run("SELECT @@wait_timeout, @@autocommit, DATABASE(), COUNT(*) FROM fruit", client) == [
        (28800, 1, "shop", 3)
    ]


def test_speaks_tls_to_a_client_that_asks_for_it(make_server, tmp_path):
    if _missing("openssl"):
        pytest.skip("no openssl on this machine to make a certificate with")
    server = make_server()
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secured = serve(server.database, tls=context, log=server.bugs.append)
    client = pymysql.connect(
        host="127.0.0.1", port=secured.port, user="polardb_user", password="p'a ss", ssl={"ca": str(certificate)}
    )
    assert isinstance(vars(client)["_sock"], ssl.SSLSocket)
    assert server.run("SELECT 1", client) == [(1,)]
    client.close()
    secured.stop()


def test_many_clients_are_served_at_once(server, shop):
    found = []

    def ask():
        found.append(server.run("SELECT COUNT(*) FROM shop.fruit"))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[(3,)]] * 20


def test_stopping_hangs_up_and_frees_the_port(make_server):
    server = make_server()
    client = server.connect()
    server.running.stop()
    with pytest.raises(pymysql.MySQLError):
        client.ping(reconnect=False)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", server.running.port))


def test_ansi_quotes_turn_double_quoted_arguments_into_columns(server):
    client = server.connect()
    server.run("SET sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'", client)
    with pytest.raises(pymysql.OperationalError, match="Unknown column 'search' in 'field list'"):
        server.run('CALL dbms_etl.sync_by_map("search", "", "", "", "")', client)
    with pytest.raises(pymysql.OperationalError, match="Unsupported sync target"):
        server.run("CALL dbms_etl.sync_by_map('find', '', '', '', '')", client)


def test_the_mysql_command_line_client_gets_along(server, shop, tmp_path):
    program = next((name for name in ("mysql", "mariadb") if not _missing(name)), None)
    if program is None:
        pytest.skip("no mysql or mariadb client on this machine")
    done = subprocess.run(
        [
            program,
            "-h127.0.0.1",
            f"-P{server.running.port}",
            "-upolardb_user",
            "-pp'a ss",
            "shop",
            "-e",
            "SELECT id FROM fruit",
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.split() == ["id", "1", "2", "3"]


def _missing(name):
    return shutil.which(name) is None
