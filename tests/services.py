"""Both services in this process.

The search service is mounted through respx, and uses the fake clock, which moves when a kind sleeps. PolarDB listens on
a free port, and its AutoETL writes to the same search service.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from providers.services import Connections
from sandbox import mock_polarsearch
from sandbox.autoetl import AutoEtl, HttpSearch
from sandbox.autoetl.worker import Pace
from sandbox.polardb import Database, serve

USER, PASSWORD = "polardb_user", "secret-of-polardb"


@pytest.fixture
def api_keys():
    """The keys that the embedding service accepts; a test may change them."""
    return {"sk-good"}


@pytest.fixture
def version():
    """The version of the search service; a test may set another with `parametrize`."""
    return "2.19.1"


@pytest.fixture
def search(fake_clock, api_keys, version):
    with mock_polarsearch(clock=lambda: fake_clock.time, api_keys=api_keys, version=version) as mounted:
        yield mounted


@pytest.fixture
def connections(search, connect):
    return connect(search_url=search.url)


@pytest.fixture
def rest(connections):
    """The REST API of the search service."""
    return connections.search


@dataclass
class PolarDb:
    """A PolarDB on a socket."""

    database: Database
    port: int
    connections: Connections

    def run(self, statement, values=()):
        """Returns the rows of a statement."""
        return self.connections.database.query(statement, values)

    def until(self, condition, patience=60):
        """Waits in real time until the condition holds, since AutoETL runs in threads of its own."""
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, self.run("CALL dbms_etl.show_sync_link()")
            time.sleep(0.005)


@pytest.fixture
def start_polardb(tmp_path, search, connect):
    """Starts databases, of any revision, whose AutoETL writes to `search`."""
    running, bugs = [], []

    def start(**options):
        database = Database(tmp_path / f"{len(running)}.db", **options)
        database.add_account(USER, PASSWORD, everything=True)
        outbound = HttpSearch(search.url, "", "")
        etl = AutoEtl(database, outbound, pace=Pace(500, 0.01, 0.05), log=bugs.append)
        server = serve(database, log=bugs.append)
        running.append((server.stop, etl.close, outbound.close, database.close))
        where = {"database_host": "127.0.0.1", "database_port": server.port, "database_user": USER}
        values = {"search_url": search.url, **where, "database_password": PASSWORD}
        return PolarDb(database, server.port, connect(**values))

    yield start
    for stops in running:
        for stop in stops:
            stop()
    assert bugs == []


@pytest.fixture
def polardb(start_polardb):
    return start_polardb()
