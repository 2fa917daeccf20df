"""Makes docs/benchmarks.md from the results. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.floor import SAMPLE
from bench.project import OPERATIONS
from bench.results import Results, Spread

INTRODUCTION = """# Benchmarks

`make bench` wrote this file. It brings the program of this repository up and down on the sandbox with a real engine.
A proxy counts every request and statement on the way and, where a latency is given, holds each up for so long. Each
number is the median of the runs, followed by the least and the greatest where they differ.

An *object* is a resource that stands for something at a service. *Statements* are all that the MySQL driver sends as
such, those that set up a connection included. A *create* includes the checks that are made before anything is.

![Calls an object, and time for each second of a trivial program](benchmarks.svg)
"""

STATE = "As `pulumi stack export` shows it, without white space."

ROWS = """One look counts rows, documents and vectors, and then looks for the document and the vector of every row. All
are there, with vectors of two numbers."""

COUNTS = ("requests", "statements", "connections", "bytes")

TIME = f"""*To trivial* is the time for each second of a program with as many resources, of the same parents and
dependencies, whose provider does nothing, in the same run: what is over 1 is ours. *To floor* is the time for each
second that the same number of the smallest requests and statements takes, one after the other over one connection
({SAMPLE} of each are made, more are in proportion); below 1, calls went side by side."""


def report(results: Results) -> str:
    """Returns the whole file."""
    sections = {
        "Machine": _facts(results),
        "Calls": _calls(results),
        "State": [STATE, "", *_state(results)],
        "Time": [TIME, "", *_time(results)],
        "The check for missing rows": [ROWS, "", *_rows(results)],
    }
    parts = ("\n".join([f"## {title}", "", *lines]) for title, lines in sections.items())
    return "\n".join([INTRODUCTION, "\n\n".join(parts), ""])


def _facts(results: Results) -> Iterator[str]:
    return _table(["", ""], ([name, value] for name, value in results.facts.items()))


def _calls(results: Results) -> Iterator[str]:
    counted = [f"{name} an object" for name in ("calls", *COUNTS)]
    return _table(["operation", "collections", "objects", *counted, "calls in all"], _call_rows(results))


def _call_rows(results: Results) -> Iterator[list[str]]:
    """Yields the rows at the lowest latency: the counts do not depend on it."""
    latency = min(results.latencies)
    for operation in OPERATIONS:
        for case, measured in results.stacks.items():
            if case.latency == latency:
                first, names = measured.lives[0], ("calls", *COUNTS)
                counts = [shown(measured.count(operation, name), 0 if name == "bytes" else 2) for name in names]
                in_all = f"{first.counts[operation].calls:,}"
                yield [operation, str(case.collections), str(first.objects), *counts, in_all]


def _state(results: Results) -> Iterator[str]:
    latency = min(results.latencies)
    return _table(
        ["collections", "objects", "bytes of state an object"],
        (
            [str(case.collections), str(measured.lives[0].objects), shown(measured.state_bytes(), 0)]
            for case, measured in results.stacks.items()
            if case.latency == latency
        ),
    )


def _time(results: Results) -> Iterator[str]:
    head = ["operation", "collections", "latency", "runs", "seconds", "to trivial", "to floor"]
    return _table(head, _time_rows(results))


def _time_rows(results: Results) -> Iterator[list[str]]:
    for operation in OPERATIONS:
        for case, measured in results.stacks.items():
            floor = measured.to_floor(operation)
            yield [
                operation,
                str(case.collections),
                f"{case.latency * 1000:g} ms",
                str(len(measured.lives)),
                shown(measured.seconds(operation), 1),
                shown(measured.to_trivial(operation), 1),
                shown(floor, 1) if floor else "no calls",
            ]


def _rows(results: Results) -> Iterator[str]:
    return _table(
        ["rows", "runs", "rows a second"],
        ([f"{rows:,}", str(len(found)), shown(Spread.of(found), 0)] for rows, found in results.rows.items()),
    )


def shown(spread: Spread, digits: int) -> str:
    """Returns `2.5 (2.4–2.9)`, or `2.5` if all three numbers look the same."""
    middle, least, greatest = (f"{value:,.{digits}f}" for value in (spread.median, spread.least, spread.greatest))
    return middle if least == greatest else f"{middle} ({least}–{greatest})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
