"""What the kinds ask of PolarDB, asked of the sandbox's and of a real MySQL 8.0.15 (or MariaDB) with the same answers.

AutoETL itself has no real counterpart here: on the real server its procedures are stored ones of our own, so cases with
`dbms_etl` hold the two stand-ins to each other, and to PolarDB's documentation as far as that goes.
"""

from __future__ import annotations

import pytest

from providers.kit import Clock, SqlError
from providers.services import advice, quote
from providers.services.autoetl import find_link, privileges_on, revision_of
from providers.services.backfill import NON_BLANK, Backfill, BackfillProbe, BackfillSource
from providers.services.sql import Database
from providers.services.tables import Tables
from providers.source_table import SourceTableKind
from providers.sync_link import SyncLinkKind
from tests.conformance.life import Life

ELSEWHERE = {
    1130: "no account at all may come from here: a real server is reached before that can be asked",
    1205: "needs a second session and seconds of waiting: tests/sandbox/polardb/test_changes.py",
    2012: "a server that is no database: tests/providers/kit/test_sql.py",
    2013: "a connection that breaks: tests/sandbox/test_process.py",
    2026: "a certificate nobody trusts, a server without TLS: tests/providers/kit/test_sql.py",
}


@pytest.fixture
def docs(polardb):
    """A table with rows, and somebody who may do nothing."""
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.docs (id INT PRIMARY KEY, body TEXT, note VARCHAR(50) UNIQUE) COMMENT = 'theirs'")
    polardb.run("INSERT INTO db.docs (id, body) VALUES (1, 'a'), (2, ''), (3, ' \t\n'), (4, NULL), (5, 'b c')")
    polardb.run("CREATE USER 'limited'@'%%' IDENTIFIED BY 'limited-password'")
    return polardb


def limited(docs):
    return docs.other(user="limited", password="limited-password")


def a_database_without_the_right(docs):
    limited(docs).query("CREATE DATABASE another")


def a_wrong_password(docs):
    docs.other(password="wrong").query("SELECT 1")


def an_unknown_database(docs):
    docs.run("CREATE TABLE nowhere.t (id INT PRIMARY KEY)")


def an_unknown_column(docs):
    docs.run("SELECT nothing FROM db.docs")


def a_statement_of_a_later_revision(docs):
    docs.run("CREATE SEARCH VIEW v (id, PRIMARY KEY (id)) AS SELECT id FROM db.docs")


def a_table_without_the_right(docs):
    docs.run("GRANT INSERT ON db.docs TO 'limited'@'%%'")
    limited(docs).query("SELECT * FROM db.docs")


def an_unknown_table(docs):
    docs.run("SELECT * FROM db.nothing")


def an_administrators_statement(docs):
    limited(docs).query("CREATE USER 'another'@'%%' IDENTIFIED BY 'x'")


def an_unknown_procedure(docs):
    docs.run("CALL dbms_etl.no_such_thing()")


def a_procedure_without_the_right(docs):
    limited(docs).query("CALL dbms_etl.show_sync_link()")


def nobody_listens(docs):
    docs.other(port=9).query("SELECT 1")


PROVOKED = {
    1044: a_database_without_the_right,
    1045: a_wrong_password,
    1049: an_unknown_database,
    1054: an_unknown_column,
    1064: a_statement_of_a_later_revision,
    1142: a_table_without_the_right,
    1146: an_unknown_table,
    1227: an_administrators_statement,
    1305: an_unknown_procedure,
    1370: a_procedure_without_the_right,
    2003: nobody_listens,
}


@pytest.mark.parametrize(("code", "provoke"), PROVOKED.items(), ids=lambda each: getattr(each, "__name__", str(each)))
def test_the_database_says_what_the_catalogue_knows(docs, code, provoke):
    with pytest.raises(SqlError) as raised:
        provoke(docs)
    assert raised.value.code == code
    assert str(raised.value).endswith(advice.for_database(code))
    assert "password" not in raised.value.statement


