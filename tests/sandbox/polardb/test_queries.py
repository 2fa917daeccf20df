"""SELECT over a real socket: what MySQL 8.0 answers is written here by hand."""

from datetime import date, datetime
from decimal import Decimal as D

import pymysql
import pytest

QUERIES = [
    # expressions without a table
    ("SELECT 1 + 1, 7 / 2, 7 DIV 2, 7 % 4, -7 DIV 2, 5.5 MOD 2", [(2, D("3.5000"), 3, 3, -3, D("1.5"))]),
    ("SELECT 1 / 0, 1 DIV 0, 1 % 0", [(None, None, None)]),
    ("SELECT '12abc' + 1, 'abc' * 2, NULL + 1", [(13, 0, None)]),
    ("SELECT 1 = '1', 'a' = 'A', 'é' = 'e', 'a' = 'b', '1a' = 1", [(1, 1, 1, 0, 1)]),
    ("SELECT NULL <=> NULL, 1 <=> NULL, NULL = NULL, NULL IS NULL", [(1, 0, None, 1)]),
    ("SELECT 1 AND 0, 1 OR NULL, NOT 1, 1 XOR 1, 'abc' AND 1", [(0, 1, 0, 0, 0)]),
    ("SELECT IF(1 > 2, 'x', 'y'), IFNULL(NULL, 3), NULLIF(1, 1), NULLIF('a', 'A'), COALESCE(NULL, NULL, 'z')",
     [("y", 3, None, None, "z")]),
    ("SELECT CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END, CASE WHEN 0 THEN 1 ELSE 2.5 END", [("two", D("2.5"))]),
    ("SELECT CONCAT('a', 1, 2.50), CONCAT('a', NULL), CONCAT_WS('-', 'a', NULL, 'b')", [("a12.50", None, "a-b")]),
    ("SELECT TRIM('  a '), LTRIM(' a'), RTRIM('a '), TRIM(BOTH 'x' FROM 'xxaxx'), TRIM(LEADING 'x' FROM 'xax')",
     [("a", "a", "a", "a", "ax")]),
    ("SELECT LENGTH('é'), CHAR_LENGTH('é'), UPPER('é'), LEFT('abc', 2), RIGHT('abc', 2), SUBSTRING('abcde', -3, 2)",
     [(2, 1, "É", "ab", "bc", "cd")]),
    ("SELECT REPLACE('banana', 'na', 'NA'), LOCATE('B', 'abc'), INSTR('abc', 'c'), REVERSE('abc')",
     [("baNANA", 2, 3, "cba")]),
    ("SELECT 'a b' REGEXP '[[:space:]]', ' \\n' REGEXP '[^[:space:]]', 'ABC' REGEXP '^abc$', 'a' NOT REGEXP 'b'",
     [(1, 0, 1, 1)]),
    ("SELECT 'abc' LIKE 'A%', 'a_c' LIKE 'a\\_c', 'abc' LIKE 'a\\_c', 'a%' LIKE 'a|%' ESCAPE '|', 'x' NOT LIKE 'y'",
     [(1, 1, 0, 1, 1)]),
    ("SELECT 2 IN (1, 2), 'B' IN ('a', 'b'), 3 BETWEEN 1 AND 5, 3 NOT BETWEEN 1 AND 2, (1, 2) IN ((1, 2))",
     [(1, 1, 1, 1, 1)]),
    ("SELECT CAST('12' AS SIGNED), CAST(2.5 AS CHAR), CAST('3.14159' AS DECIMAL(5,2)), CONVERT('x' USING utf8mb4)",
     [(12, "2.5", D("3.14"), "x")]),
    ("SELECT ROUND(2.5), ROUND(2.345, 2), FLOOR(-1.5), CEILING(1.2), ABS(-3), GREATEST(1, 3, 2), LEAST('b', 'a')",
     [(D("3"), D("2.35"), -2, 2, 3, 3, "a")]),
    ("SELECT MD5('a'), SHA2('a', 256), HEX('a'), HEX(255)",
     [("0cc175b9c0f1b6a831c399e269772661", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "61",
      "FF")]),
    ("SELECT NOW(), CURDATE(), UNIX_TIMESTAMP(), DATE('2026-05-06 07:08:09'), YEAR('2026-05-06')",
     [(datetime(2026, 5, 17, 6, 40), date(2026, 5, 17), 1_779_000_000, date(2026, 5, 6), 2026)]),
    ("SELECT X'4142', 0x41, _utf8mb4'x', N'y', TRUE, 1e3, 'a' 'b', \"it's\", 'say \"hi\"', 'back\\\\slash'",
     [(b"AB", b"A", "x", "y", 1, 1000.0, "ab", "it's", 'say "hi"', "back\\slash")]),
    ("SELECT DATABASE(), CURRENT_USER(), USER(), VERSION()", [("shop", "polardb_user@%", "polardb_user@127.0.0.1",
     "8.0.13")]),
    ("SELECT @@version, @@polardb_version, @@session.autocommit, @@log_bin, @@GLOBAL.lower_case_table_names",
     [("8.0.13", "8.0.1.1.54", 1, 1, 1)]),
    ("SELECT 1 FROM DUAL WHERE 1 = 0", []),
    # tables
    ("SELECT * FROM fruit ORDER BY id", [(1, "Apple", D("1.50"), "red"), (2, "pear", D("2.25"), ""), (3, "Fig", None,
     None)]),
    ("SELECT name FROM fruit WHERE name = 'apple'", [("Apple",)]),
    ("SELECT name FROM fruit ORDER BY name", [("Apple",), ("Fig",), ("pear",)]),
    ("SELECT name FROM fruit ORDER BY price DESC, id LIMIT 2", [("pear",), ("Apple",)]),
    ("SELECT id FROM fruit ORDER BY 1 LIMIT 1, 2", [(2,), (3,)]),
    ("SELECT f.* FROM shop.fruit AS f WHERE f.price > 1.5", [(2, "pear", D("2.25"), "")]),
    ("SELECT shop.fruit.id FROM shop.fruit WHERE fruit.id = '2'", [(2,)]),
    ("SELECT COUNT(*), COUNT(price), SUM(price), AVG(price), MIN(name), MAX(id) FROM fruit",
     [(3, 2, D("3.75"), D("1.875000"), "Apple", 3)]),
    ("SELECT COALESCE(SUM(CASE WHEN note REGEXP '[^[:space:]]' THEN 1 ELSE 0 END), 0) AS n FROM fruit", [(D("1"),)]),
    ("SELECT COUNT(DISTINCT fruit) FROM sale", [(2,)]),
    ("SELECT fruit, COUNT(*) AS n FROM sale GROUP BY fruit HAVING n > 1", [(1, 2)]),
    ("SELECT UPPER(name) AS u, COUNT(*) FROM fruit GROUP BY u ORDER BY u", [("APPLE", 1), ("FIG", 1), ("PEAR", 1)]),
    ("SELECT fruit, GROUP_CONCAT(id) FROM sale GROUP BY 1 ORDER BY 1", [(1, "1,2"), (2, "3")]),
    ("SELECT DISTINCT fruit FROM sale ORDER BY fruit", [(1,), (2,)]),
    ("SELECT at FROM sale WHERE at = '2026-01-03'", [(datetime(2026, 1, 3),)]),
    ("SELECT COUNT(*) FROM sale WHERE at >= '2026-01-02 03:00'", [(2,)]),
    ("SELECT f.name, s.id FROM fruit f JOIN sale s ON s.fruit = f.id ORDER BY s.id", [("Apple", 1), ("Apple", 2),
     ("pear", 3)]),
    ("SELECT f.name, s.id FROM fruit f LEFT JOIN sale s ON s.fruit = f.id WHERE s.id IS NULL", [("Fig", None)]),
    ("SELECT id, price FROM fruit JOIN (SELECT 2 AS id) AS two USING (id)", [(2, D("2.25"))]),
    ("SELECT COUNT(*) FROM fruit, sale", [(9,)]),
    ("SELECT name FROM fruit WHERE id IN (SELECT fruit FROM sale WHERE fruit = fruit.id)", [("Apple",), ("pear",)]),
    ("SELECT name FROM fruit f WHERE NOT EXISTS (SELECT 1 FROM sale WHERE sale.fruit = f.id)", [("Fig",)]),
    ("SELECT (SELECT MAX(id) FROM sale WHERE fruit = f.id) AS last FROM fruit f ORDER BY f.id", [(2,), (3,), (None,)]),
    ("SELECT n FROM (SELECT COUNT(*) AS n FROM fruit) AS t", [(3,)]),
    ("WITH cheap (c) AS (SELECT id FROM fruit WHERE price < 2) SELECT c FROM cheap", [(1,)]),
    ("SELECT id FROM fruit WHERE id = 1 UNION ALL SELECT 9 UNION SELECT 9 ORDER BY id DESC", [(9,), (1,)]),
    ("(SELECT 1 AS a) UNION (SELECT 2) ORDER BY a DESC LIMIT 1", [(2,)]),
    ("SELECT id FROM fruit FOR UPDATE", [(1,), (2,), (3,)]),
    ("TABLE fruit LIMIT 1", [(1, "Apple", D("1.50"), "red")]),
    ("SELECT /* why */ 1 -- because\n + 1 # truly", [(2,)]),
    ("SELECT /*!40001 SQL_NO_CACHE */ 5 /*!99999 + 1 */", [(5,)]),
]  # fmt: skip

