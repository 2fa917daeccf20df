"""An examination of a stack: every question that `doctor` asks, in order, each independent of what the others found."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from components.checkpoint import references_of
from components.embedding_calls import calls
from components.embedding_requests import Post, embed, only_in_the_cluster
from components.preflight import problems
from ops import checks
from ops.checks import ColumnFacts, Finding, NodeFacts
from ops.cost import batch_of
from ops.observation import Observer
from ops.privileges import database_grants, search_grant
from ops.stack import Stack
from ops.texts import column_facts, columns_of, is_there, some_rows, some_texts, text_columns
from ops.vector_memory import space
from providers.kit import ApiError, Clock, Refused, SearchStackError, hide
from providers.model import PROBE_TEXT
from providers.services import Connections, Inventory
from providers.services.embedding_answers import misfit, vectors_of
from providers.services.mlcommons import ROOT
from providers.services.objects import Objects
from providers.services.prerequisites import of_the_cluster, of_the_query, of_the_tables, prerequisites_of, too_old
from providers.services.refused_rows import document, refusals
from providers.services.trust import Trust, is_private_address
from providers.sync_link import SyncLink, SyncLinkInputs

SIMULATED = 3
"""Rows that are run through each pipeline."""

CHARACTERS = 500
"""Of a text that the embedding service is asked with, at most."""

BYTES_OF_A_CHARACTER = 4
"""In UTF-8, at most; no byte is more than one token."""

ASKED_FROM_HERE = ", asked from this machine, not from the cluster"

STATS = (
    "/_nodes/stats/fs,os,jvm?filter_path=nodes.*.name,nodes.*.roles,nodes.*.fs.total,nodes.*.os.mem.total_in_bytes,"
    "nodes.*.jvm.mem.heap_max_in_bytes"
)

Resolve = Callable[[str], Sequence[str]]


@dataclass
class Examination:
    """The questions about one stack. `findings` are what is wrong, `notes` what is as it is, and `unchecked` what could
    not be asked.
    """

    stack: Stack
    connections: Connections
    clock: Clock
    resolve: Resolve
    post: Post
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)

    @property
    def services(self) -> Mapping[str, Callable[[], str]]:
        """How each service is greeted."""
        return {"polarsearch": self._greet_search, "polardb": self._greet_database}

    def run(self) -> bool:
        """Asks every question that can be asked; returns whether both services answer."""
        for name, greet in self.services.items():
            self._reach(name, greet)
        everything = frozenset(self.services)
        for area, needs, check in self._checks():
            if needs <= self.reached:
                self._ask(area, check)
            else:
                missing = ", ".join(sorted(needs - self.reached))
                self.unchecked.append(f"{area}: {missing} does not answer")
        return self.reached == everything

    def _checks(self) -> Iterator[tuple[str, frozenset[str], Callable[[], Iterator[Finding]]]]:
        """Yields each question, with the services it needs: those about what `up` makes once it is there."""
        search, database, both = frozenset({"polarsearch"}), frozenset({"polardb"}), frozenset(self.services)
        yield "preflight", both, self._preflight
        yield "declared", search, self._declared
        yield "links", database, self._prerequisites
        yield "accounts", database, self._accounts
        yield "texts", database, self._texts
        yield "private addresses", search, self._private
        yield "disks and memory", both, self._capacity
        yield "orphans", both, self._orphans
        if self.stack.is_up:
            yield "trusted endpoints", search, self._trust
            yield "embedding", both, self._embedding
            yield "pipelines", both, self._pipelines
            yield "synchronization", both, self._synchronization
        else:
            yield "embedding", frozenset(), self._embedding_from_here
            self.unchecked.append("pipelines and links: there are none before the first `pulumi up`")

    def _reach(self, name: str, greet: Callable[[], str]) -> None:
        try:
            self.notes.append(greet())
            self.reached.add(name)
        except SearchStackError as error:
            self.findings.append(Finding(name, self._safe(error)))

    def _ask(self, area: str, check: Callable[[], Iterator[Finding]]) -> None:
        try:
            self.findings.extend(check())
        except SearchStackError as error:
            if "(in the sandbox)" in str(error):
                self.unchecked.append(f"{area}: {self._safe(error)}")
            else:
                self.findings.append(Finding(area, self._safe(error), self._statements(str(error))))

    def _safe(self, error: Exception) -> str:
        return hide(str(error), self.stack.secrets())

    def _greet_search(self) -> str:
        version = ".".join(map(str, self.connections.search.version))
        return f"PolarSearch, built on OpenSearch {version}, at {self.stack.settings.connection.search_url}"

    def _greet_database(self) -> str:
        self.connections.database.query("SELECT 1")
        revision = ".".join(map(str, self._inventory.revision or ())) or "of a revision that it does not tell"
        connection = self.stack.settings.connection
        return f"PolarDB {revision} at {connection.database_host}:{connection.database_port}"

    @cached_property
    def _inventory(self) -> Inventory:
        tables = chain.from_iterable(each.source.tables for each in self.stack.collections)
        return Inventory(self.connections, tables, self.stack.wiring.required_tables())

    @cached_property
    def _settings(self) -> Mapping[str, Any]:
        return self.connections.search.cluster_settings()

    @cached_property
    def _account(self) -> str:
        with suppress(SearchStackError):
            return checks.account_of(self._inventory.tables.grants)
        return "<account>"

    @property
    def _role(self) -> str:
        adopted = (each.adopted.index for each in self.stack.collections if each.adopted)
        return search_grant([*(each.name for each in self.stack.collections), *adopted])

    def _statements(self, line: str) -> list[str]:
        """Returns what to run where an account lacks something."""
        return [self._role] if "no permissions for [" in line else checks.statements_for(line, self._account)

    def _preflight(self) -> Iterator[Finding]:
        """Everything that `up` asks before it touches anything."""
        for line in problems(self.connections, self.stack.wiring, self.stack.state):
            if not (line.startswith("sync link ") and " → " in line):  # `_prerequisites` has each problem on a line
                yield Finding("preflight", line, self._statements(line))

    def _declared(self) -> Iterator[Finding]:
        """What this version of PolarSearch cannot do, of everything declared."""
        for collection in self.stack.collections:
            for each in self.stack.wiring.collection(collection).declarations():
                if each.resource is not SyncLink:
                    try:
                        each.resource.kind(self.connections).require_possible(each.owned, self._inventory)
                    except Refused as error:
                        yield Finding(collection.name, str(error))

    def _prerequisites(self) -> Iterator[Finding]:
        """What links need of the cluster, the tables, their keys and the account."""
        for collection in self.stack.collections:
            wiring = self.stack.wiring.collection(collection)
            link = wiring.link(wiring.names.index, collection.source.table).inputs
            assert isinstance(link, SyncLinkInputs)
            given = prerequisites_of(link, self._inventory, None)
            self.notes += [] if self.stack.is_up else checks.backend_notes(collection, self._inventory.revision)
            tables = of_the_tables(link, given, self._inventory.required)
            for line in [*of_the_query(link), *of_the_cluster(link, given), *tables]:
                yield Finding(collection.name, line, self._statements(line))

    def _accounts(self) -> Iterator[Finding]:
        """Whether this account may make tables and call AutoETL."""
        tables = self._inventory.tables
        every = chain.from_iterable(each.source.tables for each in self.stack.collections)
        needed = "; ".join(database_grants(every, self._account))
        self.notes.append(f"PolarDB's account {self._account} needs no more than: {needed}")
        self.notes.append(f"PolarSearch's account needs no more than a role as this: {self._role}")
        missing = [table for table in self.stack.wiring.tables() if tables.comment(table) is None]
        for line in checks.unmakeable(missing, tables.grants):
            yield Finding("accounts", line, self._statements(line))
        for collection in self.stack.collections:
            if not too_old(collection.backend, self._inventory.revision):  # lists links, which needs its EXECUTE
                self._inventory.link(collection.backend, self.stack.wiring.collection(collection).names.index)

    def _texts(self) -> Iterator[Finding]:
        """How long texts are, and how many are blank."""
        embedding = self.stack.embedding
        for collection, facts in self._facts.items():
            found = next(each for each in self.stack.collections if each.name == collection)
            for text in found.embedded_texts():
                columns = [facts[column] for column in columns_of(found, text)]
                self.notes.append(checks.text_note(found, text, columns, embedding))
                yield from checks.text_findings(found, text, columns, embedding)

    @cached_property
    def _facts(self) -> dict[str, Mapping[str, ColumnFacts]]:
        """The texts of each collection whose tables are there."""
        there = [each for each in self.stack.collections if is_there(each, self._inventory.tables)]
        return {each.name: column_facts(self.connections.database, each) for each in there}

    def _private(self) -> Iterator[Finding]:
        hosts = {urlsplit(call.url).hostname or "" for call in calls(self.stack.embedding)}
        resolved = {host: self.resolve(host) for host in hosts}
        allowed = self._inventory.private_addresses_allowed
        yield from checks.private_findings(self.stack.embedding, resolved, allowed=allowed)

    def _capacity(self) -> Iterator[Finding]:
        """Disks, what the vectors take of k-NN's memory, and indexes that a full disk has blocked."""
        blocks = self.connections.search.get("/_all/_settings?filter_path=*.settings.index.blocks")
        yield from checks.blocked_findings(blocks, self._inventory.metas)
        nodes = list(nodes_of(self.connections.search.get(STATS)))
        given = {**self._settings.get("defaults", {}), **self._settings["persistent"], **self._settings["transient"]}
        yield from checks.disk_findings(nodes, given)
        allowed = checks.memory_limit(nodes, str(given.get(checks.BREAKER, checks.BREAKER_DEFAULT)))
        needed = self._native_memory()
        self.notes.append(f"vectors take {checks.sized(needed)} of {checks.sized(allowed)} native memory of k-NN's")
        yield from checks.memory_findings(needed, allowed)

    def _native_memory(self) -> int:
        total = 0
        for collection in self.stack.collections:
            facts = self._facts.get(collection.name, {})
            vectors = collection.vectors(self.stack.embedding)
            for text in collection.embedded_texts():
                filled = max((facts[column].filled for column in columns_of(collection, text) if facts), default=0)
                taken = space(vectors[text.vector_path], filled, 1 + collection.replicas, in_source=False)
                total += taken.native_memory
        return total

    def _orphans(self) -> Iterator[Finding]:
        objects = Objects(self.connections, stack=f"{self.stack.project}/{self.stack.name}")
        yield from checks.orphan_findings(objects.orphans(frozenset(references_of(self.stack.state))))

    def _trust(self) -> Iterator[Finding]:
        trust = Trust.of(self._settings)
        call = calls(self.stack.embedding)[0]
        if not trust.trusts(call.pattern, private=self.stack.embedding.private_address):
            line = f"PolarSearch does not trust {call.pattern} any more: `pulumi up --refresh` adds it again"
            yield Finding("embedding", line)

    def _embedding(self) -> Iterator[Finding]:
        """Whether the model embeds real texts."""
        yield from self._embedding_by(partial(self._embedded, str(self.stack.outputs["model_id"])))

    def _embedding_from_here(self) -> Iterator[Finding]:
        """Asks the service itself: nothing in the cluster can before the first `up`."""
        call = calls(self.stack.embedding)[0]
        if why := only_in_the_cluster(call):
            self._not_asked_from_here(why)
            return
        try:
            yield from self._embedding_by(lambda texts: embed(call, texts, self.post), ASKED_FROM_HERE)
        except ApiError as error:
            host = urlsplit(call.url).hostname or ""
            if error.status or not any(map(is_private_address, [host, *self.resolve(host)])):
                raise
            self._not_asked_from_here(f"{host} has a private address, which this machine does not reach")

    def _not_asked_from_here(self, why: str) -> None:
        self.unchecked.append(f"embedding: the service is not asked before the first `pulumi up`: {why}")

    def _embedding_by(self, embedded: Callable[[Sequence[str]], list[list[Any]]], asked: str = "") -> Iterator[Finding]:
        """Whether one real text and a batch of them are embedded."""
        embedding = self.stack.embedding
        texts = (self._real_texts() or [PROBE_TEXT])[: batch_of(embedding)]
        for batch in ([texts[0]], texts)[: 2 if len(texts) > 1 else 1]:
            begun = self.clock.now()
            vectors = embedded(batch)
            self.notes.append(checks.described(len(vectors), len(vectors[0]), self.clock.now() - begun, asked))
            if what := misfit(vectors[0], embedding.dimension, embedding.vector_type):
                yield Finding("embedding", f"the model answers with {what}")
            elif len(vectors) != len(batch):
                line = f"the model answers {len(batch)} texts with {len(vectors)} vectors; lower `batch_size`"
                yield Finding("embedding", line)

    def _embedded(self, model: str, texts: Sequence[str]) -> list[list[Any]]:
        """Embeds texts as the ingest pipeline does."""
        body = {"text_docs": list(texts), "return_number": True, "target_response": ["sentence_embedding"]}
        answer = self.connections.search.post(f"{ROOT}/_predict/text_embedding/{model}", body, idempotent=True)
        return vectors_of(answer) or [[]]

    def _real_texts(self) -> list[str]:
        """Returns texts of the first collection that has any; none where PolarDB does not answer."""
        longest = min(CHARACTERS, max(1, self.stack.embedding.text_limit // BYTES_OF_A_CHARACTER))
        for collection in self.stack.collections if "polardb" in self.reached else ():
            if collection.name in self._facts:
                columns = text_columns(collection)
                rows = some_rows(
                    self.connections.database, collection, columns, 2 * (self.stack.embedding.batch_size or 1)
                )
                if texts := [text[:longest] for text in some_texts(rows, columns)]:
                    return texts
        return []

    def _pipelines(self) -> Iterator[Finding]:
        """Runs real rows through each ingest pipeline that is there."""
        for collection in self.stack.collections:
            pipeline = self.stack.wiring.collection(collection).names.ingest_pipeline
            if collection.name in self._facts and pipeline in self._inventory.pipelines("/_ingest/pipeline"):
                columns = list(dict.fromkeys(collection.fields.values()))
                rows = some_rows(self.connections.database, collection, columns, SIMULATED)
                why = refusals(self.connections.search, pipeline, [document(row, collection.fields) for row in rows])
                named = [", ".join(f"{key}={row[key]}" for key in collection.source.key) for row in rows]
                yield from checks.refused_findings(collection.name, named, why)

    def _synchronization(self) -> Iterator[Finding]:
        """What `status` finds."""
        for each in Observer(self.stack, self.connections, self.clock).look_again():
            yield from (Finding(each.name, line) for line in each.problems)


def nodes_of(shown: Mapping[str, Any]) -> Iterator[NodeFacts]:
    """Reads `GET /_nodes/stats`: the nodes that hold data."""
    for node in shown.get("nodes", {}).values():
        if "data" in node.get("roles", ["data"]):
            disk, memory, heap = node["fs"]["total"], node["os"]["mem"], node["jvm"]["mem"]
            sizes = (
                disk["total_in_bytes"],
                disk["available_in_bytes"],
                memory["total_in_bytes"],
                heap["heap_max_in_bytes"],
            )
            yield NodeFacts(node["name"], *sizes)


def addresses_of(host: str) -> list[str]:
    """Returns a host's addresses, as this machine resolves them; none where it cannot."""
    with suppress(OSError, UnicodeError):
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)})
    return []
