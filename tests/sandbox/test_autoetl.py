"""AutoETL between a real database and a search service that can be made to fail."""

import json
import threading
import time
from contextlib import closing
from random import Random

import pymysql
import pytest

from sandbox import wire
from sandbox.autoetl import AutoEtl, HttpSearch
from sandbox.autoetl.documents import bulk_body, document_id, failures, field_value
from sandbox.autoetl.rules import broken_by
from sandbox.autoetl.store import Store
from sandbox.autoetl.worker import Pace, Worker
from sandbox.polardb import Database, serve
from sandbox.polardb.catalog import Column, KeyDefinition, Table
from sandbox.polardb.joins import members
from sandbox.polardb.links import LinkRequest
from sandbox.polardb.types import ColumnType

MAP = 'CALL dbms_etl.sync_by_map("search", "i.text(d.t.name),i.id(d.t.id)", "i.id=d.t.id", "", "")'


class Search:
    """Indices as dicts behind real HTTP. `poison` is refused with a 400, `down` answers everything with 503."""

    def __init__(self):
        self.indices: dict[str, dict[str, object]] = {"i": {}}
        self.poison = None
        self.down = False
        self.sizes = []
        self.slow_above = 1_000_000
        """Larger bulks are answered too late, and not carried out."""
        self.late = threading.Event()
        self.asked = 0
        """Bulks that arrived; each waits for the gate."""
        self.gate = threading.Event()
        self.gate.set()

    def handle(self, request):
        if self.down:
            return wire.Response.of(503, {"error": {"type": "busy", "reason": "not now"}})
        if request.path == "/_bulk":
            self.asked += 1
            self.gate.wait(60)
            if request.body.count(b'{"index": {') > self.slow_above:
                self.late.wait(60)
                return wire.Response.of(503, {})
            return wire.Response.of(200, {"items": list(self._items(request.body.decode().splitlines()))})
        index = request.path.strip("/")
        if request.method == "PUT":
            self.indices.setdefault(index, {})
        return wire.Response(200 if index in self.indices else 404)

    def _items(self, lines):
        self.sizes.append(0)
        lines = iter(lines)
        for line in lines:
            self.sizes[-1] += 1
            ((action, target),) = json.loads(line).items()
            documents, key = self.indices.setdefault(target["_index"], {}), target["_id"]
            if action == "delete":
                status = 200 if documents.pop(key, None) else 404
                yield {"delete": {"_id": key, "status": status}}
                continue
            content = json.loads(next(lines))
            if self.poison is not None and self.poison in content.values():
                error = {"type": "illegal_argument_exception", "reason": "bad key"}
                yield {"index": {"_id": key, "status": 400, "error": error}}
            else:
                documents[key] = content
                yield {"index": {"_id": key, "status": 200}}


class World:
    """A database with d.t, AutoETL and the search service; `restart` is a new process on the same file."""

    def __init__(self, file):
        self.file = file
        self.search = Search()
        self.service = wire.serve(self.search.handle)
        self.bugs = []
        self.timeout = 60
        self.start()

    def start(self):
        self.database = Database(self.file, polardb_version="8.0.1.1.54")
        self.database.add_account("u", "p", everything=True)
        self.outbound = HttpSearch(f"http://127.0.0.1:{self.service.port}", "s", "p", timeout=self.timeout)
        self.etl = AutoEtl(self.database, self.outbound, pace=Pace(500, 0.01, 0.05), log=self.bugs.append)
        self.running = serve(self.database, log=self.bugs.append)
        self.client = pymysql.connect(host="127.0.0.1", port=self.running.port, user="u", password="p", autocommit=True)

    def stop(self):
        self.client.close()
        self.running.stop()
        self.etl.close()
        self.outbound.close()
        self.database.close()
        assert self.bugs == []

    def restart(self):
        self.stop()
        self.start()

    def run(self, sql):
        with self.client.cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall()
            while cursor.nextset():
                continue
            return rows

    def message(self):
        (row,) = self.run("CALL dbms_etl.show_sync_link()")
        return row[4], json.loads(row[5])

    @property
    def documents(self):
        return self.search.indices["i"]

    def until(self, condition, patience=60):
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, (self.search.indices, self.run("SELECT * FROM d.t LIMIT 20"))
            time.sleep(0.001)

    def until_equal(self):
        """Until the index is the table."""
        self.until(lambda: self.documents == self.expected())

    def expected(self):
        return {str(key): {"text": name, "id": key} for key, name in self.run("SELECT id, name FROM d.t")}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "d.db")
    for statement in (
        "CREATE DATABASE d",
        "CREATE TABLE d.t(id INT PRIMARY KEY, name VARCHAR(50), n INT)",
        "INSERT INTO d.t VALUES (1, 'one', 1), (2, 'two', 2)",
    ):
        world.run(statement)
    yield world
    world.search.gate.set()
    world.search.late.set()
    world.stop()
    world.service.stop()


