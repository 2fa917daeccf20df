"""dbms_etl and search views, as far as the database alone decides: what is read out of a call, and what is refused."""

import json

import pymysql
import pytest

from sandbox.polardb.errors import SqlError
from sandbox.polardb.flink import read_script
from sandbox.polardb.joins import members
from sandbox.polardb.links import LinkRequest, LinkStatus

MAP = "i.my_text(shop.fruit.name),i.id(shop.fruit.id)", "i.id=shop.fruit.id"
FLINK = """
CREATE TEMPORARY TABLE `shop`.`fruit` (
  `id` BIGINT, `name` STRING, `price` DECIMAL(6, 2), PRIMARY KEY (`id`) NOT ENFORCED
) WITH ('connector' = 'mysql', 'database-name' = 'shop', 'table-name' = 'fruit');
CREATE TEMPORARY TABLE `dest` (
  `id` BIGINT, `label` STRING, PRIMARY KEY (`id`) NOT ENFORCED
) WITH ('connector' = 'opensearch', 'index' = 'i');
INSERT INTO `dest` SELECT %s FROM `shop`.`fruit`;
"""
EQUAL = FLINK.replace("`label` STRING", "`name` STRING, `price` DECIMAL(6, 2)") % "*"


class Recorded:
    """AutoETL that remembers what it was asked for; only index `i` exists."""

    def __init__(self):
        self.requests = []

    def missing_index(self, index):
        return None if index == "i" else f"no such index [{index}]: create it first"

    def create(self, _connection, request, _tables):
        self.requests.append(request)
        return len(self.requests)

    def drop(self, _connection, link):
        self.requests[link - 1] = None

    def every(self, _connection):
        message = json.dumps({"errors": ""})
        return [
            LinkStatus(at, request, "active", message, "2026-01-02 03:04:05", "2026-01-02 03:04:06")
            for at, request in enumerate(self.requests, 1)
            if request
        ]

    def altered(self, _connection, _before, _after, _renamed):
        pass

    def committed(self):
        pass


@pytest.fixture
def links(server):
    server.database.links = Recorded()
    return server.database.links


def call(name, *arguments):
    quoted = (json.dumps(argument) for argument in arguments)
    return f"CALL dbms_etl.{name}({', '.join(quoted)})"


ACCEPTED = [
    (call("sync_by_map", "search", *MAP, "", ""), "sync_by_map", (("my_text", "name"), ("id", "id")), ("id",)),
    (call("sync_by_map", "search", "i.T(Shop.FRUIT.NAME)", "i.id = shop.fruit.ID", " ", ""), "sync_by_map", (("T",
     "name"),), ("id",)),
    (call("sync_by_table", "search", "shop.fruit", "i", "id, name"), "sync_by_table", (("id", "id"), ("name",
     "name")), ("id",)),
    (call("sync_by_table", "search", "shop.sale", "i", ""), "sync_by_table", (("id", "id"), ("fruit", "fruit"), ("at",
     "at")), ("id",)),
    (call("sync_by_sql", "search", EQUAL), "sync_by_sql", (("id", "id"), ("name", "name"), ("price", "price")),
     ("id",)),
    (call("sync_by_sql", "search", FLINK % "id, name"), "sync_by_sql", (("id", "id"), ("label", "name")), ("id",)),
    ("CREATE SEARCH VIEW v AS SELECT id, name AS my_text FROM shop.fruit", "search_view", (("id", "id"), ("my_text",
     "name")), ("id",)),
    ("CREATE SEARCH VIEW v (k, t, PRIMARY KEY (k)) AS SELECT id, name FROM shop.fruit", "search_view", (("k", "id"),
     ("t", "name")), ("id",)),
    ("CREATE SEARCH VIEW v (k, PRIMARY KEY (k)) AS SELECT f.id FROM fruit f", "search_view",
     (("k", "id"),), ("id",)),
    ("CREATE SEARCH VIEW v AS SELECT * FROM shop.sale", "search_view", (("id", "id"), ("fruit", "fruit"), ("at",
     "at")), ("id",)),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "origin", "fields", "key"), ACCEPTED, ids=[sql[:70] for sql, *_ in ACCEPTED])
