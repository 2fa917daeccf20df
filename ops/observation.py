"""Looking at the collections of a stack: what the services say of each generation, asked as the kinds ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.settings import Collection
from components.wiring import CollectionWiring
from ops.progress import (
    CollectionStatus,
    GenerationStatus,
    History,
    Look,
    Role,
    generation_status,
    generations,
    problems_of,
)
from ops.stack import Stack
from providers.alias import Cutover
from providers.kit import Clock, SqlError
from providers.services import Connections, Inventory
from providers.services.backfill import BackfillProbe, with_plain_key
from providers.services.reconcile import Disagreement, disagreement
from providers.services.refused_rows import find_refused_row

GONE = frozenset({1049, 1146})
"""MySQL's numbers for a database or a table that is not there."""

SECOND_LOOK = 1.0
"""Seconds to another look, where rows are on their way."""


@dataclass
class Observer:
    """Looks at the collections of a stack, again and again."""

    stack: Stack
    connections: Connections
    clock: Clock
    histories: dict[str, History] = field(default_factory=dict)

    def look(self) -> list[CollectionStatus]:
        """Looks at every collection. Raises SearchStackError."""
        inventory = Inventory(self.connections)
        return [self._collection(each, inventory) for each in self.stack.collections]

    def look_again(self) -> list[CollectionStatus]:
        """Looks once, or twice where rows are on their way: a rate and a lag take two. Raises SearchStackError."""
        found = self.look()
        if self.is_settled:
            return found
        self.clock.sleep(SECOND_LOOK)
        return self.look()

    @property
    def is_settled(self) -> bool:
        """Whether another look would tell no more."""
        return all(history.looks[-1].is_settled for history in self.histories.values())

    def _collection(self, collection: Collection, inventory: Inventory) -> CollectionStatus:
        wiring = self.stack.wiring.collection(collection)
        serving, filling = generations(wiring.names.alias, wiring.names.index, inventory.indexes)
        served, wrong = self._generation(serving, "serving", wiring, inventory)
        filled, also_wrong = self._generation(filling, "filling", wiring, inventory)
        unserved = [] if serving else [f"no index is served as {wiring.names.alias}: run `pulumi up --refresh`"]
        return CollectionStatus(collection.name, served, filled, [*unserved, *wrong, *also_wrong])

    def _generation(
        self, index: str | None, role: Role, wiring: CollectionWiring, inventory: Inventory
    ) -> tuple[GenerationStatus | None, list[str]]:
        """Returns how far an index is, and what is wrong with it."""
        if index is None:
            return None, []
        cutover = cutover_of(index, wiring, self.stack.resources)
        link = inventory.any_link(index)
        rows = cutover.linked_rows if link and link.problem else None
        row = find_refused_row(self.connections.search, self.connections.database, index, rows) if rows else ""
        try:
            seen = self._look(index, cutover)
        except SqlError as error:
            if error.code not in GONE:
                raise
            return None, [str(error), *problems_of(index, link, row, Disagreement(), prune=False)]
        history = self.histories[index] = self.histories.get(index, History()).after(seen)
        wrong = problems_of(index, link, row, seen.found, prune=wiring.collection.sync.prune)
        return generation_status(index, role, history, link, row), wrong

    def _look(self, index: str, cutover: Cutover) -> Look:
        search, database = self.connections.search, self.connections.database
        source = with_plain_key(cutover.source, database)
        probe = BackfillProbe(search, database, index, source)
        counted, missing = probe.counts(), probe.newest_missing()
        found = disagreement(search, database, cutover.rows(index, source))
        return Look(self.clock.now(), counted, missing, found)


def cutover_of(index: str, wiring: CollectionWiring, resources: Sequence[Mapping[str, Any]]) -> Cutover:
    """Returns where the rows of an index come from: the configuration says it of its own index, state of a former."""
    declared: Cutover = wiring.alias(index).inputs.cutover  # type: ignore[attr-defined]
    if index == wiring.names.index:
        return declared
    name = f"::{wiring.name}-alias"
    stored = (each["outputs"] for each in resources if each["urn"].endswith(name) and each.get("outputs"))
    return next((Cutover.model_validate(each["cutover"]) for each in stored if each.get("index") == index), declared)
