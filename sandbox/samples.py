"""The data you already have: what a new sandbox's database holds, as if an application had been using it for years.

`db.test_table` is the tutorial's; `shop.products` is read from a CSV file with the columns id, name, category,
description and price. Loading twice gives the same rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

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
    """Loads both, as `user`, unless this database ever had them. Raises OSError without the CSV file."""
    session = Session(database, Account(user))
    try:
        (loaded,) = session.connection.execute("PRAGMA user_version").fetchone()
        if loaded != _LOADED:
            _run(session, TUTORIAL)
            _run(session, SHOP)
            for statement in _inserts(_rows(products)):
                _run(session, statement)
            session.connection.execute(f"PRAGMA user_version = {_LOADED}")
    finally:
        session.close()


def _run(session: Session, script: str) -> None:
    for _ in execute(session, script):
        continue


def _rows(products: Path) -> Iterator[list[str | None]]:
    with products.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield [row[column] or None for column in _COLUMNS]


def _inserts(rows: Iterable[Sequence[str | None]]) -> Iterator[str]:
    remaining = iter(rows)
    while batch := list(islice(remaining, 200)):
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in batch)
        yield f"REPLACE INTO shop.products({', '.join(_COLUMNS)}) VALUES {values}"


def _literal(value: str | None) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