def test_every_number_of_the_catalogue_is_provoked_here_or_accounted_for():
    assert sorted(PROVOKED | ELSEWHERE) == sorted(advice.DATABASE)


TYPES = {
    "INT": "int", "BIGINT UNSIGNED": "bigint", "TINYINT(1)": "tinyint", "DECIMAL(10, 2)": "decimal", "DOUBLE": "double",
    "VARCHAR(20)": "varchar", "CHAR(3)": "char", "TEXT": "text", "LONGTEXT": "longtext", "JSON": "json", "DATE": "date",
    "DATETIME(3)": "datetime", "TIMESTAMP NULL": "timestamp", "TIME": "time", "YEAR": "year", "ENUM('a', 'b')": "enum",
    "BLOB": "blob", "VARBINARY(8)": "varbinary", "BIT(3)": "bit", "POINT": "point",
}  # fmt: skip


@pytest.mark.parametrize(("declared", "shown"), TYPES.items())
def test_a_column_is_shown_by_its_type(polardb, declared, shown):
    if polardb.name == "mariadb" and declared == "JSON":
        pytest.skip("MariaDB's JSON is a longtext")
    polardb.run("CREATE DATABASE db")
    polardb.run(f"CREATE TABLE db.t (id INT PRIMARY KEY, c {declared})")
    columns = Tables(polardb.connections.database, ["db.t"]).columns("db.t")
    assert {name: column.data_type for name, column in columns.items()} == {"id": "int", "c": shown}


SPELLED = {
    "REAL": "double", "DOUBLE PRECISION": "double", "FLOAT8": "double", "FLOAT(53)": "double", "FLOAT(24)": "float",
    "CHARACTER(10)": "char(10)", "NCHAR(10)": "char(10)", "NVARCHAR(10)": "varchar(10)", "CHAR": "char(1)",
    "CHARACTER VARYING(7)": "varchar(7)", "NATIONAL VARCHAR(5)": "varchar(5)", "VARCHAR(0)": "varchar(0)",
    "LONG": "mediumtext", "LONG VARBINARY": "mediumblob", "TEXT(10)": "tinytext", "TEXT(100)": "text",
    "TEXT(70000)": "mediumtext", "BLOB(10)": "tinyblob", "VARCHAR(10) CHARACTER SET binary": "varbinary(10)",
    "TEXT CHARACTER SET binary": "blob", "INTEGER": "int(11)", "INT4": "int(11)", "INT1": "tinyint(4)",
    "INT2": "smallint(6)", "MIDDLEINT": "mediumint(9)", "INT8": "bigint(20)", "INT(5) UNSIGNED": "int(5) unsigned",
    "BIGINT UNSIGNED": "bigint(20) unsigned", "BOOL": "tinyint(1)", "FIXED(10,2)": "decimal(10,2)",
    "NUMERIC": "decimal(10,0)", "DEC(5)": "decimal(5,0)", "DECIMAL(65,30)": "decimal(65,30)", "YEAR": "year(4)",
    "BIT": "bit(1)", "DATETIME(3)": "datetime(3)", "ENUM('a','it''s')": "enum('a','it''s')",
    "SET('a','b')": "set('a','b')", "POINT": "point", "JSON": "json",
}  # fmt: skip


def test_a_type_is_shown_as_mysql_names_it(polardb):
    if polardb.name == "mariadb":
        pytest.skip("MariaDB has no display widths for some types, and a longtext for JSON")
    polardb.run("CREATE DATABASE db")
    columns = ", ".join(f"c{at} {declared}" for at, declared in enumerate(SPELLED))
    polardb.run(f"CREATE TABLE db.t (id SERIAL, {columns})")
    shown = [row["Type"] for row in polardb.run("SHOW COLUMNS FROM db.t")]
    assert dict(zip(SPELLED, shown[1:], strict=True)) == SPELLED
    assert shown[0] == "bigint(20) unsigned"


