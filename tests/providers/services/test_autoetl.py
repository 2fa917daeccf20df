"""The statements for AutoETL, and the parsing of its answers."""

from __future__ import annotations

import pytest

from providers.services.autoetl import find_link, flink_script, privileges_on, revision_of, search_view, statement
from providers.services.column_types import ByName
from providers.services.tables import TableFacts
from providers.sync_link import SyncLinkInputs

TUTORIAL = SyncLinkInputs(index="test_index", table="db.test_table", key="id", fields={"my_text": "t2", "id": "id"})
TABLES = {"db.test_table": TableFacts({"id": "int", "t2": "text"}, row_keys=[["id"]])}


def link(**changes):
    return TUTORIAL.model_copy(update=changes)


def test_sync_by_map_makes_the_call_of_the_tutorial():
    assert statement(TUTORIAL, TABLES) == (
        "CALL dbms_etl.sync_by_map(%s, %s, %s, %s, %s)",
        [
            "search",
            "test_index.my_text(db.test_table.t2),test_index.id(db.test_table.id)",
            "test_index.id=db.test_table.id",
            "",
            "",
        ],
    )


def test_a_key_column_without_a_field_keeps_its_name():
    _, values = statement(link(fields={"my_text": "t2"}, key=["id", "t1"]), TABLES)
    assert values[2] == "test_index.id=db.test_table.id,test_index.t1=db.test_table.t1"


def test_sync_by_table_lists_the_columns():
    call, values = statement(link(backend="sync_by_table", fields={"id": "id", "t2": "t2"}), TABLES)
    assert (call, values) == (
        "CALL dbms_etl.sync_by_table(%s, %s, %s, %s)",
        ["search", "db.test_table", "test_index", "id,t2"],
    )


def test_sync_by_sql_is_a_flink_script():
    script = flink_script(link(backend="sync_by_sql"), TABLES)
    assert script == (
        "CREATE TEMPORARY TABLE `db`.`test_table` (\n  `id` INT,\n  `t2` STRING,\n  PRIMARY KEY (`id`) NOT ENFORCED\n"
        ") WITH (\n  'connector' = 'mysql',\n  'database-name' = 'db',\n  'table-name' = 'test_table'\n);\n"
        "CREATE TEMPORARY TABLE `test_index` (\n  `id` INT,\n  `my_text` STRING,\n  PRIMARY KEY (`id`) NOT ENFORCED\n"
        ") WITH (\n  'connector' = 'opensearch',\n  'index' = 'test_index'\n);\n"
        "INSERT INTO `test_index` SELECT `id`, `t2` FROM `db`.`test_table`;"
    )
    assert statement(link(backend="sync_by_sql"), TABLES)[1] == ["search", script]


def test_a_search_view_has_the_name_of_its_index():
    assert search_view(link(backend="search_view")) == (
        "CREATE SEARCH VIEW `test_index` (`my_text`, `id`, PRIMARY KEY (`id`)) "
        "AS SELECT `t2`, `id` FROM `db`.`test_table`"
    )


