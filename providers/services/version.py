"""Which OpenSearch a PolarSearch is built on, and what needs a later one."""

from __future__ import annotations

from providers.kit import Refused

Version = tuple[int, int, int]


def require_version(version: Version, since: Version, what: str, instead: str) -> None:
    """Raises Refused where this OpenSearch is older than `what` needs; `instead` says what to do then."""
    if version < since:
        raise Refused(f"{what} needs OpenSearch {since[0]}.{since[1]} or later; {instead}")
