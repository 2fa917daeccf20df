"""SELECT over a real socket: what MySQL 8.0 answers is written here by hand."""

from datetime import date, datetime
from decimal import Decimal as D

import pymysql
import pytest

QUERIES = [
    # expressions without a table
    ("SELECT 1 + 1, 7 / 2, 7 DIV 2, 7 % 4, -7 DIV 2, 5.5 MOD 2", [(2, D("3.5000"), 3, 3, -3, D("1.5"))]),
    ("SELECT 1 / 0, 1 DIV 0, 1 % 0, NULL + 1", [(None, None, None, None)]),
    ("SELECT 0.1 + 0.2, 1.50 * 3, 10 / 3, '2' + 1", [(D("0.3"), D("4.50"), D("3.3333"), 3.0)]),
    ("SELECT 1 = '1', 'a' = 'A', 'é' = 'e', 'a' = 'b', 'a' = 'a ', 1.0 = 1, 0.1 + 0.2 = 0.3",
     [(1, 1, 1, 0, 0, 1, 1)]),
    ("SELECT NULL <=> NULL, 1 <=> NULL, NULL = NULL, NULL IS NULL, 1 IS NOT NULL", [(1, 0, None, 1, 1)]),
    ("SELECT 1 AND 0, 1 OR NULL, NOT 1, NOT NULL", [(0, 1, 0, None)]),
    ("SELECT IF(1 > 2, 'x', 'y'), IFNULL(NULL, 3), COALESCE(NULL, NULL, 'z')", [("y", 3, "z")]),
    ("SELECT CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END, CASE WHEN 0 THEN 1 ELSE 2.5 END", [("two", D("2.5"))]),
    ("SELECT CONCAT('a', 1, 2.50), CONCAT('a', NULL), REPLACE('banana', 'na', 'NA'), MD5('a')",
     [("a12.50", None, "baNANA", "0cc175b9c0f1b6a831c399e269772661")]),
    ("SELECT LENGTH('é'), CHAR_LENGTH('é'), UPPER('é'), LOWER('AB')", [(2, 1, "É", "ab")]),
    ("SELECT 'a b' REGEXP '[[:space:]]', ' \\n' REGEXP '[^[:space:]]', 'ABC' REGEXP '^abc$', 'a' NOT REGEXP 'b'",
     [(1, 0, 1, 1)]),
    ("SELECT 'abc' LIKE 'A%', 'a_c' LIKE 'a\\_c', 'abc' LIKE 'a\\_c', 'x' NOT LIKE 'y', 'é' LIKE 'E'",
     [(1, 1, 0, 1, 1)]),
    ("SELECT 2 IN (1, 2), 'B' IN ('a', 'b'), 3 BETWEEN 1 AND 5, 3 NOT BETWEEN 1 AND 2, 3 NOT IN (1)",
     [(1, 1, 1, 1, 1)]),
    ("SELECT NOW(), CURDATE(), CURRENT_TIMESTAMP", [(datetime(2026, 5, 17, 6, 40), date(2026, 5, 17),
     datetime(2026, 5, 17, 6, 40))]),
    ("SELECT X'4142', 0x41, _utf8mb4'x', TRUE, 1e3, \"it's\", 'say \"hi\"', 'back\\\\slash'",
     [(b"AB", b"A", "x", 1, 1000.0, "it's", 'say "hi"', "back\\slash")]),
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
    ("SELECT name, COUNT(*) FROM fruit GROUP BY id ORDER BY name", [("Apple", 1), ("Fig", 1), ("pear", 1)]),
    ("SELECT DISTINCT fruit FROM sale ORDER BY fruit", [(1,), (2,)]),
    ("SELECT at FROM sale WHERE at = '2026-01-03'", [(datetime(2026, 1, 3),)]),
    ("SELECT COUNT(*) FROM sale WHERE at >= '2026-01-02 03:00'", [(2,)]),
    ("SELECT f.name, s.id FROM fruit f JOIN sale s ON s.fruit = f.id ORDER BY s.id", [("Apple", 1), ("Apple", 2),
     ("pear", 3)]),
    ("SELECT f.name, s.id FROM fruit f LEFT JOIN sale s ON s.fruit = f.id WHERE s.id IS NULL", [("Fig", None)]),
    ("SELECT COUNT(*) FROM fruit, sale", [(9,)]),
    ("SELECT n FROM (SELECT /*+ JOIN_FIXED_ORDER() NO_BNL() */ COUNT(*) AS n FROM fruit) AS t", [(3,)]),
    ("SELECT T.w, COUNT(*) FROM (SELECT f.name AS w FROM fruit f JOIN sale s ON s.fruit = f.id) t WHERE w = 'APPLE'"
     " GROUP BY w", [("Apple", 2)]),
    ("SELECT id FROM (SELECT id, price FROM fruit WHERE price > 1) AS t WHERE id > 1 ORDER BY id LIMIT 1", [(2,)]),
    ("SELECT /* why */ 1 -- because\n + 1 # truly", [(2,)]),
    ("SELECT /*!40001 5 */ /*!99999 + 1 */", [(5,)]),
]  # fmt: skip

