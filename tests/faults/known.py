"""What is known not to converge, and why. A row that starts to converge fails the test, and leaves this table."""

from __future__ import annotations

from dataclasses import dataclass

from .interception import LATE
from .table import Row

BEFORE, UP = "the configuration before", "up"
REFRESHED, AGAIN = f"refresh, then {BEFORE}", f"the same again, then {BEFORE}"

REPLACED = (
    "a killed run's last deletes, of what it had replaced, arrive after an up has taken the same objects back: state "
    "no longer tells of that run. `pulumi up --refresh` makes again what is gone"
)
REFERENCE = (
    "what arrives writes an index's former uid back, and state keeps the newer one: the next update of the index "
    "writes that again, and a destroy deletes the index as an orphan of ours"
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
    _known("new generation", {45, 46, 48, 51, 54}, {LATE}, {BEFORE}, REPLACED),
    _known("new generation", {46}, {LATE}, {REFRESHED, AGAIN}, REFERENCE),
    _known("destroy", {30}, {LATE}, {UP, f"refresh, then {UP}"}, GONE),
)


def known_of(row: Row) -> Known | None:
    """What is known of a row; None where it has to converge."""
    return next((known for known in KNOWN if known.is_about(row)), None)
