"""INSERT, REPLACE, UPDATE, DELETE and transactions, over a real socket: what they count, convert, refuse."""

import sqlite3
import threading
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal as D

import pymysql
import pytest

from sandbox.polardb import Database

COUNTS = [
    ("INSERT INTO fruit VALUES (4, 'kiwi', 1, NULL)", 1),
    ("INSERT INTO fruit(name, id) VALUES ('a', 10), ('b', 11)", 2),
    ("INSERT INTO fruit SET id = 5, name = 'plum'", 1),
    ("INSERT INTO fruit(id, name) SELECT id + 10, CONCAT(name, '!') FROM fruit", 3),
    ("INSERT INTO fruit(id, name, price) VALUES (6, 'x', DEFAULT)", 1),
    ("INSERT INTO fruit(id, name) VALUES (2 * 2, UPPER('x'))", 1),
    ("INSERT INTO fruit(id, name) VALUES (1, 'new') ON DUPLICATE KEY UPDATE name = VALUES(name)", 2),
    ("INSERT INTO fruit(id, name) VALUES (1, 'Apple') ON DUPLICATE KEY UPDATE name = VALUES(name)", 0),
    (
        "INSERT INTO fruit(id, name) VALUES (1, 'z'), (9, 'z') ON DUPLICATE KEY UPDATE name = CONCAT(name, 'z')",
        3,
    ),
    ("REPLACE INTO fruit(id, name) VALUES (1, 'new'), (7, 'seven')", 3),
    ("UPDATE fruit SET name = 'Apple' WHERE id = 1", 0),
    ("UPDATE fruit SET name = 'apple' WHERE id = 1", 1),
    ("UPDATE fruit SET price = price * 2", 2),
    ("UPDATE fruit AS f SET f.note = NULL WHERE f.id IN (1, 2)", 2),
    ("UPDATE fruit SET price = DEFAULT WHERE price > 2", 1),
    ("DELETE FROM fruit WHERE id > 1", 2),
    ("DELETE FROM fruit", 3),
]


@pytest.mark.parametrize(("sql", "affected"), COUNTS, ids=[sql[:60] for sql, _ in COUNTS])
def test_counts_rows_as_mysql_does(shop, sql, affected):
    with shop.cursor() as cursor:
        assert cursor.execute(sql) == affected


def test_counts_matched_rows_for_a_client_that_asks(server, shop):
    client = server.connect(client_flag=pymysql.constants.CLIENT.FOUND_ROWS)
    with client.cursor() as cursor:
        assert cursor.execute("UPDATE shop.fruit SET name = 'Apple' WHERE id = 1") == 1


def test_upsert_and_replace_leave_the_right_rows(run):
    run(
        "INSERT INTO fruit(id, name) VALUES (1, 'z'), (9, 'n')"
        " ON DUPLICATE KEY UPDATE name = CONCAT(name, VALUES(name))"
    )
    run("REPLACE INTO fruit(id, name) VALUES (2, 'r')")
    rows = [(1, "Applez", D("1.50")), (2, "r", None), (3, "Fig", None), (9, "n", None)]
    assert run("SELECT id, name, price FROM fruit ORDER BY id") == rows