def test_reads_what_is_to_be_synced(run, links, sql, origin, fields, key):
    run(sql)
    (request,) = links.requests
    assert (request.origin, request.fields, request.key) == (origin, fields, key)
    assert request.index == ("v" if origin == "search_view" else "i")


REFUSED = [
    (call("sync_by_map", "find", *MAP, "", ""), "Unsupported sync target 'find'"),
    (call("sync_by_map", "search", *MAP, "a.id=b.id", ""), "fourth and fifth argument"),
    (call("sync_by_map", "search", "i.t(fruit.name)", MAP[1], "", ""), r"Invalid field map 'i.t\(fruit.name\)'"),
    (call("sync_by_map", "search", MAP[0], "i.id", "", ""), "Invalid key map 'i.id'"),
    (call("sync_by_map", "search", "i.t(shop.fruit.name),i.u(shop.sale.at)", MAP[1], "", ""), "several tables"),
    (call("sync_by_map", "search", "i.t(shop.fruit.nope)", MAP[1], "", ""), "Unknown column 'nope'"),
    (call("sync_by_map", "search", "i.t(shop.fruit.name),i.t(shop.fruit.note)", MAP[1], "", ""), "mapped twice"),
    (call("sync_by_map", "search", "i.t(shop.fruit.name)", "i.id=shop.fruit.name", "", ""),
     "neither the primary key nor a unique key"),
    (call("sync_by_map", "search", "j.t(shop.fruit.name)", "j.id=shop.fruit.id", "", ""), r"no such index \[j\]"),
    (call("sync_by_table", "search", "shop.nope", "i", ""), "Table 'shop.nope' doesn't exist"),
    (call("sync_by_table", "search", "nope.nope", "i", ""), "Unknown database 'nope'"),
    (call("sync_by_table", "search", "fruit", "i", ""), "expected database.table"),
    (call("sync_by_table", "search", "shop.keyless", "i", ""), "no primary key or unique key"),
    (call("sync_by_table", "search", "shop.odd", "i", "id,flags"), "unsupported type BIT"),
    (call("sync_by_table", "search", "shop.odd", "i", ""), "unsupported type (BIT|POINT)"),
    (call("sync_by_sql", "search", FLINK % "UPPER(name), id"), "key .id. must be columns of the first table"),
    (call("sync_by_sql", "search", FLINK % "id"), "takes 2 columns, the SELECT gives 1"),
    (call("sync_by_sql", "search", FLINK % "id, nope"), "column nope is not defined"),
    (call("sync_by_sql", "search", (FLINK % "id, name").replace("'opensearch'", "'kafka'")),
     "'connector' = 'opensearch'"),
    (call("sync_by_sql", "search", (FLINK % "id, name").replace("NOT ENFORCED", "")), "NOT ENFORCED"),
    (call("sync_by_sql", "search", (FLINK % "id, name").replace("`shop`.`fruit`;", "nowhere;")),
     "nowhere is not defined"),
    ("CREATE SEARCH VIEW v (a, b) AS SELECT id FROM shop.fruit", "lists 2 columns, its SELECT gives 1"),
    ("CREATE SEARCH VIEW v AS SELECT name FROM shop.keyless", "no primary key or unique key"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "text"), REFUSED, ids=[f"{sql[:40]} {text}" for sql, text in REFUSED])
def test_refuses_what_autoetl_would(run, links, sql, text):
    run("CREATE TABLE keyless(name TEXT, n INT, UNIQUE KEY maybe (n))")
    run("CREATE TABLE odd(id INT PRIMARY KEY, flags BIT(2), place POINT)")
    with pytest.raises(pymysql.MySQLError, match=text):
        run(sql)
    assert links.requests == []


def test_a_unique_key_of_columns_that_are_not_null_will_do(run, links):
    run("CREATE TABLE coded(code VARCHAR(5) NOT NULL, n INT NOT NULL, UNIQUE KEY both_parts (code, n))")
    run(call("sync_by_table", "search", "shop.coded", "i", ""))
    assert links.requests[0].key == ("code", "n")


