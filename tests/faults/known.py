"""What is known not to converge, and why. A row that starts to converge fails the test, and leaves this table."""

from __future__ import annotations

from dataclasses import dataclass

from .interception import LATE
from .table import Row

UP, AGAIN = "up", "the same again, then the configuration before"

REFERENCE = (
    "what arrives is the `_meta` of the old index as it was, with its former uid and without its link, after another "
    "run has made that index again: state keeps the newer uid, and the next generation does not delete that index"
)
GONE = "the ordered DROP TABLE arrives after an up has made the table again: its rows are lost, as was ordered"


@dataclass(frozen=True)
class Known:
    """Rows that do not converge: of these calls of an operation, with these faults, whatever of `next` comes next."""

    operation: str
    calls: frozenset[int]
    faults: frozenset[str]
    next: frozenset[str]
    why: str

    def is_about(self, row: Row) -> bool:
        same = (row.operation, row.index in self.calls) == (self.operation, True)
        return same and row.fault in self.faults and row.next in self.next


def _known(operation: str, calls: set[int], faults: set[str], next: set[str], why: str) -> Known:
    return Known(operation, frozenset(calls), frozenset(faults), frozenset(next), why)


KNOWN = (
    _known("new generation", {46}, {LATE}, {AGAIN}, REFERENCE),
    _known("destroy", {30}, {LATE}, {UP, f"refresh, then {UP}"}, GONE),
)


def known_of(row: Row) -> Known | None:
    """What is known of a row; None where it has to converge."""
    return next((known for known in KNOWN if known.is_about(row)), None)
