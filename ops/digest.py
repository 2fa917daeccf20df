"""What `pulumi preview --json` prints, read into values: the steps that change something, and from what to what. Pure.

With `--refresh` the digest has what state held before, too: a step whose object differs from it repairs drift.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from ops.stack import Stopped

HOW = "write `pulumi preview --json | python -m ops plan`"

HIDDEN = frozenset({"__provider", "owner", "uid"})
"""Properties that tell a person nothing."""

CHANGES = frozenset({"create", "update", "replace", "delete", "import"})

COLLECTION, EMBEDDING = "SearchCollection", "EmbeddingModel"

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What happens to one resource: `old` is what state holds, `new` what is declared.

    `paths` are the properties that change. `drifted` says that its object was changed or is gone, `problems` what is
    wrong with it.
    """

    op: str
    kind: str
    name: str
    parent: str
    parent_kind: str
    old: Values
    new: Values
    paths: Sequence[str] = ()
    drifted: bool = False
    problems: Sequence[str] = ()

    @cached_property
    def changed(self) -> frozenset[str]:
        """The properties that change, without what is inside them."""
        return frozenset(re.split(r"[.\[]", path)[0] for path in self.paths) - HIDDEN

    @property
    def is_made_again(self) -> bool:
        """Whether its object was there, and is gone."""
        return self.op == "create" and self.drifted

    def value(self, name: str) -> Any:
        """A property as declared or, of a resource that goes, as it was."""
        return (self.old if self.op == "delete" else self.new).get(name)


@dataclass(frozen=True)
class Digest:
    """A preview of one stack: its steps by the names of the resources."""

    stack: str
    steps: Sequence[Step]


def read_digest(text: str) -> Digest:
    """Reads a preview. Raises Stopped where it is none, or has failed."""
    shown = _parsed(text)
    if failures := [each["message"] for each in shown.get("diagnostics") or [] if each.get("severity") == "error"]:
        raise Stopped(f"the preview failed: {_on_one_line(failures)}; correct that and run it again")
    steps = shown["steps"]
    before = {step["urn"]: _outputs(step.get("oldState")) for step in steps if step["op"] == "refresh"}
    found = [_step(step, before) for step in steps if step["op"] in CHANGES]
    return Digest(_stack_of(steps), sorted(found, key=lambda step: step.name))


def is_known(value: Any) -> bool:
    """Tells whether a value is known before anything is made."""
    return UNKNOWN not in json.dumps(value)


def _parsed(text: str) -> dict[str, Any]:
    if not text.strip():
        raise Stopped(f"nothing to read: {HOW}")
    try:
        shown = json.loads(text)
        if all(step["urn"].startswith("urn:pulumi:") and step["op"] for step in shown["steps"]):
            return dict(shown)
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    raise Stopped(f"this is no preview of Pulumi's as JSON: {HOW}")


def _on_one_line(messages: Sequence[str]) -> str:
    lines = [line.strip().removeprefix("error: ") for message in messages for line in message.splitlines()]
    first, *others = filter(None, lines)
    return " ".join([first, "; ".join(others)]).strip()


def _stack_of(steps: Sequence[Values]) -> str:
    return str(steps[0]["urn"]).split(":")[2] if steps else ""


def _step(step: Values, before: Mapping[str, Values]) -> Step:
    urn, old, new = step["urn"], step.get("oldState") or {}, step.get("newState") or {}
    outputs, parent = _outputs(old), (new or old).get("parent", "")
    return Step(
        op=step["op"],
        kind=_kind_of(urn),
        name=_name_of(urn),
        parent=_name_of(parent),
        parent_kind=_kind_of(parent),
        old={**(old.get("inputs") or {}), **outputs},
        new=new.get("inputs") or {},
        paths=sorted(step.get("detailedDiff") or {}),
        drifted=_has_drifted(before.get(urn), outputs, sorted(step.get("detailedDiff") or {})),
        problems=list(old.get("initErrors") or []),
    )


def _has_drifted(before: Values | None, now: Values, paths: Sequence[str]) -> bool:
    """Tells whether an object is another than it was made: also one that a former refresh found without its owner."""
    return (before is not None and before != now) or ("owner" in paths and not now.get("owner"))


def _kind_of(urn: str) -> str:
    """Returns the last type of a URN's, without its module."""
    return urn.partition("::")[2].rpartition("::")[0].split("$")[-1].rpartition(":")[2]


def _name_of(urn: str) -> str:
    return urn.rpartition("::")[2]


def _outputs(state: Values | None) -> Values:
    return (state or {}).get("outputs") or {}
