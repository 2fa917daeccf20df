"""Fixtures: a real engine, and a sandbox whose traffic is counted."""

from __future__ import annotations

import pytest

import engine
from bench.services import services as started


@pytest.fixture(scope="session")
def found():
    """Returns the engine; skips the test, with the reason, if there is none."""
    try:
        return engine.find(get=False)
    except engine.NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture
def services(tmp_path):
    with started(tmp_path / "sandbox") as running:
        yield running
