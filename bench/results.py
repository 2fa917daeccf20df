"""The results of a run of the benchmarks, and the numbers derived from them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.measure import Life


@dataclass(frozen=True)
class Spread:
    """The median, minimum and maximum of measurements."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Case:
    """A number of collections, and the seconds added to each call."""

    collections: int
    latency: float

    def __str__(self) -> str:
        return f"{counted(self.collections)}, {self.latency * 1000:g} ms"


def counted(collections: int) -> str:
    """Returns `1 collection` or `20 collections`."""
    return f"{collections} collection" + ("s" if collections != 1 else "")


@dataclass
class Measured:
    """The lives of a case's stacks, and the seconds of the trivial stacks of their shape, by run."""

    lives: list[Life] = field(default_factory=list)
    trivial: list[Mapping[str, float]] = field(default_factory=list)

    def count(self, operation: str, name: str) -> Spread:
        """Returns `calls` or another attribute of `Counts`, divided by the number of objects."""
        return self._of(lambda life: getattr(life.counts[operation], name) / life.objects)

    def seconds(self, operation: str) -> Spread:
        return self._of(lambda life: life.seconds[operation])

    def to_trivial(self, operation: str) -> Spread:
        """Returns the seconds of the stack, divided by those of the trivial stack of the same run."""
        pairs = zip(self.lives, self.trivial, strict=True)
        return Spread.of([life.seconds[operation] / trivial[operation] for life, trivial in pairs])

    def to_floor(self, operation: str) -> Spread | None:
        """Returns the seconds of the stack, divided by those of its calls alone; None if it makes no calls."""
        if not all(life.floors[operation] for life in self.lives):
            return None
        return self._of(lambda life: life.seconds[operation] / life.floors[operation])

    def state_bytes(self) -> Spread:
        """Returns the bytes of state for each resource."""
        return self._of(lambda life: life.state_bytes / life.objects)

    def _of(self, number: Callable[[Life], float]) -> Spread:
        return Spread.of([number(life) for life in self.lives])


@dataclass(frozen=True)
class Results:
    """`facts` describe the machine; `rows` are rows a second of the check for missing rows, by rows and run."""

    facts: Mapping[str, str]
    stacks: Mapping[Case, Measured]
    rows: Mapping[int, Sequence[float]]

    @property
    def sizes(self) -> list[int]:
        """Returns the numbers of collections."""
        return list(dict.fromkeys(case.collections for case in self.stacks))

    @property
    def latencies(self) -> list[float]:
        return list(dict.fromkeys(case.latency for case in self.stacks))
