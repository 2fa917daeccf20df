"""A PolarDB and a PolarSearch small enough to run anywhere, each behind its real protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.mock import mock_polarsearch as mock_polarsearch

__all__ = ["mock_polarsearch"]


def __getattr__(name: str) -> Any:
    """`mock_polarsearch` needs respx, which a running sandbox does not: imported when asked for."""
    if name != "mock_polarsearch":
        raise AttributeError(name)
    from sandbox.mock import mock_polarsearch

    return mock_polarsearch
