"""Sync link: PolarDB's AutoETL copies every change of a table into an index, which embeds it.

PolarDB calls a link active even while it crashes in a loop, so its health is read from its Message. A link has no place
for an owner reference: its index's `_meta` keeps it, and is written first, so that a link whose answer was lost is made
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pulumi import Input, Output
from pydantic import AfterValidator, PrivateAttr

from providers.kit import (
    Immutable,
    Inputs,
    NotFound,
    OwnerReference,
    Properties,
    Property,
    Refused,
    Resource,
    State,
    meta_reference,
    pluralize,
    prop,
    require_owned,
    wait_until,
    with_meta,
)
from providers.services import ClusterKind, Inventory
from providers.services.autoetl import (
    SHOW_LINKS,
    Backend,
    Link,
    sources,
    statement,
)
from providers.services.backfill import count_documents
from providers.services.index_meta import Meta, meta_of, write_reference
from providers.services.links import drop_link
from providers.services.prerequisites import (
    LinkPrerequisites,
    of_the_cluster,
    of_the_query,
    of_the_tables,
    prerequisites_of,
    too_old,
    unmet_prerequisites,
)
from providers.services.refused_rows import LinkedRows, find_refused_row
from providers.services.select import normal_query
from providers.services.tables import ColumnNames

NormalQuery = Annotated[str, AfterValidator(normal_query)]
TABLE = r"^[^`.\s\x00]+\.[^`.\s\x00]+$"


class SyncLinkProperties(Properties):
    """`fields` maps each field of the index to the column that fills it; `key` is one column or several.

    With a `query` over several tables, both name columns of its output, and `table` is its first table.
    `drop_procedure` names this cluster's procedure that drops links, where it does not tell.
    """

    backend: Immutable[Backend, str] = prop(default="sync_by_map")
    index: Immutable[str] = prop(min_length=1)
    table: Immutable[str] = prop(pattern=TABLE)
    key: Immutable[ColumnNames, str | Sequence[str]] = prop(min_length=1)
    fields: Immutable[dict[str, str], Mapping[str, Input[str]]] = prop(min_length=1)
    query: Immutable[NormalQuery | None, str | None] = prop(default=None)
    drop_procedure: Property[str | None] = prop(default=None, pattern=r"^\w+\.\w+$")


class SyncLinkInputs(SyncLinkProperties, Inputs):
    """What a person declares."""


class SyncLinkState(SyncLinkInputs, State):
    """What PolarDB shows: the link's handle, and what is wrong with it, empty when nothing is."""

    link: Property[str] = prop(default="")
    problem: Property[str] = prop(default="")
    _meta: Meta | None = PrivateAttr(default=None)
    """`_meta` of the index; None where there is no such index."""
    _recovers: bool = PrivateAttr(default=False)
    """Whether the link goes on by itself once the cause of its problem is mended."""
    _others: tuple[str, ...] = PrivateAttr(default=())
    """Handles of more links into the index: a killed run's statement came late."""


def problem_of(link: Link | None, index: str, *, has_index: bool) -> str:
    """Returns why no rows arrive; empty while they do."""
    if not has_index:
        return f"index {index} is gone"
    return link.problem if link else "PolarDB has no such link any more"


def _refuse(link: SyncLinkInputs, found: Sequence[str]) -> None:
    if found:
        raise Refused(f"sync link {link.table} → {link.index}: {'; '.join(found)}")


def shown(declared: SyncLinkInputs, link: Link | None, meta: Meta | None) -> SyncLinkState:
    """Returns the link that PolarDB shows; without its index nothing tells whose it is, and state is believed."""
    believed = OwnerReference(declared.owner, getattr(declared, "uid", ""))
    reference = believed if meta is None else meta_reference(meta, "link")
    state = SyncLinkState.model_construct(
        **declared.model_dump(include=set(SyncLinkInputs.model_fields) - {"owner"}),
        owner=reference.owner,
        uid=reference.uid,
        link=link.handle if link else "",
        problem=problem_of(link, declared.index, has_index=meta is not None),
    )
    state._meta = meta
    state._others = link.others if link else ()
    state._recovers = link is not None and link.recovers and meta is not None
    return state


