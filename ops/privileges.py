"""The least privileges of the accounts that a stack uses, and the statements that grant them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from providers.kit import Json

ROLE = "semantic_search"

CLUSTER_PERMISSIONS = (
    "cluster:monitor/main",
    "cluster:monitor/state",
    "cluster:monitor/health",
    "cluster:monitor/nodes/stats",
    "cluster:admin/settings/update",
    "cluster:admin/ingest/pipeline/*",
    "cluster:admin/search/pipeline/*",
    "cluster:admin/opensearch/ml/*",
)
INDEX_PERMISSIONS = ("indices:admin/*", "indices:monitor/*", "indices:data/*")
SEEN_PERMISSIONS = ("indices:admin/aliases/get", "indices:admin/mappings/get", "indices:monitor/settings/get")
"""What is read of every index: names that are somebody else's, and owner references."""


def search_role(collections: Iterable[str]) -> Json:
    """Returns the role of PolarSearch's account (OpenSearch security, roles)."""
    patterns = [pattern for name in collections for pattern in (name, f"{name}_*")]
    return {
        "cluster_permissions": list(CLUSTER_PERMISSIONS),
        "index_permissions": [
            {"index_patterns": patterns, "allowed_actions": list(INDEX_PERMISSIONS)},
            {"index_patterns": ["*"], "allowed_actions": list(SEEN_PERMISSIONS)},
        ],
    }


def search_grant(collections: Iterable[str]) -> str:
    """Returns the request that makes the role."""
    return f"PUT /_plugins/_security/api/roles/{ROLE} {json.dumps(search_role(collections))}"


def database_grants(tables: Iterable[str], account: str) -> list[str]:
    """Returns the statements that grant what a stack needs of PolarDB, and no more."""
    databases = dict.fromkeys(table.split(".")[0] for table in tables)
    granted = [f"GRANT CREATE, ALTER, SELECT ON `{database}`.* TO {account}" for database in databases]
    return [*granted, f"GRANT EXECUTE ON `dbms_etl`.* TO {account}"]
