"""The configuration of the measured stacks: a number of collections, each with its own table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.services import Services

DATABASE = "bench"
ROWS = "(1, 'a warm jumper'), (2, 'a kettle for tea'), (3, 'running shoes')"


def make_tables(services: Services, number: int) -> None:
    """Creates the tables of `number` collections, with three rows each."""
    services.execute(f"CREATE DATABASE {DATABASE}")
    for at in range(number):
        services.execute(f"CREATE TABLE {_table(at)} (id INT PRIMARY KEY, body TEXT)")
        services.execute(f"INSERT INTO {_table(at)} VALUES {ROWS}")


def configuration(services: Services, collections: int) -> Mapping[str, Any]:
    """Returns the configuration of a stack with this number of collections."""
    return {
        "connection": services.connection,
        "embedding": {
            "url": f"{services.box.embeddings_url}/embeddings",
            "model": "hashing",
            "dimension": 64,
            "send_dimensions": True,
        },
        "collections": [_collection(at) for at in range(collections)],
    }


def _collection(at: int) -> dict[str, Any]:
    return {
        "name": f"docs{at}",
        "source": {"table": _table(at), "columns": {"id": "INT", "body": "TEXT"}, "primary_key": "id"},
        "fields": {"id": "id", "text": "body"},
        "mapping": {"id": {"type": "integer"}, "text": {"type": "text"}, "vector": {"type": "knn_vector"}},
        "field_map": {"text": "vector"},
        "replicas": 0,
        "deletion_protection": False,
    }


def _table(at: int) -> str:
    return f"{DATABASE}.docs{at}"
