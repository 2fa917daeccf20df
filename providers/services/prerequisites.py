"""What a sync link needs of the cluster, its table and its index before it is made (PolarDB docs, AutoETL).

Pure, but for `prerequisites_of`, which asks an inventory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from .autoetl import (
    OF_ONE_TABLE,
    Backend,
    Revision,
    Route,
    Source,
    privileges_on,
    renamed_fields,
    sources,
    unmapped_key_columns,
)
from .column_types import ByName
from .inventory import Inventory
from .select import read_query
from .tables import TableFacts

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
    tables: Mapping[str, TableFacts]
    index_fields: frozenset[str] | None = field(default_factory=frozenset)
    """Fields of the index; None when there is no such index."""


def unmet_prerequisites(link: Route, given: LinkPrerequisites) -> list[str]:
    """Returns everything that keeps this link from working."""
    found = [of_the_query(link), of_the_cluster(link, given), of_the_tables(link, given), _of_the_index(link, given)]
    return list(chain.from_iterable(found))


def too_old(backend: Backend, revision: Revision | None) -> str:
    """Returns what a revision lacks that the backend needs; empty where it lacks nothing, or is unknown."""
    first = (SEARCH_VIEWS if backend == "search_view" else PROCEDURES).get((revision or ())[:3])
    if not (revision and first and revision < first):
        return ""
    instead = ", or use sync_by_sql" if backend == "search_view" and not too_old("sync_by_sql", revision) else ""
    return f"{backend} needs PolarDB {_dotted(first)} or later, this is {_dotted(revision)}: upgrade it{instead}"


def of_the_query(link: Route) -> Iterable[str]:
    """Yields what keeps the link from following its query, if it has one."""
    if link.query is None:
        return
    if link.backend in OF_ONE_TABLE:
        yield f"{link.backend} is documented for one table alone: use search_view or sync_by_sql for a query"
    if (first := read_query(link.query).tables[0].name) != link.table:
        yield f"the query's first table is {first}: name it as `table`"
    yield from read_query(link.query).key_mistakes(link.key)
    if missing := [output for output in link.fields.values() if output not in read_query(link.query).outputs]:
        yield f"the query has no column {', '.join(missing)}: it has {', '.join(read_query(link.query).outputs)}"


def of_the_cluster(link: Route, given: LinkPrerequisites) -> Iterable[str]:
    """Yields what the cluster lacks."""
    if lacking := too_old(link.backend, given.revision):
        yield lacking
    if not given.binlog:
        yield "binlog is off: set the cluster parameter loose_polar_log_bin to ON (restarts the cluster)"


def of_the_tables(link: Route, given: LinkPrerequisites, required: frozenset[str] | None = None) -> list[str]:
    """Returns where a table, its key or the account's privileges do not fit.

    Something may still make a table, or columns of it, that is not among the `required`; None requires all of them.
    """
    found = dict[str, None]()
    for source in sources(link):
        facts = given.tables[source.table]
        if required is None or source.table in required:
            found |= dict.fromkeys(_missing(link, source, facts))
        if facts.columns:
            found |= dict.fromkeys(_of_the_columns(link, source, facts))
            found |= dict.fromkeys(_of_the_key(link, source, facts))
            found |= dict.fromkeys(_of_the_account(source, facts))
    return list(found)


def _missing(link: Route, source: Source, facts: TableFacts) -> Iterable[str]:
    if not facts.columns:
        named = "table" if link.query is None else "query"
        yield f"there is no table {source.table} that this account can see: check `{named}` and its grants"
    elif missing := [column for column in source.columns if column not in facts.columns]:
        yield f"{source.table} has no column {', '.join(missing)}: it has {', '.join(facts.columns)}"


def _of_the_columns(link: Route, source: Source, facts: TableFacts) -> Iterable[str]:
    for column in source.columns:
        if column in facts.columns and (kind := facts.columns[column]) in UNSUPPORTED_TYPES:
            named = column if link.query is None else f"{source.table}.{column}"
            yield f"column {named} is {kind}, which AutoETL cannot sync: leave it out"


def _of_the_account(source: Source, facts: TableFacts) -> Iterable[str]:
    if facts.privileges is not None and (lacking := {"ALTER", "SELECT"} - facts.privileges):
        yield f"this account lacks {' and '.join(sorted(lacking))} on {source.table}: grant it"


def _of_the_key(link: Route, source: Source, facts: TableFacts) -> Iterable[str]:
    """Yields why several rows may have one document, or one row several.

    Of a query, one row of the first table must give one at most: its key is not null, and joins find one row each.
    """
    if not source.key:
        return  # that the key is no column of the first table is told already
    key, keys = _folded(source.key), facts.keys if link.query is None or source.joined else facts.row_keys
    listed = ", ".join(f"({', '.join(each)})" for each in keys) or "none"
    if source.joined and not any(set(_folded(each)) <= set(key) for each in keys):
        yield (
            f"({', '.join(source.key)}) is no unique key of {source.table}, which has {listed}: join it on such a key, "
            f"or a row of {link.table} would have several documents"
        )
    elif not source.joined and key not in map(_folded, keys):
        yield f"({', '.join(source.key)}) is no primary or unique key of {source.table}, which has {listed}"


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
    """Returns what an inventory of the link's tables shows; `index` is the target's mapping, None without an index."""
    return LinkPrerequisites(
        revision=inventory.revision,
        binlog=inventory.binlog,
        tables={source.table: _facts(source.table, inventory) for source in sources(link)},
        index_fields=None if index is None else frozenset(index["mappings"].get("properties", {})),
    )


def _facts(table: str, inventory: Inventory) -> TableFacts:
    tables = inventory.tables
    return TableFacts(
        columns=ByName({name: column.data_type for name, column in tables.columns(table).items()}),
        keys=list(tables.unique_keys(table).values()),
        row_keys=tables.row_keys(table),
        privileges=privileges_on(tables.grants, table),
    )


def _dotted(revision: Revision) -> str:
    return ".".join(map(str, revision))


def _folded(names: Sequence[str]) -> list[str]:
    return sorted(name.casefold() for name in names)
