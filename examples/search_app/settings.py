"""What the application is told: the outputs of a stack, where PolarSearch and PolarDB are, and as whom. From the
environment; `VARIABLES` lists it.
"""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VARIABLES: Mapping[str, str] = {
    "SEARCH_URL": "PolarSearch, such as https://pc-xxx.polardbsearch.rds.aliyuncs.com:3001",
    "SEARCH_USERNAME": "an account that may read the aliases",
    "SEARCH_PASSWORD": "its password",
    "SEARCH_CA_FILE": "the certificate authority of a private certificate (optional)",
    "SEARCH_TIMEOUT": "seconds that a search may take (10)",
    "STACK_OUTPUTS": "a file with `pulumi stack output --json`; without it that command is run",
    "DATABASE_HOST": "PolarDB, for rows, lag and edits (optional)",
    "DATABASE_PORT": "its port (3306)",
    "DATABASE_USER": "an account with SELECT on the tables, EXECUTE on dbms_etl and, for edits, UPDATE",
    "DATABASE_PASSWORD": "its password",
    "DATABASE_CA_FILE": "the certificate authority of its certificate; without it the connection has no TLS (optional)",
}


class Unset(Exception):
    """The application cannot start; the message is one line with what to do."""


@dataclass(frozen=True)
class Collection:
    """One collection of the stack's outputs: the alias to search, and its ready hybrid query."""

    name: str
    alias: str
    hybrid: str


@dataclass(frozen=True)
class Service:
    """The search service and an account of it."""

    url: str
    username: str
    password: str = field(repr=False)
    ca_file: str | None = None
    timeout: float = 10.0


@dataclass(frozen=True)
class Database:
    """PolarDB and an account of it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    ca_file: str | None = None


@dataclass(frozen=True)
class Settings:
    """Everything the application is told; `database` is None where it has no account there."""

    collections: Mapping[str, Collection]
    service: Service
    database: Database | None = None


def read(environ: Mapping[str, str], outputs: Callable[[], str] | None = None) -> Settings:
    """Returns the settings of an environment; `outputs` returns the outputs as JSON text. Raises Unset."""
    missing = [name for name in ("SEARCH_URL", "SEARCH_USERNAME", "SEARCH_PASSWORD") if not environ.get(name)]
    if missing:
        raise Unset("\n".join(f"{name} is not set: export it; it is {VARIABLES[name]}" for name in missing))
    service = Service(
        environ["SEARCH_URL"].rstrip("/"),
        environ["SEARCH_USERNAME"],
        environ["SEARCH_PASSWORD"],
        _certificates(environ, "SEARCH_CA_FILE"),
        _number(environ, "SEARCH_TIMEOUT", 10.0),
    )
    text = outputs() if outputs else _outputs(environ.get("STACK_OUTPUTS"))
    return Settings(_collections(text), service, _database(environ))


def _database(environ: Mapping[str, str]) -> Database | None:
    if not environ.get("DATABASE_HOST"):
        return None
    port = int(_number(environ, "DATABASE_PORT", 3306))
    user, password = environ.get("DATABASE_USER", ""), environ.get("DATABASE_PASSWORD", "")
    return Database(environ["DATABASE_HOST"], port, user, password, _certificates(environ, "DATABASE_CA_FILE"))


def _certificates(environ: Mapping[str, str], name: str) -> str | None:
    path = environ.get(name) or None
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise Unset(f"{name} is {path!r}: {error.strerror or error}: export a file of certificates") from None
    return path


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError:
        raise Unset(f"{name} is {environ[name]!r}, no number: export one") from None


def _collections(text: str) -> dict[str, Collection]:
    try:
        outputs: Any = json.loads(text)
        found: Mapping[str, Any] = outputs.get("collections", outputs)
        collections = {name: Collection(name, each["alias"], each["hybrid"]) for name, each in found.items()}
    except (ValueError, TypeError, AttributeError, LookupError):
        raise Unset("the stack's outputs have no collections: run `pulumi up`, then start this again") from None
    if not collections:
        raise Unset("the stack has no collections: declare one, run `pulumi up`, then start this again")
    return collections


def _outputs(path: str | None) -> str:
    try:
        return Path(path).read_text() if path else _of_pulumi()
    except OSError as error:
        raise Unset(f"{path or 'pulumi'}: {error.strerror}: set STACK_OUTPUTS, {VARIABLES['STACK_OUTPUTS']}") from None


def _of_pulumi() -> str:
    done = subprocess.run(["pulumi", "stack", "output", "--json"], capture_output=True, text=True)
    if done.returncode:
        raise Unset(f"pulumi stack output --json: {done.stderr.strip()}: select a stack, or set STACK_OUTPUTS")
    return done.stdout
