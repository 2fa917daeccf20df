"""One suite for two servers: each case is a short story of requests, and what must come back.

`make test` asks the emulator, with `-p tests.real.plugin` a real OpenSearch 2.19.1 and a real MySQL are asked the same.
Both are asked over a socket, with the same client.
"""

from __future__ import annotations

import pytest

from sandbox import wire
from sandbox.polarsearch import PolarSearch
from sandbox.process import Sandbox
from tests.conformance.server import CannedEmbeddings, PolarDb, Server, is_real
from tests.real.opensearch import PRIVATE, READER, READER_PASSWORD, Account


@pytest.fixture
def embeddings():
    service = CannedEmbeddings()
    running = wire.serve(service.handle)
    yield service, f"http://127.0.0.1:{running.port}/v1/embeddings"
    running.stop()


def pytest_generate_tests(metafunc):
    if hasattr(metafunc.module, "pytest_generate_tests"):  # it says itself which servers it asks
        return
    name = "real" if is_real(metafunc.config) else "emulator"
    for fixture in ("server", "guarded", "polardb"):
        if fixture in metafunc.fixturenames and not any(
            fixture in reference.args[0] for reference in _parametrized(metafunc)
        ):
            metafunc.parametrize(fixture, [name], indirect=True)


def _parametrized(metafunc):
    return metafunc.definition.iter_markers("parametrize")


@pytest.fixture
def server(request, embeddings):
    """A search service without accounts: the emulator, of the version a case names, or a real one."""
    if request.param == "real":
        node = request.getfixturevalue("real_plain")
        service, url = embeddings
        yield Server("real", node.url, node.client, service, url)
    else:
        yield from emulator(*embeddings, **({} if request.param == "emulator" else {"version": request.param}))


@pytest.fixture
def guarded(request, embeddings):
    """A search service with an administrator and a reader, the real one over https."""
    if request.param == "real":
        node = request.getfixturevalue("real_secure")
        service, url = embeddings
        yield Server("real", node.url, node.client, service, url, node.admin)
    else:
        admin = Account("admin", "password-of-admin")
        users = {admin.username: admin.password, READER: READER_PASSWORD}
        yield from emulator(*embeddings, account=admin, users=users, readers={READER})


def emulator(embeddings, url, *, account=None, **options):
    application = PolarSearch(**options)
    running = wire.serve(application.handle)
    account = account or Account()
    with account.client(f"http://127.0.0.1:{running.port}") as client:
        client.put("/_cluster/settings", json={"transient": {PRIVATE: True}}).raise_for_status()
        yield Server("emulator", f"http://127.0.0.1:{running.port}", client, embeddings, url, account)
    running.stop()
    application.close()


@pytest.fixture
def polardb(request, embeddings, tmp_path):
    """A database, and a search service that its AutoETL writes to."""
    service, url = embeddings
    if request.param == "real":
        servers = request.getfixturevalue("servers")
        node, database = request.getfixturevalue("real_secure"), request.getfixturevalue("real_database")
        _ = servers.autoetl
        search = Server("real", node.url, node.client, service, url, node.admin)
        yield PolarDb(database.name, database.account, search)
        return
    with Sandbox(tmp_path / "sandbox", samples=False) as box:
        admin = Account(box.search_username, box.search_password)
        where = {"host": box.database_host, "port": box.database_port}
        account = {**where, "user": box.database_user, "password": box.database_password}
        with admin.client(box.search_url) as client:
            yield PolarDb("sandbox", account, Server("emulator", box.search_url, client, service, url, admin))