# The life of a link


def test_loads_the_rows_there_are_then_follows_every_change(world):
    world.run(MAP)
    world.until_equal()
    for statement in (
        "INSERT INTO d.t VALUES (3, 'three', 3), (4, NULL, 4)",
        "UPDATE d.t SET name = 'TWO' WHERE id = 2",
        "UPDATE d.t SET id = 9 WHERE id = 1",
        "DELETE FROM d.t WHERE id = 3",
        "REPLACE INTO d.t VALUES (2, 'again', 0)",
        "INSERT INTO d.t(id, name) VALUES (2, 'x'), (7, 'y') ON DUPLICATE KEY UPDATE name = VALUES(name)",
        "DELETE FROM d.t",
    ):
        world.run(statement)
        world.until_equal()
    assert world.documents == {}


def test_a_change_is_searchable_within_100_ms_of_commit(world):
    world.run(MAP)
    world.until_equal()
    delays = []
    for at in range(10, 20):
        world.run(f"INSERT INTO d.t VALUES ({at}, 'x', 0)")
        committed = time.monotonic()
        world.until(lambda at=at: str(at) in world.documents)
        delays.append(time.monotonic() - committed)
    assert min(delays) < 0.1
    world.until(lambda: world.message()[1]["jobStatus"] == "running")
    assert 0 <= int(world.message()[1]["latency"]) < 1000


def test_nothing_of_a_transaction_is_seen_before_its_commit(world):
    world.run(MAP)
    world.until_equal()
    for statement in ("BEGIN", "DELETE FROM d.t", "ROLLBACK", "BEGIN", "INSERT INTO d.t VALUES (3, 'three', 3)"):
        world.run(statement)
    assert set(world.documents) == {"1", "2"}
    world.run("COMMIT")
    world.until_equal()


def test_a_link_and_its_first_load_come_in_one_transaction_with_no_gap(world):
    stop, written = threading.Event(), []
    other = pymysql.connect(host="127.0.0.1", port=world.running.port, user="u", password="p", autocommit=True)

    def write():
        with other.cursor() as cursor:
            for at in range(100, 100_000):
                if stop.is_set():
                    return
                cursor.execute(f"INSERT INTO d.t VALUES ({at}, 'w', 0)")
                written.append(at)

    thread = threading.Thread(target=write)
    thread.start()
    world.until(lambda: len(written) > 20)
    world.run(MAP)
    before = len(written)
    world.until(lambda: len(written) > before + 20)
    stop.set()
    thread.join()
    other.close()
    world.until_equal()


def test_a_load_that_times_out_goes_on_in_smaller_batches(world):
    """PolarSearch takes so long for each document that only half of the first batch is answered in time."""
    world.run(f"INSERT INTO d.t VALUES {', '.join(f'({at}, {at}, 0)' for at in range(10, 60))}")
    world.timeout = 0.5
    world.restart()
    world.search.slow_above = 12
    world.run(MAP)
    world.until_equal()
    assert world.search.asked > len(world.search.sizes)
    assert max(world.search.sizes) <= 12
    assert world.message()[1]["restart_times"] != "0"


