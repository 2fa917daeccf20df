"""The order of measurements: each item once, then repeatedly in turn while time remains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Schedule:
    """Up to `runs` turns for each item; after the first, none begins that would end after `until` by `now`."""

    runs: int
    until: float
    now: Callable[[], float]

    def turns(self, items: Sequence[T]) -> Iterator[T]:
        """Yields the items in rounds. An item whose last turn took longer than the remaining time has no more turns."""
        took: dict[T, float] = dict.fromkeys(items, 0.0)
        for run in range(self.runs):
            for item in items:
                begun = self.now()
                if run == 0 or begun + took[item] <= self.until:
                    yield item
                    took[item] = self.now() - begun
