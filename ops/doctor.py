"""`doctor`: everything that could make `up` or the running stack fail, all at once, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from components.settings import SettingsError
from ops.checks import Finding, configuration_findings, unique
from ops.examination import Examination, addresses_of
from ops.output import JsonOption, Report, StackOption, finish
from ops.stack import Stack, to_stderr
from providers.kit import Clock, pluralize
from providers.services.http import post_elsewhere


@dataclass(frozen=True)
class Diagnosis(Report):
    """What is wrong, what is as it is, and what could not be asked; `looked` is whether both services answer."""

    findings: Sequence[Finding]
    notes: Sequence[str]
    unchecked: Sequence[str]
    looked: bool

    @property
    def code(self) -> int:
        if not self.looked:
            return 2
        return 1 if self.findings else 0

    def lines(self) -> Iterator[RenderableType]:
        yield from (Text(f"· {each}", style="dim") for each in self.notes)
        yield from (Text(f"? {each}", style="yellow") for each in self.unchecked)
        for each in self.findings:
            yield Text(f"✗ {each.area}: {each.line}", style="red")
            yield from (Text(f"    {statement}") for statement in each.statements)
        yield Text(pluralize(len(self.findings), "finding") if self.findings else "nothing is wrong")


def doctor(stack: StackOption = None, as_json: JsonOption = False) -> None:
    """Everything that could make `up` or the running stack fail, all at once, before the first `up` and after it.

    Asked about are the configuration, both services and their versions, the accounts with the least privileges,
    revision and binlog, trusted and private addresses, the embedding service with real texts, tables, keys and texts,
    disks and vector memory, three real rows in each pipeline, links, and objects of ours that no state knows. Before
    the first `up` the embedding service is asked from this machine. Nothing is changed; some texts are embedded.

    With --json: {command, stack, findings: [{area, line, statements: [text]}], notes: [text], unchecked: [text],
    looked}. Where a service does not answer, the rest is still asked, and the exit code is 2.
    """
    opened = Stack.open(stack)
    try:
        _ = opened.settings
    except SettingsError as error:
        return finish("doctor", opened.name, _of_the_configuration(error), opened.secrets(), as_json=as_json)
    examination = Examination(opened, opened.connections(to_stderr), Clock(), addresses_of, post_elsewhere)
    looked = examination.run()
    found = unique(examination.findings)
    report = Diagnosis(found, examination.notes, examination.unchecked, looked)
    return finish("doctor", opened.name, report, opened.secrets(), as_json=as_json)


def _of_the_configuration(error: SettingsError) -> Diagnosis:
    unchecked = ["everything else: the configuration comes first"]
    return Diagnosis(configuration_findings(error.mistakes), [], unchecked, looked=True)
