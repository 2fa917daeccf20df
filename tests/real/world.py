"""The World of end-to-end tests on real servers: one set of servers for each session."""

from __future__ import annotations

from sandbox import wire
from sandbox.defaults import API_KEY
from tests.e2e.world import HeldEmbeddings, World
from tests.real.servers import Servers


def world_on(servers: Servers, embeddings: HeldEmbeddings, running: wire.Running, keys: set[str]) -> World:
    """Returns the world of `secure`, the database with AutoETL, and an embedding service of the test."""
    _ = servers.autoetl
    search = servers.secure
    return World(
        search.url,
        search.admin.username,
        search.admin.password,
        servers.database.account,
        f"http://127.0.0.1:{running.port}/v1/embeddings",
        embeddings,
        API_KEY,
        keys,
        search_ca_file=str(search.ca_file),
        servers=servers,
    )