REFUSED = [
    ("INSERT INTO fruit VALUES (1, 'x', 1, '')", 1062, "Duplicate entry '1' for key 'PRIMARY'"),
    ("INSERT INTO sale(fruit, at) VALUES (2, '2026-01-02')", 1062,
     "Duplicate entry '2-2026-01-02 00:00:00' for key 'when_what'"),
    ("UPDATE fruit SET id = 1 WHERE id = 2", 1062, "Duplicate entry '1' for key 'PRIMARY'"),
    ("INSERT INTO fruit VALUES (NULL, 'x', 1, '')", 1048, "Column 'id' cannot be null"),
    ("UPDATE fruit SET name = NULL", 1048, "Column 'name' cannot be null"),
    ("INSERT INTO fruit(id) VALUES (7)", 1364, "Field 'name' doesn't have a default value"),
    ("INSERT INTO fruit VALUES ('a', 'x', 1, '')", 1366, "Incorrect integer value: 'a' for column 'id' at row 1"),
    ("INSERT INTO fruit VALUES (7, 'x', 1, ''), ('8x', 'x', 1, '')", 1265, "Data truncated for column 'id' at row 2"),
    ("UPDATE fruit SET price = 'dear'", 1366, "Incorrect decimal value: 'dear' for column 'price' at row 1"),
    ("INSERT INTO fruit VALUES (7, 'x', 12345.67, '')", 1264, "Out of range value for column 'price' at row 1"),
    ("INSERT INTO fruit VALUES (3000000000, 'x', 1, '')", 1264, "Out of range value for column 'id' at row 1"),
    ("INSERT INTO fruit VALUES (7, 'abcdefghijklmnopqrstu', 1, '')", 1406, "Data too long for column 'name' at row 1"),
    ("INSERT INTO sale(fruit, at) VALUES (1, 'soon')", 1292,
     "Incorrect datetime value: 'soon' for column 'at' at row 1"),
    ("INSERT INTO sale(fruit, at) VALUES (1, '2026-02-30')", 1292,
     "Incorrect datetime value: '2026-02-30' for column 'at' at row 1"),
    ("INSERT INTO fruit(id, nope) VALUES (1, 2)", 1054, "Unknown column 'nope' in 'field list'"),
    ("INSERT INTO fruit(id, id) VALUES (1, 2)", 1110, "Column 'id' specified twice"),
    ("INSERT INTO fruit(id, name) VALUES (1)", 1136, "Column count doesn't match value count at row 1"),
    ("INSERT INTO fruit SELECT 1, 2", 1136, "Column count doesn't match value count at row 1"),
    ("UPDATE fruit SET nope = 1", 1054, "Unknown column 'nope' in 'field list'"),
    ("DELETE FROM fruit WHERE nope = 1", 1054, "Unknown column 'nope' in 'where clause'"),
    ("INSERT INTO nope VALUES (1)", 1146, "Table 'shop.nope' doesn't exist"),
]  # fmt: skip

WITHOUT_TRANSLATION = [
    "UPDATE fruit SET price = 1 LIMIT 1",
    "DELETE FROM fruit ORDER BY id LIMIT 1",
    "UPDATE fruit, sale SET fruit.price = 1",
    "DELETE fruit FROM fruit JOIN sale ON sale.fruit = fruit.id",
    "UPDATE fruit SET id = id + 10, price = id",
    "INSERT IGNORE INTO fruit VALUES (1, 'x', 1, '')",
    "SAVEPOINT s",
    "LOCK TABLES fruit WRITE",
    "UPDATE fruit SET note = NULL WHERE id IN (SELECT fruit FROM sale)",
    "DELETE FROM fruit WHERE id = (SELECT MAX(id) FROM fruit)",
    "INSERT INTO fruit(id, name) VALUES (NOW(), 'x')",
    "INSERT INTO sale(fruit, at) VALUES (1, 20260102)",
    "INSERT INTO sale(fruit, at) VALUES (1, '2026/01/02')",
]


@pytest.mark.parametrize(("sql", "code", "text"), REFUSED, ids=[sql[:60] for sql, *_ in REFUSED])
def test_refuses_values_as_strict_mode_does_and_changes_nothing(run, sql, code, text):
    before = run("SELECT * FROM fruit")
    with pytest.raises(pymysql.MySQLError) as refused:
        run(sql)
    assert refused.value.args == (code, text)
    assert run("SELECT * FROM fruit") == before


@pytest.mark.parametrize("sql", WITHOUT_TRANSLATION)
def test_refuses_what_it_cannot_translate_exactly(run, sql):
    with pytest.raises(pymysql.MySQLError) as refused:
        run(sql)
    assert refused.value.args[0] == 1235


