"""`estimate`: what the collections that are declared cost to embed and to keep, before anything is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from components.settings import Collection
from ops.checks import sized
from ops.cost import CollectionCost, collection_cost, total
from ops.output import JsonOption, Report, StackOption, finish
from ops.prices import Limits, Price, limits_of, price_of, seconds_at
from ops.stack import Stack, to_stderr
from ops.texts import column_facts, is_there, some_rows, some_texts, text_columns
from ops.tokens import RULES, Tokens, shares
from providers.kit import pluralize
from providers.services import Connections, Inventory

SAMPLED = 500
"""Rows of each collection whose characters are looked at."""

LEAN = (3, 0, 0)
"""The first OpenSearch whose `_source` does not keep vectors (k-NN, `index.knn.derived_source.enabled`)."""

RULES_OF_SPACE = (
    "native memory: HNSW takes 1.1 × (bytes of a vector + 8 × m) a vector and copy (OpenSearch's docs of k-NN)",
    "disk: that, the vector as it is, 11 bytes a number in _source before OpenSearch 3.0, and each text twice; merges "
    "take up to as much again",
)


@dataclass(frozen=True)
class Estimate(Report):
    """The cost of each collection and of all: `seconds` at the model's limits, and `dollars` at its price."""

    collections: Sequence[CollectionCost]
    tokens: Tokens
    requests: int
    seconds: float | None
    dollars: float | None
    price: Price | None
    limits: Limits
    native_memory: int
    disk: int
    rules: Sequence[str]
    unchecked: Sequence[str]

    @property
    def code(self) -> int:
        return 0

    def lines(self) -> Iterator[RenderableType]:
        yield _table(self.collections)
        low, high = self.tokens.low, self.tokens.high
        yield Text(f"{self.tokens.expected:,} tokens ({low:,} to {high:,}) in {pluralize(self.requests, 'request')}")
        yield Text(f"{_time(self.seconds)}; {_money(self.dollars, self.price)}")
        yield Text(f"{sized(self.native_memory)} of native memory, {sized(self.disk)} on disk, all copies together")
        yield from (Text(f"· {each}", style="dim") for each in self.rules)
        yield from (Text(f"? {each}", style="yellow") for each in self.unchecked)


def estimate(
    stack: StackOption = None,
    as_json: JsonOption = False,
    requests_per_minute: Annotated[float | None, typer.Option(min=1, help="The service's limit of requests.")] = None,
    tokens_per_minute: Annotated[float | None, typer.Option(min=1, help="The service's limit of tokens.")] = None,
) -> None:
    """What it costs to embed and to keep what is declared: tokens, requests, time, money, vector memory and disk.

    Rows and characters are counted in the tables, and tokens told from them by a rule for each script, whose error is
    stated. The price is `price_per_million_tokens` of the block `embedding`, or Model Studio's list price.

    With --json: {command, stack, collections: [{name, rows, vectors, characters, tokens: {expected, low, high},
    requests, native_memory, disk}], tokens, requests, seconds, dollars, price: {dollars, source}, limits:
    {requests_per_minute, tokens_per_minute, source}, native_memory, disk, rules: [text], unchecked: [text]}; bytes are
    of all copies, and what is not known is null.
    """
    opened = Stack.open(stack)
    connections = opened.connections(to_stderr)
    limits = limits_of(opened.embedding, requests_per_minute, tokens_per_minute)
    there, missing = _there(opened, connections)
    in_source = connections.search.version < LEAN
    costs = [cost_of(connections, each, opened, in_source=in_source) for each in there]
    report = summed(costs, price_of(opened.embedding), limits, missing)
    finish("estimate", opened.name, report, opened.secrets(), as_json=as_json)


def summed(costs: Sequence[CollectionCost], price: Price | None, limits: Limits, unchecked: Sequence[str]) -> Estimate:
    """Returns the estimate of all collections."""
    tokens, requests = total(costs), sum(each.requests for each in costs)
    return Estimate(
        collections=costs,
        tokens=tokens,
        requests=requests,
        seconds=seconds_at(limits, requests, tokens.expected),
        dollars=None if price is None else tokens.expected * price.dollars / 1_000_000,
        price=price,
        limits=limits,
        native_memory=sum(each.native_memory for each in costs),
        disk=sum(each.disk for each in costs),
        rules=[*(f"{script}: {rule}" for script, rule in RULES.items()), *RULES_OF_SPACE],
        unchecked=unchecked,
    )


def _there(stack: Stack, connections: Connections) -> tuple[list[Collection], list[str]]:
    """Returns the collections whose tables are there, and a line about each of the others."""
    tables = Inventory(connections, [table for each in stack.collections for table in each.source.tables]).tables
    there = [each for each in stack.collections if is_there(each, tables)]
    lines = [f"{each.name}: its table or a column is not there yet" for each in stack.collections if each not in there]
    return there, lines


def cost_of(connections: Connections, collection: Collection, stack: Stack, *, in_source: bool) -> CollectionCost:
    """Returns the cost of one collection, whose tables are there. Raises SqlError."""
    columns = text_columns(collection)
    texts = some_texts(some_rows(connections.database, collection, columns, SAMPLED), columns)
    found: Mapping[str, float] = shares(texts)
    facts = column_facts(connections.database, collection)
    return collection_cost(collection, stack.embedding, facts, found, in_source=in_source)


def _table(costs: Sequence[CollectionCost]) -> Table:
    table = Table("collection", "rows", "vectors", "characters", "tokens", "requests", "memory", "disk", box=None)
    for each in costs:
        numbers = [each.rows, each.vectors, each.characters, each.tokens.expected, each.requests]
        table.add_row(each.name, *(f"{number:,}" for number in numbers), sized(each.native_memory), sized(each.disk))
    return table


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "time not known: --requests-per-minute, --tokens-per-minute"
    return (
        f"{seconds:.0f} s at the model's limits" if seconds < 120 else f"{seconds / 60:.0f} min at the model's limits"
    )


def _money(dollars: float | None, price: Price | None) -> str:
    if dollars is None or price is None:
        return "price not known: embedding.price_per_million_tokens"
    return f"${dollars:.4f} at ${price.dollars:g} a million tokens ({price.source})"