QUERY = """
SELECT p.`it's`, CONCAT(p.name, ': ', IFNULL(c.name, 'it''s')) AS described, c.rank, p.price * 2 AS price
FROM shop.products p LEFT JOIN shop.categories c ON c.code = p.category JOIN shop.products b ON b.`it's` = p.base
WHERE p.state = 'on sale'
"""
PRODUCTS = SyncLinkInputs(
    index="i_1",
    table="shop.products",
    key="it's",
    fields={"key": "it's", "text": "described", "rank": "rank", "price": "price"},
    query=QUERY,
)
SHOP = {
    "shop.products": TableFacts(
        {
            "it's": "bigint",
            "name": "varchar",
            "category": "char",
            "base": "bigint",
            "state": "enum",
            "price": "decimal",
        },
        row_keys=[["it's"]],
    ),
    "shop.categories": TableFacts(
        {"id": "int", "code": "char", "name": "text", "rank": "smallint"}, row_keys=[["id"], ["code"]]
    ),
}
SELECT = (
    "SELECT `p`.`it's` AS `key`, CONCAT(`p`.`name`, ': ', COALESCE(`c`.`name`, 'it''s')) AS `text`, "
    "`c`.`rank` AS `rank`, `p`.`price` * 2 AS `price` FROM `shop`.`products` AS `p` "
    "LEFT JOIN `shop`.`categories` AS `c` ON `c`.`code` = `p`.`category` "
    "JOIN `shop`.`products` AS `b` ON `b`.`it's` = `p`.`base` WHERE `p`.`state` = 'on sale'"
)
SCRIPT = f"""\
CREATE TEMPORARY TABLE `shop`.`products` (
  `it's` BIGINT,
  `category` STRING,
  `base` BIGINT,
  `state` STRING,
  `name` STRING,
  `price` DECIMAL(38, 10),
  PRIMARY KEY (`it's`) NOT ENFORCED
) WITH (
  'connector' = 'mysql',
  'database-name' = 'shop',
  'table-name' = 'products'
);
CREATE TEMPORARY TABLE `shop`.`categories` (
  `id` INT,
  `code` STRING,
  `name` STRING,
  `rank` SMALLINT,
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH (
  'connector' = 'mysql',
  'database-name' = 'shop',
  'table-name' = 'categories'
);
CREATE TEMPORARY TABLE `i_1` (
  `key` BIGINT,
  `text` STRING,
  `rank` SMALLINT,
  `price` DOUBLE,
  PRIMARY KEY (`key`) NOT ENFORCED
) WITH (
  'connector' = 'opensearch',
  'index' = 'i_1'
);
INSERT INTO `i_1` {SELECT};"""


def test_a_search_view_of_a_query_names_its_outputs_like_the_fields():
    view = PRODUCTS.model_copy(update={"backend": "search_view"})
    columns = "`key`, `text`, `rank`, `price`, PRIMARY KEY (`key`)"
    assert statement(view, SHOP) == (f"CREATE SEARCH VIEW `i_1` ({columns}) AS {SELECT}", [])


def test_a_flink_script_of_a_query_declares_each_table_once_with_a_key_of_its_own():
    by_sql = PRODUCTS.model_copy(update={"backend": "sync_by_sql"})
    assert statement(by_sql, SHOP) == ("CALL dbms_etl.sync_by_sql(%s, %s)", ["search", SCRIPT])


def test_only_the_columns_of_fields_and_key_are_selected():
    script = flink_script(PRODUCTS.model_copy(update={"fields": {"rank": "rank"}}), SHOP)
    assert "INSERT INTO `i_1` SELECT `p`.`it's` AS `it's`, `c`.`rank` AS `rank` FROM" in script
    assert "CREATE TEMPORARY TABLE `i_1` (\n  `it's` BIGINT,\n  `rank` SMALLINT,\n  PRIMARY KEY (`it's`)" in script


KINDS = {
    "UPPER(p.name)": "STRING",
    "'x'": "STRING",
    "NULL": "STRING",
    "1": "BIGINT",
    "- 1.5": "DOUBLE",
    "COALESCE(NULL, c.rank, 0)": "SMALLINT",
    "IF(c.rank > 1, p.base, 0)": "BIGINT",
    "CASE c.rank WHEN 1 THEN NULL ELSE (p.price) END": "DECIMAL(38, 10)",
}


@pytest.mark.parametrize(("expression", "kind"), KINDS.items())
def test_an_expression_has_a_type_in_flink(expression, kind):
    query = QUERY.replace("p.price * 2", expression)
    script = flink_script(PRODUCTS.model_copy(update={"query": query}), SHOP)
    assert f"\n  `price` {kind},\n  PRIMARY KEY (`key`)" in script


def test_names_of_columns_are_found_in_any_case():
    tables = {"db.test_table": TableFacts(ByName({"ID": "int", "T2": "bigint"}))}
    assert "`id` INT,\n  `t2` BIGINT" in flink_script(link(backend="sync_by_sql"), tables)


def row(message, **columns):
    return {"View Name": "view_test", "Type": "search", "Status": "active", "Message": message, **columns}