ROUND_TRIPS = [
    ("TINYINT", "-128", -128), ("SMALLINT UNSIGNED", "65535", 65535), ("MEDIUMINT", "8388607", 8388607),
    ("BIGINT", "-9223372036854775808", -9223372036854775808), ("BOOL", "TRUE", 1), ("INT", "'42'", 42), ("INT", "2.5",
     3),
    ("FLOAT", "1.5", 1.5), ("DOUBLE", "-1e10", -1e10), ("DECIMAL(15,5)", "1234567890.12345", D("1234567890.12345")),
    ("DECIMAL(10,2)", "'0.1'", D("0.10")), ("DECIMAL(10,2)", "1.005", D("1.01")), ("NUMERIC", "7", D("7")),
    ("VARCHAR(10)", "'日本語'", "日本語"), ("CHAR(5)", "'ab  '", "ab"), ("TEXT", "''", ""), ("LONGTEXT", "12", "12"),
    ("VARCHAR(20)", "'it''s \\\\ \\n \"q\"'", "it's \\ \n \"q\""), ("BLOB", "X'00FF'", b"\x00\xff"),
    ("BINARY(3)", "'a'", b"a\0\0"), ("DATE", "'2026-1-2'", date(2026, 1, 2)),
    ("DATETIME", "'2026-01-02T03:04'", datetime(2026, 1, 2, 3, 4)),
    ("DATETIME(6)", "'2026-01-02 03:04:05.5'", datetime(2026, 1, 2, 3, 4, 5, 500000)),
    ("DATETIME", "'2026-12-31 23:59:59.6'", datetime(2027, 1, 1)),
    ("TIMESTAMP NULL", "NOW()", datetime(2026, 5, 17, 6, 40)),
    ("DECIMAL(65,30)", "'12345678901234567890123456789012345.123456789012345678901234567890'",
     D("12345678901234567890123456789012345.123456789012345678901234567890")),
    ("JSON", "'{\"bb\": [1, null], \"a\": \"x\"}'", '{"a": "x", "bb": [1, null]}'), ("ENUM('s','m')", "'M'", "m"),
]  # fmt: skip
REFUSED_VALUES = [
    ("YEAR", "2026"), ("TIME", "'01:02:03'"), ("SET('a','b')", "'b,a'"), ("BIT(10)", "3"), ("ENUM('s','m')", "1"),
    ("POINT", "'x'"), ("BIGINT UNSIGNED", "18446744073709551615"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "written", "read"), ROUND_TRIPS)
def test_gives_back_what_was_stored_with_its_type(run, kind, written, read):
    run(f"CREATE TABLE t(id INT PRIMARY KEY, v {kind})")
    run(f"INSERT INTO t VALUES (1, {written})")
    run("INSERT INTO t SELECT 2, v FROM t")
    assert run("SELECT v FROM t") == [(read,), (read,)]


def test_values_that_another_mode_would_change_are_refused_by_name(run):
    run("SET sql_mode = ''")
    run("INSERT INTO fruit(id, name) VALUES (4, 'fits')")
    for sql in ("INSERT INTO fruit VALUES ('a', 'x', 1, '')", "UPDATE fruit SET price = 1 / 0"):
        with pytest.raises(pymysql.NotSupportedError, match=r"\(in the sandbox\)"):
            run(sql)


@pytest.mark.parametrize(("kind", "written"), REFUSED_VALUES)
def test_a_type_whose_values_are_not_kept_exactly_refuses_them_by_name(run, kind, written):
    run(f"CREATE TABLE t(id INT PRIMARY KEY, v {kind})")
    run("INSERT INTO t VALUES (1, NULL)")
    with pytest.raises(pymysql.NotSupportedError, match=r"\(in the sandbox\)"):
        run(f"INSERT INTO t VALUES (2, {written})")
    assert run("SELECT v FROM t") == [(None,)]


def test_many_rows_go_in_as_one_statement(run, shop):
    run("CREATE TABLE big(id INT PRIMARY KEY, name VARCHAR(50), price DECIMAL(8,2))")
    with shop.cursor() as cursor:
        rows = [(at, f"name '{at}'", D("1.25")) for at in range(3000)]
        assert cursor.executemany("INSERT INTO big VALUES (%s, %s, %s)", rows) == 3000
    assert run("SELECT COUNT(*), SUM(price) FROM big") == [(3000, D("3750.00"))]


def test_auto_increment_gives_numbers_and_says_the_first(shop):
    with shop.cursor() as cursor:
        cursor.execute("INSERT INTO sale(fruit) VALUES (7), (8)")
        assert cursor.lastrowid == 4
        cursor.execute("SELECT LAST_INSERT_ID()")
        assert cursor.fetchone() == (4,)
        cursor.execute("INSERT INTO sale(id, fruit) VALUES (0, 9), (NULL, 10)")
        cursor.execute("SELECT id FROM sale WHERE fruit > 6 ORDER BY id")
        assert cursor.fetchall() == ((4,), (5,), (6,), (7,))


def test_on_update_current_timestamp_is_set_only_when_a_row_changes(run):
    run(
        "CREATE TABLE t(id INT PRIMARY KEY, v INT, at TIMESTAMP DEFAULT '2000-01-01' ON UPDATE CURRENT_TIMESTAMP,"
        " made DATETIME DEFAULT CURRENT_TIMESTAMP)"
    )
    run("INSERT INTO t(id, v) VALUES (1, 1), (2, 2)")
    run("UPDATE t SET v = 2")
    now, then = datetime(2026, 5, 17, 6, 40), datetime(2000, 1, 1)
    assert run("SELECT at, made FROM t ORDER BY id") == [(now, now), (then, now)]


