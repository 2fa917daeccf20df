"""A plugin of pytest that puts real servers in place of the sandbox: `pytest -p tests.real.plugin tests/e2e`.

Where they cannot be had, every test that wants them is skipped, and the summary says why.
"""

from __future__ import annotations

import pytest

from sandbox import wire
from sandbox.defaults import API_KEY
from tests.e2e.world import HeldEmbeddings
from tests.real.cleaning import empty_database, empty_search
from tests.real.installation import Lacking
from tests.real.servers import Servers
from tests.real.world import world_on


@pytest.fixture(scope="session")
def servers():
    """The servers; each starts when it is asked for."""
    try:
        made = Servers()
    except Lacking as lacking:
        pytest.skip(f"no real servers: {lacking}")
    yield made
    made.close()


@pytest.fixture
def real_world(servers):
    """Empty servers, for a stack."""
    keys = {API_KEY}
    embeddings = HeldEmbeddings(api_keys=keys)
    running = wire.serve(embeddings.handle)
    yield world_on(servers, embeddings, running, keys)
    embeddings.release()
    empty_database(servers.database.root, servers.database.account["user"])
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
def real_database(servers):
    """An empty database."""
    yield servers.database
    empty_database(servers.database.root, servers.database.account["user"])
