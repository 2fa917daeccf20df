"""An index's mapping: what may be declared (`data/fields.json`), how it is shown, and how it grows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sandbox.polarsearch import dates, values, vectors
from sandbox.polarsearch.analysis import Analysis
from sandbox.polarsearch.errors import ApiError, illegal_argument, mapper_parsing, not_here
from sandbox.polarsearch.registry import check_all
from sandbox.polarsearch.settings import java_bool, java_order, java_text, java_type
from sandbox.polarsearch.shapes import data
from sandbox.polarsearch.versions import Version

_DATA = data("fields")
_FIELDS: dict[str, dict[str, str]] = _DATA["fields"]
_OBJECTS: dict[str, str] = _DATA["objects"]
_ROOT = {"properties", "dynamic", "_meta", "date_detection", "numeric_detection", "dynamic_templates"}
_ROOT_KNOWN = {"_source", "_routing", "_field_names", "_data_stream_timestamp", "dynamic_date_formats", "derived"}
_TEMPLATE = {"match_mapping_type", "match", "unmatch", "path_match", "path_unmatch", "mapping"}
_MATCHED = {"object": "object", "string": "text", "long": "long", "double": "float", "boolean": "boolean",
            "date": "date", "binary": "binary"}  # fmt: skip
_LIMITS = {"total_fields.limit": 1000, "depth.limit": 20, "nested_fields.limit": 50, "field_name_length.limit": 2**31}
_DYNAMIC_TEXT = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}

Shown = dict[str, Any]


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
        """Merge `body` into the mapping, or raise and leave it as it was. What is approximated goes to `warnings`."""
        self.warnings.clear()
        properties = self._parsed(body.get("properties") or {}, "")
        root = self._root(body)
        _check_root(body)
        merged = self._merged(self.shown.get("properties", {}), properties, "")
        shown = self.shown | root | ({"properties": merged} if merged else {})
        self._check_limits(dict(_walk(merged, "")))
        self.shown, self._fields = shown, None

    def _root(self, body: Shown) -> Shown:
        root: Shown = {key: body[key] for key in ("_meta", "dynamic_templates") if key in body}
        if "dynamic" in body:
            root["dynamic"] = _dynamic(body["dynamic"])
        for key in ("date_detection", "numeric_detection"):
            if key in body:
                root[key] = _bool(key, body[key])
        if not isinstance(body.get("_meta", {}), dict):
            raise not_here("[_meta] must be an object", "mapper_parsing_exception")
        self._check_templates(body.get("dynamic_templates", []))
        return root

    def _parsed(self, properties: Any, prefix: str) -> Shown:
        if not isinstance(properties, dict):
            if properties == []:
                return {}
            raise not_here(f"properties of [{prefix}] must be an object", "mapper_parsing_exception")
        parsed: Shown = {}
        check_all(lambda name, body: self._add(parsed, name, body, prefix), properties.items())
        return parsed

    def _add(self, parsed: Shown, name: str, body: Any, prefix: str) -> None:
        _check_name(name)
        if not isinstance(body, dict):
            kind = java_type(body)
            raise mapper_parsing(f"Expected map for property [fields] on field [{name}] but got a class {kind}")
        head, _, rest = name.partition(".")
        if rest:  # a dotted name is an object with a field in it
            inner = self._parsed({rest: body}, f"{prefix}{head}.")
            known = {key: value for key, value in parsed.get(head, {}).items() if key != "type"}
            both = self._merged(known.get("properties", {}), inner, f"{prefix}{head}.")
            parsed[head] = known | {"properties": both}
        else:
            made = self.field(name, body, prefix)
            parsed[name] = self._together(f"{prefix}{name}", parsed[name], made) if name in parsed else made

    def field(self, name: str, body: Shown, prefix: str = "") -> Shown:
        """One field as GET shows it. Raises the refusals of index creation (not yet wrapped)."""
        kind = body.get("type", "object" if "properties" in body else None)
        if kind is None:
            raise mapper_parsing(f"No type specified for field [{name}]")
        if not isinstance(kind, str) or kind in _DATA["other_types"].split():
            raise not_here(f"field type [{java_text(kind)}] of [{name}] is not supported", "mapper_parsing_exception")
        if kind in _OBJECTS:
            return self._object(name, kind, body, f"{prefix}{name}.")
        if kind == "knn_vector":
            return vectors.declared(f"{prefix}{name}", body, version=self.version, settings=self.settings)
        if kind not in _FIELDS:
            raise mapper_parsing(f"No handler for type [{kind}] declared on field [{name}]")
        return self._leaf(name, kind, body, prefix)

    def _object(self, name: str, kind: str, body: Shown, prefix: str) -> Shown:
        unknown = {key: value for key, value in body.items() if key not in _OBJECTS[kind].split()}
        if taken := sorted(unknown.keys() & set(_DATA["objects_known"].split())):
            raise not_here(f"parameter [{taken[0]}] of [{name}] is not supported", "mapper_parsing_exception")
        if unknown:
            raise _unsupported(name, unknown)
        for key in ("include_in_parent", "include_in_root"):
            if body.get(key, False) not in (False, "false"):
                raise not_here(f"parameter [{key}] of [{name}] is not supported", "mapper_parsing_exception")
        properties = self._parsed(body.get("properties") or {}, prefix)
        shown: Shown = {"dynamic": _dynamic(body["dynamic"])} if "dynamic" in body else {}
        if "enabled" in body and not _bool("enabled", body["enabled"]):
            shown["enabled"] = False
        if kind == "nested" or not properties:
            shown["type"] = kind
        return shown | ({"properties": properties} if properties else {})

    def _leaf(self, name: str, kind: str, body: Shown, prefix: str) -> Shown:
        if body == values.SLASHED:
            return dict(body)
        shown: Shown = {"type": kind}
        known = _DATA["known"].get(kind, "").split()
        if taken := [key for key in body if key in known]:
            raise not_here(f"parameter [{taken[0]}] of [{name}] is not supported", "mapper_parsing_exception")
        unknown = {key: body[key] for key in body if key != "type" and key not in _FIELDS[kind]}
        if unknown and kind == "geo_point":
            raise not_here(f"unknown parameters {list(unknown)} on [{name}]", "mapper_parsing_exception")
        if unknown and kind == "flat_object":
            raise _unsupported(name, unknown)
        for key, value in java_order(body):
            if key in unknown:
                raise mapper_parsing(f"unknown parameter [{key}] on mapper [{name}] of type [{kind}]")
            if key != "type":
                shown |= self._parameter(name, kind, key, value, prefix)
        if kind == "scaled_float" and "scaling_factor" not in shown:
            raise illegal_argument("Field [scaling_factor] is required")
        if shown.get("search_analyzer", 0) == shown.get("analyzer", 1):
            del shown["search_analyzer"]
        if "null_value" in body and body["null_value"] is not None:
            shown["null_value"] = values.null_value(shown, name, body["null_value"])
        return shown

    def _parameter(self, name: str, kind: str, key: str, value: Any, prefix: str) -> Shown:
        rule, *rest = _FIELDS[kind][key].split()
        marks, default = ("", "") if not rest else (rest[-1], rest[0])
        if key == "fields":
            fields = self._multi_fields(value, f"{prefix}{name}.")
            return {"fields": fields} if fields else {}
        if value is None and rule not in {"null", "similarity"}:
            raise mapper_parsing(f"[{key}] on mapper [{name}] of type [{kind}] must not have a [null] value")
        parsed = self._value(name, kind, key, rule, rest, value)
        shown_anyway = "!" in marks and rule == "bool"
        same = parsed is None or (not shown_anyway and rule in {"bool", "whole"} and java_text(parsed) == default)
        return {} if same else {key: parsed}

    def _value(self, name: str, kind: str, key: str, rule: str, rest: list[str], value: Any) -> Any:
        if rule == "bool":
            return java_bool(value)
        if rule == "whole":
            return _whole(key, value)
        if rule == "factor":
            return _factor(value)
        if rule == "analyzer":
            return self._analyzer(value)
        if rule == "normalizer":
            if self.analysis.normalizer(str(value)) is None:
                raise mapper_parsing(f"normalizer [{java_text(value)}] not found for field [{name}]")
            return value
        if rule == "similarity":
            if value == "boolean":
                raise not_here(f"similarity [boolean] of [{name}] is not supported", "mapper_parsing_exception")
            if value not in (None, "BM25"):
                raise mapper_parsing(f"Unknown Similarity type [{java_text(value)}] for field [{name}]")
            return value
        if rule == "choice":
            if value not in rest:
                raise not_here(f"[{key}] of [{name}] can be one of {rest}, not {value}", "mapper_parsing_exception")
            return None if value in {"positions", "no"} or kind == "keyword" else value
        if rule == "only":
            if java_text(value) not in rest:
                raise not_here(f"[{key}] of [{name}] can only be [{rest[0]}]", "mapper_parsing_exception")
            return None
        return {"names": _names, "meta": _meta, "format": _format, "null": lambda *_: None}[rule](name, value)

    def _analyzer(self, value: Any) -> str | None:
        found = self.analysis.analyzer(str(value)) if isinstance(value, str) else None
        if found is None:
            raise illegal_argument(f"analyzer [{java_text(value)}] has not been configured in mappings")
        self.warnings += [warning for warning in found.warnings if warning not in self.warnings]
        return None if value == "default" else str(value)

    def _multi_fields(self, given: Any, prefix: str) -> Shown:
        if given in ([], {}):
            return {}
        if not isinstance(given, dict):
            text = f"expected map for property [fields] on field [{java_text(given)}] or [fields] but got a class "
            raise mapper_parsing(text + java_type(given))
        for name, body in given.items():
            if not isinstance(body, dict):
                raise mapper_parsing(f"illegal field [{name}], only fields can be specified inside fields")
            if body.get("type") in _OBJECTS:
                raise mapper_parsing(f"Type [{body['type']}] cannot be used in multi field")
            if body.get("type") == "knn_vector" or "fields" in body or "copy_to" in body or "." in name:
                raise not_here(f"multi field [{prefix}{name}] is not supported", "mapper_parsing_exception")
        return self._parsed(given, prefix)

    def _check_limits(self, fields: dict[str, Shown]) -> None:
        limits = {name: int(self.settings.get(f"index.mapping.{name}", most)) for name, most in _LIMITS.items()}
        if len(fields) > limits["total_fields.limit"]:
            raise illegal_argument(f"Limit of total fields [{limits['total_fields.limit']}] has been exceeded")
        if sum(each.get("type") == "nested" for each in fields.values()) > limits["nested_fields.limit"]:
            raise illegal_argument(f"Limit of nested fields [{limits['nested_fields.limit']}] has been exceeded")
        for path, shown in fields.items():
            if path.count(".") + 1 + _is_object(shown) > limits["depth.limit"]:
                raise not_here(f"[{path}] exceeds the limit of mapping depth [{limits['depth.limit']}]")
            if len(path.rpartition(".")[2]) > limits["field_name_length.limit"]:
                raise not_here(f"[{path}] exceeds the limit of a field name's length")
            for target in shown.get("copy_to", []):
                if _is_object(fields.get(target, {"type": "object"})):
                    raise not_here(f"[{path}] copies to [{target}], which must be a field of the mapping")

    # -- dynamic templates

    def _check_templates(self, templates: Any) -> None:
        for template in templates if isinstance(templates, list) else [None]:
            if not isinstance(template, dict) or len(template) != 1:
                raise not_here("[dynamic_templates] must be a list of named templates", "mapper_parsing_exception")
            [(name, rule)] = template.items()
            if not isinstance(rule, dict) or rule.keys() - _TEMPLATE or not isinstance(rule.get("mapping"), dict):
                raise not_here(f"dynamic template [{name}] is not supported", "mapper_parsing_exception")
            kind = rule.get("match_mapping_type", "string")
            if kind not in {*_MATCHED, "*"}:
                known = ", ".join(_MATCHED)
                raise illegal_argument(f"No field type matched on [{kind}], possible values are [{known}]")
            self._from_template(rule, "name", kind if kind != "*" else "string")

    def _from_template(self, rule: Shown, name: str, kind: str) -> Shown:
        filled = _filled(rule["mapping"], {"{name}": name, "{dynamic_type}": _MATCHED[kind]})
        return self.field(name, {"type": _MATCHED[kind], **filled})

    def dynamic(self, path: str, value: Any) -> Shown | None:
        """The field that a document's value makes, None for null and empty lists."""
        kind = self._kind(value)
        if kind is None:
            return None
        name = path.rpartition(".")[2]
        for template in self.shown.get("dynamic_templates", []):
            [rule] = template.values()
            if _matches(rule, path, name, kind):
                return self._from_template(rule, name, kind)
        if kind == "date" and "/" in str(value):
            return dict(values.SLASHED)
        return dict(_DYNAMIC_TEXT) if kind == "string" else {"type": _MATCHED[kind]}

    def _kind(self, value: Any) -> str | None:
        if isinstance(value, list):
            return next((found for item in value if (found := self._kind(item))), None)
        if isinstance(value, bool) or value is None:
            return None if value is None else "boolean"
        if isinstance(value, str):
            return self._text_kind(value)
        return "long" if isinstance(value, int) else "object" if isinstance(value, dict) else "double"

    def _text_kind(self, text: str) -> str:
        if self.shown.get("date_detection", True) and values.looks_like_date(text):
            return "date"
        if self.shown.get("numeric_detection", False) and values.is_number(text):
            return "long" if text.lstrip("-").isdigit() else "double"
        return "string"

    # -- merging

    def _merged(self, old: Shown, new: Shown, prefix: str) -> Shown:
        merged = dict(old)
        for name, shown in new.items():
            merged[name] = self._together(f"{prefix}{name}", old[name], shown) if name in old else shown
        return dict(sorted(merged.items()))

    def _together(self, path: str, old: Shown, new: Shown) -> Shown:
        kinds = [each.get("type", "object") for each in (old, new)]
        if set(kinds) <= _OBJECTS.keys() and kinds[0] == kinds[1]:
            if old.get("enabled", True) != new.get("enabled", True):
                raise not_here(f"the [enabled] parameter of [{path}] cannot change", "mapper_parsing_exception")
            properties = self._merged(old.get("properties", {}), new.get("properties", {}), f"{path}.")
            shown = {**old, **new, **({"properties": properties} if properties else {})}
            return {k: v for k, v in shown.items() if not (k == "type" and v == "object" and properties)}
        if set(kinds) == _OBJECTS.keys():
            raise not_here(f"object mapping [{path}] can't be changed between nested and non-nested")
        if set(kinds) & _OBJECTS.keys():
            raise illegal_argument(f"can't merge a non object mapping [{path}] with an object mapping")
        if kinds[0] != kinds[1] or _class(old) != _class(new):
            raise illegal_argument(f"mapper [{path}] cannot be changed from type [{kinds[0]}] to [{kinds[1]}]")
        if "print_format" in old and "print_format" not in new:
            raise not_here(f"Cannot update parameter [print_format] of [{path}]")
        found = vectors.conflicts(old, new) if kinds[0] == "knn_vector" else list(_conflicts(old, new))
        if found:
            raise illegal_argument(f"Mapper for [{path}] conflicts with existing mapper:\n\t" + "\n\t".join(found))
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


