"""CREATE, ALTER, DROP, SHOW and information_schema, over a real socket."""

from decimal import Decimal as D

import pymysql
import pytest

ORDERS = """
CREATE TABLE IF NOT EXISTS orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'the key',
  customer VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'nobody',
  total DECIMAL(10, 2) DEFAULT 0.00,
  state ENUM('open','done') DEFAULT 'open',
  note TEXT,
  place GEOMETRY,
  flags BIT(3),
  made DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id), UNIQUE KEY who (customer, made), KEY total_index (total)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='what was sold'
"""
SHOWN = """CREATE TABLE `orders` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT COMMENT 'the key',
  `customer` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'nobody',
  `total` decimal(10,2) DEFAULT '0.00',
  `state` enum('open','done') DEFAULT 'open',
  `note` text,
  `place` geometry DEFAULT NULL,
  `flags` bit(3) DEFAULT NULL,
  `made` datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (`id`),
  UNIQUE KEY `who` (`customer`,`made`),
  KEY `total_index` (`total`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='what was sold'"""


@pytest.fixture
def orders(run):
    run(ORDERS)
    return run


def test_show_create_table_gives_the_table_back(orders):
    assert orders("SHOW CREATE TABLE orders") == [("orders", SHOWN)]


def test_what_is_shown_makes_the_same_table(orders):
    orders("DROP TABLE orders")
    orders(SHOWN)
    assert orders("SHOW CREATE TABLE orders") == [("orders", SHOWN)]


def test_information_schema_describes_columns(orders):
    assert orders(
        "SELECT column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length,"
        " numeric_precision, numeric_scale, column_type, column_key, extra, column_comment"
        " FROM information_schema.columns WHERE table_schema = 'shop' AND table_name = 'orders'"
        " ORDER BY ordinal_position"
    ) == [
        ("id", 1, None, "NO", "bigint", None, 20, 0, "bigint(20) unsigned", "PRI", "auto_increment", "the key"),
        ("customer", 2, "nobody", "NO", "varchar", 40, None, None, "varchar(40)", "MUL", "", ""),
        ("total", 3, "0.00", "YES", "decimal", None, 10, 2, "decimal(10,2)", "MUL", "", ""),
        ("state", 4, "open", "YES", "enum", 4, None, None, "enum('open','done')", "", "", ""),
        ("note", 5, None, "YES", "text", 65535, None, None, "text", "", "", ""),
        ("place", 6, None, "YES", "geometry", None, None, None, "geometry", "", "", ""),
        ("flags", 7, None, "YES", "bit", None, 3, None, "bit(3)", "", "", ""),
        ("made", 8, "CURRENT_TIMESTAMP", "YES", "datetime", None, None, None, "datetime", "",
         "DEFAULT_GENERATED on update CURRENT_TIMESTAMP", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT table_name, table_comment, table_rows, auto_increment FROM information_schema.tables"
         " WHERE table_schema = DATABASE() ORDER BY 1",
         [("fruit", "", 3, None), ("orders", "what was sold", 0, 1), ("sale", "", 3, 4)]),
        ("SELECT index_name, seq_in_index, column_name, non_unique FROM information_schema.statistics"
         " WHERE table_name = 'orders' ORDER BY index_name, seq_in_index",
         [("PRIMARY", 1, "id", 0), ("total_index", 1, "total", 1), ("who", 1, "customer", 0), ("who", 2, "made", 0)]),
        ("SELECT constraint_name, constraint_type FROM information_schema.table_constraints"
         " WHERE table_name = 'orders'",
         [("PRIMARY", "PRIMARY KEY"), ("who", "UNIQUE")]),
        ("SELECT column_name FROM information_schema.key_column_usage WHERE table_name = 'orders' AND"
         " constraint_name = 'PRIMARY'", [("id",)]),
        ("SELECT SCHEMA_NAME FROM information_schema.schemata WHERE schema_name LIKE 's%'", [("shop",), ("sys",)]),
        ("SELECT COUNT(*) FROM information_schema.columns c JOIN information_schema.tables t"
         " ON t.table_name = c.table_name WHERE t.table_schema = 'shop' AND t.table_name = 'ORDERS'", [(8,)]),
        ("SHOW TABLES", [("fruit",), ("orders",), ("sale",)]),
        ("SHOW TABLES FROM shop LIKE 'o%'", [("orders",)]),
        ("SHOW DATABASES LIKE 'sh%'", [("shop",)]),
        ("SHOW COLUMNS FROM orders LIKE 'id'", [("id", "bigint(20) unsigned", "NO", "PRI", None, "auto_increment")]),
        ("SHOW COLUMNS FROM orders LIKE 'total'", [("total", "decimal(10,2)", "YES", "MUL", "0.00", "")]),
        ("DESC sale", [("id", "int(11)", "NO", "PRI", None, "auto_increment"), ("fruit", "int(11)", "NO", "MUL", None,
         ""), ("at", "datetime", "YES", "", None, "")]),
        ("SHOW VARIABLES LIKE '%polardb_version%'", [("polardb_version", "8.0.1.1.54")]),
        ("SHOW GLOBAL VARIABLES LIKE 'log_bin'", [("log_bin", "ON")]),
        ("SHOW SESSION VARIABLES LIKE 'esl\\_%'",
         [("esl_link_options", ""), ("esl_sink_options", ""), ("esl_source_options", ""), ("esl_sql_options", "")]),
    ],
)  # fmt: skip
def test_shows(orders, sql, rows):
    assert orders(sql) == rows


