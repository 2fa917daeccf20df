"""The rows of a new sandbox's database: the tutorial's `db.test_table`, and `shop.products` from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from pymysql.converters import escape_item

from sandbox.polardb import Database
from sandbox.polardb.accounts import Account
from sandbox.polardb.session import Session
from sandbox.polardb.statements import execute

TUTORIAL = """
CREATE DATABASE IF NOT EXISTS db;
CREATE TABLE IF NOT EXISTS db.test_table(id INT PRIMARY KEY, t1 INT, t2 TEXT);
REPLACE INTO db.test_table(id, t1, t2) VALUES (1, 11, 'aaa'), (2, 22, 'bbb'), (3, 33, 'ccc');
"""
SHOP = """
CREATE DATABASE IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.products(
  id INT PRIMARY KEY, name VARCHAR(200) NOT NULL, category VARCHAR(64) NOT NULL, description TEXT, price DECIMAL(10,2));
"""
_COLUMNS = ("id", "name", "category", "description", "price")
_LOADED = 1


def load_once(database: Database, user: str, products: Path) -> None:
    """Loads the rows as `user`, unless they were ever loaded. Raises OSError if the CSV file cannot be read."""
    with closing(Session(database, Account(user))) as session:
        (loaded,) = session.connection.execute("PRAGMA user_version").fetchone()
        if loaded != _LOADED:
            for script in (TUTORIAL, SHOP, *_inserts(products)):
                list(execute(session, script))
            session.connection.execute(f"PRAGMA user_version = {_LOADED}")


def _inserts(products: Path) -> Iterator[str]:
    with products.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        while batch := list(islice(rows, 200)):
            values = ", ".join(_tuple(row[column] or None for column in _COLUMNS) for row in batch)
            yield f"REPLACE INTO shop.products({', '.join(_COLUMNS)}) VALUES {values}"


def _tuple(values: Iterable[str | None]) -> str:
    return f"({', '.join(escape_item(value, 'utf8mb4') for value in values)})"
