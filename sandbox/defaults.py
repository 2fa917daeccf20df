"""Ports and accounts of the sandbox, as in stack dev's configuration.

The passwords are no secrets: they give access to a sandbox only, which listens on loopback only.
"""

from __future__ import annotations

from pathlib import Path

HOST = "127.0.0.1"
SEARCH_PORT = 19200
DATABASE_PORT = 13306
EMBEDDINGS_PORT = 18080

SEARCH_USERNAME = "polarsearch_user"
SEARCH_PASSWORD = "sandbox-search"
DATABASE_USER = "polardb_user"
DATABASE_PASSWORD = "sandbox-database"
API_KEY = "sk-sandbox-0123456789abcdef"

SEARCH_VERSION = "2.19.1"
POLARDB_VERSION = "8.0.1.1.52"

HOME = Path(".sandbox")
PRODUCTS = Path(__file__).parent / "data" / "products.csv"