def test_show_index_lists_every_part(orders):
    rows = orders("SHOW INDEX FROM orders FROM shop")
    assert [(row[2], row[3], row[4], row[1]) for row in rows] == [
        ("PRIMARY", 1, "id", 0), ("who", 1, "customer", 0), ("who", 2, "made", 0), ("total_index", 1, "total", 1),
    ]  # fmt: skip


def test_alter_table_keeps_the_rows(run):
    run(
        "ALTER TABLE fruit ADD COLUMN origin VARCHAR(10) NOT NULL DEFAULT 'here', ADD seen INT NOT NULL,"
        " DROP COLUMN note, COMMENT = 'eaten', ADD INDEX by_name (name)"
    )
    assert run("SELECT * FROM fruit WHERE id = 1") == [(1, "Apple", D("1.50"), "here", 0)]
    run("ALTER TABLE fruit RENAME COLUMN origin TO home, MODIFY price DECIMAL(8,3) NULL, RENAME COLUMN seen TO views")
    assert run("SELECT * FROM fruit WHERE id = 1") == [(1, "Apple", D("1.500"), "here", 0)]
    assert run("SELECT table_comment FROM information_schema.tables WHERE table_name = 'fruit'") == [("eaten",)]
    run("ALTER TABLE fruit DROP PRIMARY KEY, DROP INDEX by_name")
    run("RENAME TABLE fruit TO food")
    assert run("SHOW INDEX FROM food") == []
    run("INSERT INTO food(views, id, name) VALUES (1, 1, 'Apple')")
    assert run("SELECT COUNT(*) FROM food WHERE id = 1") == [(2,)]


def test_a_unique_key_that_does_not_fit_the_rows_changes_nothing(run):
    run("INSERT INTO fruit(id, name) VALUES (9, 'apple')")
    with pytest.raises(pymysql.IntegrityError):
        run("ALTER TABLE fruit ADD UNIQUE KEY once (name)")
    assert [row[2] for row in run("SHOW INDEX FROM fruit")] == ["PRIMARY"]
    assert run("SELECT COUNT(*) FROM fruit") == [(4,)]


def test_truncate_drop_and_rename(run):
    run("TRUNCATE TABLE sale")
    run("INSERT INTO sale(fruit) VALUES (1)")
    assert run("SELECT id FROM sale") == [(1,)]
    run("RENAME TABLE sale TO sold")
    run("DROP TABLE IF EXISTS sold, nope")
    assert run("SHOW WARNINGS") == [("Note", 1051, "Unknown table 'shop.nope'")]
    assert run("SHOW TABLES") == [("fruit",)]
    run("DROP DATABASE shop")
    assert run("SELECT DATABASE()") == [(None,)]


def test_tables_are_renamed_from_left_to_right_all_or_none(run):
    run("CREATE TABLE copy(id INT PRIMARY KEY)")
    run("RENAME TABLE fruit TO old, copy TO fruit")
    assert run("SHOW TABLES") == [("fruit",), ("old",), ("sale",)]
    with pytest.raises(pymysql.OperationalError, match="1050"):
        run("RENAME TABLE fruit TO copy, old TO sale")
    assert run("SHOW TABLES") == [("fruit",), ("old",), ("sale",)]