def _unsupported(name: str, unknown: Shown) -> ApiError:
    listed = "".join(f" [{key} : {java_text(value)}]" for key, value in java_order(unknown))
    return mapper_parsing(f"Mapping definition for [{name}] has unsupported parameters: {listed}")


def _is_object(shown: Shown) -> bool:
    return shown.get("type", "object") in _OBJECTS


def _check_root(body: Shown) -> None:
    for key in body:
        if key in _ROOT_KNOWN:
            raise not_here(f"[{key}] of a mapping is not supported", "mapper_parsing_exception")
    unknown = {key: value for key, value in body.items() if key not in _ROOT}
    if unknown:
        listed = "".join(f" [{key} : {java_text(value)}]" for key, value in java_order(unknown))
        raise mapper_parsing(f"Root mapping definition has unsupported parameters: {listed}")


def _check_name(name: str) -> None:
    if not name or not all(part.strip() for part in name.split(".")):
        raise not_here(f"a field cannot be named [{name}]", "mapper_parsing_exception")


def _class(shown: Shown) -> str:
    return vectors.mapper_class(shown) if shown.get("type") == "knn_vector" else ""


def _conflicts(old: Shown, new: Shown) -> Iterator[str]:
    for key, rule in _FIELDS[new["type"]].items():
        default = rule.split()[1] if rule.split()[0] in {"bool", "whole"} else _UNSHOWN.get(key, "null")
        before, after = (java_text(each[key]) if key in each else default for each in (old, new))
        if before != after and "~" not in rule and key not in {"fields", "copy_to"}:
            yield f"Cannot update parameter [{key}] from [{before}] to [{after}]"


