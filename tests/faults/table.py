"""Every request and statement of every operation goes wrong in every way, and what comes next puts it right.

python -m tests.faults.table            prints totals by fault and operation, and every row that is not right
python -m tests.faults.table destroy    of one operation
"""

from __future__ import annotations

import copy
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, takewhile
from multiprocessing import get_context
from pathlib import Path

from pulumi.runtime import settings as pulumi_settings

from components.settings import Collection, Embedding
from providers.kit.values import forms_of

from .declared import Configuration
from .interception import GONE, HTTP, KILLED, LATE, SQL, STALE, Killed, is_request
from .runner import TRACEBACK, Entry, Failed, Stack
from .services import (
    EMBEDDINGS,
    KEYS,
    PASSWORD,
    SEARCH_PASSWORD,
    World,
    add_foreign,
    comparable,
    foreign,
    one_authority,
    references,
    services,
)

NO_OBJECT = ("-garbage-collector", "-deletion-guard")
"""Ends the names of resources that are no object of a service."""

CONVERGED, REFUSED, DIVERGED = "converged", "refused with advice", "diverged"
OUR_MISTAKE = f"a mistake of ours|{TRACEBACK}"
SECRETS = [form for secret in (*KEYS, PASSWORD, SEARCH_PASSWORD) for form in forms_of(secret)]


def configuration(*, key: str = KEYS[0], revision: int = 1, replicas: int = 0, weights=(0.3, 0.7)) -> Configuration:
    """One collection of one table, as stack dev's."""
    embedding = Embedding(
        url=EMBEDDINGS, model="hashing", dimension=8, send_dimensions=True, batch_size=10, api_key=key
    )
    collection = Collection(
        name="documents",
        source={"table": "db.t", "columns": {"id": "INT", "t1": "INT", "t2": "TEXT"}, "primary_key": "id"},
        fields={"id": "id", "my_text": "t2"},
        mapping={"id": {"type": "integer"}, "my_text": {"type": "text"}, "my_vector": {"type": "knn_vector"}},
        field_map={"my_text": "my_vector"},
        search={"weights": list(weights)},
        replicas=replicas,
        deletion_protection=False,
        revision=revision,
    )
    return Configuration(embedding, collection)


FIRST = configuration()
NOTHING, CREATED = "nothing", "created"


@dataclass(frozen=True)
class Operation:
    """What is done, from where; `to` is the configuration that it ends with, None for nothing at all."""

    name: str
    start: str
    act: Callable[[Stack], None]
    to: Configuration | None


def _up(name: str, start: str, to: Configuration) -> Operation:
    return Operation(name, start, lambda stack: stack.up(to), to)


CREATE = _up("create", NOTHING, FIRST)
DESTROY = Operation("destroy", CREATED, Stack.destroy, None)
REFRESH = Operation("refresh", CREATED, Stack.refresh, FIRST)
CHANGES = (
    _up("new generation", CREATED, configuration(revision=2)),
    _up("key rotation", CREATED, configuration(key=KEYS[1])),
    _up("in place", CREATED, configuration(replicas=1, weights=(0.4, 0.6))),
)
OPERATIONS = {each.name: each for each in (CREATE, *CHANGES, REFRESH, DESTROY)}


def one_by_one(first: Operation, second: Operation) -> Operation:
    """Both, the second where the first ended well."""

    def act(stack: Stack) -> None:
        first.act(stack)
        second.act(stack)

    return Operation(f"{first.name}, then {second.name}", first.start, act, second.to)


def refresh_then(operation: Operation) -> Operation:
    """What `--refresh` does, or `pulumi refresh` before."""
    return one_by_one(REFRESH, operation)


UP = _up("up", CREATED, FIRST)


def what_comes_next(operation: Operation) -> dict[str, Operation]:
    """What a person does after the operation, by name."""
    again = {"the same again": operation}
    if operation is REFRESH:
        return {**again, "up": UP, "destroy": DESTROY}
    if operation is DESTROY:
        return {**again, "up": UP, "refresh, then up": refresh_then(UP)}
    if operation is CREATE:
        return {**again, "destroy": DESTROY, "the same again, then destroy": one_by_one(CREATE, DESTROY)}
    before = {"the configuration before": UP, "refresh, then the configuration before": refresh_then(UP)}
    later = {"the same again, then the configuration before": one_by_one(operation, UP)}
    return {**again, **before, **later, "destroy": DESTROY}


def once_it_arrived(following: Operation) -> Operation:
    """What comes after a late call: the same, or an up before it where no state is left that could tell of the call."""
    return following if following.to else one_by_one(UP, following)


@dataclass(frozen=True)
class Row:
    """One case, and how it ended. `next` is empty where the operation ended well by itself."""

    operation: str
    index: int
    call: str
    fault: str
    next: str
    verdict: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.operation} · {self.index} {self.call[:60]} · {self.fault} · {self.next or '-'}: {self.why}"