IMPOSSIBLE = {
    "c VARCHAR": 1064, "c NONSENSE": 1064, "c DECIMAL(5,10)": 1427, "c DECIMAL(66)": 1426, "c DECIMAL(65,31)": 1425,
    "c DATETIME(9)": 1426, "c VARCHAR(70000)": 1074, "c CHAR(256)": 1074, "c TEXT DEFAULT 'x'": 1101,
    "c INT DEFAULT 'abc'": 1067, "c VARCHAR(2) DEFAULT 'abc'": 1067, "c ENUM('a') DEFAULT 'b'": 1067,
    "c DATE DEFAULT '2026-02-30'": 1067, "c DATETIME DEFAULT '0000-00-00 00:00:00'": 1067,
    "c INT NOT NULL DEFAULT NULL": 1067, "c INT AUTO_INCREMENT": 1075, "c TEXT AUTO_INCREMENT": 1063,
    "c VARCHAR(10) COLLATE utf8mb4_nope": 1273, "c INT, C INT": 1060, "c TEXT, KEY (c)": 1170, "c JSON, KEY (c)": 3152,
    "c VARCHAR(1000), KEY (c)": 1071, "c VARCHAR(16383)": 1118, "c INT, KEY (d)": 1072,
    "c INT, KEY k (c), KEY k (id)": 1061, "c INT PRIMARY KEY": 1068,
}  # fmt: skip


def test_a_table_that_cannot_be_is_refused_with_mysqls_number(polardb):
    if polardb.name == "mariadb":
        pytest.skip("MariaDB allows defaults of texts, and refuses others with its own numbers")
    polardb.run("CREATE DATABASE db")
    refused = {}
    for columns in IMPOSSIBLE:
        with pytest.raises(SqlError) as raised:
            polardb.run(f"CREATE TABLE db.t (id INT PRIMARY KEY, {columns})")
        refused[columns] = raised.value.code
    assert refused == IMPOSSIBLE


ANSWERS = {
    "1 + 1": "2", "7 / 2": "3.5000", "7 DIV 2": "3", "-7 DIV 2": "-3", "7 % 4": "3", "5.5 % 2": "1.5", "1 / 0": "None",
    "0.1 + 0.2": "0.3", "1.50 * 3": "4.50", "10 / 3": "3.3333", "2.5 / 2": "1.25000", "'2' + 1": "3.0",
    "1e0 / 3": "0.3333333333333333", "1 = '1'": "1", "'a' = 'A'": "1", "'é' = 'e'": "1", "'a' = 'a '": "0",
    "'_' < 'a'": "1", "'a' < '1'": "0", "'中' > 'z'": "1", "1.0 = 1": "1", "0.1 + 0.2 = 0.3": "1", "NULL <=> NULL": "1",
    "NULL = NULL": "None", "1 OR NULL": "1", "'abc' LIKE 'A_C'": "1", "'a%' LIKE 'a\\%'": "1",
    "'A b' REGEXP '^a[[:space:]]'": "1", "2 IN (1, '2', 3.5)": "1", "3 NOT BETWEEN 1 AND 2": "1",
    "IF(1 > 2, 'x', 'y')": "y", "COALESCE(NULL, 1.5, 2)": "1.5", "CASE 2 WHEN 1 THEN 'one' ELSE 'more' END": "more",
    "CONCAT('a', 1, 2.50)": "a12.50", "LENGTH('é')": "2", "CHAR_LENGTH('é')": "1", "UPPER('é')": "É",
    "MD5('a')": "0cc175b9c0f1b6a831c399e269772661", "X'4142'": "b'AB'",
}  # fmt: skip


def test_an_expression_has_mysqls_value(polardb):
    found = {
        text: str(next(iter(polardb.run(f"SELECT {text} AS v".replace("%", "%%"))[0].values()))) for text in ANSWERS
    }
    assert found == ANSWERS


