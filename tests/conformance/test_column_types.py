"""A column's type in any spelling is the data type that the server makes of it."""

from __future__ import annotations

import pytest

from providers.kit import Refused, SqlError
from providers.services.column_types import data_types
from providers.services.tables import Tables
from providers.source_table import SourceTableKind
from tests.conformance.life import Life

NOT_SUPPORTED_YET = 1235

SPELLINGS = (
    "BOOL", "BOOLEAN", "TINYINT(1)", "INT1", "INT2", "INT3", "MIDDLEINT", "INT4", "INTEGER", "INT8", "BIGINT SIGNED",
    "INT(11) UNSIGNED ZEROFILL", "SERIAL", "DEC(10,2)", "FIXED(10, 2)", "NUMERIC", "FLOAT", "FLOAT4", "FLOAT(10)",
    "FLOAT(24)", "FLOAT(25)", "FLOAT(53)", "FLOAT(30,2)", "FLOAT8", "REAL", "REAL(10,2)", "DOUBLE PRECISION",
    "CHARACTER(10)", "CHAR", "NCHAR(10)", "NATIONAL CHAR(10)", "NVARCHAR(10)", "NATIONAL VARCHAR(10)",
    "CHARACTER VARYING(10)", "CHAR VARYING(10)", "VARCHARACTER(10)", "VARCHAR(10) CHARACTER SET binary",
    "CHAR(3) CHARSET binary", "TEXT(10)", "TEXT(63)", "TEXT(64)", "TEXT(100)", "TEXT(16383)", "TEXT(16384)",
    "TEXT(70000)", "TEXT(4194304)", "TEXT CHARACTER SET binary", "LONG", "LONG VARCHAR", "LONG VARBINARY", "BLOB(10)",
    "BLOB(256)", "BLOB(70000)", "VARCHAR(20) COMMENT 'it''s'", "INT DEFAULT -1", "ENUM('a,b', 'it''s')",
    "TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
    "DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)",
)  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_is_the_data_type_that_the_server_shows(polardb, spelling):
    polardb.run("CREATE DATABASE db")
    try:
        polardb.run(f"CREATE TABLE db.t (id INT PRIMARY KEY, c {spelling})")
    except SqlError as error:
        if error.code != NOT_SUPPORTED_YET:
            raise
        pytest.skip(error.reason)
    shown = Tables(polardb.connections.database, ["db.t"]).columns("db.t")["c"]
    assert shown.data_type in data_types(spelling)


@pytest.mark.parametrize("spelling", ["REAL", "NVARCHAR(10)", "FLOAT(53)", "MIDDLEINT", "TEXT(70000)", "NUMERIC(8,3)"])
def test_a_table_reads_back_as_it_was_spelled(polardb, spelling):
    columns = {"Id": "INT", "c": spelling}
    life = Life(polardb, SourceTableKind, database="db", name="t", columns=columns, primary_key="id")
    assert not life.changed()
    life.drop()


@pytest.mark.parametrize(
    ("keys", "accepted"),
    [
        ("UNIQUE KEY u (id)", True),
        ("UNIQUE KEY u (id), UNIQUE KEY v (other)", True),
        ("PRIMARY KEY (other), UNIQUE KEY u (id)", False),
        ("KEY k (id)", False),
    ],
)
def test_a_unique_key_that_is_not_null_identifies_a_row_where_there_is_no_primary_key(polardb, keys, accepted):
    polardb.run("CREATE DATABASE db")
    polardb.run(f"CREATE TABLE db.t (id INT NOT NULL, other INT NOT NULL, nothing INT, {keys})")
    kind = SourceTableKind(polardb.connections)
    inputs = kind.inputs_type(owner="p/s/t", database="db", name="t", columns={"ID": "INT"}, primary_key="ID")
    state = kind.read("db.t", inputs)
    assert (not kind.plan(state, inputs)) is accepted
    if not accepted:
        with pytest.raises(Refused, match="its primary key is"):
            kind.update("db.t", state, inputs, "1")
