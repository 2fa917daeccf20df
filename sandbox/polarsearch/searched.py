"""One index as queries see it: its mapping says what kind a field is, its view holds the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sandbox.polarsearch import values
from sandbox.polarsearch.analysis import Analyzer
from sandbox.polarsearch.columns import Mask, Postings, Source, Values, Vectors, values_at
from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.mapping import OBJECTS
from sandbox.polarsearch.settings import as_text
from sandbox.polarsearch.vectors import VectorField
from sandbox.polarsearch.versions import Version

_KEYWORD = Analyzer(lambda text: [text])
_NOT_SEARCHED = {"null_value", "normalizer"}
"""Parameters that a field may have, and that queries would have to know."""


class Searched:
    """A snapshot for one search. Of nested objects only vectors are seen, and only by a query of their own."""

    def __init__(self, index: StoredIndex, version: Version) -> None:
        self.index, self.version, self.warnings = index, version, list[str]()
        self.view = index.view()
        self.live, self.size = self.view.live, len(self.view)

    def kind(self, name: str) -> str | None:
        """The field's type; None when it is not mapped."""
        shown = self.index.mapping.fields.get(name)
        if shown is None and name.startswith("_"):
            raise not_here(f"a query on [{name}] is not supported")
        return None if shown is None else str(shown.get("type", "object"))

    def shown(self, name: str) -> dict[str, Any]:
        """The field as mapped."""
        return self.index.mapping.fields[name]

    def _own(self, name: str) -> str:
        parent, _, last = name.rpartition(".")
        return parent if last in self.index.mapping.fields.get(parent, {}).get("fields", {}) else name

    def _read(self, name: str) -> Callable[[Source], Iterator[Any]]:
        fields = self.index.mapping.fields
        copied = [path for path, shown in fields.items() if name in shown.get("copy_to", [])]
        paths = [each.split(".") for each in (self._own(name), *copied) if not self.index.mapping.in_nested(each)]
        return lambda source: (value for path in paths for value in values_at(source, path))

    def _analyzer(self, name: str, *keys: str) -> Analyzer:
        shown, analysis = self.shown(name), self.index.mapping.analysis
        if shown["type"] != "text":
            return _KEYWORD
        named = next((shown[key] for key in keys if key in shown), "default")
        search = analysis.analyzer("default_search") if named == "default" and "search_analyzer" in keys else None
        found = search or analysis.analyzer(named)
        assert found is not None
        self.warnings += [text for text in found.warnings if text not in self.warnings]
        return found

    def analyzed(self, name: str, text: Any) -> list[str]:
        """A query's text as the field would have been cut."""
        return self._analyzer(name, "search_analyzer", "analyzer")(as_text(text))

    def _require_kept(self, name: str, *parameters: str) -> None:
        if other := self.shown(name).keys() & _NOT_SEARCHED:
            raise not_here(f"a query on [{name}], which has [{min(other)}], is not supported")
        if not all(self.shown(name).get(key, True) for key in parameters):
            raise not_here(f"a query on [{name}], of which not everything is kept, is not supported")

    def postings(self, name: str) -> Postings:
        """The field's inverted index. Raises for one that has none."""
        self._require_kept(name, "index")
        shown, analyze, read = self.shown(name), self._analyzer(name, "analyzer"), self._read(name)
        longest = shown.get("ignore_above", 2**31)

        def tokens(value: Any) -> list[str]:
            if shown["type"] == "boolean":
                return [str(values.indexed(shown, value)).lower()]
            text = as_text(value)
            return analyze(text) if len(text) <= longest else []

        norms = shown["type"] == "text" and shown.get("norms", True)
        return self.view.column("postings", name, lambda: Postings(read, tokens, norms=norms))

    def values(self, name: str) -> Values:
        """The field's values, as they compare."""
        self._require_kept(name, "index", "doc_values")
        shown, read = self.shown(name), self._read(name)
        return self.view.column("values", name, lambda: Values(read, lambda value: values.indexed(shown, value)))

    def vectors(self, field: VectorField, nested: str = "") -> Vectors:
        """The field's matrix; empty where its nested object is not looked into."""
        if nested:
            path = field.path.removeprefix(f"{nested}.").split(".")
            return self.view.column("nested vectors", field.path, lambda: Vectors(field, path, nested.split(".")))
        path = [""] if self.index.mapping.in_nested(field.path) else field.path.split(".")
        return self.view.column("vectors", field.path, lambda: Vectors(field, path))

    def present(self, name: str) -> Mask:
        """Which documents have the field."""
        field, kind = self.index.mapping.vector(name), self.kind(name)
        if field:
            return self.vectors(field).present(self.size)
        if kind is None or self.index.mapping.in_nested(name):
            return np.zeros(self.size, np.bool_)
        if kind in OBJECTS:
            inner = [path for path in self.index.mapping.fields if path.startswith(f"{name}.")]
            masks = [self.present(path) for path in inner if self._own(path) == path]
            return np.any(masks, axis=0) if masks else np.zeros(self.size, np.bool_)
        self._require_kept(name, *(("index", "norms") if kind == "text" else ("doc_values",)))
        read, longest = self._read(name), self.shown(name).get("ignore_above", 2**31)

        def known(value: Any) -> Any:
            return len(as_text(value)) <= longest or None

        return self.view.column("raw", name, lambda: Values(read, known)).where(bool)
