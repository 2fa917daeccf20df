"""What a kind may talk to, opened on first use from the values of a `Connection`.

A password in the environment wins: after a rotation the stored one is dead, and destroy still uses the stored values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from .errors import Refused, SearchStackError
from .http import SearchClient
from .sql import Database
from .wait import Clock

ELSEWHERE = "not tried, since the connection does not work: another resource's error says why"

ENVIRONMENT = {"search_password": "POLARSEARCH_PASSWORD", "database_password": "POLARDB_PASSWORD"}


class Connections:
    """One PolarSearch and one PolarDB. `setting` looks up one value of the Connection, None where it is not set."""

    def __init__(
        self,
        setting: Callable[[str], str | None],
        environment: Mapping[str, str],
        clock: Clock | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`tell` hears what is sent again, and why."""
        self._setting, self._environment, self._tell = setting, environment, tell
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self._search: SearchClient | None = None
        self._database: Database | None = None
        self._unreachable: str | None = None

    @property
    def search(self) -> SearchClient:
        """Raises Refused when the Connection does not say where PolarSearch is."""
        with self.lock:
            if self._search is None:
                self._search = SearchClient.connect(
                    self._require("search_url"),
                    self._value("search_username"),
                    self._value("search_password"),
                    self._value("search_ca_file") or None,
                    clock=self.clock,
                    tell=self._tell,
                )
            return self._search

    @property
    def database(self) -> Database:
        """Raises Refused when the Connection does not say where PolarDB is."""
        with self.lock:
            if self._database is None:
                self._database = Database.connect(
                    self._require("database_host"),
                    int(float(self._value("database_port") or 3306)),
                    self._require("database_user"),
                    self._value("database_password"),
                    self._value("database_tls") or None,
                    clock=self.clock,
                    tell=self._tell,
                )
            return self._database

    def reach(self) -> None:
        """Ask both services once whether they know us, so that nothing is made at one when the other is not there.

        Raises SearchStackError: with all that is wrong the first time, and from then on with where that was said.
        """
        with self.lock:
            if self._unreachable is None:
                self._unreachable = "; and ".join(
                    filter(None, [self._try(self._ask_search), self._try(self._ask_database)])
                )
            if wrong := self._unreachable:
                self._unreachable = ELSEWHERE
                raise SearchStackError(wrong)

    def _ask_search(self) -> None:
        if self._value("search_url"):
            _ = self.search.version

    def _ask_database(self) -> None:
        if self._value("database_host"):
            self.database.query("SELECT 1")

    def _try(self, ask: Callable[[], None]) -> str:
        try:
            ask()
        except SearchStackError as error:
            return str(error)
        return ""

    def secrets(self) -> list[str]:
        """What must never be printed."""
        return [value for name in ENVIRONMENT if (value := self._value(name))]

    def _value(self, name: str) -> str:
        return self._environment.get(ENVIRONMENT.get(name, ""), "") or self._setting(name) or ""

    def _require(self, name: str) -> str:
        if value := self._value(name):
            return value
        raise Refused(f"{name} is not set; give it to the Connection that this resource uses as its provider")
