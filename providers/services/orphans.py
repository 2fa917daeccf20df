"""Orphans: objects of ours that no state knows, since the run that made them was killed before it was recorded.

They are found by their owner references, and deleted like others: what uses them first, and never with documents that
are protected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, get_args

from providers.kit import (
    NotFound,
    OwnerReference,
    Refused,
    Rejected,
    Report,
    deletion_protected,
    describe,
    meta_reference,
    pluralize,
    read_description,
    read_references,
)

from .autoetl import find_link
from .backfill import count_documents
from .connections import Connections
from .index_meta import Meta, alias_place, index_metas, is_protected, read_meta, write_reference
from .links import drop_link
from .mlcommons import ROOT, delete_connector, delete_group, delete_model, find_by
from .objects import PIPELINES, Found, Noun, link_rows
from .sqltext import quote
from .tables import Tables, count_rows
from .trust import Trust

if TYPE_CHECKING:
    from .http import SearchClient

ORDER: tuple[Noun, ...] = get_args(Noun)
"""What uses others first."""


class Orphans:
    """Deletes objects, whatever state says of them; `warn` is called with what is left on purpose."""

    def __init__(self, connections: Connections, warn: Report) -> None:
        self._connections, self._warn = connections, warn

    def delete(self, found: Iterable[Found]) -> None:
        """Deletes them; those that are gone already are no error. Raises SearchStackError."""
        for each in sorted(found, key=lambda each: ORDER.index(each.noun)):
            with suppress(NotFound):
                self._by_noun[each.noun](each)

    @property
    def _by_noun(self) -> Mapping[Noun, Callable[[Found], None]]:
        return {
            "sync link": lambda link: delete_link(self._connections, link.id),
            "alias": self._alias,
            "index": lambda index: delete_index(self._connections, index.id),
            "search pipeline": self._pipeline,
            "ingest pipeline": self._pipeline,
            "model": self._model,
            "connector": self._connector,
            "model group": lambda group: delete_group(self._search, group.id, self._connections.clock),
            "trusted endpoint": self._endpoint,
            "table": self._table,
        }

    @property
    def _search(self) -> SearchClient:
        return self._connections.search

    def _alias(self, alias: Found) -> None:
        index, _, name = alias.id.partition("/")
        write_reference(self._search, index, alias_place(name), None)
        if alias.uses:
            self._search.delete(f"/{index}/_alias/{name}")

    def _pipeline(self, pipeline: Found) -> None:
        self._search.delete(f"{PIPELINES[pipeline.noun]}/{pipeline.id}")

    def _model(self, model: Found) -> None:
        if self._is_still(model, "models"):
            delete_model(self._search, model.id, self._connections.clock)

    def _connector(self, connector: Found) -> None:
        if self._is_still(connector, "connectors"):
            delete_connector(self._search, connector.id, self._connections.clock)

    def _is_still(self, found: Found, objects: str) -> bool:
        """Tells whether an object is there and still that create's: a search is up to a second late."""
        return _described(self._connections, f"{objects}/{found.id}") == found.reference

    def _endpoint(self, endpoint: Found) -> None:
        with self._connections.lock:
            shown = self._search.cluster_settings()
            changes = Trust.of(shown).without_ours(endpoint.name, endpoint.reference.owner)
            self._search.put("/_cluster/settings", changes)

    def _table(self, table: Found) -> None:
        """An empty table without another owner is dropped; of one with rows only the owner reference is removed."""
        database, quoted = self._connections.database, quote(*table.id.split("."))
        text, references = read_references(Tables(database, [table.id]).comment(table.id) or "")
        others = [each for each in references if each != table.reference]
        rows = 0 if others else count_rows(database, table.id)
        if not (rows or others):
            database.query(f"DROP TABLE {quoted}")
            return
        for each in others:
            text = describe(text, each)
        database.query(f"ALTER TABLE {quoted} COMMENT = %s", [text])
        if rows:
            self._warn(f"table {table.id} has {pluralize(rows, 'row')} and is left alone: drop it if it was ours")


def delete_link(connections: Connections, index: str) -> None:
    """Drops the link into an index, if there is one, and removes its owner reference. Raises SearchStackError."""
    for row, backend in list(link_rows(connections)):
        if link := find_link([row], index):
            drop_link(connections.database, backend, index, link.handle)
    write_reference(connections.search, index, "link", None)


def delete_index(connections: Connections, index: str) -> None:
    """Deletes an index, and first the link into it. Raises Refused where it says itself that it is protected."""
    meta = read_meta(connections.search, index)
    if documents := protected_documents(connections, index, meta):
        raise deletion_protected(f"index {index} has {pluralize(documents, 'document')}")
    if meta_reference(meta, "link").owner:
        delete_link(connections, index)
    connections.search.delete(f"/{index}")


def protected_documents(connections: Connections, index: str, meta: Meta) -> int:
    """Returns the number of documents of an index whose `_meta` says that they are protected; 0 for any other."""
    return count_documents(connections.search, index) if is_protected(meta) else 0


def delete_with_models(
    connections: Connections, owner: str, delete: Callable[[], None], refusal: str, **used: str
) -> None:
    """Deletes what models use. Where it is refused with this text, those of the owner's stack go first.

    `used` names the field of a model that keeps the id. Raises Rejected where others use it.
    """
    try:
        delete()
    except Rejected as error:
        if refusal not in error.reason or not _delete_models_with(connections, owner, **used):
            raise
        delete()


def _delete_models_with(connections: Connections, owner: str, **used: str) -> bool:
    """Deletes the models of the owner's stack that still use what a destroy deletes; tells whether no other does.

    Pulumi has deleted those in state first. Where a program runs, one may be in state, and none is deleted. Another
    delete, at the same time, may be deleting the same.
    """
    if connections.declares:
        return False
    found, stack = find_by(connections.search, "models", **used), OwnerReference(owner).stack
    described = {id: _described(connections, f"models/{id}") for id in found}
    left = {id: reference.stack for id, reference in described.items() if reference is not None}
    for id in [id for id, theirs in left.items() if theirs == stack]:
        with suppress(NotFound):
            delete_model(connections.search, id, connections.clock)
    return all(theirs == stack for theirs in left.values())


def delete_indexes_of(connections: Connections, owner: str, indexes: Iterable[str]) -> list[str]:
    """Deletes those of the indexes that are of the owner's stack, as `delete_with_models`; returns the others.

    Another delete, at the same time, may be deleting the same.
    """
    if connections.declares or not (left := list(indexes)):
        return list(indexes)
    metas, stack = index_metas(connections.search), OwnerReference(owner).stack
    ours = [index for index in left if meta_reference(metas.get(index, {}), "index").stack == stack]
    for index in ours:
        with suppress(NotFound):
            delete_index(connections, index)
    return [index for index in left if index in metas and index not in ours]


def _described(connections: Connections, path: str) -> OwnerReference | None:
    """The owner reference of what ML Commons keeps; None where it is gone."""
    try:
        shown = connections.search.get(f"{ROOT}/{path}")
    except NotFound:
        return None
    return read_description(shown.get("description") or "")[1]


def require_none_left(left: Iterable[Found], foreign: Iterable[Found]) -> None:
    """Raises Refused for what is left since something that is not ours uses it."""
    others = list(foreign)
    users = {each: [other for other in others if each.place in other.uses] for each in left}
    if reasons := [f"{each} is used by {', '.join(map(str, using))}" for each, using in users.items() if using]:
        raise Refused(f"{'; '.join(reasons)}; delete what is not of this stack, and try again")
