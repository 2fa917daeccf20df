"""An index's mapping: what may be declared, how it is shown, how it grows, and what a document must look like.

It only ever grows: fields are added, a few parameters change, nothing is removed or retyped. Parameters that equal
their default are not shown, scalars sent as text come back as what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.polarsearch import vectors
from sandbox.polarsearch.analysis import ANALYZERS
from sandbox.polarsearch.errors import ApiError, illegal_argument, mapper_parsing
from sandbox.polarsearch.settings import java_bool, java_text, java_type
from sandbox.polarsearch.versions import Version

Table = dict[str, tuple[Any, bool]]
_NUMBERS = {"long", "integer", "short", "byte", "double", "float", "half_float", "unsigned_long", "scaled_float"}
_FREE = ("meta", "copy_to", "boost", "null_value", "similarity")


def _table(*free: str, updatable: tuple[str, ...] = (), **defaults: Any) -> Table:
    """Parameter → (default, may change in place)."""
    table = {name: (default, name in updatable) for name, default in defaults.items()}
    return table | {name: (None, name in updatable or name in _FREE) for name in (*free, *_FREE)}


_SEARCHED: dict[str, Any] = {"index": True, "doc_values": True, "store": False}
_NUMERIC = _table(
    "time_series_dimension",
    "script",
    updatable=("coerce",),
    **_SEARCHED,
    coerce=True,
    ignore_malformed=False,
    scaling_factor=0.0,
)
PARAMETERS: dict[str, Table] = {
    "text": _table(
        "analyzer", "search_analyzer", "search_quote_analyzer", "index_prefixes", "term_vector",
        updatable=("search_analyzer", "search_quote_analyzer", "fielddata", "position_increment_gap"),
        index=True, store=False, norms=True, fielddata=False, index_options="positions", position_increment_gap=100,
        index_phrases=False, eager_global_ordinals=False,
    ),
    "keyword": _table(
        "normalizer", updatable=("ignore_above", "eager_global_ordinals", "split_queries_on_whitespace"),
        **_SEARCHED, ignore_above=2147483647, norms=False, eager_global_ordinals=False, index_options="docs",
        split_queries_on_whitespace=False,
    ),
    **dict.fromkeys(_NUMBERS, _NUMERIC),
    "boolean": _table(**_SEARCHED),
    "date": _table("format", "locale", "print_format", **_SEARCHED, ignore_malformed=False),
    "date_nanos": _table("format", "locale", "print_format", **_SEARCHED, ignore_malformed=False),
    "ip": _table(**_SEARCHED, ignore_malformed=False),
    "binary": _table(store=False, doc_values=False),
    "flat_object": _table(),
    "geo_point": _table(ignore_malformed=False, ignore_z_value=True, doc_values=True, store=False, index=True),
    "rank_features": _table("positive_score_impact"),
    "rank_feature": _table("positive_score_impact"),
    "alias": _table("path"),
}  # fmt: skip
OBJECTS = {"object", "nested"}
_ROOT_KEYS = {"properties", "dynamic", "_meta", "_source", "_routing", "date_detection", "numeric_detection"}
_ROOT_KEYS |= {"dynamic_templates", "dynamic_date_formats", "_field_names", "_data_stream_timestamp"}
_TIME = r"T\d{2}(:\d{2}(:\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?"
_SLASHES = r"\d{4}/\d{2}/\d{2}( \d{2}:\d{2}:\d{2})?"
_DATE = re.compile(rf"\d{{4}}(-\d{{2}}(-\d{{2}}({_TIME})?)?)?$|{_SLASHES}$")
_DETECTED = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}(T.*)?$|{_SLASHES}$")


class Mapping:
    """`shown` is the mapping as GET answers it."""

    def __init__(self, version: Version, *, knn: bool, analyzers: dict[str, Any] | None = None) -> None:
        self.version, self.knn = version, knn
        self.analyzers = set(ANALYZERS) | set(analyzers or {}) | {"english", "ik_max_word", "ik_smart", "cjk", "stop"}
        self.shown: dict[str, Any] = {}
        self._fields: dict[str, dict[str, Any]] | None = None

    # -- declaring

    def declare(self, body: dict[str, Any]) -> None:
        """Merge `body` into the mapping, or raise and leave it as it was."""
        unknown = [key for key in body if key not in _ROOT_KEYS]
        if unknown:
            listed = ", ".join(f"{key} : {java_text(body[key])}" for key in unknown)
            raise mapper_parsing(f"Root mapping definition has unsupported parameters:  [{listed}]")
        properties = self._parsed(body.get("properties") or {}, "")
        merged = self._merged(self.shown.get("properties", {}), properties, "")
        shown = dict(self.shown)
        for key in body.keys() - {"properties"}:
            shown[key] = _dynamic(body[key]) if key == "dynamic" else body[key]
        if merged:
            shown["properties"] = merged
        self.shown, self._fields = shown, None

    def _parsed(self, properties: dict[str, Any], prefix: str) -> dict[str, Any]:
        parsed: dict[str, Any] = {}
        for name, body in properties.items():
            if not isinstance(body, dict):
                raise mapper_parsing(
                    f"Expected map for property [fields] on field [{name}] but got a class {java_type(body)}"
                )
            head, _, rest = name.partition(".")
            if rest:  # a dotted name is an object with a field in it
                inner = self._parsed({rest: body}, f"{prefix}{head}.")
                known = {key: value for key, value in parsed.get(head, {}).items() if key != "type"}
                both = self._merged(known.get("properties", {}), inner, f"{prefix}{head}.")
                parsed[head] = known | {"properties": both}
            else:
                parsed[name] = self._field(name, body, prefix)
        return parsed

    def _field(self, name: str, body: dict[str, Any], prefix: str) -> dict[str, Any]:
        kind = body.get("type", "object" if "properties" in body or not body else None)
        if kind is None:
            raise mapper_parsing(f"No type specified for field [{name}]")
        if kind in OBJECTS:
            return self._object(kind, body, f"{prefix}{name}.")
        if kind == "knn_vector":
            return vectors.declared(f"{prefix}{name}", body, version=self.version, knn=self.knn)
        if kind not in PARAMETERS:
            raise mapper_parsing(f"No handler for type [{kind}] declared on field [{name}]")
        return self._leaf(name, kind, body, prefix)

    def _object(self, kind: str, body: dict[str, Any], prefix: str) -> dict[str, Any]:
        properties = self._parsed(body.get("properties") or {}, prefix)
        shown: dict[str, Any] = {"dynamic": _dynamic(body["dynamic"])} if "dynamic" in body else {}
        if "enabled" in body and not java_bool(body["enabled"]):
            shown["enabled"] = False
        if kind == "nested" or not properties:
            shown["type"] = kind
        return shown | ({"properties": properties} if properties else {})

    def _leaf(self, name: str, kind: str, body: dict[str, Any], prefix: str) -> dict[str, Any]:
        shown: dict[str, Any] = {"type": kind}
        for key, value in body.items():
            if key == "fields":
                shown["fields"] = self._parsed(value, f"{prefix}{name}.")
            elif key != "type":
                shown |= self._parameter(name, kind, key, value)
        return shown

    def _parameter(self, name: str, kind: str, key: str, value: Any) -> dict[str, Any]:
        if key not in PARAMETERS[kind]:
            raise mapper_parsing(f"unknown parameter [{key}] on mapper [{name}] of type [{kind}]")
        if key.endswith("analyzer") and value not in self.analyzers:
            raise illegal_argument(f"analyzer [{value}] has not been configured in mappings")
        default = PARAMETERS[kind][key][0]
        parsed = _as(default, value)
        return {} if parsed == default else {key: parsed}

    # -- merging

    def _merged(self, old: dict[str, Any], new: dict[str, Any], prefix: str) -> dict[str, Any]:
        merged = dict(old)
        for name, field in new.items():
            merged[name] = self._together(f"{prefix}{name}", old[name], field) if name in old else field
        return dict(sorted(merged.items()))

    def _together(self, path: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        kinds = [field.get("type", "object") for field in (old, new)]
        if set(kinds) <= OBJECTS and kinds[0] == kinds[1]:
            properties = self._merged(old.get("properties", {}), new.get("properties", {}), f"{path}.")
            shown = {**old, **new, **({"properties": properties} if properties else {})}
            return {
                key: value for key, value in shown.items() if not (key == "type" and value == "object" and properties)
            }
        if set(kinds) & OBJECTS:
            raise illegal_argument(f"can't merge a non object mapping [{path}] with an object mapping")
        if kinds[0] != kinds[1] or _class(old) != _class(new):
            raise illegal_argument(f"mapper [{path}] cannot be changed from type [{kinds[0]}] to [{kinds[1]}]")
        self._refuse_conflicts(path, old, new)
        fields = self._merged(old.get("fields", {}), new.get("fields", {}), f"{path}.")
        return {**old, **new, **({"fields": fields} if fields else {})}

    def _refuse_conflicts(self, path: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        found = vectors.conflicts(old, new) if new["type"] == "knn_vector" else list(_conflicts(old, new))
        if found:
            raise illegal_argument(f"Mapper for [{path}] conflicts with existing mapper:\n\t" + "\n\t".join(found))

    # -- reading

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """Every field by its full path, multi-fields (`name.keyword`) and objects included."""
        if self._fields is None:
            self._fields = dict(_walk(self.shown.get("properties", {}), ""))
        return self._fields

    def vector_fields(self) -> Iterator[vectors.VectorField]:
        """The fields that hold vectors."""
        return (vectors.field_of(path, f) for path, f in self.fields.items() if f.get("type") == "knn_vector")


def _class(field: dict[str, Any]) -> str:
    return vectors.mapper_class(field) if field.get("type") == "knn_vector" else ""


def _conflicts(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for key, (default, updatable) in PARAMETERS[new["type"]].items():
        before, after = old.get(key, default), new.get(key, default)
        if before != after and not updatable:
            yield f"Cannot update parameter [{key}] from [{java_text(before)}] to [{java_text(after)}]"


def _walk(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in properties.items():
        yield prefix + name, field
        yield from _walk(field.get("properties", {}), f"{prefix}{name}.")
        yield from _walk(field.get("fields", {}), f"{prefix}{name}.")


def _dynamic(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text not in {"true", "false", "strict", "strict_allow_templates"}:
        raise mapper_parsing(f"Could not convert [dynamic] to boolean: {text}")
    return text


def _as(default: Any, value: Any) -> Any:
    if isinstance(default, bool):
        return java_bool(value)
    if isinstance(default, float):
        return float(value)
    return int(value) if isinstance(default, int) and str(value).lstrip("-").isdigit() else value


def guessed(value: Any, *, dates: bool = True) -> dict[str, Any] | None:
    """The field that dynamic mapping makes of a document's first value; None for null and empty lists."""
    if isinstance(value, list):
        return next((found for item in value if (found := guessed(item, dates=dates))), None)
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "long"}
    if isinstance(value, float):
        return {"type": "float"}
    if isinstance(value, str):
        if dates and _DETECTED.match(value):
            return {"type": "date"}
        return {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
    return None


def is_date(text: str) -> bool:
    """Whether strict_date_optional_time||epoch_millis takes it."""
    return bool(_DATE.match(text)) or text.lstrip("-").isdigit()


def wrapped(error: ApiError) -> ApiError:
    """A mapping's refusal as index creation shows it."""
    root = error if error.kind == "mapper_parsing_exception" else None
    return mapper_parsing(f"Failed to parse mapping [_doc]: {error.reason}", cause=error, root=root)
