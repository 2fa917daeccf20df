"""Fixtures shared by every test: a clock that never sleeps, and connections to services that are not there."""

from __future__ import annotations

import httpx
import pytest
import respx

from providers.kit import Clock, Connections, SearchClient

BASE = "http://search.test"


class Hands:
    """The hands of a clock: sleeping moves them."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def clock(hands):
    return Clock(now=lambda: hands.time, sleep=hands.sleep)


@pytest.fixture
def api():
    """Routes of a search service at BASE, answered by whatever the test says."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
def client(clock):
    with httpx.Client(base_url=BASE) as http:
        yield SearchClient(http, clock=clock)


@pytest.fixture
def connect(clock):
    """Connections with these values; nothing is opened before its first use."""
    return lambda environment=None, **values: Connections(values.get, environment or {}, clock)