WRITTEN = [
    ("INT", "'2.5'", "3"), ("INT", "2.5e0", "2"), ("INT", "'x'", 1366), ("INT", "'8x'", 1265),
    ("INT", "3000000000", 1264), ("INT UNSIGNED", "-1", 1264), ("DECIMAL(5,2)", "1.005", "1.01"),
    ("DECIMAL(5,2)", "'1e2'", "100.00"), ("DECIMAL(5,2)", "999.995", 1264), ("DECIMAL(5,2)", "'dear'", 1366),
    ("DOUBLE", "'x'", 1265), ("FLOAT", "16777217", "16777200.0"), ("VARCHAR(3)", "'abc '", "abc"),
    ("VARCHAR(3)", "'abcd'", 1406), ("CHAR(3)", "'a  '", "a"), ("VARCHAR(9)", "1.50", "1.50"),
    ("VARCHAR(9)", "1e3", "1000"), ("DATE", "'2026-1-2'", "2026-01-02"), ("DATE", "'2026-02-30'", 1292),
    ("DATETIME", "'2026-01-02T03:04'", "2026-01-02 03:04:00"),
    ("DATETIME", "'2026-12-31 23:59:59.6'", "2027-01-01 00:00:00"), ("DATETIME", "'0000-00-00'", 1292),
    ("DATETIME", "'soon'", 1292), ("ENUM('s','m')", "'M'", "m"), ("ENUM('s')", "'x'", 1265),
    ("VARBINARY(2)", "X'00FF'", "b'\\x00\\xff'"), ("BINARY(3)", "'a'", "b'a\\x00\\x00'"),
    ("VARBINARY(2)", "'abc'", 1406),
    ("DECIMAL(65,30)", "'12345678901234567890123456789012345.5'", f"12345678901234567890123456789012345.5{'0' * 29}"),
    ("INT NOT NULL", "NULL", 1048), ("INT", "1 / 0", 1365), ("BIGINT", "9223372036854775807 + 1", 1690),
]  # fmt: skip


def test_a_value_is_kept_or_refused_as_strict_mode_says(polardb):
    if polardb.name == "mariadb":
        pytest.skip("MariaDB refuses some values with other numbers")
    polardb.run("CREATE DATABASE db")
    columns = ", ".join(f"c{at} {kind}" for at, (kind, *_) in enumerate(WRITTEN)).replace("NULL", "NULL DEFAULT 0")
    polardb.run(f"CREATE TABLE db.t (id INT PRIMARY KEY, {columns})")
    for at, (kind, written, kept) in enumerate(WRITTEN):
        write = f"INSERT INTO db.t (id, c{at}) VALUES ({at}, {written})"
        if isinstance(kept, int):
            with pytest.raises(SqlError) as raised:
                polardb.run(write)
            assert raised.value.code == kept, (kind, written)
        else:
            polardb.run(write)
            assert [str(row["v"]) for row in polardb.run(f"SELECT c{at} AS v FROM db.t WHERE id = {at}")] == [kept]


def test_a_binary_key_finds_its_row(polardb):
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.b (k VARBINARY(4) PRIMARY KEY, v INT)")
    polardb.run("INSERT INTO db.b VALUES (X'00FF', 1), ('ab', 2), ('AB', 3)")
    assert [row["v"] for row in polardb.run("SELECT v FROM db.b ORDER BY k")] == [1, 3, 2]
    with pytest.raises(SqlError) as raised:
        polardb.run("INSERT INTO db.b VALUES ('ab', 4)")
    assert raised.value.code == 1062
    assert polardb.run("SELECT 1 AS alive") == [{"alive": 1}]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("PRIMARY KEY (a)", [["a"]]),
        ("PRIMARY KEY (b, a)", [["b", "a"]]),
        ("UNIQUE KEY u (a)", [["a"]]),
        ("PRIMARY KEY (a), UNIQUE KEY u (b), KEY k (b)", [["a"], ["b"]]),
        ("KEY k (b)", []),
    ],
)
def test_keys_are_shown_in_their_order(polardb, keys, found):
    polardb.run("CREATE DATABASE db")
    polardb.run(f"CREATE TABLE db.t (a INT NOT NULL, b INT NOT NULL, {keys})")
    tables = Tables(polardb.connections.database, ["db.t"])
    assert list(tables.unique_keys("db.t").values()) == found
    assert list(tables.primary_key("db.t")) == (found[0] if "PRIMARY" in keys else [])


