"""`python -m bench`: measures, and writes docs/benchmarks.md and docs/benchmarks.svg."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import engine
from bench.plot import plot
from bench.project import ROOT, Failed, product, trivial
from bench.report import report
from bench.results import Results
from bench.schedule import Schedule
from bench.services import services
from bench.session import Session

DESCRIPTION = """Measure what stacks cost on the sandbox with a real Pulumi engine: calls, bytes, state, seconds.
Writes benchmarks.md and benchmarks.svg, and prints every number as it is measured."""


def numbers(text: str) -> list[int]:
    """Returns the numbers of a list such as `1,20,100`. Raises ArgumentTypeError."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers: write one such as 1,20,100")
    return [int(part) for part in parts]


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command's options."""
    made = argparse.ArgumentParser(prog="python -m bench", description=DESCRIPTION)

    def option(name: str, kind: Callable[[str], object], default: str, metavar: str, text: str) -> None:
        made.add_argument(name, type=kind, default=default, metavar=metavar, help=f"{text} (%(default)s)")

    option("--collections", numbers, "1,20,100", "N,…", "sizes of the stacks, six objects for each collection")
    option("--latency", numbers, "0,20", "MS,…", "milliseconds added to each request and statement")
    option("--rows", numbers, "10000,100000", "N,…", "sizes of the tables whose missing rows are looked for")
    option("--runs", int, "3", "N", "how often each is measured, if there is time")
    option("--minutes", float, "14", "N", "after the first run of each, no other begins that would end later than this")
    option("--into", Path, str(ROOT / "docs"), "FOLDER", "where the two files are written")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Writes the files. Returns the exit code: 0, 1 with one line on stderr, or 130 after Ctrl-C."""
    given = parser().parse_args(arguments)
    try:
        results = measure(given, engine.find(), time.monotonic)
    except (engine.NoEngine, Failed) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    given.into.mkdir(parents=True, exist_ok=True)
    (given.into / "benchmarks.md").write_text(report(results))
    (given.into / "benchmarks.svg").write_text(plot(results))
    print(given.into / "benchmarks.md")
    return 0


def measure(given: argparse.Namespace, found: engine.Engine, now: Callable[[], float]) -> Results:
    """Measures the given sizes and latencies."""
    begun = now()

    def say(line: str) -> None:
        elapsed = now() - begun
        print(f"bench: {elapsed // 60:.0f}:{elapsed % 60:02.0f}, {line}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, services(Path(folder) / "sandbox") as running:
        home = Path(folder)
        schedule = Schedule(given.runs, begun + given.minutes * 60, now)
        session = Session(product(found, home, running), trivial(found, home), running, schedule, say)
        rows = session.rows(given.rows)
        stacks = session.stacks(given.collections, [milliseconds / 1000 for milliseconds in given.latency])
        return Results(facts(found, date.today()), stacks, rows)


def facts(found: engine.Engine, today: date) -> dict[str, str]:
    """Returns facts of this machine that the numbers depend on."""
    return {
        "date": today.isoformat(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "engine": f"pulumi {'.'.join(map(str, found.version))}",
        "SDK": f"pulumi {version('pulumi')}",
    }


if __name__ == "__main__":
    sys.exit(main())
