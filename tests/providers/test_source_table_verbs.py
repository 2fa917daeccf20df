"""SourceTable on a database: an existing table is never altered, and a protected one with rows is not dropped."""

from __future__ import annotations

import pytest

from providers.source_table import SourceTableInputs, SourceTableKind

ROWS = {
    "owner": "p/s/rows",
    "database": "db",
    "name": "t",
    "columns": {"id": "INT", "t2": "VARCHAR(20) NOT NULL"},
    "primary_key": "id",
}


@pytest.fixture
def tables(drive, polardb):
    return drive(SourceTableKind, polardb.connections)


@pytest.fixture
def columns(polardb):
    """Returns the columns and their types, as the database shows them."""
    return lambda: {row["Field"]: row["Type"] for row in polardb.run("SHOW COLUMNS FROM db.t")}


@pytest.fixture
def comment(polardb):
    query = "SELECT table_comment AS c FROM information_schema.tables WHERE table_schema='db' AND table_name='t'"
    return lambda: polardb.run(query)[0]["c"]


@pytest.fixture
def theirs(polardb):
    """A table that exists before the resource, with a row."""
    polardb.run("CREATE DATABASE db")
    polardb.run("CREATE TABLE db.t(id INT PRIMARY KEY, t2 VARCHAR(20), more INT) COMMENT = 'Theirs'")
    polardb.run("INSERT INTO db.t VALUES (1, 'a mug', 0)")


def test_create_read_update_delete(tables, columns, comment, reference):
    created = tables.create(**ROWS)
    assert created.id == "db.t"
    assert columns() == {"id": "int(11)", "t2": "varchar(20)"}
    assert comment() == f"[pulumi:{reference(created)}]"
    assert tables.read(created).props == created.props
    grown = tables.update(created, columns={**ROWS["columns"], "t3": "TEXT"})
    assert list(columns()) == ["id", "t2", "t3"]
    assert reference(grown) == reference(created)
    tables.delete(grown)
    assert tables.read(grown) is None
    tables.delete(grown)


def test_a_primary_key_of_several_columns_keeps_its_order(tables):
    created = tables.create(**{**ROWS, "primary_key": ["t2", "id"]})
    assert tables.read(created).inputs["primary_key"] == ["t2", "id"]


def test_a_protected_table_with_rows_is_not_dropped(tables, polardb, failed):
    created = tables.create(**ROWS)
    polardb.run("INSERT INTO db.t VALUES (1, 'a mug'), (2, 'a cup')")
    line = "table db.t has 2 rows, and deletion protection is on; to delete them, set deletion_protection: false"
    with pytest.raises(failed, match=f"^{line} .*, run `pulumi up`, and try again$"):
        tables.delete(created)
    tables.delete(tables.update(created, deletion_protection=False))
    assert tables.read(created) is None


def test_an_existing_table_is_adopted_and_never_altered_or_dropped(tables, theirs, polardb, columns, comment):
    before = columns()
    adopted = tables.create(**{**ROWS, "deletion_protection": False})
    assert adopted.props["uid"] == ""
    adopted = tables.update(adopted)
    tables.delete(adopted)
    assert (columns(), comment()) == (before, "Theirs")
    assert polardb.run("SELECT COUNT(*) AS n FROM db.t")[0]["n"] == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"columns": {"id": "INT", "t9": "TEXT"}}, r"has no column t9; it was there before us and is never altered"),
        ({"columns": {"id": "BIGINT"}}, r"column id is int\S*, not BIGINT; declare it as it is, or name another table"),
        ({"primary_key": ["id", "t2"]}, r"its primary key is \(id\), not \(id, t2\)"),
    ],
    ids=["column", "type", "key"],
)
def test_an_existing_table_that_differs_is_refused(tables, theirs, columns, failed, change, why):
    before = columns()
    with pytest.raises(failed, match=f"table db.t:? .*{why}"):
        tables.create(**{**ROWS, **change})
    assert columns() == before


def test_delete_leaves_an_object_that_another_create_took_over(tables):
    former, latter = tables.create(**ROWS), tables.create(**ROWS)
    tables.delete(former)
    assert tables.read(latter).props == latter.props
    tables.delete(latter)
    assert tables.read(latter) is None


def test_a_table_of_two_resources_is_dropped_with_the_last(tables, polardb, comment, reference):
    """As when a collection is renamed: the new resource is created before the old one is deleted."""
    unprotected = {**ROWS, "deletion_protection": False}
    first = tables.create(**unprotected)
    polardb.run("INSERT INTO db.t VALUES (1, 'a mug')")
    second = tables.create(**{**unprotected, "owner": "p/s/renamed", "columns": {"id": "INT", "t3": "TEXT"}})
    assert comment() == f"[pulumi:{reference(first)}] [pulumi:{reference(second)}]"
    assert (tables.read(first).props, tables.read(second).props) == (first.props, second.props)
    tables.delete(first)
    assert comment() == f"[pulumi:{reference(second)}]"
    assert polardb.run("SELECT COUNT(*) AS n FROM db.t")[0]["n"] == 1
    tables.delete(second)
    assert tables.read(second) is None


def test_a_table_created_meanwhile_by_another_resource_is_shared(polardb, comment):
    kind, inputs = SourceTableKind(polardb.connections), SourceTableInputs(**ROWS)
    other = inputs.model_copy(update={"owner": "p/s/other"})
    assert (kind.find(inputs), kind.find(other)) == (None, None)
    assert (kind.create(inputs, "1"), kind.create(other, "2")) == ("db.t", "db.t")
    assert comment() == "[pulumi:p/s/rows#1] [pulumi:p/s/other#2]"


def test_a_table_of_another_stack_is_adopted_and_not_dropped(tables, comment, reference):
    theirs = tables.create(**{**ROWS, "owner": "p/prod/rows"})
    tables.delete(tables.create(**ROWS))
    assert comment() == f"[pulumi:{reference(theirs)}]"


def test_drift_is_shown(tables, polardb):
    created = tables.create(**ROWS)
    polardb.run("ALTER TABLE db.t DROP COLUMN t2")
    shown = tables.read(created)
    assert shown.inputs["columns"] == {"id": "INT"}
    assert tables.update(shown, **created.inputs).props == created.props
    polardb.run("ALTER TABLE db.t MODIFY COLUMN t2 TEXT")
    assert tables.read(created).inputs["columns"]["t2"] == "text"


def test_a_missing_privilege_is_reported_with_advice(tables, polardb, connect, drive, failed):
    polardb.run("CREATE USER weak IDENTIFIED BY 'weak-password'")
    where = {"database_host": "127.0.0.1", "database_port": polardb.port, "database_user": "weak"}
    weak = drive(SourceTableKind, connect(**where, database_password="weak-password"))
    with pytest.raises(failed, match=r"grant this account the privilege, or use another"):
        weak.create(**ROWS)


def test_a_wrong_password_is_reported_with_advice_and_not_shown(polardb, connect, drive, failed):
    where = {"database_host": "127.0.0.1", "database_port": polardb.port, "database_user": "polardb_user"}
    with pytest.raises(failed, match=r"\(1045\); check `database_user` and `database_password`") as refused:
        drive(SourceTableKind, connect(**where, database_password="wrong-secret")).create(**ROWS)
    assert "wrong-secret" not in str(refused.value)
