"""Sync link: AutoETL's stream from a table into an index, full load first and then every change.

PolarDB calls a link active even while it crashes in a loop, so its health is read from its Message. A link has no place
for a mark: its index's `_meta` keeps it, and is marked first, so that a link we lost track of is made again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

import pulumi
from pulumi import Input, Output
from pydantic import BeforeValidator, Field

from providers.kit import (
    Immutable,
    Inputs,
    Kind,
    Mark,
    NotFound,
    Refused,
    Resource,
    SqlError,
    State,
    as_text,
    counted,
    handover,
    mark_at,
    quote,
    require_ours,
    write_mark,
)
from providers.kit.autoetl import (
    SHOW_LINKS,
    SHOW_SEARCH_VIEWS,
    Backend,
    Link,
    Revision,
    find_link,
    loose_keys,
    privileges_on,
    renamed_fields,
    revision_of,
    statement,
)
from providers.kit.backfill import count_documents

PROCEDURES: Mapping[Revision, Revision] = {(8, 0, 1): (8, 0, 1, 1, 52), (8, 0, 2): (8, 0, 2, 2, 33)}
SEARCH_VIEWS: Mapping[Revision, Revision] = {(8, 0, 1): (8, 0, 1, 1, 54), (8, 0, 2): (8, 0, 2, 2, 34)}
"""First revisions with AutoETL's procedures and with search views (PolarDB docs, AutoETL, prerequisites)."""

SPATIAL = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon")
UNSUPPORTED_TYPES = frozenset({"bit", *SPATIAL, "geometrycollection", "geomcollection"})
"""Column types AutoETL does not take (PolarDB docs, AutoETL, limits)."""

NO_SUCH_PROCEDURE = 1305
TABLE = r"^[^`.\s\x00]+\.[^`.\s\x00]+$"


class SyncLinkInputs(Inputs):
    """What a person declares. `fields` says which column fills which field of the index; `key` identifies a row."""

    backend: Immutable[Backend] = "sync_by_map"
    index: Immutable[str] = Field(min_length=1)
    table: Immutable[str] = Field(pattern=TABLE)
    key: Immutable[Annotated[list[str], BeforeValidator(lambda key: [key] if isinstance(key, str) else key)]] = Field(
        min_length=1
    )
    fields: Immutable[dict[str, str]] = Field(min_length=1)
    drop_procedure: str | None = Field(default=None, pattern=r"^\w+\.\w+$")


class SyncLinkState(SyncLinkInputs, State):
    """What PolarDB shows: the link's handle, and what is wrong with it, empty when nothing is."""

    link: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Source:
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


def problem_of(link: Link | None, index: str, *, has_index: bool) -> str:
    """Why no rows arrive; empty while they do."""
    if not has_index:
        return f"index {index} is gone"
    return link.problem if link else "PolarDB has no such link any more"


def refusals(link: SyncLinkInputs, source: Source) -> list[str]:
    """Everything that keeps this link from working, in a person's words."""
    return [*_of_the_cluster(link, source), *_of_the_table(link, source), *_of_the_index(link, source)]


def too_old(backend: Backend, revision: Revision | None) -> str:
    """What a revision lacks that the backend needs; empty where it lacks nothing, or does not tell."""
    first = (SEARCH_VIEWS if backend == "search_view" else PROCEDURES).get((revision or ())[:3])
    if not (revision and first and revision < first):
        return ""
    return f"{backend} needs PolarDB {_dotted(first)} or later, this is {_dotted(revision)}: upgrade it"


def _of_the_cluster(link: SyncLinkInputs, source: Source) -> Iterable[str]:
    if lacking := too_old(link.backend, source.revision):
        yield lacking
    if not source.binlog:
        yield "binlog is off: set the cluster parameter loose_polar_log_bin to ON (restarts the cluster)"


def _of_the_table(link: SyncLinkInputs, source: Source) -> Iterable[str]:
    if not source.columns:
        yield f"there is no table {link.table} that this account can see: check `table` and its grants"
        return
    used = dict.fromkeys([*link.fields.values(), *link.key])
    if missing := [column for column in used if column not in source.columns]:
        yield f"{link.table} has no column {', '.join(missing)}: it has {', '.join(source.columns)}"
    for column in used:
        if source.columns.get(column, "") in UNSUPPORTED_TYPES:
            yield f"column {column} is {source.columns[column]}, which AutoETL cannot sync: leave it out"
    if sorted(link.key) not in [sorted(key) for key in source.keys]:
        keys = ", ".join(f"({', '.join(key)})" for key in source.keys) or "none"
        yield f"({', '.join(link.key)}) is no primary or unique key of {link.table}, which has {keys}"
    if source.privileges is not None and (lacking := {"ALTER", "SELECT"} - source.privileges):
        yield f"this account lacks {' and '.join(sorted(lacking))} on {link.table}: grant it"