_UNSHOWN = {"analyzer": "default", "term_vector": "no", "index_options": "positions", "format": dates.DEFAULT}


def _walk(properties: Shown, prefix: str) -> Iterator[tuple[str, Shown]]:
    for name, shown in properties.items():
        yield prefix + name, shown
        yield from _walk(shown.get("properties", {}), f"{prefix}{name}.")
        yield from _walk(shown.get("fields", {}), f"{prefix}{name}.")


def _bool(key: str, value: Any) -> bool:
    try:
        return java_bool(value)
    except ApiError:
        raise not_here(f"[{key}] must be true or false", "mapper_parsing_exception") from None


def _dynamic(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text in {"true", "false"}:
        return text
    if text.lower() not in {"strict", "strict_allow_templates"}:
        raise mapper_parsing(f"Could not convert [dynamic] to boolean: {text}")
    return text.lower()


def _whole(key: str, value: Any) -> int:
    text = java_text(value)
    if isinstance(value, float):
        raise illegal_argument(f"{text} is not an integer value")
    if not text.lstrip("-").isdigit():
        raise ApiError(400, "number_format_exception", f'For input string: "{text}"')
    if key == "position_increment_gap" and int(text) < 0:
        raise not_here("[position_increment_gap] must not be negative", "mapper_parsing_exception")
    return int(text)


def _factor(value: Any) -> float:
    try:
        factor = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ApiError(400, "number_format_exception", f'For input string: "{java_text(value)}"') from None
    if not factor > 0:
        if isinstance(value, bool):
            raise ApiError(400, "number_format_exception", f'For input string: "{java_text(value)}"')
        raise illegal_argument(f"[scaling_factor] must be a positive number, got [{factor}]")
    return factor


def _names(_: str, value: Any) -> list[str] | None:
    listed = [java_text(each) for each in value] if isinstance(value, list) else [java_text(value)]
    return listed or None


def _meta(name: str, value: Any) -> Shown | None:
    if not isinstance(value, dict):
        kind = java_type(value).rpartition(".")[2]
        raise mapper_parsing(f"[meta] must be an object, got {kind}[{java_text(value)}] for field [{name}]")
    short = all(isinstance(text, str) and len(text) <= 50 and len(key) <= 20 for key, text in value.items())
    if len(value) > 5 or not short:
        raise not_here(f"[meta] of [{name}] may have 5 short texts", "mapper_parsing_exception")
    return value or None


def _format(_: str, value: Any) -> str | None:
    dates.readers(java_text(value))
    return None if value == dates.DEFAULT else java_text(value)


def _filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, words) for key, item in value.items()}
    if isinstance(value, str):
        for mark, word in words.items():
            value = value.replace(mark, word)
    return value


def _matches(rule: Shown, path: str, name: str, kind: str) -> bool:
    globs = (("match", name, True), ("unmatch", name, False), ("path_match", path, True), ("path_unmatch", path, False))
    wanted = rule.get("match_mapping_type", "*")
    return wanted in {"*", kind} and all(
        fnmatchcase(text, rule[key]) is holds for key, text, holds in globs if key in rule
    )


def wrapped(error: ApiError) -> ApiError:
    """A mapping's refusal as index creation shows it."""
    root = error if error.kind == "mapper_parsing_exception" else None
    return mapper_parsing(f"Failed to parse mapping [_doc]: {error.reason}", cause=error, root=root)
