"""What a sync link needs of the cluster, its table and its index before it is made (PolarDB docs, AutoETL).

Pure, but for `prerequisites_of`, which asks an inventory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .autoetl import Backend, Revision, Route, privileges_on, renamed_fields, unmapped_key_columns
from .column_types import ByName
from .inventory import Inventory

PROCEDURES: Mapping[Revision, Revision] = {(8, 0, 1): (8, 0, 1, 1, 52), (8, 0, 2): (8, 0, 2, 2, 33)}
SEARCH_VIEWS: Mapping[Revision, Revision] = {(8, 0, 1): (8, 0, 1, 1, 54), (8, 0, 2): (8, 0, 2, 2, 34)}
"""First revisions with AutoETL's procedures and with search views (PolarDB docs, AutoETL, prerequisites)."""

SPATIAL = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon")
UNSUPPORTED_TYPES = frozenset({"bit", *SPATIAL, "geometrycollection", "geomcollection"})
"""Column types AutoETL does not take (PolarDB docs, AutoETL, limits)."""


@dataclass(frozen=True)
class LinkPrerequisites:
    """What a link needs to know before it is made. None where it cannot be asked for."""

    revision: Revision | None
    binlog: bool
    columns: Mapping[str, str]
    """Data type by column; empty when there is no such table."""
    keys: Sequence[Sequence[str]]
    """Columns of the primary and each unique key."""
    privileges: frozenset[str] | None = None
    index_fields: frozenset[str] | None = field(default_factory=frozenset)
    """Fields of the index; None when there is no such index."""


def unmet_prerequisites(link: Route, given: LinkPrerequisites) -> list[str]:
    """Returns everything that keeps this link from working."""
    return [*of_the_cluster(link, given), *of_the_table(link, given), *_of_the_index(link, given)]


def too_old(backend: Backend, revision: Revision | None) -> str:
    """Returns what a revision lacks that the backend needs; empty where it lacks nothing, or is unknown."""
    first = (SEARCH_VIEWS if backend == "search_view" else PROCEDURES).get((revision or ())[:3])
    if not (revision and first and revision < first):
        return ""
    return f"{backend} needs PolarDB {_dotted(first)} or later, this is {_dotted(revision)}: upgrade it"


def of_the_cluster(link: Route, given: LinkPrerequisites) -> Iterable[str]:
    """Yields what the cluster lacks."""
    if lacking := too_old(link.backend, given.revision):
        yield lacking
    if not given.binlog:
        yield "binlog is off: set the cluster parameter loose_polar_log_bin to ON (restarts the cluster)"


def of_the_table(link: Route, given: LinkPrerequisites) -> Iterable[str]:
    """Yields where the table, its key or the account's privileges do not fit."""
    if not given.columns:
        yield f"there is no table {link.table} that this account can see: check `table` and its grants"
        return
    used = dict.fromkeys([*link.fields.values(), *link.key])
    if missing := [column for column in used if column not in given.columns]:
        yield f"{link.table} has no column {', '.join(missing)}: it has {', '.join(given.columns)}"
    for column in used:
        if given.columns.get(column, "") in UNSUPPORTED_TYPES:
            yield f"column {column} is {given.columns[column]}, which AutoETL cannot sync: leave it out"
    if _folded(link.key) not in map(_folded, given.keys):
        keys = ", ".join(f"({', '.join(key)})" for key in given.keys) or "none"
        yield f"({', '.join(link.key)}) is no primary or unique key of {link.table}, which has {keys}"
    if given.privileges is not None and (lacking := {"ALTER", "SELECT"} - given.privileges):
        yield f"this account lacks {' and '.join(sorted(lacking))} on {link.table}: grant it"


def _of_the_index(link: Route, given: LinkPrerequisites) -> Iterable[str]:
    if given.index_fields is None:
        yield f"there is no index {link.index}: make it first, with its pipeline, or AutoETL makes one without vectors"
    elif missing := [name for name in link.fields if name not in given.index_fields]:
        yield f"index {link.index} has no field {', '.join(missing)}: add it to its mapping"
    if link.backend == "sync_by_table" and renamed_fields(link.fields):
        yield "sync_by_table cannot rename columns: name the fields like them, or use sync_by_map"
    if link.backend == "search_view" and (loose := unmapped_key_columns(link.key, link.fields)):
        yield f"a search view must contain its key: add {', '.join(loose)} to `fields`"


def prerequisites_of(link: Route, inventory: Inventory, index: Any | None) -> LinkPrerequisites:
    """Returns what an inventory of the link's table shows; `index` is the target's mapping, None without an index."""
    tables = inventory.tables
    columns = tables.columns(link.table)
    return LinkPrerequisites(
        revision=inventory.revision,
        binlog=inventory.binlog,
        columns=ByName({name: column.data_type for name, column in columns.items()}),
        keys=list(tables.unique_keys(link.table).values()),
        privileges=privileges_on(tables.grants, link.table),
        index_fields=None if index is None else frozenset(index["mappings"].get("properties", {})),
    )


def _dotted(revision: Revision) -> str:
    return ".".join(map(str, revision))


def _folded(names: Sequence[str]) -> list[str]:
    return sorted(name.casefold() for name in names)
