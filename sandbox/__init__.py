"""Stand-ins for PolarDB, AutoETL, PolarSearch and an embedding service, each behind its real protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.mock import mock_polarsearch as mock_polarsearch

__all__ = ["mock_polarsearch"]


def __getattr__(name: str) -> Any:
    """Imports `mock_polarsearch` on first use: it needs respx, which a running sandbox does not."""
    if name != "mock_polarsearch":
        raise AttributeError(name)
    from sandbox.mock import mock_polarsearch

    return mock_polarsearch
