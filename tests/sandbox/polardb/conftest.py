"""A PolarDB on a free loopback port, and clients that are closed again."""

import pymysql
import pytest

from sandbox.polardb import Database, serve

USER, PASSWORD = "polardb_user", "p'a ss"


class Server:
    """One database behind its socket; `connect` opens clients, `run` asks one thing."""

    def __init__(self, file, **options):
        self.bugs: list[str] = []
        self.database = Database(file, **options)
        self.database.add_account(USER, PASSWORD, everything=True)
        self.running = serve(self.database, log=self.bugs.append)
        self.clients = []

    def connect(self, user=USER, password=PASSWORD, **options):
        client = pymysql.connect(
            host="127.0.0.1", port=self.running.port, user=user, password=password, **{"autocommit": True, **options}
        )
        self.clients.append(client)
        return client

    def run(self, sql, client=None):
        """The rows of the last result set of the last statement."""
        with (client or self.connect()).cursor() as cursor:
            cursor.execute(sql)
            rows = cursor.fetchall()
            while cursor.nextset():
                rows = cursor.fetchall() or rows
            return [tuple(row) for row in rows]

    def close(self):
        for client in self.clients:
            if client.open:
                client.close()
        self.running.stop()
        self.database.close()
        assert self.bugs == []


@pytest.fixture
def make_server(tmp_path):
    servers: list[Server] = []

    def make(**options):
        servers.append(Server(tmp_path / f"{len(servers)}.db", **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def server(make_server):
    return make_server(polardb_version="8.0.1.1.54", clock=lambda: 1_779_000_000.0)


@pytest.fixture
def shop(server):
    """A client that uses a database with two small tables."""
    client = server.connect()
    for statement in (
        "CREATE DATABASE shop",
        "USE shop",
        "CREATE TABLE fruit(id INT PRIMARY KEY, name VARCHAR(20) NOT NULL, price DECIMAL(6,2), note TEXT)",
        "INSERT INTO fruit VALUES (1, 'Apple', 1.50, 'red'), (2, 'pear', 2.25, ''), (3, 'Fig', NULL, NULL)",
        "CREATE TABLE sale(id INT AUTO_INCREMENT PRIMARY KEY, fruit INT NOT NULL, at DATETIME,"
        " UNIQUE KEY when_what (fruit, at))",
        "INSERT INTO sale(fruit, at) VALUES (1, '2026-01-02 03:04:05'), (1, '2026-01-03'), (2, '2026-01-02')",
    ):
        server.run(statement, client)
    return client


@pytest.fixture
def run(server, shop):
    """Runs SQL as the privileged user, in `shop`."""
    return lambda sql: server.run(sql, shop)
