"""An index's mapping: what may be declared (`mapping` in `data/bodies.json`), how it is shown, and how it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.polarsearch import dates, values, vectors
from sandbox.polarsearch.analysis import Analysis
from sandbox.polarsearch.errors import illegal_argument, not_here
from sandbox.polarsearch.settings import as_list, truth
from sandbox.polarsearch.versions import Version

Shown = dict[str, Any]
OBJECTS = {"object", "nested"}
KEPT_ONLY = {"geo_point", "flat_object", "binary", "date_nanos", "unsigned_long"}
"""Types that a mapping may have, of which no document has a value here."""
_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("index", "doc_values", "norms", "store", "coerce", "ignore_malformed", "ignore_z_value"), truth),
    "ignore_above": int,
    "scaling_factor": float,
    "copy_to": as_list,
    "position_increment_gap": int,
}
_DEFAULTS = {"index": True, "doc_values": True, "norms": True, "store": False, "ignore_above": 2147483647,
             "analyzer": "default", "search_analyzer": "default", "format": dates.DEFAULT, "term_vector": "no",
             "position_increment_gap": 100, "copy_to": [], "meta": {}, "null_value": None}  # fmt: skip
_DEFAULTS_OF: dict[str, Shown] = {
    "date": {"ignore_malformed": False},
    "ip": {"ignore_malformed": False},
    "geo_point": {"ignore_malformed": False, "ignore_z_value": True},
    "binary": {"doc_values": False},
}
_CHANGEABLE = {"search_analyzer", "ignore_above", "fields", "copy_to", "meta", "coerce", "ignore_malformed",
               "position_increment_gap"}  # fmt: skip
_DYNAMIC_TEXT = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
_MOST_FIELDS, _DEEPEST, _MOST_NESTED = 1000, 20, 50


@dataclass
class Mapping:
    """`shown` is the mapping as GET answers it. `settings` are the index's, flat; they are looked at each time."""

    version: Version
    settings: dict[str, Any]
    analysis: Analysis
    shown: Shown = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    _fields: dict[str, Shown] | None = None

    # -- declaring

    def declare(self, body: Shown) -> None:
        """Merge a body whose shape was checked into the mapping, or raise and leave it as it was.

        What is approximated goes to `warnings`.
        """
        self.warnings.clear()
        properties = self._parsed(body.get("properties") or {})
        root = self._root(body)
        merged = self._merged(self.shown.get("properties", {}), properties, "")
        self._check_limits(dict(_walk(merged, "")))
        self.shown = self.shown | root | ({"properties": merged} if merged else {})
        self._fields = None

    def _root(self, body: Shown) -> Shown:
        root: Shown = {key: body[key] for key in ("_meta", "dynamic_templates") if key in body}
        for template in body.get("dynamic_templates", []):
            for name, rule in template.items():
                self._field(name, rule["mapping"])
        if "dynamic" in body:
            root["dynamic"] = _dynamic(body["dynamic"])
        return root | {key: truth(body[key]) for key in ("date_detection", "numeric_detection") if key in body}

    def _parsed(self, properties: Shown) -> Shown:
        parsed: Shown = {}
        for name, body in properties.items():
            head, _, rest = name.partition(".")
            if not head.strip():
                raise not_here(f"a field cannot be named [{name}]", "mapper_parsing_exception")
            made = {"properties": self._parsed({rest: body})} if rest else self._field(name, body)
            parsed[head] = self._together(head, parsed[head], made) if head in parsed else made
        return parsed

    def _field(self, name: str, body: Shown) -> Shown:
        """One field as GET shows it."""
        kind = body.get("type", "object")
        if not body.keys() & {"type", "properties"}:
            raise not_here(f"No type specified for field [{name}]", "mapper_parsing_exception")
        if kind == "knn_vector":
            return vectors.declared(body, version=self.version, settings=self.settings)
        return self._object(kind, body) if kind in OBJECTS else self._leaf(name, kind, body)

    def _object(self, kind: str, body: Shown) -> Shown:
        properties = self._parsed(body.get("properties") or {})
        shown: Shown = {"dynamic": _dynamic(body["dynamic"])} if "dynamic" in body else {}
        if not truth(body.get("enabled", True)):
            shown["enabled"] = False
        if kind == "nested" or not properties:
            shown["type"] = kind
        return shown | ({"properties": properties} if properties else {})

    def _leaf(self, name: str, kind: str, body: Shown) -> Shown:
        shown: Shown = {"type": kind}
        defaults = {**_DEFAULTS, **_DEFAULTS_OF.get(kind, {})}
        for key, value in body.items():
            if key in {"analyzer", "search_analyzer"}:
                self._check_analyzer(value)
            if key == "format":
                dates.patterns(value)
            if key == "fields" and any("fields" in each or "." in at for at, each in value.items()):
                raise not_here(f"a multi field of [{name}] is not supported", "mapper_parsing_exception")
            read = self._parsed(value) if key == "fields" else _read(kind, key, value)
            if read != defaults.get(key) and (key != "fields" or read):
                shown[key] = read
        if shown.get("search_analyzer", 0) == shown.get("analyzer", 1):
            del shown["search_analyzer"]
        return shown

    def _check_analyzer(self, name: str) -> None:
        found = self.analysis.analyzer(name)
        if found is None:
            raise not_here(f"analyzer [{name}] has not been configured in mappings", "mapper_parsing_exception")
        self.warnings += [warning for warning in found.warnings if warning not in self.warnings]

    def _check_limits(self, fields: dict[str, Shown]) -> None:
        if len(fields) > (most := int(self.settings.get("index.mapping.total_fields.limit", _MOST_FIELDS))):
            raise illegal_argument(f"Limit of total fields [{most}] has been exceeded")
        nested = sum(each.get("type") == "nested" for each in fields.values())
        if nested > _MOST_NESTED or any(path.count(".") + 2 > _DEEPEST for path in fields):
            raise not_here("more nested fields, or deeper ones, are not supported", "mapper_parsing_exception")
        copied = {target for each in fields.values() for target in each.get("copy_to", [])}
        if any(fields.get(each, {"type": "object"}).get("type", "object") in OBJECTS for each in copied):
            raise not_here("[copy_to] must name a field of the mapping", "mapper_parsing_exception")

    def dynamic(self, value: Any) -> Shown | None:
        """The field that a document's value makes, None for null and empty lists."""
        if self.shown.get("dynamic_templates"):
            raise not_here("a new field where there are dynamic templates is not supported")
        if isinstance(value, list):
            return next((found for item in value if (found := self.dynamic(item))), None)
        if isinstance(value, str):
            return self._from_text(value)
        kinds = {bool: "boolean", int: "long", dict: "object"}
        return None if value is None else {"type": kinds.get(type(value), "float")}

    def _from_text(self, text: str) -> Shown:
        if self.shown.get("numeric_detection"):
            raise not_here("a new text where [numeric_detection] is on is not supported")
        is_date = self.shown.get("date_detection", True) and values.looks_like_date(text)
        if is_date and "/" in text:
            raise not_here(f"a new date with slashes, such as [{text}], is not supported")
        return {"type": "date"} if is_date else dict(_DYNAMIC_TEXT)

    # -- merging

    def _merged(self, old: Shown, new: Shown, prefix: str) -> Shown:
        merged = dict(old)
        for name, shown in new.items():
            merged[name] = self._together(f"{prefix}{name}", old[name], shown) if name in old else shown
        return dict(sorted(merged.items()))

    def _together(self, path: str, old: Shown, new: Shown) -> Shown:
        kinds = [each.get("type", "object") for each in (old, new)]
        if kinds[0] != kinds[1] and OBJECTS & set(kinds):
            raise not_here(f"can't merge a non object mapping [{path}] with an object mapping")
        if kinds[0] != kinds[1]:
            raise illegal_argument(f"mapper [{path}] cannot be changed from type [{kinds[0]}] to [{kinds[1]}]")
        if kinds[0] in OBJECTS:
            properties = self._merged(old.get("properties", {}), new.get("properties", {}), f"{path}.")
            shown = {**old, **new, **({"properties": properties} if properties else {})}
            return {k: v for k, v in shown.items() if not (k == "type" and v == "object" and properties)}
        _check_conflicts(path, old, new)
        fields = self._merged(old.get("fields", {}), new.get("fields", {}), f"{path}.")
        return {**old, **new, **({"fields": fields} if fields else {})}

    # -- reading

    @property
    def fields(self) -> dict[str, Shown]:
        """Every field by its full path, multi-fields (`name.keyword`) and objects included."""
        if self._fields is None:
            self._fields = dict(_walk(self.shown.get("properties", {}), ""))
        return self._fields

    @property
    def default_space(self) -> str:
        """What vectors are compared by where their field does not say."""
        return str(self.settings.get("index.knn.space_type", "l2"))

    def vector(self, path: str) -> vectors.VectorField | None:
        """None when the field is no knn_vector."""
        shown = self.fields.get(path, {})
        return vectors.field_of(path, shown, self.default_space) if shown.get("type") == "knn_vector" else None

    def in_nested(self, path: str) -> bool:
        """Whether a field is inside of a nested object."""
        parts = path.split(".")
        above = (".".join(parts[:cut]) for cut in range(1, len(parts)))
        return any(self.fields.get(each, {}).get("type") == "nested" for each in above)


