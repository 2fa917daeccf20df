"""Alias: the name applications search by, whichever index stands behind it.

Moving it is the moment a new generation goes live: one atomic call, and only once every row of the source has its
document there and every text its vector. An alias has no place for a mark: its index's `_meta` keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pulumi
from pulumi import Input, Output
from pydantic import Field

from providers.kit import (
    META_KEY,
    Immutable,
    Mark,
    NamedInputs,
    NamedKind,
    NotOwned,
    Part,
    Resource,
    SqlError,
    State,
    alias_place,
    counted,
    handover,
    mark_at,
    protected,
    read_meta,
    wait_until,
    write_mark,
)
from providers.kit.autoetl import SHOW_LINKS, SHOW_SEARCH_VIEWS, find_link
from providers.kit.backfill import Backfill, Filling, Source, count_documents, time_left

ALIAS_NAME = r"^[^\s\\/*?\"<>|,#:_+\-.][^\s\\/*?\"<>|,#:]*$"
"""OpenSearch, MetadataCreateIndexService: as for an index, but upper case is allowed."""


class Cutover(Part):
    """When the alias may move: `vector_fields` says which vector field is made of which column of `table`.

    `key` is the column, an integer or a text, whose values are the documents' ids: every row is looked for by it.
    Without one, rows and documents are counted. `timeout` is in seconds.
    """

    table: str = Field(pattern=r"^[^.]+\.[^.]+$")
    vector_fields: dict[str, str]
    key: str | None = None
    timeout: float = Field(default=600, gt=0)


class AliasInputs(NamedInputs):
    """What a person declares. Without a `cutover` the alias moves at once."""

    name: Immutable[str] = Field(pattern=ALIAS_NAME, max_length=255)
    index: str
    cutover: Cutover | None = None


class AliasState(AliasInputs, State):
    """What PolarSearch shows."""


class AliasKind(NamedKind[AliasInputs, AliasState]):
    """Sets, shows, moves and removes aliases. The id is the alias's name."""

    inputs_type = AliasInputs
    state_type = AliasState
    called = "alias"

    def read(self, id: str, declared: AliasInputs) -> AliasState:
        indexes = self._indexes(id)
        marks = (mark_at(self.search, index, alias_place(id)) for index in indexes)
        mark = next((mark for mark in marks if mark and mark.owner), Mark())
        return AliasState.model_construct(
            name=id,
            index=",".join(indexes),
            cutover=declared.cutover,
            owner=mark.owner,
            incarnation=mark.incarnation,
        )

    def find(self, inputs: AliasInputs) -> str | None:
        found = super().find(inputs)
        if found is None and mark_at(self.search, inputs.name, "index") is not None:
            raise NotOwned(f"alias {inputs.name}: an index has that name; choose another name, or delete that index")
        return found

    def write(self, inputs: AliasInputs, incarnation: str) -> None:
        """The first time there is nothing to protect: it is set at once."""
        self._point(inputs, [], incarnation)

    def update(self, id: str, old: AliasState, new: AliasInputs, incarnation: str) -> None:
        behind = self._indexes(id)
        if behind != [new.index]:
            self._wait_for_backfill(new, ",".join(behind))
        self._point(new, behind, incarnation)

    def handover(self, inputs: AliasInputs, state: AliasState) -> str:
        return handover(state.index, alias_place(inputs.name), inputs.owner)

    def delete(self, id: str, state: AliasState) -> None:
        for index in self._indexes(id):
            self._refuse_to_hide_documents(id, index)
        for index in self._indexes(id):
            write_mark(self.search, index, alias_place(id), None)
            self.search.delete(f"/{index}/_alias/{id}")

    def _indexes(self, name: str) -> list[str]:
        return sorted(self.search.get(f"/_alias/{name}"))

    def _point(self, inputs: AliasInputs, behind: list[str], incarnation: str) -> None:
        write_mark(self.search, inputs.index, alias_place(inputs.name), Mark(inputs.owner, incarnation))
        others = [{"remove": {"index": index, "alias": inputs.name}} for index in behind if index != inputs.index]
        ours = {"add": {"index": inputs.index, "alias": inputs.name}}
        self.search.post("/_aliases", {"actions": [*others, ours]}, repeatable=not others)
        for index in behind:
            if index != inputs.index:
                write_mark(self.search, index, alias_place(inputs.name), None)

    def _wait_for_backfill(self, inputs: AliasInputs, behind: str) -> None:
        if (cutover := inputs.cutover) is None:
            return
        source = Source(cutover.table, cutover.vector_fields, cutover.key)
        filling = Filling(self.search, self.database, inputs.index, source)
        clock, start, first = self.connections.clock, self.connections.clock.now(), None

        def pending(now: Backfill) -> str | None:
            nonlocal first
            eta = time_left(first := first or now, now, clock.now() - start)
            if not now.left:
                return None
            return f"alias {inputs.name} stays on {behind}: {inputs.index} has {now}{eta}{self._held_up(inputs.index)}"

        wait_until(filling.look, pending, timeout=cutover.timeout, clock=clock, tell=self.tell)

    def _held_up(self, index: str) -> str:
        """Why no more rows come, where AutoETL says so: one row that the model refuses stops all behind it."""
        for shown in (SHOW_LINKS, SHOW_SEARCH_VIEWS):
            with suppress(SqlError):  # a revision without such links
                link = find_link(self.database.query(shown), index)
                if link and link.problem:
                    return f"; its link is held up: {link.problem}"
        return ""

    def _refuse_to_hide_documents(self, name: str, index: str) -> None:
        """Taking a stack down starts here: refused here, nothing else is touched."""
        ours = read_meta(self.search, index).get(META_KEY, {})
        aliases = self.search.get(f"/{index}/_alias")[index]["aliases"]
        if ours.get("protected") != "true" or len(aliases) > 1:
            return
        if documents := count_documents(self.search, index):
            raise protected(f"alias {name} serves {counted(documents, 'document')} of {index}")


class Alias(Resource, module="polarsearch", name="Alias"):
    """A name for an index. Its id is its name.

    Another `index` is switched to atomically; with a `cutover`, once it has every row and every vector, within
    `timeout` seconds. If it has not by then, the alias stays, the error says how far it is, and the next up goes on.

    Example:
        Alias(
            "documents",
            name="documents",
            index=index.name,
            cutover={"table": "db.test_table", "vector_fields": {"t2": "my_vector"}, "key": "id", "timeout": 600},
            opts=opts,
        )
    """

    kind = AliasKind
    name: Output[str]
    index: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        name: Input[str],
        index: Input[str],
        cutover: Input[Mapping[str, Any]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, {"name": name, "index": index, "cutover": cutover}, opts)