FRUIT = "FROM shop.fruit AS f LEFT JOIN shop.kind AS k ON k.id = f.price AND k.lang = 'en'"
QUERY = f"SELECT f.id AS id, UPPER(k.name) AS kind {FRUIT} WHERE f.name <> 'Fig'"
SCRIPT = f"""
CREATE TEMPORARY TABLE `shop`.`fruit` (`id` INT, `name` STRING, `price` INT, PRIMARY KEY (`id`) NOT ENFORCED)
WITH ('connector' = 'mysql', 'database-name' = 'shop', 'table-name' = 'fruit');
CREATE TEMPORARY TABLE `shop`.`kind` (
  `id` INT, `lang` STRING, `name` STRING, PRIMARY KEY (`id`, `lang`) NOT ENFORCED
) WITH ('connector' = 'mysql', 'database-name' = 'shop', 'table-name' = 'kind');
CREATE TEMPORARY TABLE `dest` (`key` INT, `kind` STRING, PRIMARY KEY (`key`) NOT ENFORCED)
WITH ('connector' = 'opensearch', 'index' = 'i');
INSERT INTO `dest` {QUERY};
"""


def view(query, columns="key, kind"):
    return f"CREATE SEARCH VIEW v ({columns}, PRIMARY KEY (key)) AS {query}"


@pytest.fixture
def kinds(run, links):
    run("ALTER TABLE fruit MODIFY price INT")
    run("CREATE TABLE kind(id INT, lang VARCHAR(5), name VARCHAR(20), rank DECIMAL(5,2), PRIMARY KEY (id, lang))")
    return links


@pytest.mark.parametrize("sql", [view(QUERY), call("sync_by_sql", "search", SCRIPT)], ids=["view", "flink"])
def test_reads_a_query_over_several_tables(run, kinds, sql):
    run(sql)
    (request,) = kinds.requests
    assert (request.schema, request.table, request.key) == ("shop", "fruit", ("id",))
    assert request.fields == (("key", "id"), ("kind", "kind"))
    first, second = members(request)
    assert (first.name, first.watched, set(first.used)) == ("fruit", ("id",), {"id", "price", "name"})
    assert (second.name, second.watched, set(second.used)) == ("kind", ("id", "lang"), {"id", "lang", "name"})


JOIN = "SELECT f.id, k.name FROM shop.fruit f JOIN shop.kind k ON"
OUTSIDE = [
    "SELECT id, COUNT(*) AS n FROM shop.fruit",
    "SELECT f.id, (SELECT 1) AS n FROM shop.fruit f",
    "SELECT f.id, NOW() AS n FROM shop.fruit f",
    "SELECT f.id, @@version AS n FROM shop.fruit f",
    "SELECT f.id, f.name AS n FROM shop.fruit f ORDER BY f.id",
    "SELECT DISTINCT f.id, f.name FROM shop.fruit f",
    "SELECT f.id, f.name FROM fruit f WHERE f.id > 1",
    "SELECT fruit.id, name FROM shop.fruit, shop.kind",
    "SELECT f.id, name FROM shop.fruit f JOIN shop.kind k ON k.id = f.price AND k.lang = 'en'",
    f"{JOIN} k.id > f.price",
    f"{JOIN} k.id = f.price + 1",
    f"{JOIN} k.id = f.price",
    f"{JOIN} k.id = f.price AND k.lang = 'en' AND f.name = 'x'",
    f"{JOIN} k.id = f.price AND k.lang = 'en' AND k.rank = 1",
    JOIN.replace("JOIN", "RIGHT JOIN") + " k.id = f.price AND k.lang = 'en'",
]


