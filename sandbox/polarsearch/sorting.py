"""Sorting hits by fields. Missing values come last, shown as the largest or smallest number of the field's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.polarsearch.errors import parsing
from sandbox.polarsearch.fields import NUMBERS, Searched

_WHOLE = {"long", "integer", "short", "byte", "date", "boolean"}
_LARGEST = 2**63 - 1
_NO_TEXT = (
    "Text fields are not optimised for operations that require per-document field data like aggregations and "
    "sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set "
    "fielddata=true on [{}] in order to load field data by uninverting the inverted index. Note that this can "
    "use significant memory."
)


@dataclass(frozen=True)
class _Down:
    """A value that sorts the other way round."""

    value: Any

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)


@dataclass(frozen=True)
class Sort:
    """One sort key: a field, `_score` or `_doc`."""

    name: str
    descending: bool
    missing_first: bool = False
    unmapped: str | None = None

    def of_value(self, value: Any) -> Any:
        """A key that compares as hits do: present before missing, then by value."""
        if value is None:
            return (0 if self.missing_first else 2, 0)
        return (1, _Down(value) if self.descending else value)

    def key(self, searched: Searched, place: int, score: float) -> tuple[Any, Any]:
        """What the hit is ordered by, and what is shown of that."""
        if self.name in {"_score", "_doc"}:
            value = score if self.name == "_score" else place
            return self.of_value(value), value
        kind = searched.kind(self.name) or self.unmapped
        values = self._values(searched, place, kind)
        if values:
            value = max(values) if self.descending else min(values)
            shown = int(value) if kind in _WHOLE else value
            return self.of_value(value), shown
        return self.of_value(None), self._missing(kind)

    def _values(self, searched: Searched, place: int, kind: str | None) -> list[Any]:
        if self.name == "_id":
            return [searched.view.docs[place].id]
        if searched.kind(self.name) is None and kind:
            return []
        if kind is None:
            raise searched.failed(f"No mapping found for [{self.name}] in order to sort on")
        if kind == "text":
            raise searched.failed(_NO_TEXT.format(self.name), kind="illegal_argument_exception")
        return list(searched.values(self.name).rows[place])

    def _missing(self, kind: str | None) -> Any:
        if kind not in NUMBERS | _WHOLE:
            return None
        largest = _LARGEST if self.descending == self.missing_first else -_LARGEST - 1
        return largest if kind in _WHOLE else ("Infinity" if largest > 0 else "-Infinity")


def parse_sort(value: Any) -> list[Sort]:
    """`["a", {"b": "desc"}, {"c": {"order": "asc"}}, "d:desc"]`. Sorting by score alone is no sorting."""
    listed = value if isinstance(value, list) else [value]
    sorts = [sort for each in listed for sort in _parsed(each)]
    return [] if [(sort.name, sort.descending) for sort in sorts] == [("_score", True)] else sorts


def _parsed(each: Any) -> list[Sort]:
    if isinstance(each, str):
        name, _, order = each.partition(":")
        each = {name: order} if order else {name: {}}
    if not isinstance(each, dict):
        raise parsing("malformed sort format, either start with array, object, or an actual string")
    return [_one(name, options if isinstance(options, dict) else {"order": options}) for name, options in each.items()]


def _one(name: str, options: dict[str, Any]) -> Sort:
    order = str(options.get("order") or ("desc" if name == "_score" else "asc")).lower()
    return Sort(name, order == "desc", options.get("missing") == "_first", options.get("unmapped_type"))
