"""The real servers of a test session: OpenSearch in both profiles, the database, and the stand-in for AutoETL."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from tests.real.databases import database_server
from tests.real.folder import temporary_folder
from tests.real.installation import install
from tests.real.mysql import RealDatabase
from tests.real.opensearch import OpenSearch, Profile
from tests.real.process import Patience, Process

ROOT = Path(__file__).parents[2]


class Servers:
    """Starts each server on first use; `close` or a kill of this process stops all of them and removes their data.

    `wanted` names the database; by default it is the first that can run. The constructor raises Lacking, and so does
    a database that cannot run; a server that does not start raises Broken.
    """

    def __init__(self, wanted: str | None = None) -> None:
        self._installed, self._wanted = install(), wanted
        self._running = ExitStack()
        self._folder = self._running.enter_context(temporary_folder("real-"))

    def close(self) -> None:
        self._running.close()

    @cached_property
    def plain(self) -> OpenSearch:
        """The node without the security plugin: no accounts, http."""
        return self._search("plain")

    @cached_property
    def secure(self) -> OpenSearch:
        """The node with basic auth and TLS."""
        return self._search("secure")

    @cached_property
    def database(self) -> RealDatabase:
        folder = self._folder / "database"
        folder.mkdir()
        database = RealDatabase(database_server(self._installed, self._wanted), folder)
        self._running.callback(database.stop)
        return database

    @cached_property
    def autoetl(self) -> Process:
        """The process that follows `database` and fills indexes of `secure`."""
        search, log = self.secure, self._folder / "autoetl.log"
        admin = {"username": search.admin.username, "password": search.admin.password}
        settings = {"database": self.database.root, "url": search.url, "ca_file": str(search.ca_file), **admin}
        file = self._folder / "autoetl.json"
        file.write_text(json.dumps(settings))
        process = Process([sys.executable, "-m", "tests.real.autoetl", file], log, {"PYTHONPATH": str(ROOT)})
        self._running.callback(process.kill)
        process.await_ready(lambda: "following" in log.read_text(), Patience())
        return process

    def _search(self, profile: Profile) -> OpenSearch:
        search = OpenSearch(self._installed, self._folder / profile, profile)
        self._running.callback(search.stop)
        return search
