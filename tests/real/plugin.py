"""A plugin of pytest that puts real servers in place of the sandbox: `pytest -p tests.real.plugin tests/e2e`.

Where they cannot be had, every test that wants them is skipped, and the summary says why.
"""

from __future__ import annotations

import pytest

from sandbox import wire
from sandbox.defaults import API_KEY
from tests.e2e.world import HeldEmbeddings
from tests.real.installation import Lacking
from tests.real.servers import Servers
from tests.real.world import empty, world_on


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
    """Empty servers."""
    keys = {API_KEY}
    embeddings = HeldEmbeddings(api_keys=keys)
    running = wire.serve(embeddings.handle)
    world = world_on(servers, embeddings, running, keys)
    yield world
    embeddings.release()
    empty(world)
    running.stop()
