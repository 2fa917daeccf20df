"""The product's check for missing rows, called as an alias calls it before it moves."""

from __future__ import annotations

from bench.services import Services
from providers.kit import Connections
from providers.kit.backfill import Filling, Source


def absent(services: Services, table: str, index: str) -> int:
    """How many rows of the table have no document or no vector in the index."""
    values = {name: str(value) for name, value in services.connection.items()}
    values |= {"search_password": services.box.search_password, "database_password": services.box.database_password}
    connections = Connections(values.get, {})
    source = Source(table, {"body": "vector"}, "id")
    return Filling(connections.search, connections.database, index, source).look().left
