"""Every request and statement of every operation goes wrong in every way, and what comes next puts it right.

The whole table takes a quarter of an hour on two cores. Without FAULTS=all in the environment each request and statement
has only a part of the faults that it has there: `sample` says which.

    FAULTS=all python -m pytest -n 2 tests/faults
"""

from __future__ import annotations

import os

import pytest

from .interception import FAULTS
from .known import reason_for
from .table import DIVERGED, OPERATIONS, faults_of, sample


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_comes_next_puts_it_right(table, operation, fault):
    calls = table.calls(OPERATIONS[operation])
    chosen = [at for at, call in enumerate(calls) if fault in faults_of(call) and (ALL or fault in sample(at, call))]
    rows = [row for at in chosen for row in table.rows(OPERATIONS[operation], at, calls[at], fault)]
    wrong = [str(row) for row in rows if row.verdict == DIVERGED and not reason_for(row)]
    right = [
        f"is known not to converge, and does: {row}" for row in rows if row.verdict != DIVERGED and reason_for(row)
    ]
    assert not wrong + right, "\n".join([*wrong, *right])


ALL = os.environ.get("FAULTS") == "all"