def test_loads_in_batches_of_at_most_500(world):
    values = ", ".join(f"({at}, 'row {at}', 0)" for at in range(10, 1310))
    world.run(f"INSERT INTO d.t VALUES {values}")
    world.run(MAP)
    world.until_equal()
    assert max(world.search.sizes) == 500
    assert sum(world.search.sizes) == 1302


def test_message_is_json_of_strings_in_the_documented_order(world):
    world.run(MAP)
    world.until(lambda: world.message()[1]["jobStatus"] == "running")
    status, message = world.message()
    assert status == "active"
    assert list(message.items()) == [
        ("errors", ""), ("others", ""), ("latency", "-1"), ("jobStatus", "running"), ("restart_times", "0"),
    ]  # fmt: skip


def test_drop_stops_writing_and_leaves_the_index(world):
    world.run(MAP)
    world.until_equal()
    world.run("CALL dbms_etl.drop_sync_link(1)")
    sent = len(world.search.sizes)
    world.run("INSERT INTO d.t VALUES (3, 'three', 3)")
    assert set(world.documents) == {"1", "2"}
    assert len(world.search.sizes) == sent
    assert world.run("CALL dbms_etl.show_sync_link()") == ()


def test_drop_answers_only_after_the_last_write(world):
    world.run(MAP)
    world.until_equal()
    world.search.gate.clear()
    asked = world.search.asked
    world.run("INSERT INTO d.t VALUES (3, 'three', 3)")
    world.until(lambda: world.search.asked > asked)
    opener = threading.Timer(0.1, world.search.gate.set)
    opener.start()
    world.run("CALL dbms_etl.drop_sync_link(1)")
    assert "3" in world.documents
    opener.join()


def test_two_links_on_one_table_both_follow_it(world):
    world.search.indices["j"] = {}
    world.run(MAP)
    world.run("CALL dbms_etl.sync_by_table('search', 'd.t', 'j', 'id, n')")
    world.run("UPDATE d.t SET n = n + 10")
    world.until(lambda: world.search.indices["j"] == {"1": {"id": 1, "n": 11}, "2": {"id": 2, "n": 12}})
    world.until_equal()


def test_a_write_wakes_only_the_links_of_its_table(world, monkeypatch):
    woken, wake = [], Worker.wake

    def noted(worker):
        woken.append(worker._number)
        wake(worker)

    monkeypatch.setattr(Worker, "wake", noted)
    world.run(MAP)
    with closing(world.database.connect()) as connection:
        world.until(lambda: Store(connection).alive() == {1: False})
    world.run("CREATE TABLE d.other(id INT PRIMARY KEY)")
    woken.clear()
    world.run("INSERT INTO d.other VALUES (1)")
    assert woken == []
    world.run("INSERT INTO d.t VALUES (3, 'three', 3)")
    world.until_equal()
    assert set(woken) == {1}


def test_a_search_view_makes_its_index_and_names_fields_after_its_columns(world):
    world.run("CREATE SEARCH VIEW fresh (k, label, PRIMARY KEY (k)) AS SELECT id, name FROM d.t")
    world.until(lambda: len(world.search.indices.get("fresh", {})) == 2)
    assert world.search.indices["fresh"]["1"] == {"k": 1, "label": "one"}
    world.run("DROP SEARCH VIEW fresh")
    assert len(world.search.indices["fresh"]) == 2


def test_a_composite_key_is_joined_by_an_underscore(world):
    world.run("CREATE TABLE d.k(a VARCHAR(5), b INT, v DECIMAL(5,2), PRIMARY KEY (a, b))")
    world.run("INSERT INTO d.k VALUES ('x', 1, 1.5)")
    world.run("CREATE SEARCH VIEW kk AS SELECT * FROM d.k")
    world.until(lambda: world.search.indices.get("kk") == {"x_1": {"a": "x", "b": 1, "v": 1.5}})
    world.run("UPDATE d.k SET a = 'X'")
    world.until(lambda: world.search.indices["kk"] == {"X_1": {"a": "X", "b": 1, "v": 1.5}})


