"""A plugin of pytest that replaces the sandbox with real servers: `pytest -p tests.real.plugin tests/e2e`.

Where they cannot run, every test that needs them is skipped, with the reason in the summary.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from sandbox import wire
from sandbox.defaults import API_KEY
from tests.e2e.world import HeldEmbeddings
from tests.real.cleaning import empty_database, empty_search
from tests.real.databases import SERVERS
from tests.real.installation import Lacking
from tests.real.servers import Servers
from tests.real.world import world_on


def pytest_addoption(parser):
    parser.addoption("--database", choices=list(SERVERS), help="which real database, instead of the first that can run")


def pytest_collection_modifyitems(items):
    """Groups the tests of the node without accounts on one worker of xdist, so that only one starts it."""
    for item in items:
        if "server" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("plain"))


@pytest.fixture(scope="session")
def servers(request):
    """The servers; each starts on first use."""
    with skipped():
        made = Servers(request.config.getoption("--database"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def running_database(servers):
    with skipped():
        return servers.database


@contextmanager
def skipped():
    """Skips a test that needs what this machine lacks, with the reason."""
    try:
        yield
    except Lacking as lacking:
        pytest.skip(f"no real servers: {lacking}")


@pytest.fixture
def real_world(servers, running_database):
    """Empty servers, for a stack."""
    keys = {API_KEY}
    embeddings = HeldEmbeddings(api_keys=keys)
    running = wire.serve(embeddings.handle)
    yield world_on(servers, embeddings, running, keys)
    embeddings.release()
    empty_database(running_database.root, running_database.account["user"])
    empty_search(servers.secure.client)
    running.stop()


@pytest.fixture
def real_plain(servers):
    """An empty OpenSearch without accounts."""
    yield servers.plain
    empty_search(servers.plain.client)


@pytest.fixture
def real_secure(servers):
    """An empty OpenSearch with accounts and TLS."""
    yield servers.secure
    empty_search(servers.secure.client)


@pytest.fixture
def real_database(running_database):
    """An empty database."""
    yield running_database
    empty_database(running_database.root, running_database.account["user"])