@pytest.mark.parametrize(
    ("grants", "privileges"),
    [
        ([], ""),
        (["SELECT ON db.docs"], "SELECT"),
        (["ALTER, SELECT, INSERT ON db.*"], "ALTER SELECT"),
        (["ALTER ON db.docs", "SELECT ON *.*"], "ALTER SELECT"),
        (["SELECT (id, body), ALTER ON db.docs"], "ALTER SELECT"),
        (["ALL PRIVILEGES ON db.*"], "ALTER SELECT"),
        (["ALTER, SELECT ON db.other", "EXECUTE ON dbms_etl.*"], ""),
    ],
    ids=str,
)
def test_grants_are_shown_as_we_read_them(docs, grants, privileges):
    if docs.name == "sandbox" and "(" in str(grants):
        pytest.skip("the sandbox has no privileges on columns, and says so (1235)")
    docs.run("CREATE TABLE db.other (id INT PRIMARY KEY)")
    for grant in grants:
        docs.run(f"GRANT {grant} TO 'limited'@'%%'")
    shown = [str(next(iter(row.values()))) for row in limited(docs).query("SHOW GRANTS")]
    assert privileges_on(shown, "db.docs") & {"ALTER", "SELECT"} == set(privileges.split())


@pytest.mark.parametrize("grants", [["ALTER"], ["SELECT"], ["INSERT"], ["ALTER", "SELECT"]], ids=str)
def test_who_may_only_alter_a_table_sees_none_of_its_columns(docs, grants):
    docs.run(f"GRANT {', '.join(grants)} ON db.docs TO 'limited'@'%%'")
    query = limited(docs).query
    columns = query("SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'db'")
    tables = query("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'db'")
    assert (len(columns), len(tables)) == (0 if grants == ["ALTER"] else 3, 1)


def test_variables(polardb):
    database = polardb.connections.database
    shown = database.variables("log_bin", "polardb_version", "no_such_variable")
    assert shown["log_bin"] == "ON"
    assert "no_such_variable" not in shown
    revision = revision_of(shown.get("polardb_version"))
    assert revision is None if polardb.name == "mariadb" else revision >= (8, 0, 1, 1, 52)


def test_texts_that_are_not_blank_are_counted_as_they_are_embedded(docs):
    """Of each text neural-search was asked too: test_documents.py, BLANK."""
    blank = ["\u3000", "\u1680\u2000\u2028\u205f", "\v\x1c\x1f"]
    docs.run("INSERT INTO db.docs (id, body) VALUES (6, %s), (7, %s), (8, %s), (9, %s)", [*blank, "\x01"])
    text = f"COALESCE(SUM(CASE WHEN {quote('body')} REGEXP %s THEN 1 ELSE 0 END), 0)"
    assert docs.run(f"SELECT COUNT(*) AS n, {text} AS m FROM db.docs", [NON_BLANK]) == [{"n": 9, "m": 3}]
    assert docs.run(f"SELECT {text} AS m FROM db.docs WHERE id > 9", [NON_BLANK]) == [{"m": 0}]


def test_a_full_table_is_told_by_its_rows(docs):
    """Row by row: what has its document, and its vector where it has a text."""
    docs.search.index("i", {"knn": True}, vector={"type": "knn_vector", "dimension": 2})
    connections = docs.connections
    filling = BackfillProbe(
        connections.search, connections.database, "i", BackfillSource("db.docs", {"body": "vector"}, "id")
    )
    for id in range(1, 5):
        docs.search.ok("PUT", f"/i/_doc/{id}", {})
    docs.search.ok("PUT", "/i/_doc/99", {"vector": [1, 0]})
    assert filling.observe() == Backfill(5, 5, {"body": 2}, {"body": 1}, frozenset({"1", "5"}))
    for id in (1, 5):
        docs.search.ok("PUT", f"/i/_doc/{id}", {"vector": [1, 0]})
    assert filling.observe().left == 0


