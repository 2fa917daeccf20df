"""The product's check for missing rows, called as by an alias before it moves."""

from __future__ import annotations

import httpx

from bench.services import Services
from providers.kit import Clock
from providers.services.backfill import BackfillProbe, BackfillSource
from providers.services.http import SearchClient
from providers.services.sql import Database


def count_missing(services: Services, table: str, index: str) -> int:
    """Returns the number of rows of the table that have no document or no vector in the index."""
    host, port, user, password = (services.database_account[name] for name in ("host", "port", "user", "password"))
    clock = Clock()
    source = BackfillSource(table, {"body": "vector"}, "id")
    database = Database.connect(host, port, user, password, None, clock=clock)
    with httpx.Client(base_url=services.search_url, auth=services.search_account, timeout=60, trust_env=False) as http:
        return BackfillProbe(SearchClient(http, clock=clock), database, index, source).observe().left