HEADINGS = [
    ("SELECT COUNT(*), count( * ), id+1, 'text', `id`, ID, id AS Other FROM fruit GROUP BY id",
     ["COUNT(*)", "count( * )", "id+1", "text", "id", "ID", "Other"]),
    ("SELECT if(a, ',', 'b)') FROM (SELECT 1 AS a) t", ["if(a, ',', 'b)')"]),
    ("SELECT table_name, table_rows AS n FROM information_schema.tables WHERE table_name = 'fruit'", ["TABLE_NAME",
     "n"]),
    ("SELECT @@version, DATABASE()", ["@@version", "DATABASE()"]),
]  # fmt: skip

REFUSED = [
    ("SELEC 1", 1064),
    ("SELECT * FROM fruit WHERE", 1064),
    ("SELECT 'open", 1064),
    ("", 1065),
    ("SELECT nope FROM fruit", 1054),
    ("SELECT id FROM fruit WHERE nope = 1", 1054),
    ("SELECT id FROM fruit ORDER BY nope", 1054),
    ("SELECT id AS x FROM fruit WHERE x = 1", 1054),
    ("SELECT f.id FROM fruit", 1054),
    ('SELECT `no such "column"` FROM fruit', 1054),
    ("SELECT id FROM fruit JOIN sale ON fruit.id = sale.fruit", 1052),
    ("SELECT 1 FROM fruit, fruit", 1066),
    ("SELECT * FROM nope", 1146),
    ("SELECT * FROM nope.nope", 1049),
    ("SELECT * FROM information_schema.nope", 1109),
    ("SELECT @@nope", 1193),
    ("SELECT nope(1)", 1305),
    ("SELECT LEFT('a')", 1582),
    ("SELECT name, COUNT(*) FROM fruit", 1140),
    ("SELECT name, id FROM fruit GROUP BY name", 1055),
    ("SELECT id FROM fruit WHERE COUNT(*) > 1", 1111),
    ("SELECT 1 UNION SELECT 1, 2", 1222),
    ("SELECT (SELECT 1, 2)", 1241),
    ("SELECT 'a' REGEXP '['", 3685),
    # known to MySQL, without an exact translation
    ("SELECT DATE_FORMAT(NOW(), '%Y')", 1235),
    ("SELECT NOW() - INTERVAL 1 DAY", 1235),
    ("SELECT @a", 1235),
    ("SELECT ROW_NUMBER() OVER (ORDER BY id) FROM fruit", 1235),
    ("SELECT id FROM fruit RIGHT JOIN sale USING (id)", 1235),
    ("SELECT JSON_EXTRACT('{}', '$')", 1235),
    ("SELECT 'a' REGEXP '\\\\p{L}'", 1235),
    ("SELECT id INTO @x FROM fruit", 1235),
    ("SELECT 1 FROM fruit PARTITION (p0)", 1235),
    ("SELECT at + 1 FROM sale", 1235),
]