class SyncLinkKind(ClusterKind[SyncLinkInputs, SyncLinkState]):
    """Makes, shows, repairs and drops links. The id is the index's name."""

    inputs_type = SyncLinkInputs
    state_type = SyncLinkState
    identity = frozenset({"index"})
    timeout = 30

    @classmethod
    def not_ready_reason(cls, state: SyncLinkState) -> str | None:
        if state._others:
            return f"{len(state._others) + 1} links write into {state.index}; `pulumi up` drops all but one"
        if not state.problem:
            return None
        then = "and it goes on by itself" if state._recovers else "then `pulumi up` makes it again"
        return f"sync link into {state.index}: {state.problem}; mend the cause, {then}"

    def find(self, inputs: SyncLinkInputs) -> tuple[str, SyncLinkState] | None:
        inventory = Inventory(self.services)
        if too_old(inputs.backend, inventory.revision):
            return None  # it has no links, nor a way to ask for them; `create` says everything that is wrong
        if (link := inventory.link(inputs.backend, inputs.index)) is None:
            return None
        if (index := self._index(inputs.index)) is None:
            return None  # without its index nothing tells whose a link is; `create` wants the index first
        self._require_owned(inputs, meta_reference(meta_of(index), "link"))
        return inputs.index, shown(inputs, link, meta_of(index))

    def is_ours(self, inputs: SyncLinkInputs, inventory: Inventory) -> bool:
        if too_old(inputs.backend, inventory.revision) or inventory.link(inputs.backend, inputs.index) is None:
            return False
        if inputs.index not in inventory.indexes:
            return False
        self._require_owned(inputs, inventory.reference(inputs.index, "link"))
        return True

    def require_possible(self, inputs: SyncLinkInputs, inventory: Inventory) -> None:
        """A table, or columns of it, that its own resource may still make are not missed."""
        given = prerequisites_of(inputs, inventory, None)
        tables = of_the_tables(inputs, given, inventory.required)
        _refuse(inputs, [*of_the_query(inputs), *of_the_cluster(inputs, given), *tables])

    def create(self, inputs: SyncLinkInputs, uid: str) -> str:
        """A link that is ours by its owner reference, and is gone, is made again."""
        index = self._index(inputs.index)
        given, meta = self._checked(inputs, index), meta_of(index)
        again = meta_reference(meta, "link").owner == inputs.owner
        documents = count_documents(self.search, inputs.index) if again else 0
        self._start(inputs, uid, given, meta)
        self._warn_of_leftovers(inputs, documents)
        return inputs.index

    def bring_up(self, id: str, inputs: SyncLinkInputs, uid: str) -> SyncLinkState:
        """The index keeps the owner reference as it was written; whether rows arrive, PolarDB tells."""
        written = with_meta({}, link=str(OwnerReference(inputs.owner, uid)))
        return wait_until(
            lambda: self._explained(shown(inputs, self._link(inputs), written)),
            self.not_ready_reason,
            timeout=self.timeout,
            clock=self.services.clock,
            report=self.report,
        )

    def read(self, id: str, declared: SyncLinkInputs) -> SyncLinkState:
        return self._explained(self._found(declared))

    def read_owner(self, id: str, state: SyncLinkState) -> SyncLinkState:
        """State is believed where an index of the same stack has no owner reference of a link.

        A killed run's request that comes late takes it out of an index that has been made again since.
        """
        found, stack = self._found(state), OwnerReference(state.owner).stack
        if not found.owner and meta_reference(found._meta or {}, "index").stack == stack:
            return found.model_copy(update={"owner": state.owner, "uid": state.uid})
        return found

    def update(self, id: str, old: SyncLinkState, new: SyncLinkInputs, uid: str) -> None:
        """A link has nothing to edit, and one that recovers is waited for; there is never more than one.

        One that has failed, is gone, or whose index was made anew is made again, and loads every row again.
        """
        self._drop(old, *old._others)
        if old.owner and (old._recovers or not old.problem):
            return write_reference(self.search, new.index, "link", OwnerReference(new.owner, uid), old._meta)
        index = self._index(new.index)
        given = self._checked(new, index)
        documents = count_documents(self.search, new.index)
        self._drop(old, old.link)
        self._start(new, uid, given, meta_of(index))
        return self._warn_of_leftovers(new, documents)

    def delete(self, id: str, state: SyncLinkState) -> None:
        self._drop(state, state.link, *state._others)
        with suppress(NotFound):  # its index may be gone
            write_reference(self.search, state.index, "link", None, state._meta)

    def _found(self, declared: SyncLinkInputs) -> SyncLinkState:
        link, index = self._link(declared), self._index(declared.index)
        state = shown(declared, link, None if index is None else meta_of(index))
        if link is None and (index is None or not state.owner):
            raise NotFound(SHOW_LINKS, None, f"there is no link into {declared.index}")
        return state

    def _require_owned(self, inputs: SyncLinkInputs, reference: OwnerReference) -> None:
        require_owned(f"sync link into {inputs.index}", reference, inputs.owner)

    def _warn_of_leftovers(self, link: SyncLinkInputs, documents: int) -> None:
        if documents:
            self.warn(
                f"the link into {link.index} was made again and loads every row; {pluralize(documents, 'document')} "
                f"were there, and those of rows deleted meanwhile stay: `pulumi refresh` shows them, and with "
                f"`sync.prune: true` `pulumi up` deletes them"
            )

    def _checked(self, link: SyncLinkInputs, index: Any | None) -> LinkPrerequisites:
        given = prerequisites_of(link, Inventory(self.services, [each.table for each in sources(link)]), index)
        _refuse(link, unmet_prerequisites(link, given))
        return given

    def _start(self, link: SyncLinkInputs, uid: str, given: LinkPrerequisites, meta: Meta) -> None:
        write_reference(self.search, link.index, "link", OwnerReference(link.owner, uid), meta)
        self.database.query(*statement(link, given.tables))

    def _index(self, name: str) -> Any | None:
        """The index's mapping; None where there is no such index."""
        try:
            return self.search.get(f"/{name}/_mapping")[name]
        except NotFound:
            return None

    def _explained(self, state: SyncLinkState) -> SyncLinkState:
        """Returns the state with the row that a recovering link stands at, where a row is to blame."""
        if not state._recovers:
            return state
        rows = LinkedRows(state.table, state.key, state.fields, state.query)
        row = find_refused_row(self.search, self.database, state.index, rows)
        return state.model_copy(update={"problem": f"{state.problem}; {row}"}) if row else state

    def _link(self, inputs: SyncLinkInputs) -> Link | None:
        """Another link that does the same is only ours where a killed run's statement may have come late."""
        link = Inventory(self.services).link(inputs.backend, inputs.index)
        return replace(link, others=()) if link and self.services.last_run == "ended" else link

    def _drop(self, state: SyncLinkState, *handles: str) -> None:
        for handle in filter(None, handles):
            drop_link(self.database, state.backend, state.index, handle, state.drop_procedure)


class SyncLink(SyncLinkProperties, Resource, module="polardb", name="SyncLink"):
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

    if TYPE_CHECKING:
        link: Output[str] = prop(init=False)
