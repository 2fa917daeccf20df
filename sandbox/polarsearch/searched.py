"""One index as queries see it: its mapping says what kind a field is, its view holds the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sandbox.polarsearch import values
from sandbox.polarsearch.analysis import Analyzer
from sandbox.polarsearch.columns import Mask, Postings, Source, Values, Vectors, values_at
from sandbox.polarsearch.errors import ApiError, ShardFailure, illegal_argument, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.vectors import VectorField
from sandbox.polarsearch.versions import Version

_KEYWORD = Analyzer(lambda text: [text])


class Searched:
    """A snapshot for one search. Of nested objects only vectors are seen, and only by a query of their own."""

    def __init__(self, index: StoredIndex, version: Version) -> None:
        self.index, self.version, self.warnings = index, version, list[str]()
        self.view = index.view()
        self.live, self.size = self.view.live, len(self.view)

    def kind(self, name: str) -> str | None:
        """The field's type; None when it is not mapped. Raises for a field the sandbox cannot look into."""
        shown = self.index.mapping.fields.get(name)
        if shown is not None:
            return str(shown.get("type", "object"))
        parts = name.split(".")
        for cut in range(1, len(parts)):
            if self.index.mapping.fields.get(".".join(parts[:cut]), {}).get("type") == "flat_object":
                raise not_here(f"a query inside [{name}] of type [flat_object] is not supported")
        if name.startswith("_"):
            raise not_here(f"a query on [{name}] is not supported")
        return None

    def shown(self, name: str) -> dict[str, Any]:
        """The field as mapped."""
        return self.index.mapping.fields[name]

    def _own(self, name: str) -> str:
        parent, _, last = name.rpartition(".")
        return parent if last in self.index.mapping.fields.get(parent, {}).get("fields", {}) else name

    def _read(self, name: str) -> Callable[[Source], Iterator[Any]]:
        fields, own = self.index.mapping.fields, self._own(name)
        paths = [(own, self.shown(name).get("null_value"))]
        paths += [(path, None) for path, shown in fields.items() if name in shown.get("copy_to", [])]
        seen = [(path.split("."), null) for path, null in paths if not self.index.mapping.in_nested(path)]

        def read(source: Source) -> Iterator[Any]:
            for path, null in seen:
                yield from values_at(source, path, null)

        return read

    def _analyzer(self, name: str, *keys: str) -> Analyzer:
        shown, analysis = self.shown(name), self.index.mapping.analysis
        if shown["type"] == "keyword" and "normalizer" in shown:
            return analysis.normalizer(shown["normalizer"]) or _KEYWORD
        if shown["type"] != "text":
            return _KEYWORD
        named = next((shown[key] for key in keys if key in shown), "default")
        if named == "default" and "search_analyzer" in keys:
            found = analysis.analyzer("default_search") or analysis.analyzer(named)
        else:
            found = analysis.analyzer(named)
        assert found is not None
        self.warnings += [text for text in found.warnings if text not in self.warnings]
        return found

    def analyzed(self, name: str, text: Any) -> list[str]:
        """A query's text as the field would have been cut."""
        return self._analyzer(name, "search_analyzer", "analyzer")(values.as_term(text))

    def postings(self, name: str) -> Postings:
        """The field's inverted index. Raises for one that has none."""
        shown, analyze = self.shown(name), self._analyzer(name, "analyzer")
        if shown.get("index") is False:
            text = f"Cannot search on field [{name}] since it is not indexed."
            if shown["type"] != "text":
                raise not_here(text)
            raise self.failed(f"failed to create query: {text}", illegal_argument(text))
        longest = shown.get("ignore_above", 2**31)

        def tokens(value: Any) -> list[str]:
            if shown["type"] == "boolean":
                return ["true" if value in (True, "true") else "false"]
            text = values.as_term(value)
            return analyze(text) if len(text) <= longest else []

        norms, read = shown["type"] == "text" and shown.get("norms", True), self._read(name)
        return self.view.column("postings", name, lambda: Postings(read, tokens, norms=norms))

    def values(self, name: str) -> Values:
        """The field's values, as they compare."""
        shown, read = self.shown(name), self._read(name)
        if shown.get("index") is False or shown.get("doc_values") is False:
            raise not_here(f"field [{name}] can only be used with index and doc_values")
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
        if kind is None:
            return np.zeros(self.size, np.bool_)
        if kind in {"object", "nested"}:
            inner = [path for path in self.index.mapping.fields if path.startswith(f"{name}.")]
            masks = [self.present(path) for path in inner if self._own(path) == path]
            return np.any(masks, axis=0) if masks else np.zeros(self.size, np.bool_)
        if kind in {"flat_object", "binary"}:
            raise not_here(f"an exists query on [{name}] of type [{kind}] is not supported")
        return self._present(name, kind)

    def _present(self, name: str, kind: str) -> Mask:
        shown, read = self.shown(name), self._read(name)
        kept = (
            shown.get("index", True) and shown.get("norms", True) if kind == "text" else shown.get("doc_values", True)
        )
        if not kept and shown.get("index", True):
            raise not_here(f"an exists query on [{name}] is not supported")
        if not kept:
            return np.zeros(self.size, np.bool_)
        longest = shown.get("ignore_above", 2**31)
        number = kind in values.NUMBERS

        def known(value: Any) -> Any:
            return None if len(values.as_term(value)) > longest or (number and value == "") else True

        return self.view.column("raw", name, lambda: Values(read, known)).where(bool)

    def failed(self, reason: str, cause: ApiError | None = None, kind: str = "query_shard_exception") -> ApiError:
        """The index's own refusal of a query, wrapped as all shards failing."""
        shard = {"index": self.index.name, "index_uuid": self.index.uuid}
        extra = shard if kind == "query_shard_exception" else {}
        return ShardFailure(ApiError(400, kind, reason, extra=extra, cause=cause), self.index.name)
