"""Asks a real OpenSearch how it shows each mapping parameter and which may change: `python -m tests.real.learn`.

It writes `tests/recordings/…/mapping-parameters.json`, every answer, and from it the table of
`providers/services/mappings.py` and `providers/services/index_settings.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx

from tests.real.learned import table
from tests.real.opensearch_home import VERSION
from tests.real.parameters import ALONE, BASES, SETTINGS, VALUES, values_of
from tests.real.servers import Servers

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "tests" / "recordings" / f"opensearch-{VERSION}" / "mapping-parameters.json"
TABLE = ROOT / "providers" / "services" / "data" / "mappings.json"
ABSENT = "absent"
INDEX_ID = re.compile(r"\[\[learn/[^]]*\]\]")
MADE = "made"
UNITS = {"time": "10000ms", "bytes": "10240kb"}
MOST = 5
"""Values of a parameter that are changed into each other."""

Field = Mapping[str, Any]
Fields = Mapping[str, Field]


class Refused(Exception):
    """The node's answer to what it does not take."""


class Node:
    """The index `learn` of a real node."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Returns the answer. Raises Refused with the reason."""
        response = self._client.request(method, path, json=body)
        answer = response.json()
        if response.status_code >= 400:
            raise Refused(str(answer["error"]["reason"]))
        return answer

    def fresh(self, **settings: Any) -> None:
        """Makes the index anew, with the text fields g and h."""
        self.remove()
        fixed = {"number_of_replicas": 0, "knn": True, "mapping.total_fields.limit": 100000}
        fields = {"g": {"type": "text"}, "h": {"type": "text"}}
        self.ask("PUT", "/learn", {"settings": {"index": fixed | settings}, "mappings": {"properties": fields}})

    def remove(self) -> None:
        """Removes the index, if it is there."""
        self._client.delete("/learn")

    def shown(self) -> Fields:
        """Returns every field as it is shown."""
        return dict(self.ask("GET", "/learn/_mapping")["learn"]["mappings"]["properties"])

    def put(self, fields: Fields) -> dict[str, str]:
        """Maps as many of the fields as it takes, and returns why it refuses the others."""
        try:
            self.ask("PUT", "/learn/_mapping", {"properties": fields})
        except Refused as refused:
            if len(fields) == 1:
                return dict.fromkeys(fields, str(refused))
            names, half = list(fields), len(fields) // 2
            parts = ({name: fields[name] for name in part} for part in (names[:half], names[half:]))
            return {name: why for part in parts for name, why in self.put(part).items()}
        return {}

    def set(self, name: str, value: Any) -> str:
        """Returns `made`, or why the open index does not take a setting."""
        try:
            self.ask("PUT", "/learn/_settings", {"index": {name: value}})
        except Refused as refused:
            return INDEX_ID.sub("[learn]", str(refused))
        return MADE

    def made(self, fields: Fields) -> Fields:
        """Returns how the fields of a new index are shown; what is refused is not."""
        self.fresh()
        self.put(fields)
        shown = self.shown()
        return {name: shown[name] for name in fields if name in shown}

    def changed(self, before: Fields, after: Fields) -> Fields:
        """Returns how fields of a new index are shown after a change; one whose change is refused is not."""
        self.made(before)
        refused = self.put(after)
        shown = self.shown()
        return {name: shown[name] for name in after if name not in refused}


def placed(base: Field, name: str, value: Any) -> Field:
    """Returns the field with a parameter; a dotted name is a place inside."""
    first, _, rest = name.partition(".")
    return {**base, first: placed(base.get(first, {}), rest, value) if rest else value}


def found(field: Field, name: str) -> Any:
    """Returns a parameter of the field, or None."""
    first, _, rest = name.partition(".")
    return found(field.get(first, {}), rest) if rest else field.get(first)


def without(field: Field, name: str) -> Field:
    """Returns the field without a parameter."""
    first, _, rest = name.partition(".")
    if rest and first in field:
        return {**field, first: without(field[first], rest)}
    return {key: value for key, value in field.items() if key != name}


def variants(base: Field, name: str) -> Fields:
    """Returns the field without a parameter and with each of its values."""
    values = {str(at): placed(base, name, value) for at, value in enumerate(values_of(base["type"], name))}
    return {ABSENT: without(base, name), **values}


def known(node: Node, base: Field) -> list[str]:
    """Returns the parameters that the type has."""
    node.fresh()
    tried = [name for name in VALUES if "." not in name or "method" in base]
    why = {name: node.put({"f": placed(base, name, values_of(base["type"], name)[1])}).get("f", "") for name in tried}
    return [name for name in tried if "unknown parameter" not in why[name] and "unsupported param" not in why[name]]


def made(node: Node, kind: Mapping[str, Fields]) -> dict[str, Fields]:
    """Returns how the variants of each parameter are shown: together, or apart if an index has one of them."""
    keys = {name: {at: f"{name.replace('.', '-')}-{at}" for at in each} for name, each in kind.items()}
    fields = {keys[name][at]: field for name, each in kind.items() for at, field in each.items()}
    if any(field["type"] in ALONE for field in fields.values()):
        shown = {key: field for name in fields for key, field in node.made({name: fields[name]}).items()}
    else:
        shown = dict(node.made(fields))
    return {name: {at: shown[key] for at, key in each.items() if key in shown} for name, each in keys.items()}


