"""What keeps a stack from being made, asked of the services before anything is touched: a connection that does not
work, names that are somebody else's, what a link cannot work with.

The questions are the kinds' own; each list of the services is read whole and once, however many collections there are.
Only what is new is asked about, and what was adopted: where every index of a stack is there, it costs two requests and
one statement. Where anything of a collection is ours, its other names are not asked about: state may know them, though
they lost their owner references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pulumi

from providers.index import Index
from providers.kit import (
    LastRun,
    NotFound,
    NotOwned,
    OwnerReference,
    Refused,
    SearchStackError,
    hide,
    parse_state,
    pluralize,
    require_may_be_made_anew,
)
from providers.services import AnyClusterKind, Connections, Inventory
from providers.services.query import QueryColumn
from providers.services.select import read_query
from providers.services.trust import is_private_address

from .checkpoint import Resources, outputs_of, references_of, resources_in_state
from .embedding_calls import calls
from .embedding_validation import private_address_mistake
from .recovery import Recovery, called
from .settings import Collection, Embedding
from .validation import type_mistakes
from .wiring import CollectionWiring, Declaration, StackWiring

NO_STATE: Resources = MappingProxyType({})


def require_possible(
    connections: Connections,
    stack: str,
    embedding: Embedding,
    collections: Sequence[Collection],
    in_state: Callable[[], Resources] = resources_in_state,
) -> LastRun:
    """Raises pulumi.RunError with all that is in the way of the `SemanticSearchStack` of that name, a line each.

    Where nothing is, what a run that was killed has left behind is deleted. Returns how the last run ended, which the
    stack's resources have to know (`declared_after`).
    """
    wiring, state = StackWiring(stack, embedding, collections), in_state()
    inventory = _inventory(connections, wiring)
    if found := problems(connections, wiring, state, inventory):
        things = f"{pluralize(len(found), 'thing')} {'is' if len(found) == 1 else 'are'}"
        raise pulumi.RunError("\n".join([f"{things} in the way, nothing was touched:", *(f"  {x}" for x in found)]))
    recovery = Recovery(wiring, state)
    recovery.delete_orphans(connections, inventory)
    return recovery.last_run(connections.clock.time())


def problems(
    connections: Connections,
    stack: StackWiring,
    state: Resources = NO_STATE,
    inventory: Inventory | None = None,
) -> list[str]:
    """Returns everything that is in the way, once each.

    What state holds is ours under any owner: of the stack's former name, say.
    """
    found: dict[str, None] = {}
    try:
        connections.check_connectivity()
        for line in _Preflight(connections, stack, state, inventory or _inventory(connections, stack)).lines():
            found[line] = None
    except SearchStackError as error:
        found[hide(str(error), connections.secrets())] = None
    return list(found)


def _inventory(connections: Connections, stack: StackWiring) -> Inventory:
    tables = chain.from_iterable(each.source.tables for each in stack.collections)
    return Inventory(connections, tables, stack.required_tables())


class _Preflight:
    """The questions about one stack."""

    def __init__(self, connections: Connections, stack: StackWiring, state: Resources, inventory: Inventory) -> None:
        self._connections, self._stack, self._state = connections, stack, state
        self._inventory = inventory
        self._owners = {self._inventory.reference(index, "index").owner for index in self._inventory.metas}
        every = [stack.collection(each) for each in stack.collections]
        self._new = [wiring for wiring in every if not self._has_index(wiring)]
        self._unknown = [wiring for wiring in self._new if not self._has_any_index(wiring)]

    def lines(self) -> Iterator[str]:
        """Yields what is in the way. Raises SearchStackError where it cannot be asked."""
        yield from self._refusals(self._require_still_there, self._stack.declarations())
        if self._new:
            new = chain.from_iterable(wiring.declarations() for wiring in self._new)
            yield from chain.from_iterable(map(self._taken, self._claims()))
            yield from self._refusals(self._require_possible, [*self._stack.tables().values(), *new])
            yield from chain.from_iterable(self._mistyped(wiring.collection) for wiring in self._new)
            yield from filter(None, [self._private_address()])

    def _private_address(self) -> str:
        """Whether the URL's host is a private address, which only PolarSearch's own resolver tells of most names."""
        embedding = self._stack.embedding
        hosts = [urlsplit(call.url).hostname or "" for call in calls(embedding)]
        host = next(filter(is_private_address, hosts), "")
        if embedding.private_address or not host or self._inventory.private_addresses_allowed:
            return ""
        return private_address_mistake(host)

    def _has_index(self, wiring: CollectionWiring) -> bool:
        """Tells whether the index of this generation is ours."""
        owner = self._inventory.reference(wiring.names.index, "index").owner
        return owner == self._index(wiring).owner

    def _has_any_index(self, wiring: CollectionWiring) -> bool:
        """Tells whether an index of any generation is ours."""
        return self._index(wiring).owner in self._owners

    def _index(self, wiring: CollectionWiring) -> Declaration[Index]:
        return wiring.index(wiring.names.ingest_pipeline, wiring.names.search_pipeline)

    def _claims(self) -> Iterator[list[Declaration[Any]]]:
        """Yields names that nobody else may have, in groups of which state knows all or none."""
        unknown = [wiring.declarations() for wiring in self._unknown]
        if len(unknown) == len(self._stack.collections):
            yield [*self._stack.embedding_model.declarations(), *chain.from_iterable(unknown)]
        else:
            yield from unknown

    def _taken(self, declarations: Sequence[Declaration[Any]]) -> list[str]:
        """Returns a line for each name that is somebody else's; none where any of them is ours."""
        taken = []
        for declaration in declarations:
            try:
                if self._kind(declaration).is_ours(declaration.owned, self._inventory):
                    return []
            except NotOwned as error:
                if error.owner and OwnerReference(error.owner, error.uid) in references_of(self._state):
                    return []
                taken.append(str(error))
            except Refused as error:
                taken.append(str(error))
        return taken

    def _refusals(
        self, require: Callable[[Declaration[Any]], None], declarations: Iterable[Declaration[Any]]
    ) -> Iterator[str]:
        for declaration in declarations:
            try:
                require(declaration)
            except Refused as error:
                yield str(error)

    def _require_still_there(self, declaration: Declaration[Any]) -> None:
        """An adopted object of a name is looked for: an `up` that changes nothing of it would not miss it."""
        kind, outputs = self._kind(declaration), outputs_of(self._state, declaration.name)
        if not (kind.identity and outputs.get("adopted")):
            return
        state = parse_state(kind.state_type, {**outputs})
        if (id := called(state)) != called(declaration.owned):
            return
        try:
            kind.read_owner(id, state)
        except NotFound as gone:
            require_may_be_made_anew(gone, id, state)

    def _require_possible(self, declaration: Declaration[Any]) -> None:
        self._kind(declaration).require_possible(declaration.owned, self._inventory)

    def _mistyped(self, collection: Collection) -> Iterator[str]:
        """Yields what the types of a query's columns do not allow; a table's are in the configuration."""
        if collection.source.query is not None:
            outputs = read_query(collection.source.query).outputs
            types = {name: self._type(output.kind) for name, output in outputs.items() if output.is_column}
            yield from (f"collection {collection.name}: {each}" for each in type_mistakes(collection, types))

    def _type(self, kind: QueryColumn | str) -> str:
        """Returns a column's type; empty where there is no such column."""
        found = self._inventory.tables.column(*kind) if isinstance(kind, QueryColumn) else None
        return found.column_type if found else ""

    def _kind(self, declaration: Declaration[Any]) -> AnyClusterKind:
        kind: type[AnyClusterKind] = declaration.resource.kind
        return kind(self._connections)
