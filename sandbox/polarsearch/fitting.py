"""A document against its index's mapping: refused where it does not fit, and the mapping extended where it is new."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.polarsearch import values, vectors
from sandbox.polarsearch.errors import ApiError, illegal_argument, mapper_parsing, not_here
from sandbox.polarsearch.index import StoredIndex
from sandbox.polarsearch.settings import java_text

Source = dict[str, Any]
_METADATA = {"_id", "_index", "_source", "_routing", "_seq_no", "_version", "_ignored", "_primary_term"}
_METADATA |= {"_field_names", "_nested_path", "_data_stream_timestamp"}
_OBJECTS = {"object", "nested"}
_ROOTS = {"mapper_parsing_exception", "parsing_exception", "parse_exception"}


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
        return {key: self._value(self._path(prefix, key, value), value, dynamic) for key, value in source.items()}

    def _path(self, prefix: str, key: str, value: Any) -> str:
        if key == "_id" and not prefix:
            cause = mapper_parsing("Field [_id] is a metadata field and cannot be added inside a document. Use the "
                                   "index API request parameters.")  # fmt: skip
            raise self._failed("_id", "_id", value, cause)
        if not key:
            raise mapper_parsing("failed to parse", cause=illegal_argument("field name cannot be an empty string"))
        if (key in _METADATA and not prefix) or not all(part.strip() for part in key.split(".")):
            raise not_here(f"a field cannot be named [{key}]", "mapper_parsing_exception")
        return f"{prefix}{key}"

    def _value(self, path: str, value: Any, dynamic: str) -> Any:
        shown = self._fields.get(path)
        if shown is None:
            return self._unmapped(path, value, dynamic)
        return self._mapped(path, shown, value, dynamic)

    def _mapped(self, path: str, shown: Source, value: Any, dynamic: str) -> Any:
        kind = shown.get("type", "object")
        if kind in _OBJECTS:
            return self._inner(path, value, shown, dynamic, path.rpartition(".")[2])
        if value is None:
            return value
        if kind == "knn_vector":
            return self._vector(path, shown, value)
        if isinstance(value, np.ndarray):  # a vector, copied to where it is not one
            return value
        if kind == "geo_point":
            self._geo(path, value)
        else:
            self._scalars(path, kind, shown, value)
        return value

    def _inner(self, path: str, value: Any, shown: Source, dynamic: str, name: str | None) -> Any:
        if shown.get("enabled") is False or value is None:
            return value
        dynamic = shown.get("dynamic", dynamic)
        if isinstance(value, list):
            return [self._inner(path, each, shown, dynamic, None) for each in value]
        if not isinstance(value, dict):
            text = f"object mapping for [{path}] tried to parse field [{name or 'null'}] as object, but found a "
            raise mapper_parsing(f"{text}concrete value")
        return self.object(value, f"{path}.", dynamic)

    def _unmapped(self, path: str, value: Any, dynamic: str) -> Any:
        if dynamic.startswith("strict") and self._mapping.dynamic(path, _plain(value)) is None and value is None:
            return value
        if dynamic.startswith("strict"):
            if dynamic != "strict":
                raise not_here("dynamic [strict_allow_templates] takes no new field")
            parent, _, name = path.rpartition(".")
            text = f"mapping set to strict, dynamic introduction of [{name}] within [{parent or '_doc'}] is not allowed"
            raise ApiError(400, "strict_dynamic_mapping_exception", text)
        if dynamic != "true" or value is None:
            return value
        found = {"type": "float"} if isinstance(value, np.ndarray) else self._guessed(path, value)
        if found is None:
            return value
        self.new.setdefault(path, found)
        return self._mapped(path, found, value, dynamic)

    def _guessed(self, path: str, value: Any) -> Source | None:
        found: Source | None = None
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, list):
                raise not_here(f"lists in lists are not supported in a new field [{path}]", "mapper_parsing_exception")
            other = self._mapping.dynamic(path, each)
            if found is None:
                found = other
            elif other is not None and other != found:
                kinds = [str(each_.get("type", "object")) for each_ in (found, other)]
                if _OBJECTS & set(kinds):
                    raise illegal_argument(f"can't merge a non object mapping [{path}] with an object mapping")
                raise illegal_argument(f"mapper [{path}] cannot be changed from type [{kinds[0]}] to [{kinds[1]}]")
        return found

    def _vector(self, path: str, shown: Source, value: Any) -> Any:
        field = vectors.field_of(path, shown, self._mapping.default_space)
        if not isinstance(value, np.ndarray):
            if not isinstance(value, list):
                raise not_here(f"[{path}] of type [knn_vector] must be a list", "mapper_parsing_exception")
            listed = value
            odd = next((each for each in listed if not vectors.is_number(each)), None)
            if odd is not None:
                raise self._failed(path, "knn_vector", odd, vectors.not_a_number(odd))
            if field.data_type == "BYTE" and (cause := vectors.not_bytes(listed)):
                raise self._failed(path, "knn_vector", cause[0], cause[1])
        try:
            vectors.checked(field, value)
        except ApiError as error:
            raise self._failed(path, "knn_vector", None, error) from None
        whole = isinstance(value, np.ndarray) or any(isinstance(number, int) for number in value)
        return value if whole else np.asarray(value, np.float64)

    def _geo(self, path: str, value: Any) -> None:
        pairs = isinstance(value, list) and not values.is_pair(value)
        for each in value if pairs else [value]:
            try:
                values.check_geo(each, path)
            except ApiError as error:
                text = f"failed to parse field [{path}] of type [geo_point]"
                root = error if error.kind in _ROOTS else None
                raise _or_not_here(mapper_parsing(text, cause=error, root=root), error) from None

    def _scalars(self, path: str, kind: str, shown: Source, value: Any) -> None:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, list):
                self._scalars(path, kind, shown, each)
            elif each is not None:
                self._scalar(path, kind, shown, each)

    def _scalar(self, path: str, kind: str, shown: Source, value: Any) -> None:
        if kind == "binary":
            if not isinstance(value, str):
                raise not_here(f"[{path}] of type [binary] must be a text", "mapper_parsing_exception")
            return
        try:
            if kind == "flat_object":
                values.check_flat_object(value, path)
            else:
                self._check_term(path, kind, shown, values.indexed(shown, value))
        except ApiError as error:
            if error.cause and error.cause.kind == "max_bytes_length_exceeded_exception":
                raise
            if shown.get("ignore_malformed"):
                raise not_here(f"a malformed value in [{path}] is not supported", "mapper_parsing_exception") from None
            raise self._failed(path, kind, value, error) from None
        for name, inner in shown.get("fields", {}).items():
            self._scalar(f"{path}.{name}", inner["type"], inner, value)

    def _check_term(self, path: str, kind: str, shown: Source, term: Any) -> None:
        whole = kind == "keyword" or (kind == "text" and shown.get("analyzer") == "keyword")
        if not whole or not isinstance(term, str) or len(term) <= values.LONGEST_TERM // 4:
            return
        if kind == "keyword" and len(term) > shown.get("ignore_above", len(term)):
            return
        raw = term.encode()
        if len(raw) > values.LONGEST_TERM:
            long = f"bytes can be at most {values.LONGEST_TERM} in length; got {len(raw)}"
            signed = [byte - 256 if byte > 127 else byte for byte in raw[:30]]
            text = f'Document contains at least one immense term in field="{path}" (whose UTF8 encoding is longer than '
            text += f"the max length {values.LONGEST_TERM}), all of which were skipped.  Please correct the analyzer "
            text += f"to not produce such terms.  The prefix of the first immense term is: '{signed}...', "
            cause = ApiError(400, "max_bytes_length_exceeded_exception", long)
            raise illegal_argument(f"{text}original message: {long}", cause=cause)

    def _failed(self, path: str, kind: str, value: Any, cause: ApiError) -> ApiError:
        seen = "Infinity" if "got [Infinity]" in cause.reason else java_text(value)
        text = f"failed to parse field [{path}] of type [{kind}] in document with id '{self._id}'."
        root = cause if cause.kind in _ROOTS else None
        error = mapper_parsing(f"{text} Preview of field's value: '{seen}'", cause=cause, root=root)
        many = kind == "half_float" and isinstance(value, int) and abs(value) >= 2**63  # has no preview
        return not_here(error.reason, error.kind) if many else _or_not_here(error, cause)


def _or_not_here(error: ApiError, cause: ApiError) -> ApiError:
    return not_here(f"{error.reason} {cause.reason}", error.kind) if cause.ours else error


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
