"""The table of faults, prepared once a process."""

from __future__ import annotations

import pytest

from .services import one_authority
from .table import Table


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(one_authority(folder)))
        yield Table(folder / "table")