class Table:
    """Runs rows in a folder of its own, from snapshots that are made once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count()
        self._saved: dict[str, list[Entry]] = {}
        self._clean: dict[str, dict[str, list[str]]] = {}
        pulumi_settings.configure(pulumi_settings.Settings("polardb-semantic-search", "dev"))
        self._prepare()

    def _prepare(self) -> None:
        with services(self._place()) as world:
            add_foreign(world)
            stack = Stack(world.connections)
            self._save(NOTHING, world, stack)
            self._note(None, world)
            stack.up(FIRST)
            world.run("INSERT INTO db.t VALUES (1, 10, 'a mug'), (2, 20, '杯子'), (3, 30, NULL)")
            world.settled()
            world.hands.sleep(5)
            self._save(CREATED, world, stack)
            self._note(FIRST, world)
        for operation in CHANGES:
            with self._world(CREATED) as (world, stack):
                operation.act(stack)
                self._note(operation.to, world)

    def calls(self, operation: Operation) -> list[str]:
        """Every request and statement of a run in which nothing goes wrong."""
        with self._world(operation.start) as (world, stack):
            world.wire.begin()
            operation.act(stack)
            return world.wire.calls

    def rows(self, operation: Operation, index: int, call: str, fault: str) -> Iterator[Row]:
        """The rows of one fault: one where the operation ends well by itself, else one for each that comes next."""
        described = (operation.name, index, call, fault)
        verdict, _ = self._case(operation, index, fault, None)
        if verdict == CONVERGED:
            yield Row(*described, "", verdict)
            return
        for name, following in what_comes_next(operation).items():
            yield Row(*described, name, *self._case(operation, index, fault, following))

    def _case(self, operation: Operation, index: int, fault: str, following: Operation | None) -> tuple[str, str]:
        """The verdict, and what was said or is wrong."""
        with self._world(operation.start) as (world, stack):
            before = foreign(world.everything())
            said = _done(operation, stack, world, index, fault)
            if following is None and said:
                return DIVERGED, said
            late, world.wire.late = world.wire.late, None
            verdict, why = _followed(following, stack, world) if following else (CONVERGED, "")
            if late:
                late()
                verdict, why = _followed(once_it_arrived(following), stack, world)
            if wrong := self._wrong(following or operation, stack, world, before):
                return DIVERGED, "; ".join(filter(None, [*wrong, why, f"at first: {said}"]))
            return verdict, why

    def _wrong(self, goal: Operation, stack: Stack, world: World, before: str) -> list[str]:
        """Everything that is not as after a clean run."""
        found = world.everything()
        wrong = _differences(self._clean[_key(goal.to)], comparable(found))
        if foreign(found) != before:
            wrong.append("something foreign changed")
        objects = [entry for entry in stack.entries if not entry.name.endswith(NO_OBJECT)]
        known = sorted((entry.props["owner"], entry.props["uid"]) for entry in objects)
        if (carried := references(json.dumps(found))) != known:
            wrong.append(f"only in state: {_beyond(known, carried)}, only at the services: {_beyond(carried, known)}")
        if goal.to is not None:
            wrong += [f"a preview would {step}" for step in stack.pending(goal.to)]
            wrong = wrong or _left_out(world)
        wrong += [f"no line for a person: {text}" for text in world.said if re.search(OUR_MISTAKE, text)]
        return wrong + [f"a secret is shown: {text}" for text in world.said if _tells(text)]

    def _world(self, start: str):
        return _restored(self._place(), self._folder / start, self._saved[start])

    def _save(self, name: str, world: World, stack: Stack) -> None:
        world.save(self._folder / name)
        self._saved[name] = copy.deepcopy(stack.entries)

    def _note(self, to: Configuration | None, world: World) -> None:
        self._clean[_key(to)] = comparable(world.everything())

    def _place(self) -> Path:
        return self._folder / f"world-{next(self._numbers)}"


@contextmanager
def _restored(place: Path, snapshot: Path, entries: list[Entry]) -> Iterator[tuple[World, Stack]]:
    with services(place, snapshot) as world:
        stack = Stack(world.connections)
        stack.entries = copy.deepcopy(entries)
        yield world, stack


def _done(operation: Operation, stack: Stack, world: World, index: int = -1, fault: str = "") -> str:
    """What the operation says when it fails; empty when it does not."""
    world.wire.begin(index, fault)
    said = ""
    try:
        operation.act(stack)
    except Failed as failed:
        said = str(failed)
        world.said.append(said)
    except Killed:
        said = "killed"
    world.wire.begin()
    world.settled()
    world.hands.sleep(5)
    return said


def _followed(following: Operation, stack: Stack, world: World) -> tuple[str, str]:
    """What comes next and, where that is refused, what its message advises."""
    if not (said := _done(following, stack, world)):
        return CONVERGED, ""
    if (advised := _advised(said, following)) is None:
        return DIVERGED, f"{following.name} gives no advice: {said}"
    if again := _done(advised, stack, world):
        return DIVERGED, f"{advised.name}, as advised, says: {again}; before: {said}"
    return REFUSED, said


def _advised(said: str, operation: Operation) -> Operation | None:
    if re.search(r"pulumi up --refresh|pulumi refresh", said):
        return refresh_then(operation)
    return operation if "`pulumi up` again" in said or "try again" in said else None


def _differences(clean: Mapping[str, list[str]], found: Mapping[str, list[str]]) -> list[str]:
    wrong = []
    for kind, lines in clean.items():
        more, less = Counter(found[kind]) - Counter(lines), Counter(lines) - Counter(found[kind])
        wrong += [f"{kind}: + {_short(line, lines)}" for line in more]
        wrong += [f"{kind}: - {_short(line, found[kind])}" for line in less]
    return wrong


def _short(line: str, others: list[str]) -> str:
    """A line from where it begins to differ from the one most like it."""
    same = max((_alike(line, other) for other in others), default=0)
    return line[max(0, same - 60) : same + 60]


def _alike(line: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(line, other, strict=False)))


def _beyond(some: list[tuple[str, str]], others: list[tuple[str, str]]) -> list[str]:
    return [owner.rpartition("/")[2] for owner, _ in Counter(some) - Counter(others)]


def _left_out(world: World) -> list[str]:
    """Rows whose documents or vectors are not in the index that the alias points to."""
    world.settled()
    world.ask("POST", "/documents/_refresh")
    [row] = world.run("SELECT COUNT(*) AS n, COUNT(t2) AS texts FROM db.t")
    exists = {"query": {"exists": {"field": "my_vector"}}}
    counts = [world.ask("POST", "/documents/_count", query).get("count") for query in (None, exists)]
    return [] if counts == [row["n"], row["texts"]] else [f"the index has {counts} of {row}"]


def _tells(text: str) -> bool:
    return any(secret in text for secret in SECRETS)


def _key(to: Configuration | None) -> str:
    return repr(to and (to, to.embedding.api_key))


STOPPING = (KILLED, LATE, "500", "404 with a page", "connection lost after acting")
"""Faults that nothing is sent again after, or not always."""


def faults_of(call: str) -> tuple[str, ...]:
    """The faults that this request or statement can have."""
    gone = GONE if re.match(r"DELETE|DROP|CALL \w+\.drop", call) else []
    if not is_request(call):
        return (*SQL, *gone, KILLED, *([] if re.match(r"SELECT|SHOW|CALL \w+\.show", call) else [LATE]))
    if call.endswith("_search"):
        return (*HTTP, *(STALE if "/_ml/" in call else []), KILLED)
    return (*HTTP, *gone, KILLED, *([] if re.match(r"GET|HEAD", call) else [LATE]))


_table: Table | None = None


def table(folder: Path) -> Table:
    """This process's table."""
    global _table
    if _table is None:
        _table = Table(folder / f"table-{os.getpid()}")
    return _table