# A query over several tables

SHOP = (
    "CREATE TABLE d.parent(id INT PRIMARY KEY, label VARCHAR(20))",
    "CREATE TABLE d.kind(id INT PRIMARY KEY, label VARCHAR(20), parent INT)",
    "CREATE TABLE d.item(id INT PRIMARY KEY, name VARCHAR(20), kind INT, price DECIMAL(6,2))",
    "INSERT INTO d.parent VALUES (1, 'all'), (2, 'some')",
    "INSERT INTO d.kind VALUES (1, 'mugs', 1), (2, 'cups', 2), (3, 'pots', NULL)",
    "INSERT INTO d.item VALUES (10, 'x', 1, 1.5), (11, 'y', 1, 9), (12, 'z', 2, 2), (13, 'w', NULL, 1)",
    "INSERT INTO d.item VALUES (14, 'v', 9, 1)",
)
SELECT = (
    "SELECT i.id AS id, CONCAT(i.name, '!') AS name, k.label AS kind, p.label AS parent FROM d.item AS i "
    "{join} d.kind AS k ON k.id = i.kind {join} d.parent AS p ON p.id = k.parent WHERE i.price < 5"
)


@pytest.fixture(params=["LEFT JOIN", "JOIN"])
def joined(world, request):
    """A search view of three tables; `until_equal` waits until its documents are the query's rows."""
    for statement in SHOP:
        world.run(statement)
    query = SELECT.format(join=request.param)
    world.run(f"CREATE SEARCH VIEW v (id, name, kind, parent, PRIMARY KEY (id)) AS {query}")

    def rows():
        names = ("id", "name", "kind", "parent")
        return {str(row[0]): dict(zip(names, row, strict=True)) for row in world.run(query)}

    world.until_equal = lambda: world.until(lambda: world.search.indices.get("v") == rows())
    world.until_equal()
    return world


def test_a_query_follows_every_change_of_every_table(joined):
    for statement in (
        "UPDATE d.kind SET label = 'MUGS' WHERE id = 1",
        "UPDATE d.parent SET label = 'ALL' WHERE id = 1",
        "INSERT INTO d.kind VALUES (9, 'nine', 2)",
        "UPDATE d.kind SET parent = 2 WHERE id = 1",
        "UPDATE d.kind SET id = 4 WHERE id = 2",
        "UPDATE d.item SET kind = 4 WHERE id = 13",
        "UPDATE d.item SET price = 1 WHERE id = 11",
        "UPDATE d.item SET id = 99 WHERE id = 10",
        "REPLACE INTO d.parent VALUES (2, 'SOME')",
        "DELETE FROM d.parent WHERE id = 2",
        "DELETE FROM d.kind WHERE id = 1",
        "DELETE FROM d.kind",
        "DELETE FROM d.item",
    ):
        joined.run(statement)
        joined.until_equal()
    assert joined.search.indices["v"] == {}


def test_a_query_follows_changes_of_several_tables_in_one_transaction(joined):
    random = Random(1)
    for _ in range(20):
        joined.run("BEGIN")
        for _ in range(random.randint(1, 6)):
            at, to = random.randint(1, 4), random.choice(["NULL", "1", "2", "3", "4"])
            joined.run(
                random.choice(
                    [
                        f"REPLACE INTO d.parent VALUES ({at}, 'p{random.randint(1, 99)}')",
                        f"REPLACE INTO d.kind VALUES ({at}, 'k{random.randint(1, 99)}', {to})",
                        f"REPLACE INTO d.item VALUES ({at}, 'i', {to}, {random.randint(1, 9)})",
                        f"DELETE FROM d.{random.choice(['parent', 'kind', 'item'])} WHERE id = {at}",
                        f"UPDATE d.kind SET parent = {to}",
                        f"UPDATE d.item SET kind = {to}",
                    ]
                )
            )
        joined.run(random.choice(["COMMIT", "COMMIT", "ROLLBACK"]))
        joined.until_equal()