@pytest.mark.parametrize(("sql", "rows"), QUERIES, ids=[sql[:60] for sql, _ in QUERIES])
def test_gives_what_mysql_gives(run, sql, rows):
    assert run(sql) == rows


@pytest.mark.parametrize(("sql", "names"), HEADINGS)
def test_heads_columns_as_mysql_does(shop, sql, names):
    with shop.cursor() as cursor:
        cursor.execute(sql)
        assert [column[0] for column in cursor.description] == names


@pytest.mark.parametrize(("sql", "code"), REFUSED, ids=[sql[:60] for sql, _ in REFUSED])
def test_refuses_with_mysqls_number(run, sql, code):
    with pytest.raises(pymysql.MySQLError) as refused:
        run(sql)
    assert refused.value.args[0] == code


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT nope FROM fruit", "Unknown column 'nope' in 'field list'"),
        ("SELECT id FROM fruit WHERE nope = 1", "Unknown column 'nope' in 'where clause'"),
        ("SELECT id FROM fruit ORDER BY nope", "Unknown column 'nope' in 'order clause'"),
        ("SELECT * FROM nope", "Table 'shop.nope' doesn't exist"),
        (
            "SELECT 1\nFROM fruit WHERE )",
            "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for"
            " the right syntax to use near ')' at line 2",
        ),
    ],
)
def test_says_it_in_mysqls_words(run, sql, text):
    with pytest.raises(pymysql.MySQLError) as refused:
        run(sql)
    assert refused.value.args[1] == text


def test_columns_have_mysqls_types(shop):
    types = pymysql.constants.FIELD_TYPE
    with shop.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, price, note, COUNT(*), NOW(), 1.5, 1e0 FROM fruit GROUP BY id, name, price, note"
        )
        assert [column[1] for column in cursor.description] == [
            types.LONG, types.VAR_STRING, types.NEWDECIMAL, types.BLOB, types.LONGLONG, types.DATETIME,
             types.NEWDECIMAL,
            types.DOUBLE,
        ]  # fmt: skip
