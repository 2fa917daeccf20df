"""One session of measurements: a sandbox, the two programs on it, and a schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.measure import life, trivial_life
from bench.project import Project
from bench.results import Case, Measured
from bench.rows import rows_a_second
from bench.schedule import Schedule
from bench.services import Services
from bench.stack import configuration, make_tables


@dataclass(frozen=True)
class Session:
    """`say` is told of every number as it comes."""

    product: Project
    trivial: Project
    services: Services
    schedule: Schedule
    say: Callable[[str], None]

    def stacks(self, sizes: Sequence[int], latencies: Sequence[float]) -> dict[Case, Measured]:
        """Stacks of every size at every latency, with their trivial counterparts."""
        make_tables(self.services, max(sizes))
        found = {Case(size, latency): Measured() for size in sizes for latency in latencies}
        for case in self.schedule.turns(list(found)):
            self._measure(case, found[case])
        return found

    def rows(self, sizes: Sequence[int]) -> dict[int, list[float]]:
        """Rows a second of the check for missing rows, on tables of every size."""
        found: dict[int, list[float]] = {size: [] for size in sizes}
        for size in self.schedule.turns(sizes):
            found[size].append(rows_a_second(self.services, size))
            self.say(f"the check for missing rows: {found[size][-1]:,.0f} rows a second of {size:,}")
        return found

    def _measure(self, case: Case, into: Measured) -> None:
        def say(line: str) -> None:
            self.say(f"{case}: {line}")

        self.product.configure(configuration(self.services, case.collections))
        self.services.latency.seconds = case.latency
        lived = life(self.product, self.services, say)
        into.trivial.append(trivial_life(self.trivial, lived.shape, say))
        into.lives.append(lived)