def test_a_comment_keeps_the_owner_reference(polardb):
    columns = {"id": "INT", "t": "VARCHAR(20) NOT NULL"}
    life = Life(polardb, SourceTableKind, database="db", name="t", columns=columns, primary_key="id")
    assert not life.changed()
    assert (life.read().uid, life.kind.find(life.inputs)[0]) == ("one", "db.t")
    life.update(columns={**columns, "more": "DECIMAL(10, 2) DEFAULT 1.5"})
    assert not life.changed()
    assert life.read().uid == "two"
    life.drop()


@pytest.mark.parametrize(
    ("statement", "code", "text"),
    [
        ("CALL dbms_etl.sync_by_map('search')", 1318, "expected 5, got 1"),
        ("CALL dbms_etl.sync_by_map('kafka', '', '', '', '')", 1644, "Unsupported sync target 'kafka'"),
        ("CALL dbms_etl.sync_by_map('search', 'i.a(db.docs.no)', 'i.a=db.docs.id', '', '')", 1644, "column 'no' in"),
        ("CALL dbms_etl.sync_by_map('search', 'i.a(db.no.id)', 'i.a=db.no.id', '', '')", 1644, "'db.no' doesn't exist"),
        ("CALL dbms_etl.sync_by_map('search', 'nonsense', 'i.a=db.docs.id', '', '')", 1644, "Invalid field map"),
        ("CALL dbms_etl.sync_by_map('search', 'i.a(db.docs.id)', 'i.a=db.docs.id', 'x', '')", 1644, "not documented"),
        ("CALL dbms_etl.sync_by_table('search', 'db.no', 'i', 'id')", 1644, "'db.no' doesn't exist"),
        ("CALL dbms_etl.drop_sync_link('77')", 1644, "Sync link '77' does not exist"),
    ],
)  # fmt: skip
def test_a_link_is_refused_in_the_same_words(docs, statement, code, text):
    with pytest.raises(SqlError) as raised:
        docs.run(statement)
    assert raised.value.code == code
    assert text in raised.value.reason


def test_the_procedures_are_listed(polardb):
    rows = polardb.run("SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema = 'dbms_etl'")
    names = {row["name"] for row in rows}
    assert {"sync_by_map", "sync_by_table", "sync_by_sql", "show_sync_link", "drop_sync_link"} <= names


BACKENDS = {
    "sync_by_map": {"text": "body", "id": "id"},
    "sync_by_table": {"body": "body", "id": "id"},
    "sync_by_sql": {"text": "body", "id": "id"},
}


@pytest.mark.parametrize(("backend", "fields"), BACKENDS.items(), ids=list(BACKENDS))
def test_a_link_loads_every_row_and_follows_every_change(docs, backend, fields):
    docs.search.index("i", **{name: {"type": "text"} for name in fields})
    declared = {"backend": backend, "index": "i", "table": "db.docs", "key": "id", "fields": fields}
    life = Life(docs, SyncLinkKind, **declared)
    text = next(iter(fields))

    def texts():
        docs.search.ok("POST", "/i/_refresh")
        hits = docs.search.ok("POST", "/i/_search", {"size": 100})["hits"]["hits"]
        return {hit["_id"]: hit["_source"][text] for hit in hits}

    docs.until(lambda: texts() == {"1": "a", "2": "", "3": " \t\n", "4": None, "5": "b c"})
    assert not life.changed()
    assert not life.read().problem
    docs.run("INSERT INTO db.docs (id, body) VALUES (6, '中文 ☕')")
    docs.run("UPDATE db.docs SET body = 'changed' WHERE id = 1")
    docs.run("UPDATE db.docs SET id = 9 WHERE id = 5")
    docs.run("DELETE FROM db.docs WHERE id < 5 AND id > 1")
    docs.until(lambda: texts() == {"1": "changed", "6": "中文 ☕", "9": "b c"})
    life.drop()
    docs.run("INSERT INTO db.docs (id, body) VALUES (7, 'too late')")
    assert find_link(docs.run("CALL dbms_etl.show_sync_link()"), "i") is None
    assert set(texts()) == {"1", "6", "9"}


