"""Query bodies for applications: they put the text in and send it to the alias, and need to know nothing else.

No model is named: the search pipeline of the index behind the alias fills in the one its vectors were made with. Where
texts are chunked, a hit has its best passage in `inner_hits.<vector field>`; in a hybrid query from OpenSearch 3.0 on,
which before that leaves them out (neural-search #1253).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from providers.services.texts import PASSAGE_TEXT, EmbeddedText

PLACEHOLDER = "{{text}}"
"""Stands for the text to search for."""

Query = dict[str, Any]


def ready(query: Query) -> str:
    """The query as an application gets it: JSON with `{{text}}` in place of a JSON string.

    Such a text is no JSON by itself, so Pulumi prints it on one line instead of unfolding it.
    """
    return json.dumps(query, ensure_ascii=False, separators=(",", ":")).replace(f'"{PLACEHOLDER}"', PLACEHOLDER)


def filled(query: str, text: str) -> Query:
    """Returns the body of a ready query, with `text` in it."""
    body: Query = json.loads(query.replace(PLACEHOLDER, json.dumps(text)))
    return body


def neural(texts: Sequence[EmbeddedText], size: int = 10) -> Query:
    """The `size` documents closest in meaning, without their vectors."""
    return {"size": size, "_source": _without(texts), "query": _by_meaning(texts, size)}


def hybrid(texts: Sequence[EmbeddedText], size: int = 10) -> Query:
    """The `size` best by words and by meaning; the search pipeline weighs the two."""
    queries = [_by_words(texts), _by_meaning(texts, size)]
    return {"size": size, "_source": _without(texts), "query": {"hybrid": {"queries": queries}}}


def _without(texts: Sequence[EmbeddedText]) -> Query:
    return {"excludes": sorted({text.vector for text in texts})}


def _by_words(texts: Sequence[EmbeddedText]) -> Query:
    fields = list(dict.fromkeys(field for text in texts for field in text.fields))
    if len(fields) == 1:
        return {"match": {fields[0]: PLACEHOLDER}}
    return {"multi_match": {"query": PLACEHOLDER, "fields": fields}}


def _by_meaning(texts: Sequence[EmbeddedText], k: int) -> Query:
    found = [_nearest(text, k) for text in texts]
    return found[0] if len(found) == 1 else {"bool": {"should": found}}


def _nearest(text: EmbeddedText, k: int) -> Query:
    nearest = {"neural": {text.vector_path: {"query_text": PLACEHOLDER, "k": k}}}
    if not text.chunking:
        return nearest
    passage = {"size": 1, "_source": [f"{text.vector}.{PASSAGE_TEXT}"]}
    return {"nested": {"path": text.vector, "score_mode": "max", "query": nearest, "inner_hits": passage}}
