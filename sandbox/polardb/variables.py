"""System variables: what SELECT @@x, SHOW VARIABLES and SET know.

`polardb_version` is not there at all on a server that is no PolarDB, so `None` leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.polardb.errors import refusal, unsupported

SQL_MODE = (
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION"
)
_MODES_READ_DIFFERENTLY = {"NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "HIGH_NOT_PRECEDENCE", "ANSI"}
_MODES = {
    *SQL_MODE.split(","), *_MODES_READ_DIFFERENTLY, "ANSI_QUOTES", "STRICT_ALL_TABLES", "NO_AUTO_VALUE_ON_ZERO",
    "IGNORE_SPACE", "TRADITIONAL", "ALLOW_INVALID_DATES", "REAL_AS_FLOAT", "PAD_CHAR_TO_FULL_LENGTH",
    "NO_DIR_IN_CREATE", "NO_UNSIGNED_SUBTRACTION", "NO_AUTO_CREATE_USER", "TIME_TRUNCATE_FRACTIONAL",
}  # fmt: skip
_SESSION: dict[str, Any] = {
    "autocommit": "ON", "auto_increment_increment": 1, "auto_increment_offset": 1, "character_set_client": "utf8mb4",
    "character_set_connection": "utf8mb4", "character_set_database": "utf8mb4", "character_set_results": "utf8mb4",
    "collation_connection": "utf8mb4_0900_ai_ci", "collation_database": "utf8mb4_0900_ai_ci", "esl_link_options": "",
    "esl_sink_options": "", "esl_source_options": "", "esl_sql_options": "", "foreign_key_checks": "ON",
    "innodb_lock_wait_timeout": 50, "interactive_timeout": 28800, "lock_wait_timeout": 31536000,
    "max_allowed_packet": 67108864, "net_buffer_length": 16384, "net_read_timeout": 30, "net_write_timeout": 60,
    "sql_auto_is_null": "OFF", "sql_log_bin": "ON", "sql_mode": SQL_MODE, "sql_notes": "ON",
    "sql_select_limit": 2**63 - 1, "sql_quote_show_create": "ON", "sql_safe_updates": "OFF", "time_zone": "+00:00",
    "transaction_isolation": "READ-COMMITTED", "transaction_read_only": "OFF", "tx_isolation": "READ-COMMITTED",
    "unique_checks": "ON", "wait_timeout": 28800, "max_execution_time": 0,
}  # fmt: skip
_GLOBAL: dict[str, Any] = {
    "binlog_format": "ROW", "binlog_row_image": "FULL", "character_set_server": "utf8mb4",
    "character_set_system": "utf8", "collation_server": "utf8mb4_0900_ai_ci", "default_storage_engine": "InnoDB",
    "gtid_mode": "OFF", "have_ssl": "DISABLED", "hostname": "localhost", "init_connect": "", "license": "GPL",
    "lower_case_table_names": 1, "max_connections": 1000, "performance_schema": "OFF", "port": 3306,
    "read_only": "OFF", "server_id": 1, "super_read_only": "OFF", "system_time_zone": "UTC",
    "version_comment": "Source distribution", "version_compile_machine": "x86_64", "version_compile_os": "Linux",
}  # fmt: skip
_SWITCHES = {"1": "ON", "0": "OFF", "ON": "ON", "OFF": "OFF", "TRUE": "ON", "FALSE": "OFF"}
_FIXED = {
    "transaction_isolation": {"READ-COMMITTED"},
    "tx_isolation": {"READ-COMMITTED"},
    "time_zone": {"+00:00", "UTC", "SYSTEM"},
    "auto_increment_increment": {"1"},
    "sql_safe_updates": {"OFF"},
    "sql_auto_is_null": {"OFF"},
    "transaction_read_only": {"OFF"},
}


def server_variables(*, version: str, polardb_version: str | None, binlog: bool) -> dict[str, Any]:
    """The variables that are the same for every session."""
    revision = {"polardb_version": polardb_version} if polardb_version else {}
    return {**_GLOBAL, "version": version, "log_bin": "ON" if binlog else "OFF", **revision}


class Variables:
    """One session's view: its own values over the server's."""

    def __init__(self, server: Mapping[str, Any]) -> None:
        self._server = server
        self._session = dict(_SESSION)

    def get(self, name: str, scope: str = "") -> Any:
        """Raises 1193 when there is none, 1238 when it has no value for a session."""
        name = name.lower()
        if name in self._session and scope != "global":
            return self._session[name]
        if name in self._server and scope in ("", "global"):
            return self._server[name]
        if name in self._server:
            raise refusal(1238, name, "GLOBAL")
        if name in _SESSION:
            return _SESSION[name]
        raise refusal(1193, name)

    def value(self, name: str, scope: str = "") -> Any:
        """As SELECT @@x gives it: a switch is 1 or 0."""
        found = self.get(name, scope)
        return {"ON": 1, "OFF": 0}.get(found, found) if found in ("ON", "OFF") else found

    def set(self, name: str, value: Any) -> None:
        """SET SESSION. Raises 1193, 1231, 1238, or 1235 for a mode the sandbox does not have."""
        name = name.lower()
        if name in self._server:
            raise refusal(1238, name, "GLOBAL" if name in _GLOBAL else "read only")
        if name not in self._session:
            raise refusal(1193, name)
        self._session[name] = _checked(name, value)

    def every(self, scope: str = "session") -> Iterator[tuple[str, str]]:
        """Name and value of all, by name."""
        values = {**self._server, **(_SESSION if scope == "global" else self._session)}
        for name in sorted(values):
            yield name, str(values[name])

    @property
    def modes(self) -> frozenset[str]:
        """sql_mode, as a set."""
        return frozenset(self._session["sql_mode"].split(","))


def _checked(name: str, value: Any) -> Any:
    if name == "sql_mode":
        return _checked_mode(str(value or ""))
    if value is None and name != "character_set_results":
        raise refusal(1231, name, "NULL")
    if isinstance(_SESSION[name], int):
        return _whole(name, value)
    text = str(value)
    if _SESSION[name] in ("ON", "OFF"):
        if text.upper() not in _SWITCHES:
            raise refusal(1231, name, text)
        text = _SWITCHES[text.upper()]
    if name in _FIXED and text.upper() not in _FIXED[name]:
        raise unsupported(f"SET {name} = {text}")
    return text


def _whole(name: str, value: Any) -> int:
    try:
        number = int(value)
    except ValueError:
        raise refusal(1231, name, value) from None
    if name in _FIXED and str(number) not in _FIXED[name]:
        raise unsupported(f"SET {name} = {number}")
    return number


def _checked_mode(text: str) -> str:
    modes = [mode.strip().upper() for mode in text.split(",") if mode.strip()]
    for mode in modes:
        if mode not in _MODES:
            raise refusal(1231, "sql_mode", mode)
        if mode in _MODES_READ_DIFFERENTLY:
            raise unsupported(f"sql_mode {mode}")
    return ",".join(modes)
