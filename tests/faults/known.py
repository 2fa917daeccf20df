"""What is known not to converge, and why. A row that starts to converge fails the test, and leaves this table."""

from __future__ import annotations

from .interception import LATE
from .table import Row

ROWS_LOST = "the ordered DROP TABLE arrives after an up has taken the table over: its rows are lost, as was ordered"


def known_of(row: Row) -> str | None:
    """What is known of a row; None where it has to converge."""
    dropped_late = (row.operation, row.fault) == ("destroy", LATE) and row.call.startswith("DROP TABLE")
    return ROWS_LOST if dropped_late and row.next.endswith("up") else None
