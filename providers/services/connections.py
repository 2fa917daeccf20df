"""One PolarSearch and one PolarDB, opened on first use from the values of a `Connection`.

A password in the environment wins: after a rotation the stored one is invalid, and destroy still uses stored values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from providers.kit import Clock, LastRun, Refused, Report, SearchStackError, silent

if TYPE_CHECKING:
    from .http import SearchClient
    from .sql import Database


ELSEWHERE = "not tried, since the connection does not work: another resource's error says why"

ENVIRONMENT = {"search_password": "POLARSEARCH_PASSWORD", "database_password": "POLARDB_PASSWORD"}


class Connections:
    """The two services. `setting` looks up one value of the Connection, None where it is not set.

    `declares` tells whether a program declares resources in this run, `last_run` how the run before ended, `took_over`
    whether a create found an object of its owner, `declared_uids` which uids its resources have; `judged` are the
    owners whose objects a deletion guard has allowed to be deleted, all of them.
    """

    def __init__(
        self,
        setting: Callable[[str], str | None],
        environment: Mapping[str, str],
        clock: Clock | None = None,
        report: Report = silent,
        warn: Report = silent,
    ) -> None:
        """`report` is called with what is sent again, and why; `warn` with the search service's warnings."""
        self._setting, self._environment, self._report, self._warn = setting, environment, report, warn
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.declares = False
        self.last_run: LastRun = "ended"
        self.took_over = False
        self.declared_uids: set[str] = set()
        self.judged: frozenset[str] = frozenset()
        self._search: SearchClient | None = None
        self._database: Database | None = None
        self._unreachable: str | None = None

    @property
    def search(self) -> SearchClient:
        """Raises Refused when the Connection does not say where PolarSearch is."""
        with self.lock:
            if self._search is None:
                from .http import SearchClient  # a preview asks no service, and does not load its client

                self._search = SearchClient.connect(
                    self._require("search_url"),
                    self._value("search_username"),
                    self._value("search_password"),
                    self._value("search_ca_file") or None,
                    clock=self.clock,
                    report=self._report,
                    warn=self._warn,
                )
            return self._search

    @property
    def database(self) -> Database:
        """Raises Refused when the Connection does not say where PolarDB is."""
        with self.lock:
            if self._database is None:
                from .sql import Database

                self._database = Database.connect(
                    self._require("database_host"),
                    int(float(self._value("database_port") or 3306)),
                    self._require("database_user"),
                    self._value("database_password"),
                    self._value("database_tls") or None,
                    clock=self.clock,
                    report=self._report,
                )
            return self._database

    def check_connectivity(self) -> None:
        """Asks both services once, so that nothing is made at one when the other cannot be used.

        Raises SearchStackError: with all that is wrong the first time, and then with where that was said.
        """
        with self.lock:
            if self._unreachable is None:
                problems = [self._problem(self._ask_search), self._problem(self._ask_database)]
                self._unreachable = "; and ".join(filter(None, problems))
            if wrong := self._unreachable:
                self._unreachable = ELSEWHERE
                raise SearchStackError(wrong)

    def _ask_search(self) -> None:
        if self._value("search_url"):
            _ = self.search.version

    def _ask_database(self) -> None:
        if self._value("database_host"):
            self.database.query("SELECT 1")

    def _problem(self, ask: Callable[[], None]) -> str:
        try:
            ask()
        except SearchStackError as error:
            return str(error)
        return ""

    def secrets(self) -> list[str]:
        """Returns what is never printed: the passwords, also as the account and password of an HTTP request."""
        passwords = [value for name in ENVIRONMENT if (value := self._value(name))]
        account = f"{self._value('search_username')}:{self._value('search_password')}"
        return [*passwords, account] if self._value("search_password") else passwords

    def close(self) -> None:
        """Closes the connection to PolarDB; the next statement opens another."""
        if self._database is not None:
            self._database.close()

    def _value(self, name: str) -> str:
        return self._environment.get(ENVIRONMENT.get(name, ""), "") or self._setting(name) or ""

    def _require(self, name: str) -> str:
        if value := self._value(name):
            return value
        raise Refused(f"{name} is not set; give it to the Connection that this resource uses as its provider")