REFUSED = [
    ("CREATE TABLE fruit(id INT)", 1050),
    ("CREATE TABLE nope.t(id INT)", 1049),
    ("CREATE TABLE t(id INT, ID INT)", 1060),
    ("CREATE TABLE t(id INTT)", 1064),
    ("CREATE TABLE t(id INT", 1064),
    ("CREATE TABLE t()", 1064),
    ("CREATE TABLE t(id VARCHAR)", 1064),
    ("CREATE TABLE t(id INT DEFAULT 'x')", 1067),
    ("CREATE TABLE t(id INT PRIMARY KEY, b INT, PRIMARY KEY (b))", 1068),
    ("CREATE TABLE t(id INT, KEY k (id), KEY k (id))", 1061),
    ("CREATE TABLE t(id INT, KEY k (nope))", 1072),
    ("CREATE TABLE t(id INT AUTO_INCREMENT)", 1075),
    ("CREATE TABLE t(id TEXT AUTO_INCREMENT PRIMARY KEY)", 1063),
    ("CREATE TABLE t(id INT) ENGINE=Nope", 1235),
    ("CREATE TABLE t(id INT) CHARSET=latin1", 1235),
    ("CREATE TABLE t(id INT ZEROFILL)", 1235),
    ("CREATE TABLE t(id FLOAT(7,2))", 1235),
    ("CREATE TABLE t(a TEXT, KEY (a(10)))", 1235),
    ("CREATE TABLE t LIKE fruit", 1235),
    ("ALTER TABLE fruit ADD x INT FIRST", 1235),
    ("ALTER TABLE fruit CHANGE name label INT", 1235),
    ("CREATE TABLE t(id INT) CHARSET=nope", 1115),
    ("CREATE TABLE t(id INT, FOREIGN KEY (id) REFERENCES fruit(id))", 1235),
    ("CREATE TABLE t(id INT) PARTITION BY HASH(id)", 1235),
    ("CREATE TABLE t(id INT GENERATED ALWAYS AS (1))", 1235),
    ("CREATE TABLE t SELECT 1", 1235),
    ("CREATE VIEW v AS SELECT 1", 1235),
    ("CREATE DATABASE shop", 1007),
    ("DROP DATABASE nope", 1008),
    ("DROP TABLE nope", 1051),
    ("ALTER TABLE nope ADD a INT", 1146),
    ("ALTER TABLE fruit DROP COLUMN nope", 1091),
    ("ALTER TABLE fruit ADD name INT", 1060),
    ("ALTER TABLE fruit RENAME COLUMN nope TO x", 1054),
    ("ALTER TABLE fruit MODIFY name INT", 1366),
    ("ALTER TABLE fruit PARTITION BY HASH(id)", 1235),
    ("ALTER TABLE fruit RENAME TO sale", 1235),
    ("RENAME TABLE fruit TO sale", 1050),
    ("CREATE INDEX x ON fruit (name)", 1235),
    ("ALTER TABLE fruit ADD KEY x (nope)", 1072),
    ("DROP INDEX nope ON fruit", 1235),
    ("ALTER TABLE fruit DROP INDEX nope", 1091),
    ("USE nope", 1049),
    ("SHOW NOPE", 1235),
    ("SHOW FULL TABLES", 1235),
    ("SHOW FULL COLUMNS FROM fruit", 1235),
    ("SHOW BINARY LOGS", 1235),
    ("DESC fruit id", 1235),
    ("SHOW TABLES WHERE 1", 1235),
    ("SET nope = 1", 1193),
    ("SET sql_mode = 'NOPE'", 1235),
    ("SET autocommit = 'x'", 1231),
    ("SET sql_mode = 'PIPES_AS_CONCAT'", 1235),
    ("SET @a = 1", 1235),
    ("SET version = '9'", 1238),
    ("SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", 1235),
    ("SET GLOBAL wait_timeout = 1", 1235),
    ("SET time_zone = '+01:00'", 1235),
    ("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", 1235),
]


@pytest.mark.parametrize(("sql", "code"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_refuses_with_mysqls_number(run, sql, code):
    with pytest.raises(pymysql.MySQLError) as refused:
        run(sql)
    assert refused.value.args[0] == code
    assert run("SELECT COUNT(*) FROM shop.fruit") == [(3,)]


def test_set_takes_values(run):
    run("SET SESSION wait_timeout = 10, @@session.innodb_lock_wait_timeout = 5, NAMES utf8mb4")
    run("SET sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'")
    assert run("SELECT @@wait_timeout, @@innodb_lock_wait_timeout") == [(10, 5)]
    assert "ANSI_QUOTES" in run("SELECT @@sql_mode")[0][0]


def test_without_a_database_a_bare_name_is_refused(server):
    with pytest.raises(pymysql.OperationalError, match="No database selected"):
        server.run("SELECT * FROM fruit")


def test_a_server_that_is_no_polardb_has_no_revision(make_server):
    plain = make_server(polardb_version=None, binlog=False)
    assert plain.run("SHOW VARIABLES LIKE 'polardb_version'") == []
    with pytest.raises(pymysql.MySQLError, match="Unknown system variable 'polardb_version'"):
        plain.run("SELECT @@polardb_version")
    assert plain.run("SELECT @@log_bin") == [(0,)]