RECOVERING = (
    '{"errors": "Unknown database \'db1\'", "others": "", "latency": "-1", "jobStatus": "recovering", '
    '"restart_times": "1647"}'
)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (RECOVERING, "Unknown database 'db1' (job recovering, restarted 1647 times)"),
        ('{"errors": "", "latency": "12", "jobStatus": "running", "restart_times": "0"}', ""),
        ('{"errors": "old text", "jobStatus": "running", "restart_times": "3"}', ""),
        ('{"errors": "", "jobStatus": "initializing"}', ""),
        ('{"errors": "", "jobStatus": "failed"}', "no reason given yet (job failed, restarted 0 times)"),
        ("not json", "not json (job unknown, restarted 0 times)"),
        ("", ""),
    ],
    ids=["documented crash loop", "running", "outdated error", "starting", "failed", "text", "empty"],
)
def test_the_health_of_a_link_comes_from_its_message(message, problem):
    assert find_link([row(message)], "view_test").problem == problem


def test_a_link_is_found_by_any_column_that_names_the_index():
    rows = [{"Link Id": 7, "Target": "products_1.id", "Message": "products_2"}, {"Link Id": 8, "Sink": "products_2"}]
    assert find_link(rows, "products_1").handle == "7"
    assert find_link(rows, "products_2").handle == "8"
    assert find_link(rows, "products") is None
    assert find_link([], "products_1") is None


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, ("8",)),
        ({"Message": "{}"}, ("8",)),
        ({"Created_at": "2026-11-27 03:09:00", "Updated_at": "2026-11-27 03:10:00"}, ("8",)),
        ({"Source": "db.u"}, ()),
        ({"Target": "products_2"}, ()),
    ],
    ids=["the same", "another message", "made later", "another table", "another index"],
)
def test_a_link_that_does_the_same_is_found_beside_it(changes, others):
    first = {
        "Link Id": 7,
        "Source": "db.t",
        "Target": "products_1",
        "Status": "active",
        "Message": "",
        "Created_at": "2026-11-27 03:00:00",
        "Updated_at": "2026-11-27 03:00:00",
    }
    assert find_link([first, {**first, "Link Id": 8, **changes}], "products_1").others == others


def test_a_table_named_like_the_index_is_not_a_link():
    rows = [
        {"Link": "a", "Mapping": "other.text(products.products.name)", "Message": ""},
        {"Link": "b", "Source Table": "products", "Target": "other"},
        {"Link": "c", "Target": "shop.products"},
    ]
    assert find_link(rows[1:], "products") is None
    assert find_link([{"Link": "d", "Source": "products.text(shop.products.name)"}], "products").handle == "d"
    assert find_link([*rows, {"Link": "products"}], "products").handle == "products"


@pytest.mark.parametrize(
    ("grants", "may"),
    [
        (["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"], {"ALTER", "CREATE", "SELECT"}),
        (["GRANT USAGE ON *.* TO `u`@`%`", "GRANT SELECT, ALTER ON `db`.* TO `u`@`%`"], {"USAGE", "SELECT", "ALTER"}),
        (["GRANT SELECT (`a`, `b`), UPDATE ON `db`.`t` TO `u`@`%`"], {"SELECT", "UPDATE"}),
        (["GRANT SELECT ON `other`.* TO `u`@`%`", "GRANT EXECUTE ON PROCEDURE `db`.`t` TO `u`@`%`"], set()),
        (["GRANT `role`@`%` TO `u`@`%`"], None),
    ],
    ids=["global", "a database", "columns", "another table", "a role may grant more"],
)
def test_privileges_are_read_from_grants(grants, may):
    assert privileges_on(grants, "db.t") == (None if may is None else frozenset(may))


@pytest.mark.parametrize(
    ("version", "revision"),
    [("8.0.1.1.52", (8, 0, 1, 1, 52)), ("8.0.2.2.33-log", (8, 0, 2, 2, 33)), ("8.0.13", None), (None, None)],
)
def test_revisions_are_read_from_versions(version, revision):
    assert revision_of(version) == revision
