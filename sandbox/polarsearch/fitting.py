"""A document against its index's mapping: refused where it does not fit, and the mapping extended where it is new."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.polarsearch import values, vectors
from sandbox.polarsearch.errors import ApiError, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.mapping import KEPT_ONLY, OBJECTS

Source = dict[str, Any]
_METADATA = {"_id", "_index", "_source", "_routing", "_seq_no", "_version", "_ignored", "_primary_term",
             "_field_names", "_nested_path", "_data_stream_timestamp"}  # fmt: skip


def fit(index: StoredIndex, id: str, source: Source) -> tuple[Source, bool]:
    """The document as kept, and whether the mapping grew. Raises mapper_parsing_exception."""
    fitting = _Fitting(index, id)
    kept = fitting.object(source, "", str(index.mapping.shown.get("dynamic", "true")))
    if fitting.new:
        index.mapping.declare({"properties": fitting.new})
    return kept, bool(fitting.new)


class _Fitting:
    def __init__(self, index: StoredIndex, id: str) -> None:
        self._mapping, self._fields, self._id = index.mapping, index.mapping.fields, id
        self.new: Source = {}

    def object(self, source: Source, prefix: str, dynamic: str) -> Source:
        return {key: self._value(self._path(prefix, key), value, dynamic) for key, value in source.items()}

    def _path(self, prefix: str, key: str) -> str:
        if (not prefix and key in _METADATA) or not all(part.strip() for part in key.split(".")):
            raise not_here(f"a field cannot be named [{key}]", "mapper_parsing_exception")
        return f"{prefix}{key}"

    def _value(self, path: str, value: Any, dynamic: str) -> Any:
        shown = self._fields.get(path)
        return self._unmapped(path, value, dynamic) if shown is None else self._mapped(path, shown, value, dynamic)

    def _mapped(self, path: str, shown: Source, value: Any, dynamic: str) -> Any:
        kind = shown.get("type", "object")
        if kind in OBJECTS:
            whole = shown.get("enabled") is False
            return value if whole else self._inner(path, value, shown.get("dynamic", dynamic))
        if value is None:
            return value
        if kind in KEPT_ONLY:
            raise not_here(f"a value of [{path}] of type [{kind}] is not supported", "mapper_parsing_exception")
        try:
            if kind == "knn_vector":
                return self._vector(path, shown, value)
            if not isinstance(value, np.ndarray):  # a vector, copied to where it is not one
                self._scalars(path, shown, value)
        except ValueError as error:
            text = f"failed to parse field [{path}] of type [{kind}] in document with id '{self._id}': {error}"
            raise not_here(text, "mapper_parsing_exception") from None
        return value

    def _inner(self, path: str, value: Any, dynamic: str) -> Any:
        if value is None:
            return value
        if isinstance(value, list):
            return [self._inner(path, each, dynamic) for each in value]
        if not isinstance(value, dict):
            raise not_here(f"object mapping for [{path}] found a concrete value", "mapper_parsing_exception")
        return self.object(value, f"{path}.", dynamic)

    def _unmapped(self, path: str, value: Any, dynamic: str) -> Any:
        if value is None:
            return value
        if dynamic.startswith("strict"):
            if dynamic != "strict":
                raise not_here("dynamic [strict_allow_templates] takes no new field")
            parent, _, name = path.rpartition(".")
            text = f"mapping set to strict, dynamic introduction of [{name}] within [{parent or '_doc'}] is not allowed"
            raise ApiError(400, "strict_dynamic_mapping_exception", text)
        found = self._guessed(path, value) if dynamic == "true" else None
        if found is None:
            return value
        self.new.setdefault(path, found)
        return self._mapped(path, found, value, dynamic)

    def _guessed(self, path: str, value: Any) -> Source | None:
        if isinstance(value, np.ndarray):
            return {"type": "float"}
        items = value if isinstance(value, list) else [value]
        found = [kind for item in items if (kind := self._mapping.dynamic(item))]
        if any(isinstance(item, list) for item in items) or any(kind != found[0] for kind in found):
            raise not_here(f"a list of several kinds in a new field [{path}]", "mapper_parsing_exception")
        return found[0] if found else None

    def _vector(self, path: str, shown: Source, value: Any) -> Any:
        vectors.check(vectors.field_of(path, shown, self._mapping.default_space), value)
        whole = isinstance(value, np.ndarray) or any(isinstance(number, int) for number in value)
        return value if whole else np.asarray(value, np.float64)

    def _scalars(self, path: str, shown: Source, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self._scalars(path, shown, each)
        elif value is not None:
            for field in (shown, *shown.get("fields", {}).values()):
                _check(field, values.indexed(field, value))


def _check(shown: Source, term: Any) -> None:
    whole = shown["type"] == "keyword" or shown.get("analyzer") == "keyword"
    if whole and len(term) <= shown.get("ignore_above", len(term)) and len(term.encode()) > values.LONGEST_TERM:
        raise ValueError(f"bytes can be at most {values.LONGEST_TERM} in length")
