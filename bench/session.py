"""One session of measurements: a sandbox, the two programs on it, and a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.measure import Life, life, trivial_life
from bench.project import Project
from bench.results import Case, Measured, counted
from bench.rows import rows_a_second
from bench.schedule import Schedule
from bench.services import Services
from bench.stack import configuration, make_tables


@dataclass(frozen=True)
class Session:
    """Runs measurements; `say` is called with one line for each number."""

    product: Project
    trivial: Project
    services: Services
    schedule: Schedule
    say: Callable[[str], None]

    def stacks(self, sizes: Sequence[int], latencies: Sequence[float]) -> dict[Case, Measured]:
        """Measures stacks of every size at every latency, each with one trivial stack of its shape."""
        make_tables(self.services, max(sizes))
        found = {Case(size, latency): Measured() for size in sizes for latency in latencies}
        for size in self.schedule.turns(sizes):
            lives = {case: self._life(case) for case in found if case.collections == size}
            seconds = self._trivial_life(size, next(iter(lives.values())))
            for case, lived in lives.items():
                found[case].lives.append(lived)
                found[case].trivial.append(seconds)
        return found

    def rows(self, sizes: Sequence[int]) -> dict[int, list[float]]:
        """Measures the rows a second of the check for missing rows, on tables of every size."""
        found: dict[int, list[float]] = {size: [] for size in sizes}
        for size in self.schedule.turns(sizes):
            found[size].append(rows_a_second(self.services, size))
            self.say(f"the check for missing rows: {found[size][-1]:,.0f} rows a second of {size:,}")
        return found

    def _life(self, case: Case) -> Life:
        self.product.configure(configuration(self.services, case.collections))
        self.services.latency.seconds = case.latency
        return life(self.product, self.services, lambda line: self.say(f"{case}: {line}"))

    def _trivial_life(self, size: int, like: Life) -> Mapping[str, float]:
        return trivial_life(self.trivial, like.shape, lambda line: self.say(f"{counted(size)}: {line}"))