HEADINGS = [
    ("SELECT COUNT(*), count( * ), id+1, 'text', `id`, ID, id AS Other FROM fruit GROUP BY id",
     ["COUNT(*)", "count( * )", "id+1", "text", "id", "ID", "Other"]),
    ("SELECT if(1, ',', 'b)')", ["if(1, ',', 'b)')"]),
    ("SELECT table_name, table_rows AS n FROM information_schema.tables WHERE table_name = 'fruit'", ["TABLE_NAME",
     "n"]),
    ("SELECT @@version, DATABASE()", ["@@version", "DATABASE()"]),
]  # fmt: skip

REFUSED = [
    ("SELEC 1", 1064),
    ("SELECT * FROM fruit WHERE", 1064),
    ("SELECT 'open", 1064),
    ("SELECT id FROM fruit WHERE id == 1", 1064),
    ("SELECT id, FROM fruit", 1064),
    ("SELECT id, * FROM fruit", 1064),
    ("SELECT COUNT (*) FROM fruit", 1064),
    ("SELECT id FROM fruit ORDER BY id NULLS FIRST", 1064),
    ("INSERT INTO TABLE fruit VALUES (9, 'x', 1, '')", 1064),
    ("UPDATE fruit SET price = 1,", 1064),
    ("", 1065),
    ("SELECT nope FROM fruit", 1054),
    ("SELECT id FROM fruit WHERE nope = 1", 1054),
    ("SELECT id FROM fruit ORDER BY nope", 1054),
    ("SELECT id AS x FROM fruit WHERE x = 1", 1054),
    ("SELECT f.id FROM fruit", 1054),
    ('SELECT `no such "column"` FROM fruit', 1054),
    ("SELECT id FROM fruit JOIN sale ON fruit.id = sale.fruit", 1052),
    ("SELECT 1 FROM fruit, fruit", 1066),
    ("SELECT *", 1096),
    ("SELECT * FROM nope", 1146),
    ("SELECT * FROM nope.nope", 1049),
    ("SELECT * FROM information_schema.nope", 1109),
    ("SELECT @@nope", 1193),
    ("SELECT LOWER('a', 'b')", 1582),
    ("SELECT name, COUNT(*) FROM fruit", 1140),
    ("SELECT name, price FROM fruit GROUP BY name", 1055),
    ("SELECT name FROM fruit GROUP BY name ORDER BY price", 1055),
    ("SELECT fruit FROM sale GROUP BY fruit HAVING at IS NULL", 1054),
    ("SELECT id FROM fruit WHERE COUNT(*) > 1", 1111),
    ("SELECT 9223372036854775807 + 1", 1690),
    ("SELECT 'a' REGEXP '['", 3685),
]
OUTSIDE = [
    "SELECT COUNT(*) FROM fruit ORDER BY id", "SELECT 1 FROM fruit LEFT JOIN sale",
    "SELECT id FROM fruit LIMIT -1", "SELECT id FROM fruit LIMIT '1'", "SELECT id FROM fruit OFFSET 1",
    "SELECT id FROM fruit FETCH FIRST 1 ROW ONLY", "SELECT * EXCEPT (id) FROM fruit", "SELECT 1 IN ()",
    "START TRANSACTION READ ONLY", "COMMIT AND CHAIN",
    "SELECT nope(1)", "SELECT LEFT('a', 1)", "SELECT TRIM('a')", "SELECT ROUND(2.5)", "SELECT CAST('12' AS SIGNED)",
    "SELECT DATE_FORMAT(NOW(), '%Y')", "SELECT NOW() - INTERVAL 1 DAY", "SELECT YEAR('2026-05-06')", "SELECT UUID()",
    "SELECT GROUP_CONCAT(id) FROM fruit", "SELECT JSON_EXTRACT('{}', '$')", "SELECT NULLIF(1, 1)", "SELECT NOW(3)",
    "SELECT @a", "SELECT 1 XOR 1", "SELECT 1 & 1", "SELECT (1, 2) IN ((1, 2))", "SELECT 1 = 2 = 3", "SELECT 1 IS TRUE",
    "SELECT 'a' 'b'", "SELECT N'y'", "SELECT 'a' COLLATE utf8mb4_bin", "SELECT 'a%' LIKE 'a|%' ESCAPE '|'",
    "SELECT '12abc' + 1", "SELECT 'abc' AND 1", "SELECT NOT 0.0", "SELECT 'a' < X'62'",
    "SELECT id FROM fruit HAVING id > 1", "SELECT id FROM fruit WHERE price", "SELECT '1a' = 1",
    "SELECT '☕' < 'あ'", "SELECT 18446744073709551615",
    "SELECT ROW_NUMBER() OVER (ORDER BY id) FROM fruit", "SELECT id FROM fruit RIGHT JOIN sale USING (id)",
    "SELECT id FROM fruit JOIN sale USING (id)", "SELECT 'a' REGEXP '\\\\p{L}'", "SELECT id INTO @x FROM fruit",
    "SELECT 1 FROM fruit PARTITION (p0)", "SELECT at + 1 FROM sale", "SELECT at = 20260103 FROM sale",
    "SELECT 1 FROM sale WHERE at = 'soon'", "SELECT id FROM fruit FOR UPDATE", "TABLE fruit LIMIT 1",
    "SELECT SQL_CALC_FOUND_ROWS id FROM fruit", "SELECT id FROM fruit USE INDEX (id)", "EXPLAIN SELECT 1",
    "SELECT 1 UNION SELECT 2", "(SELECT 1)", "WITH c AS (SELECT 1) SELECT * FROM c", "SELECT (SELECT 1)",
    "SELECT n FROM (SELECT COUNT(*) AS n FROM fruit)", "SELECT id FROM fruit WHERE id IN (SELECT fruit FROM sale)",
    "SELECT /*+ SET_VAR(sql_mode = '') */ 1", "SELECT n, COUNT(*) FROM (SELECT id AS n FROM fruit) AS t",
    "SELECT n FROM (SELECT 1 AS n UNION SELECT 2) AS t",
    "SELECT id FROM fruit WHERE EXISTS (SELECT 1)", "SELECT COUNT(*) FROM fruit GROUP BY id WITH ROLLUP",
    "SELECT * FROM information_schema.user_privileges", "SELECT DISTINCT name FROM fruit ORDER BY id",
]  # fmt: skip


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


@pytest.mark.parametrize("sql", OUTSIDE)
def test_refuses_by_name_what_it_does_not_answer_exactly(run, sql):
    with pytest.raises(pymysql.NotSupportedError, match=r"\(in the sandbox\)"):
        run(sql)


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