@pytest.mark.parametrize("query", OUTSIDE)
def test_refuses_by_name_a_query_that_it_does_not_follow(run, kinds, query):
    with pytest.raises(pymysql.NotSupportedError, match=r"\(in the sandbox\)"):
        run(view(query))
    assert kinds.requests == []


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        (view(QUERY, "key"), "1 columns are named, the SELECT gives 2"),
        (view(QUERY.replace("f.id AS id", "k.id AS id")), "must be columns of the first table"),
        (view(QUERY.replace("f.id AS id", "f.name AS id")), "neither the primary key nor a unique key"),
        (view(QUERY.replace("k.name", "k.nope")), "Unknown column 'nope' in table 'shop.kind'"),
        (view(QUERY.replace("shop.kind", "shop.nope")), "Table 'shop.nope' doesn't exist"),
        (view(QUERY.replace("f.name <>", "f.nope <>")), "Unknown column 'nope' in table 'shop.fruit'"),
        (call("sync_by_sql", "search", SCRIPT.replace("`name` STRING, PRI", "PRI")), "not defined in shop.kind"),
        (call("sync_by_sql", "search", SCRIPT.replace("'table-name' = 'kind'", "'table-name' = 'k'")), "another name"),
        (f"CREATE SEARCH VIEW v AS {QUERY}", "without PRIMARY KEY"),
    ],
)  # fmt: skip
def test_refuses_a_query_that_cannot_be_followed(run, kinds, sql, text):
    with pytest.raises(pymysql.MySQLError, match=text):
        run(sql)
    assert kinds.requests == []


@pytest.mark.parametrize("missing", ["ALTER", "SELECT"])
def test_the_caller_needs_alter_and_select_on_every_table(server, run, kinds, missing):
    run("CREATE USER joe IDENTIFIED BY 'x'")
    run("GRANT ALTER, SELECT ON shop.fruit TO joe")
    run(f"GRANT {'SELECT' if missing == 'ALTER' else 'ALTER'} ON shop.kind TO joe")
    with pytest.raises(pymysql.MySQLError) as refused:
        server.run(view(QUERY), server.connect("joe", "x"))
    assert refused.value.args == (1644, f"{missing} command denied to user 'joe'@'127.0.0.1' for table 'shop.kind'")


@pytest.mark.parametrize("kind", ["VARBINARY(8)", "BINARY(4)", "DECIMAL(65,30)"])
def test_a_key_or_column_without_an_exact_document_is_refused_by_name(run, links, kind):
    run(f"CREATE TABLE odd(k {kind} PRIMARY KEY)")
    with pytest.raises(pymysql.NotSupportedError, match=r"\(in the sandbox\)"):
        run(call("sync_by_table", "search", "shop.odd", "i", ""))
    assert links.requests == []


@pytest.mark.parametrize("missing", ["ALTER", "SELECT"])
def test_the_caller_needs_alter_and_select_on_the_table(server, run, links, missing):
    run("CREATE USER joe IDENTIFIED BY 'x'")
    run("GRANT EXECUTE ON dbms_etl.* TO joe")
    run(f"GRANT {'SELECT' if missing == 'ALTER' else 'ALTER'} ON shop.fruit TO joe")
    with pytest.raises(pymysql.MySQLError) as refused:
        server.run(call("sync_by_map", "search", *MAP, "", ""), server.connect("joe", "x"))
    assert refused.value.args == (1644, f"{missing} command denied to user 'joe'@'127.0.0.1' for table 'shop.fruit'")


def test_without_a_binlog_nothing_can_be_synced(make_server):
    server = make_server(binlog=False)
    with pytest.raises(pymysql.MySQLError, match="Binlog is not enabled"):
        server.run(call("sync_by_map", "search", *MAP, "", ""))


@pytest.mark.parametrize(
    ("revision", "procedures", "views"),
    [
        ("8.0.1.1.51", False, False),
        ("8.0.1.1.52", True, False),
        ("8.0.1.1.54", True, True),
        ("8.0.2.2.32", False, False),
        ("8.0.2.2.33", True, False),
        ("8.0.2.2.34", True, True),
        ("8.0.1.1.100", True, True),
        (None, False, False),
    ],
)
def test_the_revision_decides_what_there_is(make_server, revision, procedures, views):
    server = make_server(polardb_version=revision)
    listed = server.run("SELECT routine_name FROM information_schema.routines WHERE routine_schema = 'dbms_etl'")
    assert (("sync_by_map",) in listed) == procedures
    for sql, there, code in (
        ("CALL dbms_etl.show_sync_link()", procedures, 1305),
        ("SHOW SEARCH VIEW STATUS", views, 1064),
    ):
        if there:
            assert server.run(sql) == []
        else:
            with pytest.raises(pymysql.MySQLError) as refused:
                server.run(sql)
            assert refused.value.args[0] == code


