"""Runs the operations of a stack, and of the trivial stack of its shape, and records the cost of each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.floor import floor
from bench.project import OPERATIONS, Project
from bench.services import Services
from bench.shape import Shape, objects, shape
from bench.traffic import Counts


@dataclass(frozen=True)
class Life:
    """One life of a stack: by operation its traffic, its `seconds`, and the minimum time of the same calls."""

    objects: int
    state_bytes: int
    counts: Mapping[str, Counts]
    seconds: Mapping[str, float]
    floors: Mapping[str, float]
    shape: Shape
    """The operations of bench/trivial."""


def life(
    project: Project, services: Services, say: Callable[[str], None], now: Callable[[], float] = time.perf_counter
) -> Life:
    """Runs every operation of a configured stack, from create to destroy."""
    counts, seconds, floors = {}, {}, {}
    state: list[dict[str, Any]] = []
    for operation, command in OPERATIONS.items():
        before = services.counts
        seconds[operation] = _timed(project, command, now)
        counts[operation] = services.counts - before
        say(f"{operation}: {seconds[operation]:.1f} s, {counts[operation].calls} calls")
        floors[operation] = floor(services, counts[operation], now)
        state = state or project.state()
    size = sum(len(json.dumps(each, separators=(",", ":"))) for each in objects(state))
    return Life(len(objects(state)), size, counts, seconds, floors, shape(state))


def trivial_life(
    project: Project, declared: Shape, say: Callable[[str], None], now: Callable[[], float] = time.perf_counter
) -> Mapping[str, float]:
    """Returns, by operation, the seconds of a stack of that shape whose provider does nothing."""
    project.declare(declared)
    seconds = {}
    for operation, command in OPERATIONS.items():
        seconds[operation] = _timed(project, command, now)
        say(f"trivial {operation}: {seconds[operation]:.1f} s")
    return seconds


def _timed(project: Project, command: tuple[str, ...], now: Callable[[], float]) -> float:
    begun = now()
    project.run(*command)
    return now() - begun
