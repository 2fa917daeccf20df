"""What a search finds, and why each document is there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.queries import filled
from providers.services.texts import EmbeddedText

Mode = Literal["words", "meaning", "hybrid"]
Body = dict[str, Any]


@dataclass(frozen=True)
class Hit:
    """A document: its id, its score, its text, and why it is there. `words` and `meaning` are its places, from 1, in
    the two searches that a hybrid one combines, or in the one there was; null where it is not among the best of it.
    """

    id: str
    score: float
    why: str
    words: int | None
    meaning: int | None
    text: str


@dataclass(frozen=True)
class Found:
    """The documents of one collection, best first."""

    collection: str
    index: str
    hits: Sequence[Hit]


def bodies(query: str, text: str, size: int) -> dict[Mode, Body]:
    """Returns the three searches for a text, made of a collection's ready hybrid query."""
    hybrid = {**filled(query, text), "size": size}
    words, meaning = hybrid["query"]["hybrid"]["queries"]
    return {"words": {**hybrid, "query": words}, "meaning": {**hybrid, "query": meaning}, "hybrid": hybrid}


def hits(mode: Mode, answers: Mapping[Mode, Sequence[Mapping[str, Any]]], texts: Sequence[EmbeddedText]) -> list[Hit]:
    """Returns what a search found; `answers` are the hits of it and of those that it is made of."""
    places = {each: {hit["_id"]: at for at, hit in enumerate(found, 1)} for each, found in answers.items()}
    return [_hit(mode, hit, places, texts) for hit in answers[mode]]


def _hit(
    mode: Mode, hit: Mapping[str, Any], places: Mapping[Mode, Mapping[str, int]], texts: Sequence[EmbeddedText]
) -> Hit:
    words, meaning = (places.get(each, {}).get(hit["_id"]) for each in ("words", "meaning"))
    why = " and ".join(reasons(words, meaning)) or "below the best of both"
    return Hit(hit["_id"], float(hit["_score"]), why, words, meaning, shown(hit, texts))


def reasons(words: int | None, meaning: int | None) -> Iterator[str]:
    """Yields why a document is there."""
    if words is not None:
        yield f"its words match (place {words})"
    if meaning is not None:
        yield f"close in meaning (place {meaning})"


def shown(hit: Mapping[str, Any], texts: Sequence[EmbeddedText]) -> str:
    """Returns the embedded texts of a document on one line; of chunked ones the best passage."""
    source = hit.get("_source") or {}
    fields = dict.fromkeys(field for text in texts for field in text.fields)
    passages = [best for text in texts if text.chunking and (best := _passage(hit, text))]
    return " · ".join(passages or [" ".join(str(source[field]).split()) for field in fields if source.get(field)])


def _passage(hit: Mapping[str, Any], text: EmbeddedText) -> str:
    found = hit.get("inner_hits", {}).get(text.vector, {}).get("hits", {}).get("hits", [])
    return " ".join(str(found[0]["_source"]["text"]).split()) if found else ""
