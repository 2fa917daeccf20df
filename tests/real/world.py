"""The world of end-to-end tests on real servers: one set of servers for a session, and each test leaves them empty."""

from __future__ import annotations

from contextlib import closing

import pymysql

from sandbox import wire
from sandbox.defaults import API_KEY
from tests.e2e.world import HeldEmbeddings, World
from tests.real.servers import Servers

SYSTEM_SCHEMAS = frozenset({"mysql", "sys", "information_schema", "performance_schema", "dbms_etl"})
SYSTEM_USERS = frozenset({"root", "mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys"})


def world_on(servers: Servers, embeddings: HeldEmbeddings, running: wire.Running, keys: set[str]) -> World:
    """`secure` and the database, with AutoETL between them, and an embedding service of the test's own."""
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


def empty(world: World) -> None:
    """Take away everything a test may have left, whoever made it."""
    _empty_database(world)
    shown = world.inventory()
    for name in shown["indexes"]:
        world.search("DELETE", f"/{name}")
    for kind, path in (("ingest pipelines", "/_ingest/pipeline"), ("search pipelines", "/_search/pipeline")):
        for name in shown[kind]:
            world.search("DELETE", f"{path}/{name}")
    for model in shown["models"]:
        world.search("POST", f"/_plugins/_ml/models/{model}/_undeploy")
        world.search("DELETE", f"/_plugins/_ml/models/{model}")
    for kind in ("connectors", "model_groups"):
        for id in shown[kind]:
            world.search("DELETE", f"/_plugins/_ml/{kind}/{id}")
    changed = {scope: dict.fromkeys(settings) for scope, settings in shown["settings"].items()}
    if any(changed.values()):
        world.search("PUT", "/_cluster/settings", changed)


def _empty_database(world: World) -> None:
    root = world.servers.database.root
    with closing(pymysql.connect(**root, autocommit=True)) as connection, connection.cursor() as cursor:
        for link in world.inventory()["links"]:
            cursor.execute("CALL dbms_etl.drop_sync_link(%s)", [link])
        cursor.execute("SHOW DATABASES")
        for (schema,) in cursor.fetchall():
            if schema not in SYSTEM_SCHEMAS:
                cursor.execute(f"DROP DATABASE `{schema}`")
        cursor.execute("SELECT user, host FROM mysql.user")
        for user, host in cursor.fetchall():
            if user not in SYSTEM_USERS | {world.database["user"]}:
                cursor.execute("DROP USER %s@%s", [user, host])
