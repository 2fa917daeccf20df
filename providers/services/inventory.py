"""What the services hold, each list read whole and once: for questions about many objects at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from providers.kit import OwnerReference, SqlError, meta_reference

from .answers import or_empty
from .autoetl import SHOW_LINKS, SHOW_SEARCH_VIEWS, Backend, Link, Revision, find_link, revision_of
from .connections import Connections
from .index_meta import Meta, index_metas
from .sqltext import Row
from .tables import Tables
from .trust import PrivateAddresses

BOTH_LISTS: tuple[Backend, ...] = ("sync_by_map", "search_view")
"""One backend for each of AutoETL's two lists."""


class Inventory:
    """The objects of one PolarSearch and one PolarDB, and what is known of `tables`.

    `required` are those of the tables that must be there, since nothing of the stack makes them.
    """

    def __init__(
        self, connections: Connections, tables: Iterable[str] = (), required: frozenset[str] = frozenset()
    ) -> None:
        self._connections = connections
        self._tables, self.required = list(tables), required
        self._pipelines: dict[str, Mapping[str, Any]] = {}

    @cached_property
    def tables(self) -> Tables:
        """What the database tells of the tables."""
        return Tables(self._connections.database, self._tables)

    @cached_property
    def metas(self) -> Mapping[str, Meta]:
        """`_meta` by index, of the indexes that keep an owner reference."""
        return index_metas(self._connections.search)

    @cached_property
    def indexes(self) -> Mapping[str, list[str]]:
        """The aliases of every index."""
        shown = self._connections.search.get("/_alias")
        return {index: list(facts.get("aliases", {})) for index, facts in shown.items()}

    def pipelines(self, path: str) -> Mapping[str, Any]:
        """Returns every pipeline at a path, such as `/_ingest/pipeline`, as the service shows it, by name."""
        if path not in self._pipelines:
            self._pipelines[path] = or_empty(lambda: self._connections.search.get(path))
        return self._pipelines[path]

    @cached_property
    def revision(self) -> Revision | None:
        """PolarDB's revision; None where the server does not tell."""
        return revision_of(self._variables.get("polardb_version"))

    @cached_property
    def binlog(self) -> bool:
        """Whether the binlog is on."""
        return self._variables.get("log_bin", "ON").upper() in ("ON", "1")

    @cached_property
    def private_addresses_allowed(self) -> bool:
        """Whether connectors may call private addresses."""
        shown = self._connections.search.cluster_settings()
        return PrivateAddresses.of(shown).allowed

    def reference(self, index: str, place: str) -> OwnerReference:
        """Returns the owner reference that an index keeps at a place; empty where there is none."""
        return meta_reference(self.metas.get(index, {}), place)

    def link(self, backend: Backend, index: str) -> Link | None:
        """Returns the link, or the search view, into an index."""
        return find_link(self._search_views if backend == "search_view" else self._links, index)

    def any_link(self, index: str) -> Link | None:
        """Returns the link or the search view into an index; a revision may lack one of the two lists."""
        found: Link | None = None
        for backend in BOTH_LISTS:
            with suppress(SqlError):
                found = found or self.link(backend, index)
        return found

    @cached_property
    def _links(self) -> list[Row]:
        return self._connections.database.query(SHOW_LINKS)

    @cached_property
    def _search_views(self) -> list[Row]:
        return self._connections.database.query(SHOW_SEARCH_VIEWS)

    @cached_property
    def _variables(self) -> Mapping[str, str]:
        return self._connections.database.variables("polardb_version", "log_bin")
