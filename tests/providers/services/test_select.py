"""Queries: what is read of them, their normal form, and what is refused by name."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.services.query import QueryColumn
from providers.services.select import normal_query, read_query

PRODUCTS = """
SELECT p.id, p.name AS title, c.name AS category, CONCAT(p.name, ' ', IFNULL(c.name, 'it''s')) AS text
FROM shop.products p LEFT OUTER JOIN shop.categories AS c ON c.id = p.category_id AND c.lang = "en"
WHERE p.price > 1.5 AND c.hidden IS NOT NULL AND p.state NOT IN ('sold', 'lost')
"""
NORMAL = (
    "SELECT `p`.`id` AS `id`, `p`.`name` AS `title`, `c`.`name` AS `category`, "
    "CONCAT(`p`.`name`, ' ', COALESCE(`c`.`name`, 'it''s')) AS `text` "
    "FROM `shop`.`products` AS `p` LEFT JOIN `shop`.`categories` AS `c` "
    "ON `c`.`id` = `p`.`category_id` AND `c`.`lang` = 'en' "
    "WHERE `p`.`price` > 1.5 AND `c`.`hidden` IS NOT NULL AND `p`.`state` NOT IN ('sold', 'lost')"
)


def test_a_query_says_which_columns_of_which_tables_it_uses():
    query = read_query(PRODUCTS)
    assert [(table.name, table.alias, table.columns, table.equal) for table in query.tables] == [
        ("shop.products", "p", ("category_id", "price", "state", "id", "name"), ()),
        ("shop.categories", "c", ("id", "lang", "hidden", "name"), ("id", "lang")),
    ]
    assert list(query.outputs) == ["id", "title", "category", "text"]
    assert query.column("title") == QueryColumn("shop.products", "name")
    assert query.column("category") == QueryColumn("shop.categories", "name")
    assert query.column("text") is query.column("nothing") is None


@pytest.mark.parametrize(
    "spelled",
    [
        NORMAL,
        " ".join(PRODUCTS.split()),
        PRODUCTS.replace("SELECT", "select").replace("WHERE", "where").replace("CONCAT", "concat"),
        PRODUCTS.replace("LEFT OUTER", "LEFT").replace("products p", "products AS `p`").replace('"en"', "'en'"),
        f"{PRODUCTS}; -- the shop's",
        PRODUCTS.replace("IFNULL", "COALESCE"),
    ],
)
def test_another_spelling_is_the_same_query(spelled):
    assert normal_query(spelled) == NORMAL


FORMS = {
    "NOT a.x = 1 OR (a.y <> 2 AND a.z != - 3)": "NOT `a`.`x` = 1 OR (`a`.`y` <> 2 AND `a`.`z` <> - 3)",
    "a.x BETWEEN 1 AND 2 AND a.y NOT BETWEEN 3 AND 4": "`a`.`x` BETWEEN 1 AND 2 AND `a`.`y` NOT BETWEEN 3 AND 4",
    "a.x + 1 >= a.y * 2 - 3": "`a`.`x` + 1 >= `a`.`y` * 2 - 3",
    "s.a.x = 1": "`a`.`x` = 1",
    "x = 1 && y = 2 || z IS NULL": "`a`.`x` = 1 AND `a`.`y` = 2 OR `a`.`z` IS NULL",
    "IF(a.x = 1, 'b', NULL) = UPPER(LOWER(a.y))": "IF(`a`.`x` = 1, 'b', NULL) = UPPER(LOWER(`a`.`y`))",
    "CASE a.x WHEN 1 THEN 'b' ELSE 'c' END = 'c'": "CASE `a`.`x` WHEN 1 THEN 'b' ELSE 'c' END = 'c'",
    "CASE WHEN a.x IS NULL THEN 1 END < 2": "CASE WHEN `a`.`x` IS NULL THEN 1 END < 2",
    "CONCAT_WS('-', a.x, a.y) = '%s'": "CONCAT_WS('-', `a`.`x`, `a`.`y`) = '%s'",
}


@pytest.mark.parametrize(("written", "kept"), FORMS.items())
def test_a_condition_keeps_its_meaning(written, kept):
    normal = normal_query(f"SELECT a.id FROM s.a WHERE {written}")
    assert normal == f"SELECT `a`.`id` AS `id` FROM `s`.`a` AS `a` WHERE {kept}"
    assert normal_query(normal) == normal


def test_texts_travel_as_values_where_they_can():
    sql, values = read_query("SELECT a.id, CONCAT(a.x, '%s', 'it''s') AS t FROM s.a WHERE a.y = '50%'").bound(
        {"f": "t"}
    )
    assert sql == "SELECT CONCAT(`a`.`x`, %s, %s) AS `f` FROM `s`.`a` AS `a` WHERE `a`.`y` = %s"
    assert values == ["%s", "it's", "50%"]


JOINED = "SELECT p.id FROM s.p JOIN s.c ON c.id = p.c"
REFUSED = {
    "hello": "'hello' is no SELECT; write SELECT",
    "DELETE FROM s.p": "'DELETE FROM s.p' is no SELECT",
    "(SELECT p.id FROM s.p)": "is no SELECT; write SELECT",
    "SELECT p.id FROM s.p WHERE": "cannot be read from 'WHERE' on; write SELECT",
    "SELECT p.id FROM s.p WHERE p.n = 'open": "cannot be read; write SELECT",
    f"SELECT {'(' * 3000}1{')' * 3000} AS a FROM s.p": "cannot be read",
    "SELECT 'a\\nb' AS x FROM s.p": "a backslash: MySQL and Flink SQL read it in different ways; leave it out",
    f"{JOINED}; {JOINED}": "has several statements; write one SELECT",
    "SELECT 1 AS x": "has no FROM; write SELECT",
    "SELECT * FROM s.p": "SELECT *: columns that are added later would not be synced; name the columns",
    "SELECT p.* FROM s.p": "SELECT *: columns that are added later would not be synced; name the columns",
    "SELECT p.id FROM p": "p must name its database too; write database.p",
    "SELECT p.id FROM `s`.`p.q` AS p": "cannot be named so; write database.table AS name",
    "SELECT a.id FROM s.p AS a (id)": "cannot be named so; write database.table AS name",
    "SELECT p.id FROM s.p JOIN t.p ON p.id = p.id": "two tables are called p; give each a name of its own, with AS",
    f"{JOINED} WHERE name = 1": "name: write it with its table, such as p.name",
    f"{JOINED} WHERE x.name = 1": "x.name: no table before it is called x; there is p, c",
    "SELECT p.id FROM s.p JOIN s.c ON d.id = p.c JOIN s.d ON d.id = p.c": "d.id: no table before it is called d",
    "SELECT UPPER(p.a) FROM s.p": "UPPER(p.a) has no name; give it one with AS",
    "SELECT p.id, p.x AS ID FROM s.p": "two columns are called ID; give each a name of its own, with AS",
    "SELECT p.`a``b` AS x FROM s.p": "no column can be named so",
    "SELECT p.a = 1 AS x FROM s.p": "x: a condition is 1 or 0 in MySQL, and true or false in Flink SQL",
    "SELECT p.a FROM s.p WHERE p.a": "p.a is no condition in Flink SQL; compare it, such as with = 1",
    "SELECT p.id FROM s.p, s.c": "a table without ON: write JOIN … ON",
    "SELECT p.id FROM s.p JOIN s.c USING (id)": "USING: no documentation of AutoETL has it; write ON",
    "SELECT p.id FROM s.p NATURAL JOIN s.c": "NATURAL JOIN: the first table's rows are the documents",
    "SELECT p.id FROM s.p RIGHT JOIN s.c ON c.id = p.c": "RIGHT JOIN: the first table's rows are the documents",
    "SELECT p.id FROM s.p CROSS JOIN s.c": "CROSS JOIN: the first table's rows are the documents",
    f"{JOINED} AND c.x > p.y": "ON c.x > p.y: only equalities keep a join right; write c.x = p.y",
    f"{JOINED} AND p.y = 1": "ON p.y = 1: only equalities keep a join right; write c.x = p.y",
    f"{JOINED} AND c.x = p.y + 1": "ON c.x = p.y + 1: only equalities keep a join right; write c.x = p.y",
    "SELECT p.id FROM s.p JOIN s.c ON c.id = 1": "ON c.id = 1 ties c to no other table; write c.x = p.y",
    "SELECT DISTINCT p.id FROM s.p": "DISTINCT: every row is a document; leave it out",
    "SELECT p.a FROM s.p GROUP BY p.a": "GROUP BY: no link keeps its results right; keep them in a table",
    "SELECT p.a FROM s.p ORDER BY p.a": "ORDER BY: an index has no order; leave it out, and sort the search",
    "SELECT p.a FROM s.p LIMIT 3": "LIMIT: an index has every row; leave it out, or choose rows with WHERE",
    "SELECT p.a FROM s.p FOR UPDATE": "FOR UPDATE or FOR SHARE: a link locks nothing; leave it out",
    "SELECT p.a FROM s.p PARTITION (q)": "PARTITION: no documentation of AutoETL has it; leave it out",
    "SELECT p.a FROM s.p UNION SELECT c.a FROM s.c": "UNION: a link follows one SELECT; make a collection of each",
    "WITH x AS (SELECT 1) SELECT p.a FROM s.p": "WITH: no documentation of AutoETL has it; name its tables",
    "SELECT t.a FROM (SELECT 1 AS a) AS t": "a subquery: no documentation of AutoETL has it; join its table",
    "SELECT p.a FROM s.p WHERE p.a IN (SELECT 1)": "a subquery: no documentation of AutoETL has it; join its table",
    "SELECT (SELECT 1) AS a FROM s.p": "a subquery: no documentation of AutoETL has it; join its table",
    "SELECT RANK() OVER (ORDER BY p.a) AS r FROM s.p": "a window function: no link keeps its results right",
    "SELECT @a AS a FROM s.p": "a variable: a link keeps no session; write its value",
    "SELECT @@version AS a FROM s.p": "a variable: a link keeps no session; write its value",
    "SELECT COUNT(*) AS n FROM s.p": "COUNT(*): not known to be the same in MySQL and Flink SQL; use comparisons",
    "SELECT p.a / 2 AS a FROM s.p WHERE p.b LIKE '%x'": "p.b LIKE '%x', p.a / 2: not known to be the same",
    "SELECT p.a IS TRUE AS a, NOW() AS n FROM s.p": "p.a IS TRUE, NOW(): not known to be the same",
}  # fmt: skip


@pytest.mark.parametrize(("query", "mistake"), REFUSED.items(), ids=[query[:60] for query in REFUSED])
def test_what_a_link_cannot_follow_is_refused_by_name(query, mistake):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  each text is told below
        read_query(query)
    assert mistake in str(refused.value)


WORDS = [
    "FROM s.p AS p", "JOIN s.c AS c ON", "LEFT", "WHERE", "AND", "OR", "NOT", "c.id = p.c", "p.id", "c.name",
    "AS a", "AS b",
    ",", "(", ")", "=", "<>", "+", "-", "'x'", "1", "NULL", "IS", "IN", "BETWEEN", "CASE WHEN", "THEN", "END", "IF(",
    "COALESCE(", "CONCAT(", "GROUP BY", "UNION SELECT", "*", "@x", "?", ";", "--", "/*", "`", '"', "USING", "OVER ()",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=20))
def test_any_text_is_a_query_or_is_refused(words):
    with suppress(ValueError):
        query = read_query(" ".join(["SELECT p.id", *words]))
        assert read_query(str(query)) == query


def test_every_mistake_of_a_query_is_reported_at_once():
    with pytest.raises(ValueError, match=r"LIMIT.*; GROUP BY.*; q must name.*; a variable.*; COUNT"):
        read_query("SELECT COUNT(q.a) AS n, @x AS y FROM q GROUP BY q.a LIMIT 1")


@pytest.mark.parametrize(
    ("key", "mistakes"),
    [
        (["id"], []),
        (["no"], ["no is not in the query; it has id, title, category, text"]),
        (["category", "text"], [
            "category is a column of shop.categories; a row is known by columns of shop.products, the first table: "
            "name its primary key",
            "text is an expression; a row is known by columns of shop.products, the first table: name its primary key",
        ]),
    ],
)  # fmt: skip
def test_a_key_is_columns_of_the_first_table(key, mistakes):
    assert list(read_query(PRODUCTS).key_mistakes(key)) == mistakes


def test_sql_is_read_only_where_there_is_a_query():
    """Reading SQL takes a process 70 ms to learn."""
    code = "import sys, components.semantic_search, components.preflight; print('sqlglot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