def _of_the_index(link: SyncLinkInputs, source: Source) -> Iterable[str]:
    if source.index_fields is None:
        yield f"there is no index {link.index}: make it first, with its pipeline, or AutoETL makes one without vectors"
    elif missing := [name for name in link.fields if name not in source.index_fields]:
        yield f"index {link.index} has no field {', '.join(missing)}: add it to its mapping"
    if link.backend == "sync_by_table" and renamed_fields(link.fields):
        yield "sync_by_table cannot rename columns: name the fields like them, or use sync_by_map"
    if link.backend == "search_view" and (loose := loose_keys(link.key, link.fields)):
        yield f"a search view must contain its key: add {', '.join(loose)} to `fields`"


def _refuse(link: SyncLinkInputs, found: Sequence[str]) -> None:
    if found:
        raise Refused(f"sync link {link.table} → {link.index}: {'; '.join(found)}")


def _dotted(revision: Revision) -> str:
    return ".".join(map(str, revision))


class SyncLinkKind(Kind[SyncLinkInputs, SyncLinkState]):
    """Makes, shows, repairs and drops links. The id is the index's name. Its mark stands in the index's `_meta`."""

    inputs_type = SyncLinkInputs
    state_type = SyncLinkState
    identity = frozenset({"index"})
    patience = 30

    @classmethod
    def pending(cls, state: SyncLinkState) -> str | None:
        if state.problem:
            return f"sync link into {state.index}: {state.problem}; mend the cause, then `pulumi up` makes it again"
        return None

    def find(self, inputs: SyncLinkInputs) -> str | None:
        if too_old(inputs.backend, self._revision()):
            return None  # it has no links, nor a way to ask for them; `create` says everything that is wrong
        link, mark = self._link(inputs), mark_at(self.search, inputs.index, "link")
        if mark is None or (link is None and mark.owner != inputs.owner):
            return None  # without its index nothing tells whose a link is; `create` wants the index first
        adopt = handover(inputs.index, "link", inputs.owner)
        require_ours(f"sync link into {inputs.index}", mark, inputs.owner, adopt)
        return inputs.index

    def require_possible(self, inputs: SyncLinkInputs) -> None:
        """A table, or columns of it, that its own resource may still make are not missed."""
        source = self._source(inputs)
        there = {name: column for name, column in inputs.fields.items() if column in source.columns}
        known = inputs.model_copy(update={"fields": there})
        _refuse(inputs, [*_of_the_cluster(known, source), *(_of_the_table(known, source) if source.columns else [])])

    def create(self, inputs: SyncLinkInputs, incarnation: str) -> str:
        self._start(inputs, incarnation, self._checked(inputs))
        return inputs.index

    def read(self, id: str, declared: SyncLinkInputs) -> SyncLinkState:
        link, shown = self._link(declared), mark_at(self.search, declared.index, "link")
        believed = Mark(declared.owner, getattr(declared, "incarnation", ""))  # without its index nothing tells
        mark = believed if shown is None else shown
        if link is None and (shown is None or not mark.owner):
            raise NotFound(SHOW_LINKS, None, f"there is no link into {declared.index}")
        return SyncLinkState.model_construct(
            **declared.model_dump(include=set(SyncLinkInputs.model_fields) - {"owner"}),
            owner=mark.owner,
            incarnation=mark.incarnation,
            link=link.handle if link else "",
            problem=problem_of(link, declared.index, has_index=shown is not None),
        )

    def update(self, id: str, old: SyncLinkState, new: SyncLinkInputs, incarnation: str) -> None:
        """A link has nothing to edit. One that fails, or whose index was made anew, loads every row again."""
        if not old.problem and old.owner:
            return write_mark(self.search, new.index, "link", Mark(new.owner, incarnation))
        source, documents = self._checked(new), count_documents(self.search, new.index)
        self._drop(old)
        self._start(new, incarnation, source)
        return self._warn_of_leftovers(new, documents)

    def delete(self, id: str, state: SyncLinkState) -> None:
        self._drop(state)
        with suppress(NotFound):  # its index may be gone
            write_mark(self.search, state.index, "link", None)

    def _warn_of_leftovers(self, link: SyncLinkInputs, documents: int) -> None:
        if documents:
            self.warn(
                f"the link into {link.index} was made again and loads every row; {counted(documents, 'document')} were "
                f"there, and those of rows deleted meanwhile stay: another `revision` builds the index without them"
            )

    def _checked(self, link: SyncLinkInputs) -> Source:
        source = self._source(link)
        _refuse(link, refusals(link, source))
        return source

    def _start(self, link: SyncLinkInputs, incarnation: str, source: Source) -> None:
        write_mark(self.search, link.index, "link", Mark(link.owner, incarnation))
        self.database.query(*statement(link, source.columns))

    def _source(self, link: SyncLinkInputs) -> Source:
        return Source(
            revision=self._revision(),
            binlog=(self.database.variable("log_bin") or "ON").upper() in ("ON", "1"),
            columns=self._columns(link.table),
            keys=self._keys(link.table),
            privileges=privileges_on(self._grants(), link.table),
            index_fields=self._fields(link.index),
        )

    def _revision(self) -> Revision | None:
        return revision_of(self.database.variable("polardb_version"))

    def _columns(self, table: str) -> dict[str, str]:
        rows = self.database.query(
            "SELECT column_name AS name, data_type AS type FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            table.split("."),
        )
        return {row["name"]: as_text(row["type"]).lower() for row in rows}

    def _keys(self, table: str) -> list[list[str]]:
        rows = self.database.query(
            "SELECT index_name AS keyed, column_name AS name FROM information_schema.statistics "
            "WHERE table_schema = %s AND table_name = %s AND non_unique = 0 ORDER BY index_name, seq_in_index",
            table.split("."),
        )
        keys: dict[str, list[str]] = {}
        for row in rows:
            keys.setdefault(row["keyed"], []).append(row["name"])
        return list(keys.values())

    def _grants(self) -> list[str]:
        return [str(next(iter(row.values()))) for row in self.database.query("SHOW GRANTS")]

    def _fields(self, index: str) -> frozenset[str] | None:
        try:
            return frozenset(self.search.get(f"/{index}/_mapping")[index]["mappings"].get("properties", {}))
        except NotFound:
            return None

    def _link(self, inputs: SyncLinkInputs) -> Link | None:
        shown = SHOW_SEARCH_VIEWS if inputs.backend == "search_view" else SHOW_LINKS
        return find_link(self.database.query(shown), inputs.index)

    def _drop(self, state: SyncLinkState) -> None:
        if not state.link:
            return
        if state.backend == "search_view":
            self.database.query(f"DROP SEARCH VIEW {quote(state.index)}")
            return
        procedure = state.drop_procedure or self._drop_procedure()
        try:
            self.database.query(f"CALL {procedure}(%s)", [state.link])
        except SqlError as error:
            if error.code != NO_SUCH_PROCEDURE:
                raise
            raise Refused(
                f"CALL {procedure}: {error.reason} ({error.code}); no documentation names the procedure that drops "
                f"links: name this cluster's in `drop_procedure`, run `pulumi up`, and try again"
            ) from error

    def _drop_procedure(self) -> str:
        """As the cluster names it, where it lists native procedures at all."""
        rows = self.database.query(
            "SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema = 'dbms_etl'"
        )
        drops = [row["name"] for row in rows if re.search(r"drop.*link", row["name"])]
        return f"dbms_etl.{drops[0] if drops else 'drop_sync_link'}"


class SyncLink(Resource, module="polardb", name="SyncLink"):
    """A running sync link. Its id is the index's name.

    Making one is refused, with every reason at once, when it could not work: the cluster's revision or binlog, the
    table's key, columns or grants, the index or its fields.

    Example:
        SyncLink(
            "stream",
            index=index.name,
            table=table.id,
            key="id",
            fields={"my_text": "t2", "id": "id"},
            opts=opts,
        )
    """

    kind = SyncLinkKind
    index: Output[str]
    link: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        index: Input[str],
        table: Input[str],
        key: Input[str | Sequence[str]],
        fields: Input[Mapping[str, Input[str]]],
        backend: Input[str] = "sync_by_map",
        drop_procedure: Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "backend": backend,
            "index": index,
            "table": table,
            "key": key,
            "fields": fields,
            "drop_procedure": drop_procedure,
        }
        super().__init__(resource_name, props, opts)
