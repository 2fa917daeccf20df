"""What the program declares: stack dev's shape, with one collection of one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from components.settings import Collection, Embedding
from components.wiring import Declaration, StackWiring

NAME = "search"


@dataclass(frozen=True)
class Configuration:
    """What a person writes."""

    embedding: Embedding
    collection: Collection

    @property
    def wiring(self) -> StackWiring:
        return StackWiring(NAME, self.embedding, [self.collection])


class Made(Protocol):
    """A resource in state."""

    id: str
    inputs: dict[str, Any]
    props: dict[str, Any]


State = Mapping[str, Made]
Program = Sequence[Callable[[State], Declaration[Any]]]


def program(wiring: StackWiring) -> Program:
    """What the program declares, in its order; each is given what was made before it (`components.semantic_search`)."""
    model, [collection] = wiring.embedding_model, [wiring.collection(each) for each in wiring.collections]
    [(_, table)] = wiring.tables().items()
    collector = wiring.garbage_collector()

    def id(made: State, what: str) -> str:
        return made[what].id

    def name(made: State, what: str) -> str:
        return str(made[what].inputs["name"])

    return [
        lambda made: collector,
        lambda made: table,
        lambda made: model.endpoint(),
        lambda made: model.group(),
        lambda made: model.connector(),
        lambda made: model.model(id(made, f"{model.name}-group"), id(made, f"{model.name}-connector")),
        lambda made: collection.ingest_pipeline(id(made, f"{model.name}-model")),
        lambda made: collection.search_pipeline(id(made, f"{model.name}-model")),
        lambda made: collection.index(
            name(made, f"{collection.name}-ingest-pipeline"), name(made, f"{collection.name}-search-pipeline")
        ),
        lambda made: collection.link(name(made, f"{collection.name}-index"), id(made, table.name)),
        lambda made: collection.alias(name(made, f"{collection.name}-index")),
        lambda made: wiring.deletion_guard(
            [id(made, f"{model.name}-group")],
            [id(made, f"{model.name}-connector")],
            str(made[collector.name].props["run"]),
        ),
    ]