def test_a_renamed_column_ends_a_link(docs):
    docs.search.index("i", text={"type": "text"})
    declared = {"index": "i", "table": "db.docs", "key": "id", "fields": {"text": "body"}}
    life = Life(docs, SyncLinkKind, **declared)
    docs.run("ALTER TABLE db.docs RENAME COLUMN body TO renamed")
    docs.until(lambda: "Unknown column 'body'" in life.read().problem)
    life.drop()


def test_a_dropped_column_is_null_from_then_on(docs):
    docs.search.index("i", text={"type": "text"}, note={"type": "keyword"})
    Life(docs, SyncLinkKind, index="i", table="db.docs", key="id", fields={"text": "body", "note": "note"})
    docs.run("ALTER TABLE db.docs DROP COLUMN note")
    docs.run("INSERT INTO db.docs (id, body) VALUES (8, 'after')")
    docs.until(lambda: docs.search.ask("GET", "/i/_doc/8").status == 200)
    assert docs.search.ok("GET", "/i/_doc/8")["_source"] == {"text": "after", "note": None}


def test_a_link_whose_documents_are_refused_says_so_and_goes_on_when_they_are_taken(docs):
    docs.search.index("i", {"default_pipeline": "gone"}, text={"type": "text"})
    life = Life(docs, SyncLinkKind, bring_up=False, index="i", table="db.docs", key="id", fields={"text": "body"})
    docs.until(lambda: "pipeline with id [gone] does not exist" in life.read().problem)
    [row] = [row for row in docs.run("CALL dbms_etl.show_sync_link()") if row["Target"] == "i"]
    assert row["Status"] == "active"  # while it crashes in a loop
    docs.search.ok("PUT", "/i/_settings", {"index": {"default_pipeline": "_none"}})
    docs.until(lambda: not life.read().problem)
    docs.until(lambda: docs.search.ask("GET", "/i/_doc/5").status == 200)


def test_single_quotes_are_literals_in_any_mode(docs):
    """The tutorial's double quotes are names under ANSI_QUOTES."""
    database = Database(clock=Clock(), retries=0, **docs.account, init_command="SET SESSION sql_mode = 'ANSI_QUOTES'")
    with pytest.raises(SqlError) as raised:
        database.query("CALL dbms_etl.sync_by_map('kafka', %s, '', '', '')", ["i.a(db.docs.id)"])
    assert raised.value.code == 1644
    with pytest.raises(SqlError) as raised:
        database.query('CALL dbms_etl.sync_by_map("kafka", "", "", "", "")')
    assert raised.value.code == 1054


