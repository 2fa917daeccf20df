"""System variables: what SELECT @@x, SHOW VARIABLES and SET know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.polardb.errors import refusal, unsupported

SQL_MODE = (
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
_FREE = ("innodb_lock_wait_timeout", "wait_timeout")
_SESSION: dict[str, Any] = {
    "autocommit": "ON", "esl_link_options": "", "esl_sink_options": "", "esl_source_options": "", "esl_sql_options": "",
    "innodb_lock_wait_timeout": 50, "sql_mode": SQL_MODE,
    "time_zone": "SYSTEM", "transaction_isolation": "READ-COMMITTED", "wait_timeout": 28800,
}  # fmt: skip
_GLOBAL: dict[str, Any] = {
    "binlog_format": "ROW", "character_set_server": "utf8mb4", "collation_server": "utf8mb4_0900_ai_ci",
    "lower_case_table_names": 1, "version_comment": "Source distribution",
}  # fmt: skip
_SWITCHES = {"1": "ON", "0": "OFF", "ON": "ON", "OFF": "OFF", "TRUE": "ON", "FALSE": "OFF"}


def server_variables(version: str, polardb_version: str | None, binlog: bool) -> dict[str, Any]:
    """The variables that are the same for every session."""
    revision = {"polardb_version": polardb_version} if polardb_version else {}
    return {**_GLOBAL, "version": version, "log_bin": "ON" if binlog else "OFF", **revision}


class Variables:
    """One session's view: its own values over the server's."""

    def __init__(self, server: Mapping[str, Any]) -> None:
        self._server, self._session = server, dict(_SESSION)

    def every(self, scope: str = "") -> dict[str, Any]:
        """All by name; `scope` global leaves the session's own values out."""
        return dict(sorted({**self._server, **(_SESSION if scope == "global" else self._session)}.items()))

    def value(self, name: str, scope: str = "") -> Any:
        """As SELECT @@x gives it: a switch is 1 or 0. Raises 1193 for an unknown one, 1238 for one of no session."""
        values, name = self.every(scope), name.lower()
        if name not in values:
            raise refusal(1193, name)
        if scope == "session" and name in self._server:
            raise refusal(1238, name, "GLOBAL")
        return {"ON": 1, "OFF": 0}.get(values[name], values[name])

    def set(self, name: str, text: str) -> None:
        """SET SESSION. Raises 1193, 1231, 1238, or 1235 for a value the sandbox does not have."""
        name = name.lower()
        before = self.value(name)
        if name in self._server:
            raise refusal(1238, name, "read only" if name not in _GLOBAL else "GLOBAL")
        number, switch = isinstance(_SESSION.get(name), int), _SWITCHES.get(text.upper())
        if number and not text.isdecimal() and not switch:
            raise refusal(1232, name)
        if name == "autocommit" and not switch:
            raise refusal(1231, name, text)
        if name == "sql_mode":
            _check_mode(text.upper())
        elif name not in (*_FREE, "autocommit") and text.upper() != str(before).upper():
            raise unsupported(f"SET {name} = {text}")
        self._session[name] = switch if name == "autocommit" else int(text) if number else text

    @property
    def strict(self) -> bool:
        """Whether every mode of the default is on: without one, MySQL changes values that it refuses here."""
        return {*SQL_MODE.split(",")} <= {*self._session["sql_mode"].upper().split(",")}

    @property
    def ansi_quotes(self) -> bool:
        return "ANSI_QUOTES" in self._session["sql_mode"].upper()


def _check_mode(text: str) -> None:
    for mode in filter(None, text.split(",")):
        if mode not in (*SQL_MODE.split(","), "ANSI_QUOTES", "STRICT_ALL_TABLES"):
            raise unsupported(f"sql_mode {mode}")
