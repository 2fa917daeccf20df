"""The minimum time of a number of calls: the smallest ones, in sequence, over one connection for each service."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import httpx
import pymysql

from bench.services import Services
from bench.traffic import Counts

SAMPLE = 100
"""The number of calls of each kind that are made; the time of the rest is extrapolated."""


def floor(services: Services, counts: Counts, now: Callable[[], float] = time.perf_counter) -> float:
    """Returns the seconds that this number of requests and statements takes."""
    return _requests(services, counts.requests, now) + _statements(services, counts.statements, now)


def _requests(services: Services, number: int, now: Callable[[], float]) -> float:
    with httpx.Client(base_url=services.search_url, auth=services.search_account, trust_env=False) as client:
        return _timed(lambda: client.get("/"), number, now)


def _statements(services: Services, number: int, now: Callable[[], float]) -> float:
    with closing(pymysql.connect(**services.database_account)) as connection, connection.cursor() as cursor:
        return _timed(lambda: cursor.execute("SELECT 1"), number, now)


def _timed(call: Callable[[], object], number: int, now: Callable[[], float]) -> float:
    made, begun = min(number, SAMPLE), now()
    for _ in range(made):
        call()
    return (now() - begun) * number / made if made else 0.0