def learn_kind(node: Node, base: Field) -> dict[str, Any]:
    """Returns, by parameter, how each value is shown, and which may become which."""
    kind = {name: variants(base, name) for name in known(node, base)}
    shown = made(node, kind)
    return {
        name: {
            "values": [
                answer(value, shown[name].get(str(at)), name) for at, value in enumerate(values_of(base["type"], name))
            ],
            "changes": changes(node, each, shown[name], name),
        }
        for name, each in kind.items()
        if shown[name].keys() - {ABSENT}
    }


def learn_plain(node: Node) -> Fields:
    """Returns what is shown of a field of each type without a parameter but those it must have."""
    return node.made({kind: base for kind, base in BASES.items() if "," not in kind})


def answer(value: Any, field: Field | None, name: str) -> dict[str, Any]:
    """Returns how a value of a parameter is shown; without `shown`, it is not."""
    if field is None:
        return {"value": value, "refused": True}
    shown = found(field, name)
    return {"value": value} if shown is None else {"value": value, "shown": shown}


def changes(node: Node, declared: Fields, shown: Fields, name: str) -> list[dict[str, Any]]:
    """Returns what becomes of a field whose parameter changes; without `from` or `to`, it is not written."""
    different = list({json.dumps(field): at for at, field in reversed(list(shown.items()))}.values())[::-1][:MOST]
    pairs = list(permutations(different, 2))
    if any(field["type"] in ALONE for field in declared.values()):
        parts = (node.changed({"f": declared[a]}, {"f": declared[b]}) for a, b in pairs)
        after = {pair: part["f"] for pair, part in zip(pairs, parts, strict=True) if part}
    else:
        names = {f"{a}-{b}": (a, b) for a, b in pairs}
        before, target = ({key: declared[pair[at]] for key, pair in names.items()} for at in (0, 1))
        after = {names[key]: field for key, field in node.changed(before, target).items()} if pairs else {}
    return [
        {
            **{
                word: found(shown[at], name)
                for word, at in (("from", a), ("to", b))
                if found(shown[at], name) is not None
            },
            "result": outcome(shown[a], shown[b], after.get((a, b))),
        }
        for a, b in pairs
    ]


def outcome(before: Field, target: Field, after: Field | None) -> str:
    """Returns whether a change is made, refused, or taken and not made."""
    if after is None:
        return "refused"
    return MADE if after == target else "ignored" if after == before else "other"


def learn_settings(node: Node) -> dict[str, Any]:
    """Returns which settings an open index may change, and how the values of some are shown."""
    node.fresh()
    answered = node.ask("GET", "/learn/_settings?include_defaults=true&flat_settings=true")["learn"]
    all_names = answered["defaults"] | answered["settings"]
    tried = {name.removeprefix("index."): value for name, value in all_names.items()}
    listed = set(tried)
    tried |= {name: values[0] for name, values in SETTINGS.items()}
    changes = {name: change(node, name, value) for name, value in sorted(tried.items())}
    dynamic = sorted(name for name in listed if changes[name] == MADE)
    units = {name: unit for name in dynamic if (unit := unit_of(node, name))}
    values = {name: [shown_setting(node, name, value) for value in each] for name, each in SETTINGS.items()}
    return {"grouped": sorted(tried.keys() - listed), "changes": changes, "units": units, "values": values}


def change(node: Node, name: str, value: Any) -> str:
    """Returns `made`, or why the node refuses to change a setting of an open index, or to forget it."""
    if (why := node.set(name, value)) != MADE:
        return why
    if (why := node.set(name, None)) != MADE:
        node.fresh()
    return why


def unit_of(node: Node, name: str) -> str:
    """Returns what a setting is measured in, `time` or `bytes`; empty if it is not."""
    if node.set(name, "10xx") == MADE:
        return ""
    return next((unit for unit, value in UNITS.items() if node.set(name, value) == MADE), "")


def shown_setting(node: Node, name: str, value: Any) -> dict[str, Any]:
    """Returns how a setting of a new index is shown."""
    try:
        node.fresh(**{name: value})
    except Refused:
        return {"value": value, "refused": True}
    shown = node.ask("GET", "/learn/_settings?flat_settings=true")["learn"]["settings"]
    return {"value": value, "shown": shown.get(f"index.{name}")}


def learn(client: httpx.Client) -> dict[str, Any]:
    """Returns everything the node says of mapping parameters and of settings."""
    node = Node(client)
    kinds = {kind: learn_kind(node, base) for kind, base in BASES.items()}
    found = {"version": VERSION, "types": kinds, "plain": learn_plain(node), "settings": learn_settings(node)}
    node.remove()
    return found


def lines(value: Any, depth: int) -> str:
    """Returns JSON with a line for each item down to a depth, so that a difference is a line."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value)
    items = (f"{json.dumps(name)}: {lines(item, depth - 1)}" for name, item in value.items())
    return "{\n" + ",\n".join(items) + "\n}"


def write(recording: Mapping[str, Any]) -> None:
    """Writes the answers, and the table that is made of them."""
    RECORDING.write_text(lines(recording, 4) + "\n", encoding="utf-8")
    TABLE.write_text(lines(table(recording), 3) + "\n", encoding="utf-8")


if __name__ == "__main__":
    servers = Servers()
    try:
        write(learn(servers.plain.client))
    finally:
        servers.close()
