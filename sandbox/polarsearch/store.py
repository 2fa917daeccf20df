"""What survives the process: one SQLite file of named objects and documents, committed before every answer."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

_VECTOR = "$vector"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (kind TEXT, name TEXT, body TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
  place TEXT, id TEXT, seq INTEGER, version INTEGER, source TEXT, PRIMARY KEY (place, id)) WITHOUT ROWID;
"""


def encode(value: Any) -> str:
    """JSON, with vectors as bytes."""
    return json.dumps(value, ensure_ascii=False, default=_pack)


def decode(text: str) -> Any:
    """The other way."""
    return json.loads(text, object_hook=_unpack if _VECTOR in text else None)


def shown(value: Any, *, pretty: bool = False) -> str:
    """JSON as clients see it, with vectors as lists of numbers."""
    form: Any = {"indent": 2, "separators": (",", " : ")} if pretty else {}
    return json.dumps(value, ensure_ascii=False, default=numbers, **form)


def numbers(vector: Any) -> list[float]:
    """The shortest digits that mean the same number in the vector's own width."""
    listed: list[float] = vector.tolist()
    return listed if vector.dtype == np.float64 else [float(str(number)) for number in vector]


def _pack(vector: Any) -> dict[str, str]:
    return {_VECTOR: vector.dtype.str + base64.b64encode(vector.tobytes()).decode()}


def _unpack(value: dict[str, Any]) -> Any:
    packed = value.get(_VECTOR) if len(value) == 1 else None
    return np.frombuffer(base64.b64decode(packed[3:]), packed[:3]) if isinstance(packed, str) else value


class Store:
    """One SQLite file, readable by its owner only: it holds the connectors' credentials. Without a path, memory."""

    def __init__(self, path: Path | None) -> None:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False)
        # NORMAL survives a killed process, though not a lost machine: enough for a sandbox.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)

    def put(self, kind: str, name: str, body: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO objects VALUES (?,?,?)", (kind, name, encode(body)))

    def drop(self, kind: str, name: str) -> None:
        self._db.execute("DELETE FROM objects WHERE kind=? AND name=?", (kind, name))

    def all(self, kind: str) -> dict[str, Any]:
        rows = self._db.execute("SELECT name, body FROM objects WHERE kind=? ORDER BY name", (kind,))
        return {name: decode(body) for name, body in rows}

    def write(self, place: str, rows: Iterable[tuple[str, int, int, Any]]) -> None:
        values = ((place, id, seq, version, encode(source)) for id, seq, version, source in rows)
        self._db.executemany("INSERT OR REPLACE INTO documents VALUES (?,?,?,?,?)", values)

    def remove(self, place: str, id: str) -> None:
        self._db.execute("DELETE FROM documents WHERE place=? AND id=?", (place, id))

    def clear(self, place: str) -> None:
        self._db.execute("DELETE FROM documents WHERE place=?", (place,))

    def documents(self, place: str) -> Iterator[tuple[str, int, int, Any]]:
        rows = self._db.execute("SELECT id, seq, version, source FROM documents WHERE place=? ORDER BY seq", (place,))
        return ((id, seq, version, decode(source)) for id, seq, version, source in rows)

    def commit(self) -> None:
        self._db.commit()

    def close(self) -> None:
        self._db.close()