def test_a_query_goes_on_after_a_restart_with_what_changed_meanwhile(joined):
    joined.etl.close()
    joined.run("UPDATE d.kind SET label = 'meanwhile' WHERE id = 1")
    joined.run("DELETE FROM d.parent WHERE id = 1")
    joined.run("UPDATE d.item SET kind = 3 WHERE id = 10")
    assert _outbox(joined) == 3
    joined.restart()
    joined.until_equal()
    joined.until(lambda: _outbox(joined) == 0)


def test_a_joined_row_of_many_is_written_in_batches_of_at_most_500(joined):
    values = ", ".join(f"({at}, 'x', 2, 1)" for at in range(100, 1300))
    joined.run(f"INSERT INTO d.item VALUES {values}")
    joined.until_equal()
    joined.search.sizes.clear()
    joined.run("UPDATE d.kind SET label = 'all at once' WHERE id = 2")
    joined.until_equal()
    assert max(joined.search.sizes) == 500
    assert sum(joined.search.sizes) == 1201


def test_what_becomes_of_a_joined_table(joined):
    def view():
        ((_, _, status, message, *_),) = joined.run("SHOW SEARCH VIEW STATUS")
        return status, json.loads(message)["errors"]

    with pytest.raises(pymysql.NotSupportedError, match=r"that the query of a link uses' \(in the sandbox\)"):
        joined.run("ALTER TABLE d.kind DROP COLUMN label")
    joined.run("ALTER TABLE d.kind ADD COLUMN more INT, MODIFY label VARCHAR(40)")
    joined.run("UPDATE d.kind SET label = 'after' WHERE id = 1")
    joined.until_equal()
    joined.run("TRUNCATE TABLE d.kind")
    joined.run("DROP TABLE d.kind")
    joined.run("UPDATE d.item SET name = 'changed' WHERE id = 10")
    joined.until(lambda: view() == ("active", "Table 'd.kind' doesn't exist"))
    joined.run("CREATE TABLE d.kind(id INT PRIMARY KEY, label VARCHAR(20), parent INT)")
    joined.run("INSERT INTO d.kind VALUES (1, 'back', 1)")
    joined.run("UPDATE d.item SET name = 'all'")
    joined.until_equal()
    joined.run("ALTER TABLE d.kind RENAME COLUMN label TO name")
    assert view() == ("failed", "Unknown column 'label' in 'field list'")


# Trouble


def test_a_refused_row_keeps_the_link_recovering_until_it_is_accepted(world):
    world.run(MAP)
    world.until_equal()
    world.search.poison = "bad"
    world.run("INSERT INTO d.t VALUES (3, 'bad', 3), (4, 'good', 4)")
    world.until(lambda: "4" in world.documents and int(world.message()[1]["restart_times"]) > 2)
    status, message = world.message()
    assert (status, message["jobStatus"]) == ("active", "recovering")
    assert "illegal_argument_exception: bad key (HTTP 400) at _id 3" in message["errors"]
    world.search.poison = None
    world.until_equal()
    world.until(lambda: world.message()[1]["jobStatus"] == "running")
    assert world.message()[1]["errors"] == ""


def test_an_outage_is_waited_out(world):
    world.run(MAP)
    world.until_equal()
    world.search.down = True
    world.run("UPDATE d.t SET name = 'later'")
    world.until(lambda: world.message()[1]["jobStatus"] == "recovering")
    assert world.message()[1]["errors"] == "PolarSearch answered HTTP 503"
    world.search.down = False
    world.until_equal()