# Transactions


def test_pymysqls_default_sees_its_own_changes_and_others_only_after_commit(server, run, shop):
    writer = server.connect(autocommit=False, database="shop")
    server.run("INSERT INTO fruit(id, name) VALUES (8, 'x')", writer)
    assert server.run("SELECT COUNT(*) FROM fruit", writer) == [(4,)]
    assert run("SELECT COUNT(*) FROM fruit") == [(3,)]
    writer.commit()
    assert run("SELECT COUNT(*) FROM fruit") == [(4,)]


def test_rollback_and_hanging_up_take_everything_back(server, run):
    writer = server.connect(autocommit=False, database="shop")
    server.run("DELETE FROM fruit", writer)
    writer.rollback()
    server.run("DELETE FROM fruit", writer)
    writer.close()
    assert run("SELECT COUNT(*) FROM fruit") == [(3,)]


def test_begin_commit_rollback_work_under_autocommit(run):
    for statement in (
        "BEGIN",
        "DELETE FROM fruit",
        "ROLLBACK",
        "START TRANSACTION",
        "DELETE FROM fruit WHERE id = 1",
        "COMMIT",
    ):
        run(statement)
    assert run("SELECT COUNT(*) FROM fruit") == [(2,)]


def test_a_failed_statement_leaves_the_transaction_as_it_was(server, run):
    writer = server.connect(autocommit=False, database="shop")
    server.run("INSERT INTO fruit(id, name) VALUES (8, 'x')", writer)
    with pytest.raises(pymysql.IntegrityError):
        server.run("INSERT INTO fruit(id, name) VALUES (9, 'y'), (8, 'again')", writer)
    writer.commit()
    assert run("SELECT id FROM fruit WHERE id > 3") == [(8,)]


def test_ddl_commits_what_was_open(server, run):
    writer = server.connect(autocommit=False, database="shop")
    server.run("DELETE FROM fruit", writer)
    server.run("CREATE TABLE other(id INT)", writer)
    writer.rollback()
    assert run("SELECT COUNT(*) FROM fruit") == [(0,)]


def test_turning_autocommit_on_commits(server, run):
    writer = server.connect(autocommit=False, database="shop")
    server.run("DELETE FROM fruit", writer)
    server.run("SET autocommit = 1", writer)
    assert run("SELECT COUNT(*) FROM fruit") == [(0,)]


def test_a_second_writer_waits_and_gives_up_with_1205(server, run):
    writer, other = server.connect(autocommit=False, database="shop"), server.connect(database="shop")
    server.run("DELETE FROM fruit WHERE id = 1", writer)
    server.run("SET innodb_lock_wait_timeout = 0", other)
    with pytest.raises(pymysql.OperationalError, match="Lock wait timeout exceeded"):
        server.run("DELETE FROM fruit WHERE id = 2", other)
    writer.commit()
    assert server.run("DELETE FROM fruit WHERE id = 2", other) == []


def test_writers_at_the_same_time_lose_nothing(server, run):
    run("CREATE TABLE n(id INT PRIMARY KEY, v INT NOT NULL)")
    run("INSERT INTO n VALUES (1, 0)")
    clients = [server.connect(database="shop") for _ in range(4)]

    def add(client):
        for _ in range(25):
            server.run("UPDATE n SET v = v + 1", client)

    threads = [threading.Thread(target=add, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run("SELECT v FROM n") == [(100,)]


def test_a_file_of_an_older_sandbox_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.execute("CREATE TABLE _tables(schema TEXT, name TEXT, definition TEXT)")
    with pytest.raises(RuntimeError, match="made by an older sandbox"):
        Database(tmp_path / "old.db")


def test_everything_committed_is_there_for_the_next_server(make_server, tmp_path):
    first = make_server()
    first.run("CREATE DATABASE d")
    first.run("CREATE TABLE d.t(id INT PRIMARY KEY)")
    first.run("INSERT INTO d.t VALUES (1)")
    first.close()
    first.database.file.rename(tmp_path / "1.db")
    assert make_server().run("SELECT * FROM d.t") == [(1,)]
