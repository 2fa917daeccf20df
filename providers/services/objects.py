"""Every object that may carry an owner reference of a stack: whose it is, and what it uses.

Each list of the services is read whole and once, whatever state says of it: what a killed run left behind is in no
state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Literal

from providers.kit import META_KEY, OwnerReference, SqlError, meta_reference, read_description

from .answers import or_empty
from .autoetl import SHOW_LINKS, SHOW_SEARCH_VIEWS, Backend, find_link
from .connections import Connections
from .index_meta import Meta, alias_place, meta_of
from .mlcommons import PROOF, ROOT, connector_reference
from .tables import references_of_tables
from .trust import Trust, matches

Noun = Literal[
    "sync link",
    "alias",
    "index",
    "search pipeline",
    "ingest pipeline",
    "model",
    "connector",
    "model group",
    "trusted endpoint",
    "table",
]
"""In the order in which they are deleted: what uses others first."""

PIPELINES: Mapping[Noun, str] = {"ingest pipeline": "/_ingest/pipeline", "search pipeline": "/_search/pipeline"}

Place = tuple[Noun, str]
"""What an object is, and its id."""

INDEX_FACTS = (
    "/_all?filter_path=*.aliases,*.mappings._meta,*.settings.index.uuid,*.settings.index.default_pipeline,"
    "*.settings.index.search.default_pipeline"
)
"""What is asked of every index; its uuid keeps one in the answer that has nothing else."""

ALIAS = alias_place("")


@dataclass(frozen=True)
class Found:
    """An object as the services show it. A table is found once for each owner reference in its comment."""

    noun: Noun
    id: str
    name: str
    reference: OwnerReference
    uses: frozenset[Place] = frozenset()

    @property
    def place(self) -> Place:
        """What it is, and its id."""
        return self.noun, self.id

    def __str__(self) -> str:
        return f"{self.noun} {self.name}" + (f" ({self.id})" if self.noun in ("model", "connector") else "")


def owners_of(owner: str, resources: Iterable[str]) -> frozenset[str]:
    """Returns the owners of what these resources of the stack declare, to which `owner` belongs."""
    return frozenset(f"{OwnerReference(owner).stack}/{name}" for name in resources)


def unused(found: Sequence[Found], is_kept: Callable[[Found], bool]) -> list[Found]:
    """Returns the objects that are not kept, and that nothing that is kept uses, however many objects are between."""
    kept, left = [], list(found)
    reached = [each for each in left if is_kept(each)]
    while reached:
        kept += reached
        left = [each for each in left if each not in reached]
        used = frozenset[Place]().union(*(each.uses for each in reached))
        reached = [each for each in left if each.place in used]
    return left


NONE = "_none"
"""Stands for no pipeline."""


class Objects:
    """The objects of one PolarSearch and one PolarDB, of which those with one of `owners` are ours.

    So are those of any owner in `stack`, which is `<project>/<stack>`.
    """

    def __init__(self, connections: Connections, owners: Collection[str] = (), *, stack: str = "") -> None:
        self._connections, self._owners, self._stack = connections, owners, stack

    def orphans(self, known: Container[OwnerReference]) -> list[Found]:
        """Returns what is ours and none of those that are known; a model on trial is nobody's for long."""
        ours = (each for each in self.everything() if self.is_ours(each))
        return [each for each in ours if each.reference not in known and not each.reference.owner.endswith(PROOF)]

    def is_ours(self, found: Found) -> bool:
        """Tells whether an object carries one of our owner references."""
        return self._has_our_owner(found.reference)

    def everything(self) -> list[Found]:
        """Returns every object but models that use nothing of ours."""
        tables = self._tables()
        indexes = chain(self._links(tables), self._aliases(), self._indexes())
        return [*indexes, *self._pipelines(), *self.models, *self.connectors, *self.groups, *self._endpoints, *tables]

    @cached_property
    def indexes(self) -> Mapping[str, Any]:
        """Aliases, `_meta` and pipelines of every index."""
        return self._connections.search.get(INDEX_FACTS)

    @cached_property
    def metas(self) -> Mapping[str, Meta]:
        """`_meta` of every index."""
        return {name: meta_of(facts) for name, facts in self.indexes.items()}

    def pipelines_of(self, index: str) -> Iterator[Place]:
        """Yields the pipelines that an index names."""
        settings = self.indexes[index].get("settings", {}).get("index", {})
        named = {"ingest pipeline": settings, "search pipeline": settings.get("search", {})}
        for noun in PIPELINES:
            if (name := named[noun].get("default_pipeline", NONE)) != NONE:
                yield noun, name

    @cached_property
    def groups(self) -> list[Found]:
        """The model groups that are ours."""
        return [found for found, _ in self._listed("model group", "model_groups") if self.is_ours(found)]

    @cached_property
    def connectors(self) -> list[Found]:
        """The connectors that are ours, which use the trusted endpoints that their URLs match."""
        every = ((self._with_reference(found), source) for found, source in self._listed("connector", "connectors"))
        listed = [(found, source) for found, source in every if self.is_ours(found)]
        return [_using(found, _trusting(source, self._endpoints)) for found, source in listed]

    @cached_property
    def models(self) -> list[Found]:
        """The models, whoever made them, that use a connector or a model group of ours."""
        return self.models_with([each.id for each in (*self.connectors, *self.groups)])

    def models_with(self, used: Sequence[str]) -> list[Found]:
        """Returns the models that use one of these connectors and model groups."""
        if not used:
            return []
        fields = ("connector_id", "model_group_id")
        inside = [{"terms": {name: used}} for field in fields for name in (field, f"{field}.keyword")]
        listed = self._listed("model", "models", {"bool": {"should": inside}})
        return [_using(found, _model_uses(source)) for found, source in listed]

    @cached_property
    def _endpoints(self) -> list[Found]:
        kept = Trust.of(self._settings).urls.references.items()
        references = ((key, each["pattern"], OwnerReference(each["owner"], each["uid"])) for key, each in kept)
        return [Found("trusted endpoint", *each) for each in references if self._has_our_owner(each[2])]

    @cached_property
    def _settings(self) -> Mapping[str, Any]:
        return self._connections.search.cluster_settings()

    @cached_property
    def _link_rows(self) -> list[tuple[Mapping[str, Any], Backend]]:
        return list(link_rows(self._connections))

    def _with_reference(self, connector: Found) -> Found:
        """Returns a connector with the owner reference that a setting keeps of it, if it was adopted."""
        kept = connector_reference(self._settings, connector.id)
        return replace(connector, reference=kept) if kept.owner else connector

    def _indexes(self) -> Iterator[Found]:
        for name, meta in self.metas.items():
            link: list[Place] = [("sync link", name)] if meta_reference(meta, "link").owner else []
            yield Found(
                "index", name, name, meta_reference(meta, "index"), frozenset([*self.pipelines_of(name), *link])
            )

    def _aliases(self) -> Iterator[Found]:
        for index, meta in self.metas.items():
            pointing = self.indexes[index].get("aliases", {})
            referenced = {place.removeprefix(ALIAS) for place in meta.get(META_KEY, {}) if place.startswith(ALIAS)}
            for name in sorted(referenced | pointing.keys()):
                used: list[Place] = [("index", index)] if name in pointing else []
                reference = meta_reference(meta, alias_place(name))
                yield Found("alias", f"{index}/{name}", name, reference, frozenset(used))

    def _links(self, tables: Sequence[Found]) -> Iterator[Found]:
        for index, meta in self.metas.items():
            if (reference := meta_reference(meta, "link")).owner:
                shown = "".join(str(row) for row, _ in self._link_rows if find_link([row], index))
                read: list[Place] = [("table", table.id) for table in tables if table.id in shown]
                yield Found("sync link", index, index, reference, frozenset([("index", index), *read]))

    def _pipelines(self) -> Iterator[Found]:
        """Yields all pipelines; one uses the models whose ids are anywhere in it."""
        for noun in PIPELINES:
            for name, pipeline in or_empty(lambda: self._connections.search.get(PIPELINES[noun])).items():  # noqa: B023
                text = json.dumps(pipeline)
                used = frozenset(model.place for model in self.models if model.id in text)
                yield Found(noun, name, name, read_description(pipeline.get("description", ""))[1], used)

    def _tables(self) -> list[Found]:
        stacks = {*(OwnerReference(owner).stack for owner in self._owners), *filter(None, [self._stack])}
        listed = chain.from_iterable(references_of_tables(self._connections.database, each) for each in stacks)
        return [Found("table", id, id, each) for id, each in listed if self._has_our_owner(each)]

    def _listed(self, noun: Noun, objects: str, query: Any = None) -> Iterator[tuple[Found, Mapping[str, Any]]]:
        """Yields at most 1,000 of what ML Commons keeps; a search is up to a second late."""
        body = {"size": 1000, "query": query or {"match_all": {}}}
        search = self._connections.search
        answer = or_empty(lambda: search.post(f"{ROOT}/{objects}/_search", body, idempotent=True))
        for hit in answer.get("hits", {}).get("hits", []):
            reference = read_description(hit["_source"].get("description") or "")[1]
            yield Found(noun, hit["_id"], hit["_source"].get("name", ""), reference), hit["_source"]

    def _has_our_owner(self, reference: OwnerReference) -> bool:
        """One without a uid was handed over, and is ours once an `up` has taken it over."""
        owner = reference.owner.removesuffix(PROOF)
        named = owner in self._owners or (bool(self._stack) and reference.stack == self._stack)
        return named and bool(reference.uid)


def link_rows(connections: Connections) -> Iterator[tuple[Mapping[str, Any], Backend]]:
    """Yields the rows of all links and search views; none where a revision has none."""
    lists: tuple[tuple[str, Backend], ...] = ((SHOW_LINKS, "sync_by_map"), (SHOW_SEARCH_VIEWS, "search_view"))
    for statement, backend in lists:
        with suppress(SqlError):
            yield from ((row, backend) for row in connections.database.query(statement))


def _using(found: Found, used: Iterable[Place]) -> Found:
    return Found(found.noun, found.id, found.name, found.reference, frozenset(used))


def _model_uses(source: Mapping[str, Any]) -> list[Place]:
    return [("connector", source.get("connector_id", "")), ("model group", source.get("model_group_id", ""))]


def _trusting(connector: Mapping[str, Any], endpoints: Iterable[Found]) -> Iterator[Place]:
    urls = [action.get("url", "") for action in connector.get("actions", [])]
    for endpoint in endpoints:
        if any("${" in url or matches(endpoint.name, url) for url in urls):
            yield endpoint.place