def test_a_deleted_index_is_trouble_and_is_never_made_again(world):
    world.run(MAP)
    world.until_equal()
    del world.search.indices["i"]
    world.run("UPDATE d.t SET name = 'x'")
    world.until(lambda: "no such index [i]" in world.message()[1]["errors"])
    assert "i" not in world.search.indices
    world.search.indices["i"] = {}
    world.until(lambda: world.documents == world.expected())


def test_a_dropped_table_is_trouble_until_it_is_back(world):
    world.run(MAP)
    world.until_equal()
    world.run("DROP TABLE d.t")
    world.restart()
    world.until(lambda: world.message()[1]["errors"] == "Table 'd.t' doesn't exist")
    world.run("CREATE TABLE d.t(id INT PRIMARY KEY, name VARCHAR(50), n INT)")
    world.run("INSERT INTO d.t VALUES (1, 'back', 1)")
    world.until(lambda: world.documents["1"] == {"text": "back", "id": 1})
    world.run("DROP DATABASE d")
    world.restart()
    world.until(lambda: world.message()[1]["errors"] == "Unknown database 'd'")


def test_truncate_goes_unseen(world):
    world.run(MAP)
    world.until_equal()
    world.run("TRUNCATE TABLE d.t")
    world.run("INSERT INTO d.t VALUES (5, 'after', 5)")
    world.until(lambda: "5" in world.documents)
    assert set(world.documents) == {"1", "2", "5"}


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("ALTER TABLE d.t RENAME COLUMN name TO label", "Unknown column 'name' in 'field list'"),
        ("ALTER TABLE d.t MODIFY name INT", "The type of column 'name' was changed"),
        ("ALTER TABLE d.t DROP PRIMARY KEY", "The primary key of 'd.t' was changed"),
        ("RENAME TABLE d.t TO d.u", "Table 'd.t' was renamed"),
    ],
)
def test_a_change_that_autoetl_does_not_survive_ends_the_link(world, statement, error):
    world.run("UPDATE d.t SET name = '7'")
    world.run(MAP)
    world.until_equal()
    world.run(statement)
    status, message = world.message()
    assert (status, message["jobStatus"]) == ("failed", "failed")
    assert message["errors"].startswith(error)
    world.restart()
    assert world.message()[0] == "failed"


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE d.t ADD COLUMN more TEXT",
        "ALTER TABLE d.t MODIFY name VARCHAR(200) NOT NULL DEFAULT ''",
        "ALTER TABLE d.t MODIFY id BIGINT",
        "ALTER TABLE d.t ADD INDEX by_n (n), COMMENT = 'x'",
        "ALTER TABLE d.t RENAME COLUMN n TO m",
    ],
)
def test_a_change_that_autoetl_survives_goes_on(world, statement):
    world.run(MAP)
    world.until_equal()
    world.run(statement)
    world.run("UPDATE d.t SET name = 'after' WHERE id = 2")
    world.until_equal()
    assert world.message()[0] == "active"


def test_a_dropped_column_is_null_in_later_documents(world):
    world.run("CALL dbms_etl.sync_by_table('search', 'd.t', 'i', 'id, n')")
    world.until(lambda: len(world.documents) == 2)
    world.run("ALTER TABLE d.t DROP COLUMN n")
    world.run("UPDATE d.t SET name = 'x' WHERE id = 1")
    world.until(lambda: world.documents == {"1": {"id": 1, "n": None}, "2": {"id": 2, "n": 2}})


# Restarts


def test_goes_on_after_a_restart_with_what_changed_meanwhile(world):
    world.run(MAP)
    world.until_equal()
    world.etl.close()
    world.run("UPDATE d.t SET name = 'meanwhile' WHERE id = 1")
    world.run("DELETE FROM d.t WHERE id = 2")
    world.restart()
    world.until_equal()


