"""`status`: how far each collection is with the rows of its source, and what holds it up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.observation import Observer
from ops.output import JsonOption, Report, StackOption, console_of, finish, show, without_secrets
from ops.progress import CollectionStatus, GenerationStatus, LinkStatus
from ops.stack import Stack, to_stderr
from providers.kit import Clock

NUMBERS = ("rows", "documents", "vectors", "no vector", "no row", "AutoETL lag", "own lag", "restarts", "/s", "left")


@dataclass(frozen=True)
class Status(Report):
    """The collections of a stack."""

    collections: Sequence[CollectionStatus]

    @property
    def code(self) -> int:
        return 1 if any(each.problems for each in self.collections) else 0

    def lines(self) -> Iterator[RenderableType]:
        table = Table("generation", *NUMBERS, box=None, pad_edge=False)
        for each in self.collections:
            for generation in filter(None, (each.serving, each.filling)):
                table.add_row(f"{each.name}: {generation.role} {generation.index}", *cells(generation))
        yield table
        for each in self.collections:
            yield from (Text(f"{each.name}: {problem}", style="red") for problem in each.problems)


def cells(shown: GenerationStatus) -> list[str]:
    """Returns what the table shows of a generation; a dash is what is not known."""
    link = shown.link or LinkStatus("", None, 0)
    numbers = [shown.rows, shown.documents, f"{shown.vectors} of {shown.texts}"]
    wrong = [shown.texts_without_vector, shown.documents_without_row]
    lags = [seconds(link.latency_seconds), seconds(shown.lag_seconds)]
    rate = "-" if shown.per_second is None else f"{shown.per_second:.0f}"
    return [*map(str, [*numbers, *wrong]), *lags, str(link.restarts), rate, seconds(shown.seconds_left)]


def seconds(value: float | None) -> str:
    """Returns `0.2 s`, `75 s`, or a dash."""
    return "-" if value is None else f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def status(
    stack: StackOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, in place, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks of --watch.")] = 2.0,
) -> None:
    """How far each collection is: rows, documents and vectors, what has none, lag, restarts, rate, time left.

    AutoETL's lag is its latency, null (a dash) before the first change that it followed. Our own is how long, at
    least, one of the newest rows has been seen without its document; nothing is written to measure it, so rows that
    arrive between two looks are not timed. A link in trouble is shown with AutoETL's own words.

    With --json: {command, stack, collections: [{name, serving, filling, problems: [text]}]}; serving and filling are
    null or {index, role, rows, documents, texts, vectors, texts_without_vector, documents_without_row, lag_seconds,
    per_second, seconds_left, link: null or {job, latency_seconds, restarts, errors, refused_row}}. With --watch, an
    object a line.
    """
    opened = Stack.open(stack)
    _ = opened.outputs  # raises Stopped where there are none
    observer = Observer(opened, opened.connections(to_stderr), Clock())
    if watch:
        _watch(observer, interval, as_json=as_json)
    finish("status", opened.name, Status(observer.look_again()), opened.secrets(), as_json=as_json)


def _watch(observer: Observer, interval: float, *, as_json: bool) -> None:
    """Shows the status until it is interrupted: in place or, as JSON, an object a line."""
    stack = observer.stack
    console = console_of()
    live = Live(console=console, auto_refresh=False)
    shown: AbstractContextManager[object] = nullcontext() if as_json else live
    with shown:
        while True:
            report = Status(observer.look())
            if as_json:
                show("status", stack.name, report, stack.secrets(), as_json=True)
            else:
                live.update(Group(*without_secrets(report, stack.secrets()).lines()), refresh=True)
            observer.clock.sleep(interval)
