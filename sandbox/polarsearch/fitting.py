"""A document against its index's mapping: refused where it does not fit, and the mapping extended where it is new.

Vectors leave here as arrays, so that nothing later has to look at a thousand numbers one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.polarsearch import vectors
from sandbox.polarsearch.errors import ApiError, illegal_argument, mapper_parsing
from sandbox.polarsearch.index import Index
from sandbox.polarsearch.mapping import guessed, is_date
from sandbox.polarsearch.settings import java_text

_WHOLE = {"long": 63, "integer": 31, "short": 15, "byte": 7, "unsigned_long": 64}
_REAL = {"double", "float", "half_float", "scaled_float"}


def fit(index: Index, id: str, source: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The document as kept, and whether the mapping grew. Raises mapper_parsing_exception."""
    fitting = _Fitting(index, id)
    kept = fitting.object(source, "", str(index.mapping.shown.get("dynamic", "true")))
    if fitting.new:
        index.mapping.declare({"properties": fitting.new})
    return kept, bool(fitting.new)


class _Fitting:
    def __init__(self, index: Index, id: str) -> None:
        self._fields, self._id = index.mapping.fields, id
        self._dates = index.mapping.shown.get("date_detection", True) is not False
        self.new: dict[str, Any] = {}

    def object(self, source: dict[str, Any], prefix: str, dynamic: str) -> dict[str, Any]:
        return {key: self._value(f"{prefix}{key}", value, dynamic) for key, value in source.items()}

    def _value(self, path: str, value: Any, dynamic: str) -> Any:
        field = self._fields.get(path)
        if value is None:
            return value
        if field is None:
            return self._unmapped(path, value, dynamic)
        kind = field.get("type", "object")
        if kind in {"object", "nested"}:
            return self._inner(path, value, field, dynamic)
        if kind == "knn_vector":
            return self._vector(path, field, value)
        if isinstance(value, np.ndarray):  # a vector, copied to where it is not one
            return value
        for each in value if isinstance(value, list) else [value]:
            self._check(path, kind, field, each)
        return value

    def _inner(self, path: str, value: Any, field: dict[str, Any], dynamic: str) -> Any:
        if field.get("enabled") is False:
            return value
        dynamic = field.get("dynamic", dynamic)
        if isinstance(value, list):
            return [self._inner(path, each, field, dynamic) for each in value]
        if value is None:
            return None
        if not isinstance(value, dict):
            name = path.rpartition(".")[2]
            text = f"object mapping for [{path}] tried to parse field [{name}] as object, but found a concrete value"
            raise mapper_parsing(text)
        return self.object(value, f"{path}.", dynamic)

    def _unmapped(self, path: str, value: Any, dynamic: str) -> Any:
        if dynamic == "strict":
            parent = path.rpartition(".")[0] or "_doc"
            name = path.rpartition(".")[2]
            text = f"mapping set to strict, dynamic introduction of [{name}] within [{parent}] is not allowed"
            raise ApiError(400, "strict_dynamic_mapping_exception", text)
        if dynamic != "true":
            return value
        objects = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
        if objects:
            self.new.setdefault(path, {"type": "object"})
            kept = [self.object(each, f"{path}.", dynamic) for each in objects]
            return kept if isinstance(value, list) else kept[0]
        if not isinstance(value, np.ndarray) and (found := guessed(value, dates=self._dates)):
            self.new.setdefault(path, found)
        elif isinstance(value, np.ndarray):
            self.new.setdefault(path, {"type": "float"})
        return value

    def _vector(self, path: str, shown: dict[str, Any], value: Any) -> Any:
        odd = _odd_one(value)
        if odd is not None:
            raise self._failed(path, "knn_vector", odd, _not_numeric(odd))
        try:
            vectors.checked(vectors.field_of(path, shown), value)
        except ApiError as error:
            raise self._failed(path, "knn_vector", None, error) from None
        whole = isinstance(value, np.ndarray) or any(isinstance(number, int) for number in value)
        return value if whole else np.asarray(value, np.float64)

    def _check(self, path: str, kind: str, field: dict[str, Any], value: Any) -> None:
        if value is None:
            return
        cause = None
        if isinstance(value, dict) and kind != "flat_object":
            cause = ApiError(500, "illegal_state_exception", "Can't get text on a START_OBJECT at 1:7")
        elif kind in _WHOLE or kind in _REAL:
            cause = _number(kind, value)
        elif kind == "boolean" and isinstance(value, (int, float)) and not isinstance(value, bool):
            cause = _jackson("json_parse_exception", f"Current token ({_token(value)}) not of boolean type")
        elif kind == "boolean" and java_text(value) not in {"true", "false", ""}:
            cause = illegal_argument(
                f"Failed to parse value [{java_text(value)}] as only [true] or [false] are allowed."
            )
        elif kind == "date" and "format" not in field and not is_date(java_text(value)):
            inner = ApiError(400, "date_time_parse_exception", "Failed to parse with all enclosed parsers")
            text = f"failed to parse date field [{value}] with format [strict_date_optional_time||epoch_millis]"
            cause = illegal_argument(text, cause=inner)
        if cause:
            raise self._failed(path, kind, value, cause)

    def _failed(self, path: str, kind: str, value: Any, cause: ApiError) -> ApiError:
        text = f"failed to parse field [{path}] of type [{kind}] in document with id '{self._id}'."
        return mapper_parsing(f"{text} Preview of field's value: '{java_text(value)}'", cause=cause)


def _odd_one(value: Any) -> Any:
    """The first of a vector's values that is no number, None when all are."""
    values = value if isinstance(value, list) else []
    return next((each for each in values if isinstance(each, bool) or not isinstance(each, (int, float))), None)


def _not_numeric(value: Any) -> ApiError:
    if isinstance(value, str):
        return ApiError(400, "number_format_exception", f'For input string: "{value}"')
    token = {dict: "START_OBJECT", list: "START_ARRAY", bool: f"VALUE_{java_text(value).upper()}"}[type(value)]
    return _jackson("json_parse_exception", f"Current token ({token}) not numeric, can not use numeric value accessors")


def _number(kind: str, value: Any) -> ApiError | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return illegal_argument(f'For input string: "{value}"')
    if isinstance(value, bool):
        return illegal_argument(f'For input string: "{java_text(value)}"')
    if kind == "long" and isinstance(value, int) and not -(2**63) <= value < 2**63:
        reach = "out of range of long (-9223372036854775808 - 9223372036854775807)"
        return _jackson("input_coercion_exception", f"Numeric value ({value}) {reach}")
    if kind in _WHOLE and abs(number) > 2.0 ** _WHOLE[kind]:
        return illegal_argument(f"Value [{value}] is out of range for {'an' if kind == 'integer' else 'a'} {kind}")
    return None


def _token(value: Any) -> str:
    return "VALUE_NUMBER_INT" if isinstance(value, int) else "VALUE_NUMBER_FLOAT"


def _jackson(kind: str, reason: str) -> ApiError:
    """A refusal of the JSON parser, which tells the place."""
    source = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
    return ApiError(400, kind, f"{reason}\n at [Source: {source}; line: 1, column: 1]")
