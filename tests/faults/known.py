"""What is known not to converge, and why. A row that starts to converge fails the test, and leaves this table."""

from __future__ import annotations

from dataclasses import dataclass

from .interception import KILLED
from .table import Row

BEFORE, DESTROY = "the configuration before", "destroy"
REFRESHED = f"refresh, then {BEFORE}"

ORPHAN = (
    "the killed create made an object that Pulumi was never told of, so nothing deletes it, nor what it uses; the same "
    "up again takes it over, and then the change can be taken back or the stack destroyed"
)
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
    _known("create", {*range(19, 23), 25, 26, 28, 30, 31, *range(33, 38)}, {KILLED}, {DESTROY}, ORPHAN),
    _known("create", {39, 41, 43, 44, 53, 54, 57}, {KILLED}, {DESTROY}, ORPHAN),
    _known("new generation", {11, 13, 15, 16, 25, 26}, {KILLED}, {BEFORE, REFRESHED, DESTROY}, ORPHAN),
    _known("key rotation", {8, 9}, {KILLED}, {BEFORE, REFRESHED, DESTROY}, ORPHAN),
    _known("in place", {6, 8, 9, 10, 11}, {KILLED}, {BEFORE}, UNSEEN),
    _known("destroy", {1, 2, 6, 7, 9, 11, 14, 18, 20, 22, 25, 31}, {KILLED}, {"up"}, GONE),
    _known("destroy", {2, 7}, {"500", "404 with a page"}, {"up"}, GONE),
)


def known_of(row: Row) -> Known | None:
    """What is known of a row; None where it has to converge."""
    return next((known for known in KNOWN if known.is_about(row)), None)
