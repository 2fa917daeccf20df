"""Every request and statement of every operation goes wrong in every way, and what comes next puts it right."""

from __future__ import annotations

import pytest

from .interception import FAULTS
from .known import known_of
from .table import DIVERGED, OPERATIONS, faults_of


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_comes_next_puts_it_right(table, operation, fault):
    calls = table.calls(OPERATIONS[operation])
    tried = [at for at, call in enumerate(calls) if fault in faults_of(call)]
    rows = [row for at in tried for row in table.rows(OPERATIONS[operation], at, calls[at], fault)]
    wrong = [f"diverged: {row}" for row in rows if row.verdict == DIVERGED and not known_of(row)]
    right = [f"known, and converges: {row}" for row in rows if row.verdict != DIVERGED and known_of(row)]
    assert not wrong + right, "\n".join([*wrong, *right])
