"""Traffic to the sandbox through the proxies is counted and delayed; the sandbox's own requests are not."""

from __future__ import annotations

from contextlib import closing

import httpx
import pymysql
import pytest

from bench.check import count_missing
from bench.floor import SAMPLE, floor
from bench.proxy import Proxy
from bench.rows import INDEX, TABLE, rows_a_second
from bench.traffic import Counts, HttpRequests


@pytest.fixture
def client(services):
    with httpx.Client(base_url=services.search_url, auth=services.search_account) as client:
        yield client


def test_requests_bytes_and_connections_are_counted(services, client):
    answers = [client.get("/"), client.put("/docs"), client.get("/docs/_mapping")]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    counts = services.counts
    assert (counts.requests, counts.statements, counts.connections) == (3, 0, 1)
    assert counts.bytes > sum(len(answer.content) for answer in answers)
    assert services.calls == {"GET /": 1, "PUT /docs": 1, "GET /docs/_mapping": 1}


def test_statements_are_counted_with_those_of_the_driver(services):
    with closing(pymysql.connect(**services.database_account)) as connection, connection.cursor() as cursor:
        before = services.counts
        cursor.execute("SELECT 1")
        cursor.execute("SELECT 2")
    assert (services.counts - before).statements == 2
    assert {call: services.calls[call] for call in ("SELECT 1", "SELECT 2")} == {"SELECT 1": 1, "SELECT 2": 1}


def test_each_call_is_delayed_before_it_is_forwarded(services):
    held, before = [], arrived(services)
    port = int(services.box.search_url.rpartition(":")[2])
    with (
        closing(Proxy(port, HttpRequests, lambda: held.append(arrived(services) - before))) as proxy,
        httpx.Client(base_url=f"http://127.0.0.1:{proxy.port}", auth=services.search_account) as client,
    ):
        client.get("/")
        client.get("/_alias")
    assert held == [0, 1]


def arrived(services):
    """Returns the number of requests that the search service has received."""
    return sum(services.box.polarsearch.requests.counts().values())


def test_the_floor_repeats_a_sample_of_the_calls(services):
    ticks = iter(range(4))
    seconds = floor(services, Counts(requests=SAMPLE * 3, statements=2), lambda: float(next(ticks)))
    assert services.calls["GET /"] == SAMPLE
    assert services.calls["SELECT 1"] == 2
    assert seconds == 3.0 + 1.0


def test_no_calls_take_no_time(services):
    assert floor(services, Counts()) == 0.0


def test_the_check_for_missing_rows_is_measured_when_none_is_missing(services):
    ticks = iter([0.0, 2.0])
    assert rows_a_second(services, 1500, lambda: next(ticks)) == 750
    assert count_missing(services, TABLE, INDEX) == 0


def test_the_measured_check_finds_missing_rows(services, client):
    rows_a_second(services, 10)
    client.delete(f"/{INDEX}/_doc/7").raise_for_status()
    assert count_missing(services, TABLE, INDEX) == 1
