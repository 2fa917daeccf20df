"""Inner hits: of each document found, the nested object that matched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.matches import Matches
from sandbox.polarsearch.queries import nested
from sandbox.polarsearch.searched import Searched
from sandbox.polarsearch.shard import Doc
from sandbox.polarsearch.source import checked_source, filtered

DEFAULT_SIZE = 3


@dataclass(frozen=True)
class InnerHits:
    """What one nested query found, and how much of it is wanted."""

    path: str
    options: dict[str, Any]
    matches: Matches

    @property
    def name(self) -> str:
        """Under which they are shown."""
        return str(self.options.get("name", self.path))

    def shown(self, index: str, doc: Doc, place: int) -> dict[str, Any]:
        """Of one document, at that place."""
        found, wanted = int(self.matches.mask[place]), int(self.options.get("size", DEFAULT_SIZE))
        best = float(str(self.matches.scores[place])) if found and wanted else None
        head = {"_index": index, "_id": doc.id}
        hits = [head | {"_score": best} | self._hit(doc, self.matches.offsets[place])] if best is not None else []
        return {"hits": {"total": {"value": found, "relation": "eq"}, "max_score": best, "hits": hits}}

    def _hit(self, doc: Doc, offset: int) -> dict[str, Any]:
        inside = doc.source[self.path]
        hit: dict[str, Any] = {"_nested": {"field": self.path, "offset": offset}}
        wanted = checked_source(self.options.get("_source", True))
        if wanted is False:
            return hit
        whole = {self.path: inside[offset] if isinstance(inside, list) else inside}
        return hit | {"_source": filtered(whole, wanted).get(self.path, {})}


def inner_hits(searched: Searched, query: Any) -> list[InnerHits]:
    """What the nested queries inside a query ask for. Raises where two have one name."""
    found = [InnerHits(body["path"], body["inner_hits"], _matched(searched, body)) for body in _asking(query)]
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise not_here(f"[inner_hits] of one name, {names}, are not supported")
    return found


def _matched(searched: Searched, body: dict[str, Any]) -> Matches:
    if "knn" not in body["query"]:
        raise not_here("inner hits of another query than knn are not supported")
    return nested(searched, body)


def _asking(query: Any) -> Iterator[dict[str, Any]]:
    if isinstance(query, list):
        for each in query:
            yield from _asking(each)
    elif isinstance(query, dict):
        for key, value in query.items():
            if key == "nested" and "inner_hits" in value:
                yield value
            else:
                yield from _asking(value)
