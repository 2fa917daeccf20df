"""Sorting hits by fields. Missing values come last, shown as the largest or smallest number of the field's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.polarsearch.errors import not_here, parsing
from sandbox.polarsearch.searched import Searched

_WHOLE = {"long", "integer", "short", "byte", "date", "boolean"}
_SORTED = _WHOLE | {"double", "float", "half_float", "scaled_float", "keyword"}
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

    def kind(self, searched: Searched) -> str | None:
        """The type it sorts as, None for `_score` and `_doc`. Raises for what cannot be sorted by."""
        if self.name in {"_score", "_doc"}:
            return None
        kind = searched.kind(self.name) or self.unmapped
        if kind is None:
            raise searched.failed(f"No mapping found for [{self.name}] in order to sort on")
        if kind == "text":
            raise searched.failed(_NO_TEXT.format(self.name), kind="illegal_argument_exception")
        if kind not in _SORTED or searched.index.mapping.nested_above(self.name):
            raise not_here(f"sorting by [{self.name}] of type [{kind}] is not supported")
        return kind

    def key(self, searched: Searched, kind: str | None, place: int, score: float) -> tuple[Any, Any]:
        """What the hit is ordered by, and what is shown of that."""
        if kind is None:
            value = score if self.name == "_score" else place
            return self.of_value(value), value
        mapped = self.name in searched.index.mapping.fields
        values = searched.values(self.name).rows[place] if mapped else []
        if values:
            value = max(values) if self.descending else min(values)
            return self.of_value(value), int(value) if kind in _WHOLE else value
        return self.of_value(None), self._missing(kind)

    def _missing(self, kind: str) -> Any:
        if kind == "keyword":
            return None
        most = 2**31 - 1 if kind in {"integer", "short", "byte"} else 2**63 - 1
        largest = most if self.descending == self.missing_first else -most - 1
        return largest if kind in _WHOLE else ("Infinity" if largest > 0 else "-Infinity")


def parse_sort(value: Any) -> list[Sort]:
    """`["a", {"b": "desc"}, {"c": {"order": "asc"}}]`. Sorting by score alone is no sorting."""
    listed = value if isinstance(value, list) else [value]
    sorts = [sort for each in listed for sort in _parsed(each)]
    return [] if [(sort.name, sort.descending) for sort in sorts] == [("_score", True)] else sorts


def _parsed(each: Any) -> list[Sort]:
    if isinstance(each, str):
        each = {each: {}}
    if not isinstance(each, dict):
        raise parsing("malformed sort format, either start with array, object, or an actual string")
    return [_one(name, options if isinstance(options, dict) else {"order": options}) for name, options in each.items()]


def _one(name: str, options: dict[str, Any]) -> Sort:
    order = str(options.get("order") or ("desc" if name == "_score" else "asc")).lower()
    known = {"order": {"asc", "desc"}, "missing": {"_first", "_last"}}
    for key, value in {**options, "order": order}.items():
        if key == "unmapped_type" and value in _SORTED:
            continue
        if value not in known.get(key, ()):
            raise not_here(f"sorting by [{name}] with [{key}] {value!r} is not supported")
    if (name[0] == "_" and name not in {"_score", "_doc"}) or (name == "_score" and options.keys() - {"order"}):
        raise not_here(f"sorting by [{name}] is not supported")
    return Sort(name, order == "desc", options.get("missing") == "_first", options.get("unmapped_type"))
