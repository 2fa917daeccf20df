"""What is shown of a document: its title, its text with the searched words marked, its best passage. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from .queries import Fields

TITLES = ("title", "name")
LONGEST = 360
CHINESE = "\u3400-\u9fff"


@dataclass(frozen=True)
class Hit:
    """A document found: `place` counts from 1; `passage` is the best one where texts are chunked."""

    place: int
    id: str
    score: float
    title: Markup
    text: Markup
    passage: Markup | None
    facts: Sequence[tuple[str, str]]


def shown(hits: Sequence[Mapping[str, Any]], fields: Fields, text: str) -> list[Hit]:
    """Returns the documents of a search, best first."""
    words = searched(text)
    return [_hit(place, hit, fields, words) for place, hit in enumerate(hits, 1)]


def _hit(place: int, hit: Mapping[str, Any], fields: Fields, words: re.Pattern[str] | None) -> Hit:
    source: Mapping[str, Any] = hit.get("_source") or {}
    title = next((name for name in TITLES if source.get(name)), None)
    texts = [_line(value) for name in fields.texts if name != title and (value := value_of(source, name)) is not None]
    passage = best_passage(hit)
    facts = [(name, str(value)) for name in [*fields.keywords, *fields.numbers]
             if name != title and name != "id" and (value := value_of(source, name)) is not None]  # fmt: skip
    heading = _line(source[title]) if title else f"#{hit['_id']}"
    return Hit(
        place,
        str(hit["_id"]),
        float(hit["_score"] or 0),
        marked(heading, words),
        marked(shortened(" · ".join(texts), words), words),
        marked(shortened(passage, words), words) if passage else None,
        facts,
    )


def best_passage(hit: Mapping[str, Any]) -> str | None:
    """Returns the best passage of a document whose texts are chunked."""
    for inner in hit.get("inner_hits", {}).values():
        for passage in inner["hits"]["hits"]:
            if found := _texts(passage.get("_source")):
                return _line(found)
    return None


def _texts(source: Any) -> str | None:
    """Returns the first text in a passage's source, which has the field's own path around it or not."""
    if isinstance(source, Mapping):
        return next((found for value in source.values() if (found := _texts(value))), None)
    return source if isinstance(source, str) else None


def value_of(source: Mapping[str, Any], name: str) -> Any:
    """Returns the value of a field by its dotted name; None where there is none."""
    if name in source:
        return source[name]
    first, _, rest = name.partition(".")
    inner = source.get(first)
    return value_of(inner, rest) if rest and isinstance(inner, Mapping) else None


def searched(text: str) -> re.Pattern[str] | None:
    """Returns what to mark: words by their beginning, without a plural's ending, and runs of Chinese characters."""
    words = {re.sub(r"(?<=\w{3})(es|s)$", "", word) for word in re.findall(rf"[^\W{CHINESE}]+", text.lower())}
    latin = [rf"\b{re.escape(word)}\w{{0,3}}\b" for word in sorted(words, key=len, reverse=True) if len(word) > 2]
    characters = "".join(sorted(set(re.findall(f"[{CHINESE}]", text))))
    parts = [*latin, *([f"[{characters}]{{2,}}"] if characters else [])]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def marked(text: str, words: re.Pattern[str] | None) -> Markup:
    """Returns a text as HTML: escaped, with the searched words in `<mark>`."""
    at, parts = 0, []
    for match in words.finditer(text) if words else ():
        parts += [escape(text[at : match.start()]), Markup("<mark>"), escape(match[0]), Markup("</mark>")]
        at = match.end()
    return Markup("").join([*parts, escape(text[at:])])


def shortened(text: str, words: re.Pattern[str] | None, most: int = LONGEST) -> str:
    """Returns the text, or the part of a long one that begins shortly before the first searched word."""
    if len(text) <= most:
        return text
    found = words.search(text) if words else None
    start = max(0, found.start() - most // 4) if found else 0
    part = text[start : start + most]
    return ("…" if start else "") + part.strip() + ("…" if start + most < len(text) else "")


def _line(value: Any) -> str:
    return " ".join(str(value).split())
