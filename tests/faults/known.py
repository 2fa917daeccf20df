"""What is known not to converge, and why. A row that starts to converge fails the test, and leaves this table."""

from __future__ import annotations

from dataclasses import dataclass

from .interception import KILLED
from .table import Row

BEFORE, UP = "the configuration before", "up"

UNSEEN = (
    "the killed update changed an object, and state says that it is as it was, so an up that takes the change back has "
    "nothing to do; `pulumi refresh` before it, which Pulumi asks for after a kill, shows the change"
)
GONE = (
    "the delete that did not end removed an object, or a part of it, that state still has, so an up has nothing to do, "
    "or builds on what is gone; `pulumi up --refresh` makes it again"
)


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
    _known("in place", {6, 8, 9, 10, 11}, {KILLED}, {BEFORE}, UNSEEN),
    _known("destroy", {3, 7, 8, 10, 12, 14, 17, 19, 21, 24, 30}, {KILLED}, {UP}, GONE),
    _known("destroy", {8}, {"500", "404 with a page"}, {UP}, GONE),
)


def known_of(row: Row) -> Known | None:
    """What is known of a row; None where it has to converge."""
    return next((known for known in KNOWN if known.is_about(row)), None)