def _run(job: tuple[Path, str, int, str, str]) -> list[Row]:
    folder, operation, *rest = job
    return list(table(folder).rows(OPERATIONS[operation], *rest))


def jobs(folder: Path, names: Iterable[str]) -> list[tuple[Path, str, int, str, str]]:
    """Every operation, request or statement and fault; those that stop an operation first."""
    every = [
        (folder, name, index, call, fault)
        for name in names
        for index, call in enumerate(table(folder).calls(OPERATIONS[name]))
        for fault in faults_of(call)
    ]
    return sorted(every, key=lambda job: job[-1] not in STOPPING)


PROCESSES = 2

HEADS: dict[str, Callable[[Row], str]] = {"fault": lambda row: row.fault, "operation": lambda row: row.operation}


def main(names: list[str]) -> None:
    context = get_context("spawn")  # not a copy of this process, with its table
    with tempfile.TemporaryDirectory() as place, ProcessPoolExecutor(PROCESSES, context) as pool:
        os.environ["SSL_CERT_FILE"] = str(one_authority(Path(place)))
        todo = jobs(Path(place), names or OPERATIONS)
        rows = []
        for found in pool.map(_run, todo):
            rows += found
            for row in found:
                if row.verdict != CONVERGED:
                    print(f"{row.verdict}: {row}", flush=True)
    print(
        totals(rows, "fault", lambda row: row.fault), totals(rows, "operation", lambda row: row.operation), sep="\n\n"
    )
    for row in rows:
        if row.verdict != CONVERGED:
            print(f"{row.verdict}: {row}")


def totals(rows: list[Row], head: str, of: Callable[[Row], str]) -> str:
    """A table of how many rows ended how."""
    verdicts = (CONVERGED, REFUSED, DIVERGED)
    lines = [f"| {head} | {' | '.join(verdicts)} |", "|---|---|---|---|"]
    counted = Counter((of(row), row.verdict) for row in rows)
    for name in dict.fromkeys(map(of, rows)):
        lines.append(f"| {name} | {' | '.join(str(counted[name, verdict]) for verdict in verdicts)} |")
    every = Counter(row.verdict for row in rows)
    return "\n".join([*lines, f"| all | {' | '.join(str(every[verdict]) for verdict in verdicts)} |"])


if __name__ == "__main__":
    main(sys.argv[1:])