def _read(kind: str, key: str, value: Any) -> Any:
    """A parameter as GET shows it."""
    if key == "null_value" and value is not None and kind in values.NUMBERS:
        return (int if kind in values.WHOLE else float)(value)
    return _READ.get(key, lambda as_it_is: as_it_is)(value)


def _check_conflicts(path: str, old: Shown, new: Shown) -> None:
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key) and key not in _CHANGEABLE)
    if keys:
        changes = (f"Cannot update parameter [{key}] from [{old.get(key)}] to [{new.get(key)}]" for key in keys)
        text = f"Mapper for [{path}] conflicts with existing mapper:\n\t" + "\n\t".join(changes)
        raise illegal_argument(text) if keys == ["dimension"] else not_here(text)


def _walk(properties: Shown, prefix: str) -> Iterator[tuple[str, Shown]]:
    for name, shown in properties.items():
        yield prefix + name, shown
        yield from _walk(shown.get("properties", {}), f"{prefix}{name}.")
        yield from _walk(shown.get("fields", {}), f"{prefix}{name}.")


def _dynamic(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) or str(value).lower().startswith("strict") else str(value)
    if text not in {"true", "false", "strict", "strict_allow_templates"}:
        raise not_here(f"Could not convert [dynamic] to boolean: {value}", "mapper_parsing_exception")
    return text
