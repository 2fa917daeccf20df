"""What a preview means: what happens to each part of a stack, from the steps of its digest. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ops.changed_collection import Circumstances, collection_sentences, collections_of, protection, renamed
from ops.changed_embedding import embedding_sentences, model_change, trust_warnings
from ops.digest import EMBEDDING, Step
from ops.figures import Figures
from ops.sentences import Sentence, alarm, escaped, plain

MANY_ROWS = 100_000
"""Rows from which on embedding them again is a warning."""

NO_OBJECTS = frozenset({"Stack", "SemanticSearchStack", "DeletionGuard", "GarbageCollector"})
"""Resources that are nothing in a service, and follow from the others."""


@dataclass(frozen=True)
class Change:
    """What happens to one part of a stack: a collection, the embedding model, a table, the connection."""

    subject: str
    sentences: Sequence[Sentence]
    steps: Sequence[Step]


def changes(steps: Sequence[Step], asked: Mapping[str, Figures], many: int = MANY_ROWS) -> list[Change]:
    """Returns the changes: collections first, then what they share. `asked` are figures of collections by name."""
    found = [*_collections(steps, asked, many), _embedding(steps)]
    found += [_table(step) for step in steps if step.kind == "SourceTable"]
    found += [_connection(step) for step in steps if step.kind == "pulumi-python"]
    known = {id(step) for change in found for step in change.steps}
    rest = [step for step in steps if id(step) not in known]
    objects = [step for step in rest if step.kind not in NO_OBJECTS]
    found.append(Change("other resources", [], objects if known or objects else rest))
    return [change if change.sentences else _counted(change) for change in found if change.steps]


def _collections(steps: Sequence[Step], asked: Mapping[str, Figures], many: int) -> Iterator[Change]:
    parts, model = collections_of(steps), model_change(_of_embedding(steps))
    for part in parts:
        given = Circumstances(model, asked.get(part.name), many, renamed(parts))
        yield Change(part.name, collection_sentences(part, given), list(part.steps.values()))


def _of_embedding(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if EMBEDDING in (step.kind, step.parent_kind)]


def _embedding(steps: Sequence[Step]) -> Change:
    own = _of_embedding(steps)
    return Change("embedding", [*embedding_sentences(own), *trust_warnings(own)], own)


def _table(step: Step) -> Change:
    name = f"{step.value('database')}.{step.value('name')}"
    return Change(name, [*_table_sentences(step), *protection(step)], [step])


def _table_sentences(step: Step) -> Iterator[Sentence]:
    if step.op == "create":
        yield plain("the table is adopted as it is, or made if it is missing")
    elif step.op == "delete" and not step.old.get("uid"):
        yield plain("the table stays, with its rows: it was there before this stack")
    elif step.op == "delete":
        refused = ", refused by deletion protection if there are any" if step.old.get("deletion_protection") else ""
        yield alarm(f"the table, which this stack made, is dropped with its rows{refused}", loses=not refused)
    elif step.drifted or step.problems:
        yield plain("; ".join(["drift repaired", *map(escaped, step.problems)]))
    elif others := sorted(step.changed - {"deletion_protection"}):
        yield plain(f"other {', '.join(others)}; a table that was there before is not altered")


def _connection(step: Step) -> Change:
    moved = step.op == "update" and "search_url" in str(step.paths)
    texts = {
        "create": "is where PolarSearch and PolarDB are called, and as whom",
        "delete": "is forgotten",
        "update": "another address or account"
        + (": nothing is made at another cluster until `pulumi up --refresh`" if moved else ""),
    }
    return Change("connection", [plain(texts.get(step.op, "changes"))], [step])


def _counted(change: Change) -> Change:
    """Returns a change of which no more is known than its operations."""
    counts = Counter(step.op for step in change.steps)
    return replace(change, sentences=[plain(", ".join(f"{count} to {op}" for op, count in counts.items()))])