@pytest.mark.parametrize(
    ("sql", "code", "text"),
    [
        ("CALL dbms_etl.sync_by_map('search')", 1318, "expected 5, got 1"),
        ("CALL dbms_etl.show_sync_link(1)", 1318, "expected 0, got 1"),
        ("CALL dbms_etl.stop_sync_link(1)", 1305, "PROCEDURE dbms_etl.stop_sync_link does not exist"),
        ("CALL show_sync_link()", 1305, "PROCEDURE shop.show_sync_link does not exist"),
        ("CALL `dbms_etl.show_sync_link`()", 1305, "shop.dbms_etl.show_sync_link does not exist"),
        ("CALL dbms_etl.drop_sync_link(7)", 1644, "Sync link '7' does not exist"),
        ("DROP SEARCH VIEW nope", 1051, "Unknown table 'nope'"),
        ("CREATE SEARCH VIEW", 1064, "near ''"),
        ("CREATE SEARCH VIEW v WITH ('parallelism' = 2) AS SELECT id FROM fruit", 1235, "in the sandbox"),
        ("SHOW CREATE SEARCH VIEW v", 1235, "in the sandbox"),
        ("SET esl_link_options = \"'gdn-cluster'= 'instance-1'\"", 1235, "in the sandbox"),
    ],
)
def test_calls_are_checked_as_mysql_checks_them(run, links, sql, code, text):
    with pytest.raises(pymysql.MySQLError, match=text) as refused:
        run(sql)
    assert refused.value.args[0] == code


def test_links_are_shown_and_dropped_apart_from_views(run, links, shop):
    run(call("sync_by_map", "search", *MAP, "", ""))
    create = "CREATE SEARCH VIEW v AS SELECT id FROM shop.fruit"
    run(create)
    with pytest.raises(pymysql.MySQLError, match="already exists"):
        run(create)
    times = ("2026-01-02 03:04:05", "2026-01-02 03:04:06")
    assert run("CALL dbms_etl.show_sync_link()") == [
        (1, "search", "shop.fruit", "i", "active", '{"errors": ""}', *times)
    ]
    assert run("SHOW SEARCH VIEW STATUS") == [("v", "search", "active", '{"errors": ""}', *times)]
    run("CALL dbms_etl.drop_sync_link('1')")
    assert run("CALL dbms_etl.show_sync_link()") == []
    run("DROP SEARCH VIEW v")
    assert run("SHOW SEARCH VIEW STATUS") == []


def test_heads_its_answers_as_listed_in_the_assumptions(shop):
    with shop.cursor() as cursor:
        cursor.execute("CALL dbms_etl.show_sync_link()")
        names = [column[0] for column in cursor.description]
        assert names == ["Link Id", "Type", "Source", "Target", "Status", "Message", "Created_at", "Updated_at"]
        assert cursor.nextset()
        cursor.execute("SHOW SEARCH VIEW STATUS")
        names = [column[0] for column in cursor.description]
        assert names == ["View Name", "Type", "Status", "Message", "Created_at", "Updated_at"]


def test_the_documented_flink_script_is_read():
    script = """CREATE TEMPORARY TABLE `db1`.`t1` (
      `id`   BIGINT,
      `c1`   STRING,
      PRIMARY KEY (`id`) NOT ENFORCED
    ) WITH (
      'connector' = 'mysql',
      'database-name' = 'db1',
      'table-name' = 't1'
    );
    CREATE TEMPORARY TABLE `dest` (
      `id`  BIGINT,
      `c1` STRING,
      PRIMARY KEY (`id`) NOT ENFORCED
    ) WITH (
      'connector' = 'opensearch',
      'index' = 'dest'
    );
    INSERT INTO `dest` SELECT * FROM `db1`.`t1`;
    """
    assert read_script(script) == LinkRequest("sync_by_sql", "db1", "t1", "dest", (("id", "id"), ("c1", "c1")), ("id",))


def test_a_script_without_an_insert_is_refused():
    with pytest.raises(SqlError, match="exactly one INSERT INTO, it has 0"):
        read_script((FLINK % "*").split("INSERT")[0])
