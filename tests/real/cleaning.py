"""Empties real servers between tests."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import httpx
import pymysql

ML = "/_plugins/_ml"
SYSTEM_SCHEMAS = frozenset({"mysql", "sys", "information_schema", "performance_schema", "dbms_etl"})
SYSTEM_USERS = frozenset({"root", "mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys"})


def empty_search(search: httpx.Client) -> None:
    """Deletes every index, pipeline, model, connector, group and cluster setting. Raises httpx.HTTPStatusError."""
    for name in _json(search, "GET", "/_alias"):
        if not name.startswith("."):
            _json(search, "DELETE", f"/{name}")
    for path in ("/_ingest/pipeline", "/_search/pipeline"):
        for name in _json(search, "GET", path):
            _json(search, "DELETE", f"{path}/{name}")
    for model in _ids(search, "models"):
        search.post(f"{ML}/models/{model}/_undeploy")
        search.delete(f"{ML}/models/{model}")
    for kind in ("connectors", "model_groups"):
        for id in _ids(search, kind):
            _json(search, "DELETE", f"{ML}/{kind}/{id}")
    settings = _json(search, "GET", "/_cluster/settings?flat_settings=true")
    changed = {scope: dict.fromkeys(settings[scope]) for scope in ("persistent", "transient")}
    if any(changed.values()):
        _json(search, "PUT", "/_cluster/settings", changed)


def empty_database(root: Mapping[str, Any], keep: str) -> None:
    """Deletes every link, schema and account except the server's own and the account `keep`."""
    with closing(pymysql.connect(**root, autocommit=True)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM dbms_etl.links")
        for (link,) in cursor.fetchall():
            cursor.execute("CALL dbms_etl.drop_sync_link(%s)", [link])
        cursor.execute("SHOW DATABASES")
        for (schema,) in cursor.fetchall():
            if schema not in SYSTEM_SCHEMAS:
                cursor.execute(f"DROP DATABASE `{schema}`")
        cursor.execute("SELECT user, host FROM mysql.user")
        for user, host in cursor.fetchall():
            if user not in SYSTEM_USERS | {keep}:
                cursor.execute("DROP USER %s@%s", [user, host])


def _ids(search: httpx.Client, kind: str) -> list[str]:
    found = _json(search, "POST", f"{ML}/{kind}/_search", {"size": 1000, "query": {"match_all": {}}})
    return [hit["_id"] for hit in found.get("hits", {}).get("hits", [])]


def _json(search: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    """Returns the answer; for a 404, an empty one."""
    response = search.request(method, path, json=body)
    if response.status_code == 404:
        return {}
    response.raise_for_status()
    return response.json()
