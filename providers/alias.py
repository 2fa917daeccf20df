"""Alias: the name applications search by, whichever index it points to.

Moving it is the moment a new generation goes live: one atomic request, and only once every row of the source has its
document there and every text its vector. An alias has no place for an owner reference: its index's `_meta` keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr

from providers.kit import (
    Immutable,
    NamedInputs,
    Nested,
    NotFound,
    NotOwned,
    OwnerReference,
    Properties,
    Property,
    Resource,
    State,
    Unavailable,
    deletion_protected,
    meta_reference,
    pluralize,
    prop,
    wait_until,
)
from providers.services import Inventory, NamedKind
from providers.services.backfill import (
    Backfill,
    BackfillProbe,
    BackfillSource,
    Progress,
    count_documents,
    duration,
    with_plain_key,
)
from providers.services.index_meta import Meta, alias_place, is_protected, meta_of, write_reference
from providers.services.reconcile import Disagreement, IndexedRows, delete_strays, disagreement, embed_again
from providers.services.refused_rows import LinkedRows, find_refused_row
from providers.services.select import normal_query

ALIAS_NAME = r"^[^\s\\/*?\"<>|,#:_+\-.][^\s\\/*?\"<>|,#:]*$"
"""OpenSearch, MetadataCreateIndexService: as for an index, but upper case is allowed."""


SECOND_LOOK = 2
"""Seconds after which documents that had no row are looked for again: AutoETL may not have deleted them yet."""

FACTS = "ignore_unavailable=true&filter_path=*.aliases,*.mappings._meta,*.settings.index.uuid"
"""What is asked of an index; its uuid keeps one in the answer that has nothing else."""


class Cutover(Nested):
    """When the alias may move: `vector_fields` maps each column of `table` that is embedded, alone or with others, to
    the vector field; `my_vector.knn` is that of passages.

    `key` is the column, an integer or a text, whose values are the documents' ids: every row is looked up by it.
    Without one, rows and documents are counted. With a `query`, rows and columns are those of its output, and `table`
    is its first table. `fields` maps fields of the documents to columns: with them a wait that ends names the row that
    holds it up, and what the alias serves is compared with the rows. `key_field` is the field that holds the key, where
    it is a whole number. `timeout` is in seconds.
    """

    table: str = Field(pattern=r"^[^.]+\.[^.]+$")
    vector_fields: dict[str, str]
    key: str | None = None
    fields: dict[str, str] = {}
    key_field: str | None = None
    query: Annotated[str, AfterValidator(normal_query)] | None = None
    timeout: float = Field(default=600, gt=0)

    @property
    def source(self) -> BackfillSource:
        """The rows."""
        return BackfillSource(self.table, self.vector_fields, self.key, self.query)

    @property
    def linked_rows(self) -> LinkedRows | None:
        """The rows as their link sends them; None where the key or the fields are not told."""
        known = self.key and self.fields
        return LinkedRows(self.table, [self.key or ""], self.fields, self.query) if known else None

    def rows(self, index: str, source: BackfillSource) -> IndexedRows:
        """The rows that fill an index."""
        texts = {
            text: self.vector_fields[column] for text, column in self.fields.items() if column in self.vector_fields
        }
        return IndexedRows(index, source, texts, self.key_field)


class AliasProperties(Properties):
    """Without a `cutover` the alias moves at once. With `prune` an update deletes documents that have no row."""

    name: Immutable[str] = prop(pattern=ALIAS_NAME, max_length=255)
    index: Property[str]
    cutover: Property[Cutover | None, Mapping[str, Any] | None] = prop(default=None)
    prune: Property[bool] = prop(default=False)


class AliasInputs(AliasProperties, NamedInputs):
    """What a person declares."""


class AliasState(AliasInputs, State):
    """What PolarSearch shows, and what is wrong with what it serves, empty when nothing is."""

    problem: Property[str] = prop(default="")
    _metas: dict[str, Meta] = PrivateAttr(default_factory=dict)
    """`_meta` of the indexes that the alias points to, and of the one it is declared for."""
    _aliases: dict[str, list[str]] = PrivateAttr(default_factory=dict)
    """The aliases of each index that this one points to."""
    _disagreement: Disagreement = PrivateAttr(default_factory=Disagreement)


def shown(name: str, indexes: Mapping[str, Any], declared: AliasInputs) -> AliasState:
    """Returns the alias that PolarSearch shows; it points to nothing where no index has it."""
    behind = sorted(index for index, facts in indexes.items() if name in facts.get("aliases", {}))
    metas = {index: meta_of(facts) for index, facts in indexes.items()}
    references = (meta_reference(metas[index], alias_place(name)) for index in behind)
    reference = next((reference for reference in references if reference.owner), OwnerReference())
    state = AliasState.model_construct(
        name=name,
        index=",".join(behind),
        cutover=declared.cutover,
        prune=declared.prune,
        owner=reference.owner,
        uid=reference.uid,
    )
    state._metas = metas
    state._aliases = {index: list(indexes[index].get("aliases", {})) for index in behind}
    return state


class AliasKind(NamedKind[AliasInputs, AliasState]):
    """Sets, shows, moves and removes aliases. The id is the alias's name."""

    inputs_type = AliasInputs
    state_type = AliasState
    noun = "alias"

    @classmethod
    def not_ready_reason(cls, state: AliasState) -> str | None:
        return f"alias {state.name}: {state.problem}" if state.problem else None

    def read(self, id: str, declared: AliasInputs) -> AliasState:
        """What it serves is compared with the rows, too."""
        state = self.read_owner(id, declared)
        return state if declared.cutover is None else self._compared(state, declared.cutover)

    def read_owner(self, id: str, state: AliasInputs) -> AliasState:
        shown = self._look(id, state)
        if not shown._aliases:
            raise NotFound(f"GET /_alias/{id}", 404, f"alias [{id}] missing")
        return shown

    def find(self, inputs: AliasInputs) -> tuple[str, AliasState] | None:
        state = self._look_up(inputs)
        return (inputs.name, state) if state._aliases else None

    def take_over(self, inputs: AliasInputs, uid: str) -> tuple[str, AliasState] | None:
        """Sets an alias that no index has, too: one request tells whether it is ours, and what its index keeps."""
        state = self._look_up(inputs)
        if state._aliases:
            self.update(inputs.name, state, inputs, uid)
        elif (meta := state._metas.get(inputs.index)) is None:
            return None
        else:
            self._point(inputs, [], uid, meta)
        return inputs.name, state

    def is_ours(self, inputs: AliasInputs, inventory: Inventory) -> bool:
        if inputs.name in inventory.indexes:
            raise _is_an_index(inputs.name)
        behind = [index for index, aliases in inventory.indexes.items() if inputs.name in aliases]
        if not behind:
            return False
        references = [inventory.reference(index, alias_place(inputs.name)) for index in behind]
        reference = next((each for each in references if each.owner), OwnerReference())
        self.require_owned(inputs.model_copy(update={"index": ",".join(behind)}), reference)
        return True

    def bring_up(self, id: str, inputs: AliasInputs, uid: str) -> AliasState:
        """An alias is set once its write is acknowledged."""
        return AliasState.model_construct(**dict(inputs), uid=uid)

    def write(self, inputs: AliasInputs, uid: str) -> None:
        """Sets the alias at once: the first time there is nothing to protect."""
        self._point(inputs, [], uid, None)

    def update(self, id: str, old: AliasState, new: AliasInputs, uid: str) -> None:
        behind = sorted(old._aliases)
        if behind != [new.index]:
            self._wait_for_backfill(new, ",".join(behind))
        elif new.cutover is not None:
            self._repair(new, new.cutover, old._disagreement)
        self._point(new, behind, uid, None)

    def delete(self, id: str, state: AliasState) -> None:
        """Where the stack goes as a whole, its indexes do with the references that they keep."""
        for index in state._aliases:
            self._require_unprotected(id, index, state)
        for index in state._aliases:
            if state.owner not in self.services.judged:
                write_reference(self.search, index, alias_place(id), None, state._metas[index])
            self.search.delete(f"/{index}/_alias/{id}")

    def _look_up(self, inputs: AliasInputs) -> AliasState:
        """Returns the alias, which may point to nothing. Raises NotOwned where the name is somebody else's."""
        state = self._look(inputs.name, inputs)
        if inputs.name in state._metas:
            raise _is_an_index(inputs.name)
        if state._aliases:
            self.require_owned(inputs, OwnerReference(state.owner, state.uid))
        return state

    def _look(self, name: str, declared: AliasInputs) -> AliasState:
        """Whatever has the alias or its name, in one request."""
        names = ",".join(dict.fromkeys([name, *filter(None, declared.index.split(","))]))
        return shown(name, self.search.get(f"/{names}?{FACTS}"), declared)

    def _point(self, inputs: AliasInputs, behind: list[str], uid: str, seen: Meta | None) -> None:
        ours = OwnerReference(inputs.owner, uid)
        write_reference(self.search, inputs.index, alias_place(inputs.name), ours, seen)
        others = [{"remove": {"index": index, "alias": inputs.name}} for index in behind if index != inputs.index]
        add = {"add": {"index": inputs.index, "alias": inputs.name}}
        self._move([*others, add], inputs)
        for index in behind:
            if index != inputs.index:
                write_reference(self.search, index, alias_place(inputs.name), None)

    def _move(self, actions: list[dict[str, Any]], inputs: AliasInputs) -> None:
        """One atomic request. Where its answer was lost, the alias tells whether it moved."""
        try:
            self.search.post("/_aliases", {"actions": actions}, idempotent=len(actions) == 1)
        except Unavailable as error:
            if error.not_processed or list(self._look(inputs.name, inputs)._aliases) != [inputs.index]:
                raise

    def _wait_for_backfill(self, inputs: AliasInputs, behind: str) -> None:
        if (cutover := inputs.cutover) is None:
            return
        source = with_plain_key(cutover.source, self.database)
        probe = BackfillProbe(self.search, self.database, inputs.index, source)
        clock, start, first = self.services.clock, self.services.clock.now(), None

        def progress(now: Backfill) -> Progress:
            nonlocal first
            first = first or now
            return Progress(first, now, clock.now() - start)

        def not_ready_reason(now: Backfill) -> str | None:
            if not now.left:
                return None
            left, problem = progress(now).seconds_left, self._link_problem(inputs.index, cutover)
            eta = f", about {duration(left)} to go" if left is not None and now.missing is None else ""
            return f"alias {inputs.name} stays on {behind}: {inputs.index} has {now}{eta}{problem}"

        wait_until(
            probe.observe,
            not_ready_reason,
            timeout=cutover.timeout,
            clock=clock,
            report=self.report,
            progress=lambda now: str(progress(now)),
        )

    def _compared(self, state: AliasState, cutover: Cutover) -> AliasState:
        """Returns the state with what the index and its rows disagree about."""
        [index, *others] = state._aliases
        if others or not cutover.fields:
            return state
        try:
            found = self._disagreement(cutover.rows(index, with_plain_key(cutover.source, self.database)))
        except Unavailable as error:
            if "shard" not in error.reason:
                raise
            problem = f"{index} cannot be searched: {error.reason}; check the cluster's disks and nodes"
            return state.model_copy(update={"problem": problem})
        what = found.described(prune=state.prune)
        compared = state.model_copy(update={"problem": f"{index} has {what}" if what else ""})
        compared._disagreement = found
        return compared

    def _disagreement(self, rows: IndexedRows) -> Disagreement:
        """A document whose row was deleted a moment ago is looked for again."""
        found = disagreement(self.search, self.database, rows)
        if not found.excess:
            return found
        self.services.clock.sleep(SECOND_LOOK)
        return disagreement(self.search, self.database, rows)

    def _repair(self, inputs: AliasInputs, cutover: Cutover, found: Disagreement) -> None:
        if any(found.without_vector.values()):
            embedded = embed_again(self.search, cutover.rows(inputs.index, cutover.source))
            self.report(f"{pluralize(embedded, 'document')} of {inputs.index} embedded again")
        if found.strays and inputs.prune:
            deleted = delete_strays(self.search, inputs.index, found.strays)
            self.warn(f"{pluralize(deleted, 'document')} of {inputs.index} without a row deleted")

    def _link_problem(self, index: str, cutover: Cutover) -> str:
        """Says why no more rows arrive, where AutoETL does: one row that the model refuses stops all behind it."""
        link = Inventory(self.services).any_link(index)
        if link is None or not link.problem:
            return ""
        rows = cutover.linked_rows
        row = find_refused_row(self.search, self.database, index, rows) if rows else ""
        return f"; its link is held up: {link.problem}" + (f"; {row}" if row else "")

    def _require_unprotected(self, name: str, index: str, state: AliasState) -> None:
        """Taking a stack down starts here: when it is refused here, nothing else is touched."""
        if not is_protected(state._metas[index]) or len(state._aliases[index]) > 1:
            return
        if documents := count_documents(self.search, index):
            raise deletion_protected(f"alias {name} serves {pluralize(documents, 'document')} of {index}")


def _is_an_index(name: str) -> NotOwned:
    return NotOwned(f"alias {name}: an index has that name; choose another name, or delete that index")


class Alias(AliasProperties, Resource, module="polarsearch", name="Alias"):
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
