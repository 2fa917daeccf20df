"""What the collections of a stack cost to embed and to keep, computed from how many texts there are. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.embedding_calls import STEP, calls
from components.settings import Collection, Embedding
from ops.checks import ColumnFacts
from ops.tokens import Tokens, tokens_of, words_of
from ops.vector_memory import Space, space
from providers.services.texts import EmbeddedText

TEXT_ON_DISK = 2
"""A text is on disk twice, in `_source` and in the inverted index."""


@dataclass(frozen=True)
class CollectionCost:
    """One collection: `vectors` to embed from `characters`, and the bytes of all copies of its index."""

    name: str
    rows: int
    vectors: int
    characters: int
    tokens: Tokens
    requests: int
    native_memory: int
    disk: int


@dataclass(frozen=True)
class TextCost:
    """One vector field."""

    vectors: int
    characters: int
    tokens: Tokens
    space: Space


def collection_cost(
    collection: Collection,
    embedding: Embedding,
    facts: Mapping[str, ColumnFacts],
    shares: Mapping[str, float],
    *,
    in_source: bool,
) -> CollectionCost:
    """Returns the cost of a collection, of the scripts with those shares."""
    found = [
        text_cost(collection, embedding, text, facts, shares, in_source=in_source)
        for text in collection.embedded_texts(embedding.text_limit)
    ]
    vectors = sum(each.vectors for each in found)
    copies = 1 + collection.replicas
    texts = copies * TEXT_ON_DISK * sum(each.bytes for each in facts.values())
    return CollectionCost(
        name=collection.name,
        rows=max((each.rows for each in facts.values()), default=0),
        vectors=vectors,
        characters=sum(each.characters for each in found),
        tokens=sum((each.tokens for each in found), Tokens()),
        requests=math.ceil(vectors / batch_of(embedding)),
        native_memory=sum(each.space.native_memory for each in found),
        disk=texts + sum(each.space.disk for each in found),
    )


def text_cost(
    collection: Collection,
    embedding: Embedding,
    text: EmbeddedText,
    facts: Mapping[str, ColumnFacts],
    shares: Mapping[str, float],
    *,
    in_source: bool,
) -> TextCost:
    """Returns the cost of one vector field."""
    columns = [facts[collection.fields[name]] for name in text.fields]
    texts = max(each.filled for each in columns)
    characters = sum(each.characters for each in columns) + texts * added(text)
    vectors, factor = passages(text, texts, words_of(characters, shares))
    tokens = tokens_of(characters, shares).times(factor) + tokens_of(vectors * len(embedding.document_prefix), shares)
    if text.token_limit is not None:
        tokens = tokens.at_most(vectors * embedding.token_limit)
    vector = collection.vectors(embedding)[text.vector_path]
    return TextCost(vectors, characters, tokens, space(vector, vectors, 1 + collection.replicas, in_source=in_source))


def added(text: EmbeddedText) -> int:
    """Returns how many characters labels and separators add to a text."""
    labels = sum(len(text.labels[name]) + 2 for name in text.fields if text.labels.get(name))
    return labels + (len(text.fields) - 1) * len(text.separator)


def passages(text: EmbeddedText, texts: int, words: float) -> tuple[int, float]:
    """Returns how many vectors so many texts have, and how often each token is embedded, as passages overlap."""
    if not text.chunking or not texts:
        return texts, 1.0
    fresh = text.chunking.tokens * (1 - text.chunking.overlap)
    each = min(text.chunking.most, max(1, math.ceil(words / texts / fresh)))
    return texts * each, 1 / (1 - text.chunking.overlap) if each > 1 else 1.0


def batch_of(embedding: Embedding) -> int:
    """Returns how many texts go into a request."""
    step = calls(embedding)[0].parameters.get(STEP)
    return min(embedding.batch_size or 1, step if isinstance(step, int) else embedding.batch_size or 1)


def total(costs: Sequence[CollectionCost]) -> Tokens:
    """Returns the tokens of all collections."""
    return sum((each.tokens for each in costs), Tokens())
