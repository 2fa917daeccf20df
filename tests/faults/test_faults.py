"""Every request and statement of every operation goes wrong in every way, and what comes next puts it right.

Without FAULTS=all in the environment each request and statement has a ninth of the faults that it has there, and its
neighbours the others (`sample`). The whole table takes nine times as long:

    FAULTS=all python -m pytest -n 2 tests/faults
"""

from __future__ import annotations

import os

import pytest

from .interception import FAULTS, LATE
from .known import known_of
from .table import DESTROY, DIVERGED, OPERATIONS, faults_of, sample

ALL = os.environ.get("FAULTS") == "all"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_comes_next_puts_it_right(table, operation, fault):
    calls = table.calls(OPERATIONS[operation])
    tried = [at for at, call in enumerate(calls) if fault in (faults_of if ALL else sample_of(at))(call)]
    rows = [row for at in tried for row in table.rows(OPERATIONS[operation], at, calls[at], fault)]
    wrong = [f"diverged: {row}" for row in rows if row.verdict == DIVERGED and not known_of(row)]
    right = [f"known, and converges: {row}" for row in rows if row.verdict != DIVERGED and known_of(row)]
    assert not wrong + right, "\n".join([*wrong, *right])


def sample_of(index):
    return lambda call: sample(index, call)


def test_what_is_known_does_not_converge(table):
    calls = table.calls(DESTROY)
    rows = [row for at, call in enumerate(calls) if "DROP" in call for row in table.rows(DESTROY, at, call, LATE)]
    assert [row for row in rows if row.verdict == DIVERGED] == [row for row in rows if known_of(row)] != []