def test_a_change_stays_in_the_outbox_until_its_bulk_was_accepted(world):
    world.run(MAP)
    world.until_equal()
    world.until(lambda: _outbox(world) == 0)
    world.search.gate.clear()
    world.run("UPDATE d.t SET name = 'twice' WHERE id = 1")
    assert _outbox(world) == 1
    world.search.gate.set()
    world.until_equal()
    world.until(lambda: _outbox(world) == 0)


def _outbox(world):
    with closing(world.database.connect()) as connection:
        return connection.execute("SELECT COUNT(*) FROM _outbox").fetchone()[0]


def test_a_refused_call_leaves_no_link(world):
    world.search.down = True
    with pytest.raises(pymysql.MySQLError, match="HTTP 503"):
        world.run(MAP)
    assert world.run("CALL dbms_etl.show_sync_link()") == ()


# Pure


@pytest.mark.parametrize(
    ("size", "seconds", "following"),
    [(25, 0.1, 50), (400, 0.2, 500), (500, 0.1, 500), (100, 0.25, 100), (100, 1.1, 50), (100, None, 50), (1, None, 1)],
)
def test_a_batch_grows_while_it_is_fast_and_halves_when_it_was_slow_or_timed_out(size, seconds, following):
    assert Pace(500).next_size(size, seconds) == following


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (None, ColumnType("int"), None),
        (1, ColumnType("tinyint", 1), True),
        (1, ColumnType("tinyint"), 1),
        ("2.50", ColumnType("decimal", 10, 2), 2.5),
        ("7", ColumnType("decimal", 10, 0), 7),
        ("2026-01-02 03:04:05", ColumnType("datetime"), "2026-01-02 03:04:05"),
        ('{"age": 30, "name": "Alice"}', ColumnType("json"), '{"age":30,"name":"Alice"}'),
        (b"\x00\xff", ColumnType("blob"), "AP8="),
        ("a,b", ColumnType("set", members=("a", "b")), ["a", "b"]),
        ("", ColumnType("set", members=("a", "b")), []),
    ],
)
def test_values_are_written_as_flink_writes_them(value, kind, written):
    assert field_value(value, kind) == written


def test_bulk_bodies_are_index_with_everything_or_delete():
    body = bulk_body("i", [("1", {"a": "é"}), ("2_x", None)])
    assert body.decode().splitlines() == [
        '{"index": {"_index": "i", "_id": "1"}}',
        '{"a": "é"}',
        '{"delete": {"_index": "i", "_id": "2_x"}}',
    ]


def test_an_id_is_the_keys_values_as_text():
    assert [document_id(key) for key in [(1,), ("a", 2), (1.0,)]] == ["1", "a_2", "1"]


def test_deleting_what_is_not_there_is_no_failure():
    items = [
        {"delete": {"_id": "1", "status": 404}},
        {"index": {"_id": "2", "status": 201}},
        {"index": {"_id": "3", "status": 429, "error": {"type": "t", "reason": "r"}}},
    ]
    assert failures({"items": items}) == {"3": "t: r (HTTP 429)"}


def _table(*names, key=("id",), name="t"):
    columns = tuple(Column(column, ColumnType("int"), nullable=False) for column in names)
    return Table("d", name, columns, (KeyDefinition("PRIMARY", key, True),) if key else ())


@pytest.mark.parametrize(
    ("after", "renamed", "broken"),
    [
        (_table("id", "a"), {}, False),
        (_table("id", "a", "b"), {}, False),
        (_table("id"), {}, False),
        (_table("id", "z"), {}, False),
        (_table("id", "z"), {"a": "z"}, True),
        (_table("id", "a", key=("id", "a")), {}, True),
        (_table("id", "a", key=()), {}, True),
        (_table("id", "a", name="u"), {}, True),
    ],
)
def test_ddl_rules(after, renamed, broken):
    [member] = members(LinkRequest("sync_by_map", "d", "t", "i", (("x", "a"),), ("id",)))
    assert bool(broken_by(member, _table("id", "a"), after, renamed)) == broken