SHOP = (
    "CREATE DATABASE shop",
    "CREATE TABLE shop.groups_of (id INT PRIMARY KEY, name VARCHAR(20))",
    "CREATE TABLE shop.categories (id INT, lang CHAR(2), name VARCHAR(20), in_group INT, PRIMARY KEY (id, lang))",
    "CREATE TABLE shop.products (id INT PRIMARY KEY, name VARCHAR(20), category INT, price DECIMAL(6, 2))",
    "INSERT INTO shop.groups_of VALUES (1, 'kitchen'), (2, 'bath')",
    "INSERT INTO shop.categories VALUES (1, 'en', 'mugs', 1), (1, 'de', 'Becher', 1), (2, 'en', 'towels', 2)",
    "INSERT INTO shop.products VALUES (1, 'a', 1, 1.5), (2, 'b', 2, 2), (3, 'it''s', NULL, 3), (4, 'd', 7, 9.5)",
)
PRODUCTS = (
    "SELECT p.id, CONCAT(p.name, ' ', p.name) AS twice, c.name AS category, IFNULL(g.name, 'no ''group''') AS grouped "
    "FROM shop.products AS p {join} shop.categories AS c ON c.id = p.category AND c.lang = 'en' "
    "{join} shop.groups_of g ON g.id = c.in_group WHERE p.price < 9 AND p.name <> 'it''s %s'"
)
CHANGES = (
    "UPDATE shop.categories SET name = 'cups' WHERE id = 1",
    "UPDATE shop.groups_of SET name = 'KITCHEN' WHERE id = 1",
    "UPDATE shop.categories SET in_group = 2 WHERE id = 1 AND lang = 'en'",
    "UPDATE shop.categories SET lang = 'fr' WHERE id = 2",
    "INSERT INTO shop.categories VALUES (7, 'en', 'new', 1)",
    "UPDATE shop.products SET price = 1, category = 7 WHERE id > 2",
    "UPDATE shop.products SET id = 9 WHERE id = 1",
    "DELETE FROM shop.groups_of WHERE id = 1",
    "DELETE FROM shop.categories WHERE id = 7",
    "DELETE FROM shop.products WHERE id = 2",
)


@pytest.fixture
def shop(polardb):
    for statement in SHOP:
        polardb.run(statement)
    return polardb


@pytest.mark.parametrize("join", ["LEFT JOIN", "JOIN"])
def test_a_query_loads_its_rows_and_follows_changes_of_every_table(shop, join):
    query, fields = PRODUCTS.format(join=join), {"id": "id", "t": "twice", "category": "category", "g": "grouped"}
    shop.search.index("i", **{name: {"type": "keyword"} for name in fields})
    declared = {"backend": "sync_by_sql", "index": "i", "table": "shop.products", "key": "id", "fields": fields}
    life = Life(shop, SyncLinkKind, query=query, **declared)

    def documents():
        shop.search.ok("POST", "/i/_refresh")
        hits = shop.search.ok("POST", "/i/_search", {"size": 100})["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits}

    def rows():
        found = shop.run(query.replace("%s", "%%s"))
        return {str(row["id"]): {field: row[column] for field, column in fields.items()} for row in found}

    assert rows()
    shop.until(lambda: documents() == rows())
    assert not life.changed()
    for statement in CHANGES:
        shop.run(statement)
        shop.until(lambda: documents() == rows())
    assert not life.read().problem
    shop.run("ALTER TABLE shop.categories RENAME COLUMN name TO renamed")
    shop.until(lambda: "Unknown column" in life.read().problem)
    life.drop()


def test_a_rename_that_overtakes_changes_fails_the_link(shop):
    """Each change is read after the column is gone: the query cannot be asked any more."""
    shop.search.index("i", category={"type": "keyword"})
    declared = {"backend": "sync_by_sql", "index": "i", "table": "shop.products", "key": "id"}
    life = Life(shop, SyncLinkKind, query=PRODUCTS.format(join="JOIN"), fields={"category": "category"}, **declared)
    changes = [f"UPDATE shop.categories SET name = '{number}' WHERE id = 1" for number in range(30)]
    for statement in (*changes, "ALTER TABLE shop.categories RENAME COLUMN name TO renamed"):
        shop.run(statement)
    shop.until(lambda: "Unknown column" in life.read().problem)
    life.drop()


def test_a_full_query_is_told_by_its_rows(shop):
    shop.search.index("i", {"knn": True}, vector={"type": "knn_vector", "dimension": 2})
    source = BackfillSource("shop.products", {"grouped": "vector"}, "id", PRODUCTS.format(join="JOIN"))
    connections = shop.connections
    filling = BackfillProbe(connections.search, connections.database, "i", source)
    shop.search.ok("PUT", "/i/_doc/1", {})
    assert filling.observe() == Backfill(2, 1, {"grouped": 2}, {"grouped": 0}, frozenset({"1", "2"}))
    for id in (1, 2):
        shop.search.ok("PUT", f"/i/_doc/{id}", {"vector": [1, 0]})
    assert filling.observe().left == 0
